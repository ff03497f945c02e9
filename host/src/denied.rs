//! What stands in for the interfaces that a dependency was not given: every function traps.

use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};
use wasmtime::format_err;

use crate::compose::DENIED_PREFIX;
use crate::state::State;

/// Defines the imports that composition has renamed because a part of `component` must not reach them.
pub fn define(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    let kind = component.component_type();
    // Resources of another interface, which the denied one only uses, are that one's to define.
    let instances = kind.imports(engine).filter_map(|(name, import)| match import.ty {
        ComponentItem::ComponentInstance(instance) => Some((name, instance)),
        _ => None,
    });
    let (denied, given): (Vec<_>, Vec<_>) =
        instances.partition(|(name, _)| name.starts_with(DENIED_PREFIX));
    let known: Vec<ResourceType> = given
        .iter()
        .flat_map(|(_, instance)| resources(instance, component))
        .map(|(_, resource)| resource)
        .collect();
    for (name, instance) in &denied {
        define_instance(linker, name, instance, component, &known)?;
    }
    Ok(())
}

fn define_instance(
    linker: &mut Linker<State>,
    name: &str,
    instance: &ComponentInstance,
    component: &Component,
    known: &[ResourceType],
) -> wasmtime::Result<()> {
    let mut defined = linker.instance(name)?;
    for (export, resource) in resources(instance, component) {
        if !known.contains(&resource) {
            defined.resource(&export, ResourceType::host::<Denied>(), |_, _| Ok(()))?;
        }
    }
    for (export, item) in instance.exports(component.engine()) {
        if let ComponentItem::ComponentFunc(function) = item.ty {
            define_function(&mut defined, name, export, &function)?;
        }
    }
    Ok(())
}

/// A resource that no guest ever gets.
struct Denied;

fn define_function(
    instance: &mut LinkerInstance<'_, State>,
    interface: &str,
    name: &str,
    function: &ComponentFunc,
) -> wasmtime::Result<()> {
    let called = format!("{interface}#{name}");
    if function.async_() {
        instance.func_new_concurrent(name, move |_, _, _, _| {
            let refused = refusal(&called);
            Box::pin(async move { Err(refused) })
        })
    } else {
        instance.func_new(name, move |_, _, _, _| Err(refusal(&called)))
    }
}

fn refusal(called: &str) -> wasmtime::Error {
    format_err!("a dependency called {called}, which it does not inherit")
}

fn resources(instance: &ComponentInstance, component: &Component) -> Vec<(String, ResourceType)> {
    let exports = instance.exports(component.engine());
    let resources = exports.filter_map(|(name, item)| match item.ty {
        ComponentItem::Resource(resource) => Some((name.to_owned(), resource)),
        _ => None,
    });
    resources.collect()
}

//! The WebAssembly engine and what it offers to guests.

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};
use wasmtime_wasi_http::handler::ProxyPre;

use crate::error::HostError;
use crate::options::Limits;
use crate::state::State;
use crate::{denied, key_value, sqlite, variables};

/// The engine, with pooled instances where the address space has room for the pool.
pub fn engine() -> Result<Engine, HostError> {
    let mut config = base_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    Engine::new(&config).or_else(|error| {
        tracing::warn!("instances are not pooled, which makes them slower to create: {error:#}");
        Engine::new(&base_config())
            .map_err(|error| HostError::Engine { reason: format!("{error:#}") })
    })
}

fn base_config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .cranelift_opt_level(OptLevel::Speed);
    config
}

fn pool() -> PoolingAllocationConfig {
    let memory_max = usize::try_from(Limits::POOLED_MEMORY_BYTES_MAX).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(1_024)
        .total_core_instances(8_192)
        .total_memories(1_024)
        .total_tables(4_096)
        .total_stacks(2_048)
        .max_memory_size(memory_max)
        .max_core_instances_per_component(200)
        .max_memories_per_component(32)
        .max_tables_per_component(64)
        .table_elements(100_000)
        .linear_memory_keep_resident(512 << 10)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(32 << 10)
        .max_unused_warm_slots(64)
        .decommit_batch_size(16)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Everything that any component can import. What a component may do with it is decided by its grants.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    variables::add_to_linker(&mut linker)?;
    sqlite::add_to_linker(&mut linker)?;
    key_value::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Binds the imports of `component` and finds the handler that it exports.
///
/// # Errors
/// [`HostError::UnknownImport`], [`HostError::NoHandler`], or [`HostError::Compile`] for an import of the wrong shape.
pub fn link(
    linker: &Linker<State>,
    component: &Component,
    id: &str,
) -> Result<ProxyPre<State>, HostError> {
    let pre = instantiate_pre(linker, component, id)?;
    if let Ok(pre) = wasmtime_wasi_http::p3::bindings::ServicePre::new(pre.clone()) {
        return Ok(ProxyPre::P3(pre));
    }
    wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre)
        .map(ProxyPre::P2)
        .map_err(|_| HostError::NoHandler { component: id.to_owned() })
}

fn instantiate_pre(
    linker: &Linker<State>,
    component: &Component,
    id: &str,
) -> Result<InstancePre<State>, HostError> {
    let compile = |error: wasmtime::Error| {
        let reason = format!("{error:#}");
        // Wasmtime has no type for this error, only its words.
        match reason.split('`').nth(1) {
            Some(import) if reason.contains("was not found in the linker") => {
                HostError::UnknownImport { component: id.to_owned(), import: import.to_owned() }
            }
            _ => HostError::Compile { component: id.to_owned(), reason },
        }
    };
    let mut linker = linker.clone();
    denied::define(&mut linker, component).map_err(compile)?;
    linker.instantiate_pre(component).map_err(compile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link_text(wat: &str) -> HostError {
        let engine = engine().unwrap();
        let linker = linker(&engine).unwrap();
        let component = Component::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        link(&linker, &component, "a").err().unwrap()
    }

    #[test]
    fn an_unknown_import_is_named() {
        let error = link_text(
            r#"(component (import "fermyon:spin/llm@2.0.0" (instance (export "f" (func)))))"#,
        );
        assert!(
            error.to_string().starts_with("component a imports fermyon:spin/llm@2.0.0,"),
            "{error}"
        );
    }

    #[test]
    fn a_component_without_handler_is_named() {
        let error = link_text("(component)");
        assert!(
            matches!(&error, HostError::NoHandler { component } if component == "a"),
            "{error}"
        );
    }
}

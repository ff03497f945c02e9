//! The WebAssembly engine and what it offers to guests.

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};
use wasmtime_wasi_http::handler::ProxyPre;

use crate::compose::DENIED_PREFIX;
use crate::error::HostError;
use crate::options::Limits;
use crate::state::State;
use crate::{key_value, sqlite, variables};

/// Interfaces that the host provides, with the versions of each. A component that was composed with denied imports is
/// checked against this list, because for it the linker would turn everything unknown into a trap.
const PROVIDED: [(&str, &str); 17] = [
    ("wasi:cli/", "0.2."),
    ("wasi:cli/", "0.3.0"),
    ("wasi:clocks/", "0.2."),
    ("wasi:clocks/", "0.3.0"),
    ("wasi:filesystem/", "0.2."),
    ("wasi:filesystem/", "0.3.0"),
    ("wasi:http/types", "0.2."),
    ("wasi:http/types", "0.3.0"),
    ("wasi:http/outgoing-handler", "0.2."),
    ("wasi:http/client", "0.3.0"),
    ("wasi:io/", "0.2."),
    ("wasi:random/", "0.2."),
    ("wasi:random/", "0.3.0"),
    ("wasi:sockets/", "0."),
    ("spin:key-value/key-value", "3.0.0"),
    ("spin:sqlite/sqlite", "3.1.0"),
    ("spin:variables/variables", "3.0.0"),
];

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
    let engine = linker.engine();
    let kind = component.component_type();
    let imports: Vec<&str> = kind.imports(engine).map(|(name, _)| name).collect();
    if !imports.iter().any(|name| name.starts_with(DENIED_PREFIX)) {
        return linker.instantiate_pre(component).map_err(compile);
    }
    let unknown =
        imports.iter().find(|name| !name.starts_with(DENIED_PREFIX) && !is_provided(name));
    if let Some(import) = unknown {
        let import = (*import).to_owned();
        return Err(HostError::UnknownImport { component: id.to_owned(), import });
    }
    let mut linker = linker.clone();
    linker.define_unknown_imports_as_traps(component).map_err(compile)?;
    linker.instantiate_pre(component).map_err(compile)
}

fn is_provided(import: &str) -> bool {
    let Some((name, version)) = import.split_once('@') else { return false };
    PROVIDED.iter().any(|(provided, versions)| {
        let same_name = match provided.strip_suffix('/') {
            Some(package) => name.split_once('/').is_some_and(|(own, _)| own == package),
            None => name == *provided,
        };
        same_name
            && (version == *versions || (versions.ends_with('.') && version.starts_with(versions)))
    })
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

    #[test]
    fn only_the_versions_that_exist_are_provided() {
        for name in ["wasi:io/poll@0.2.6", "wasi:http/types@0.3.0", "spin:sqlite/sqlite@3.1.0"] {
            assert!(is_provided(name), "{name}");
        }
        for name in [
            "wasi:http/types@0.3.0-rc-1",
            "wasi:http/handler@0.3.0",
            "spin:sqlite/sqlite@4.0.0",
            "wasi:iox/poll@0.2.0",
            "a",
        ] {
            assert!(!is_provided(name), "{name}");
        }
    }
}

//! Wiring components together: libraries into the component that imports them, middleware in front of it.

use std::fs;

use manifest::{Dependency, Inherit};
use wac_graph::types::{ItemKind, Package, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

/// The interface that middleware imports and exports.
const HANDLER: &str = "wasi:http/handler@0.3.0";

/// How imports begin that a dependency must not reach; the linker makes them trap.
pub const DENIED_PREFIX: &str = "denied-";

/// What a dependency inherits under each name of the manifest's `inherit_configuration`: interfaces without their version.
const CAPABILITIES: [(&str, &[&str]); 6] = [
    (
        "allowed_outbound_hosts",
        &["wasi:http/client", "wasi:http/outgoing-handler", "wasi:sockets/*"],
    ),
    ("environment", &["wasi:cli/environment"]),
    ("files", &["wasi:filesystem/preopens"]),
    ("key_value_stores", &["spin:key-value/key-value"]),
    ("sqlite_databases", &["spin:sqlite/sqlite"]),
    ("variables", &["spin:variables/variables"]),
];

/// Fills imports of the component `wasm` with exports of its `dependencies`, each given with the name under which the
/// manifest lists it.
///
/// # Errors
/// A sentence for the person who wrote the manifest.
pub fn with_dependencies<'a>(
    wasm: Vec<u8>,
    dependencies: impl ExactSizeIterator<Item = (&'a str, &'a Dependency)>,
) -> Result<Vec<u8>, String> {
    if dependencies.len() == 0 {
        return Ok(wasm);
    }
    let mut graph = Graph::new();
    let primary = graph.register("primary", wasm)?;
    let imports = graph.imports(primary);
    let instance = graph.inner.instantiate(primary);
    let mut filled: Vec<String> = Vec::new();
    for (index, (name, dependency)) in dependencies.enumerate() {
        let matching: Vec<&String> = imports.iter().filter(|import| names(name, import)).collect();
        if matching.is_empty() {
            return Err(format!("the dependency {name:?} matches none of its imports"));
        }
        let library = graph.instantiate(&format!("dependency{index}"), dependency)?;
        for import in matching {
            if filled.contains(import) {
                return Err(format!("two dependencies match the import {import:?}"));
            }
            let export = dependency.export.as_deref().unwrap_or(import);
            let export = graph
                .inner
                .alias_instance_export(library, export)
                .map_err(|_| format!("the dependency {name:?} does not export {export:?}"))?;
            graph
                .inner
                .set_instantiation_argument(instance, import, export)
                .map_err(|error| format!("the dependency {name:?} does not fit: {error:#}"))?;
            filled.push(import.clone());
        }
    }
    for export in graph.exports(primary) {
        graph.export(instance, &export)?;
    }
    graph.encode()
}

/// Puts `middleware` in front of the component `wasm`, the first of them outermost.
///
/// # Errors
/// A sentence for the person who wrote the manifest.
pub fn with_middleware(wasm: Vec<u8>, middleware: &[Dependency]) -> Result<Vec<u8>, String> {
    if middleware.is_empty() {
        return Ok(wasm);
    }
    let mut graph = Graph::new();
    let primary = graph.register("primary", wasm)?;
    let instance = graph.inner.instantiate(primary);
    let mut handler = graph
        .inner
        .alias_instance_export(instance, HANDLER)
        .map_err(|_| format!("it does not export {HANDLER}, which its middleware needs"))?;
    for (index, dependency) in middleware.iter().enumerate().rev() {
        let path = dependency.path.display().to_string();
        let instance = graph.instantiate(&format!("middleware{index}"), dependency)?;
        graph
            .inner
            .set_instantiation_argument(instance, HANDLER, handler)
            .map_err(|error| format!("the middleware {path} does not fit: {error:#}"))?;
        handler = graph
            .inner
            .alias_instance_export(instance, HANDLER)
            .map_err(|_| format!("the middleware {path} does not export {HANDLER}"))?;
    }
    graph.inner.export(handler, HANDLER).map_err(|error| format!("{error:#}"))?;
    graph.encode()
}

/// A composition in progress.
struct Graph {
    inner: CompositionGraph,
    denied: usize,
}

impl Graph {
    fn new() -> Self {
        Self { inner: CompositionGraph::new(), denied: 0 }
    }

    fn register(&mut self, name: &str, wasm: Vec<u8>) -> Result<PackageId, String> {
        let package = Package::from_bytes(name, None, wasm, self.inner.types_mut())
            .map_err(|error| format!("{name} is not a component: {error:#}"))?;
        self.inner.register_package(package).map_err(|error| format!("{error:#}"))
    }

    /// An instance of `dependency` that reaches no more of the host than it inherits.
    fn instantiate(&mut self, name: &str, dependency: &Dependency) -> Result<NodeId, String> {
        let path = &dependency.path;
        let wasm = fs::read(path).map_err(|error| {
            format!("its dependency {} cannot be read: {error}", path.display())
        })?;
        let package = self.register(name, wasm)?;
        let instance = self.inner.instantiate(package);
        for import in self.imports(package) {
            if is_denied(&import, &dependency.inherit) {
                self.deny(package, instance, &import)?;
            }
        }
        Ok(instance)
    }

    /// Gives `import` another name in the composed component, so that the host can tell it from the same import of a part
    /// that may use it.
    fn deny(&mut self, package: PackageId, instance: NodeId, import: &str) -> Result<(), String> {
        let world = self.inner[package].ty();
        let Some(kind) = self.inner.types()[world].imports.get(import).copied() else {
            return Ok(());
        };
        let readable = import.split('@').next().unwrap_or(import).replace([':', '/'], "-");
        let name = format!("{DENIED_PREFIX}{readable}-n{}", self.denied);
        self.denied += 1;
        let kind = self.nameless(kind);
        let denied = self.inner.import(name, kind).map_err(|error| format!("{error:#}"))?;
        self.inner
            .set_instantiation_argument(instance, import, denied)
            .map_err(|error| format!("{error:#}"))
    }

    /// The same type without the name of its interface. By that name the encoder would recognize the interface and join the
    /// denied import to the real one.
    fn nameless(&mut self, kind: ItemKind) -> ItemKind {
        let ItemKind::Instance(interface) = kind else { return kind };
        let mut interface = self.inner.types()[interface].clone();
        interface.id = None;
        ItemKind::Instance(self.inner.types_mut().add_interface(interface))
    }

    fn imports(&self, package: PackageId) -> Vec<String> {
        self.inner.types()[self.inner[package].ty()].imports.keys().cloned().collect()
    }

    fn exports(&self, package: PackageId) -> Vec<String> {
        self.inner.types()[self.inner[package].ty()].exports.keys().cloned().collect()
    }

    fn export(&mut self, instance: NodeId, name: &str) -> Result<(), String> {
        let export = self
            .inner
            .alias_instance_export(instance, name)
            .map_err(|error| format!("{error:#}"))?;
        self.inner.export(export, name).map_err(|error| format!("{error:#}"))
    }

    fn encode(&self) -> Result<Vec<u8>, String> {
        self.inner.encode(EncodeOptions::default()).map_err(|error| format!("{error:#}"))
    }
}

/// Whether the manifest's name of a dependency means this import: all interfaces of a package, one interface, or a plain
/// name; versions are compared as Spin does, by compatibility.
fn names(dependency: &str, import: &str) -> bool {
    if dependency == import || are_semver_compatible(dependency, import) {
        return true;
    }
    let (name, version) = split_version(dependency);
    let (import_name, import_version) = split_version(import);
    let same_name = match (name.contains('/'), import_name.split_once('/')) {
        (false, Some((package, _))) => name == package,
        _ => name == import_name,
    };
    same_name && (version.is_none() || version == import_version)
}

fn split_version(name: &str) -> (&str, Option<&str>) {
    name.split_once('@').map_or((name, None), |(name, version)| (name, Some(version)))
}

fn is_denied(import: &str, inherit: &Inherit) -> bool {
    let (name, _) = split_version(import);
    let capability = CAPABILITIES.iter().find(|(_, interfaces)| {
        interfaces.iter().any(|interface| match interface.strip_suffix('*') {
            Some(package) => name.starts_with(package),
            None => name == *interface,
        })
    });
    let Some((capability, _)) = capability else { return false };
    match inherit {
        Inherit::Nothing => true,
        Inherit::All => false,
        Inherit::Some(inherited) => !inherited.iter().any(|inherited| inherited == capability),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_names_a_package_an_interface_or_a_plain_import() {
        assert!(names("foo:bar", "foo:bar/baz@1.0.0"));
        assert!(names("foo:bar@1.0.0", "foo:bar/baz@1.0.0"));
        assert!(names("foo:bar/baz", "foo:bar/baz@1.0.0"));
        assert!(names("foo:bar/baz@1.0.0", "foo:bar/baz@1.0.0"));
        assert!(names("plain", "plain"));
        assert!(!names("foo:bar/qux", "foo:bar/baz@1.0.0"));
        assert!(!names("foo:bar@2.0.0", "foo:bar/baz@1.0.0"));
        assert!(!names("foo:ba", "foo:bar/baz"));
    }

    #[test]
    fn a_dependency_reaches_only_what_it_inherits() {
        let some = Inherit::Some(vec!["variables".to_owned()]);
        for (import, nothing, with_variables) in [
            ("spin:variables/variables@3.0.0", true, false),
            ("spin:sqlite/sqlite@3.1.0", true, true),
            ("wasi:sockets/tcp@0.2.6", true, true),
            ("wasi:http/client@0.3.0", true, true),
            ("wasi:http/types@0.3.0", false, false),
            ("wasi:cli/stderr@0.2.6", false, false),
        ] {
            assert_eq!(is_denied(import, &Inherit::Nothing), nothing, "{import}");
            assert_eq!(is_denied(import, &some), with_variables, "{import}");
            assert!(!is_denied(import, &Inherit::All), "{import}");
        }
    }
    /// Exports `conformance:a/b` with a function, and imports the variables.
    const LIBRARY: &str = r#"(component
        (import "spin:variables/variables@3.0.0" (instance $variables (export "get" (func))))
        (alias export $variables "get" (func $get))
        (core func $get (canon lower (func $get)))
        (core module $m (import "" "get" (func)) (func (export "f") call 0))
        (core instance $i (instantiate $m (with "" (instance (export "get" (func $get))))))
        (func $f (canon lift (core func $i "f")))
        (instance $b (export "f" (func $f)))
        (export "conformance:a/b" (instance $b)))"#;

    /// Imports `conformance:a/b`, and the variables too.
    const PRIMARY: &str = r#"(component
        (import "spin:variables/variables@3.0.0" (instance (export "get" (func))))
        (import "conformance:a/b" (instance $b (export "f" (func))))
        (alias export $b "f" (func $f))
        (instance $own (export "f" (func $f)))
        (export "conformance:own/own" (instance $own)))"#;

    /// The imports of the primary component with its library.
    fn composed(inherit: Inherit) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), wat::parse_str(LIBRARY).unwrap()).unwrap();
        let dependency = dependency(file.path(), inherit);
        let primary = wat::parse_str(PRIMARY).unwrap();
        let wasm =
            with_dependencies(primary, [("conformance:a/b", &dependency)].into_iter()).unwrap();
        let engine = crate::runtime::engine().unwrap();
        let component = wasmtime::component::Component::new(&engine, wasm).unwrap();
        let kind = component.component_type();
        kind.imports(&engine).map(|(name, _)| name.to_owned()).collect()
    }

    fn dependency(path: &std::path::Path, inherit: Inherit) -> Dependency {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n[component.a.dependencies]\n\"conformance:a/b\" = {{ path = {:?} }}\n",
            path.file_name().unwrap(),
        );
        let manifest = manifest::Manifest::parse(&path.with_file_name("spin.toml"), &text).unwrap();
        let mut dependency = manifest.components["a"].dependencies["conformance:a/b"].clone();
        dependency.inherit = inherit;
        dependency
    }

    #[test]
    fn a_denied_import_does_not_become_the_real_one() {
        assert_eq!(composed(Inherit::All), ["spin:variables/variables@3.0.0"]);
        assert_eq!(
            composed(Inherit::Nothing),
            ["spin:variables/variables@3.0.0", "denied-spin-variables-variables-n0"]
        );
    }
}

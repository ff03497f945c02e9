//! Components that are composed into another: libraries and middleware.

use std::path::{Path, PathBuf};

use crate::document::Value;
use crate::error::ManifestError;
use crate::identifier::check_kebab;

/// A component file that is composed into another component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The WebAssembly file; for a `component` reference, the source of that component.
    pub path: PathBuf,
    /// The component of this application that was referred to.
    pub component: Option<String>,
    /// The export that satisfies the import, when it has another name.
    pub export: Option<String>,
    /// What the dependency may use of the capabilities of the component that it is composed into.
    pub inherit: Inherit,
    /// Where the dependency stands in the manifest.
    pub(crate) field: String,
}

/// `inherit_configuration`: capabilities that pass from a component to what is composed into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Inherit {
    /// Every host interface is denied. The default.
    #[default]
    Nothing,
    All,
    /// Only these, each one of `ai_models`, `allowed_outbound_hosts`, `environment`, `files`,
    /// `key_value_stores`, `sqlite_databases`, `variables`.
    Some(Vec<String>),
}

/// The keys that Spin's `inherit_configuration` knows.
const CAPABILITIES: [&str; 7] = [
    "ai_models",
    "allowed_outbound_hosts",
    "environment",
    "files",
    "key_value_stores",
    "sqlite_databases",
    "variables",
];

/// Whether a dependency may name an `export`: those of components may, middleware may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Component,
    Middleware,
}

/// What `inherit_configuration` said; absent is not the same as `false` where the component decides for all.
pub(crate) struct Read {
    pub(crate) dependency: Dependency,
    pub(crate) inherit_given: bool,
}

pub(crate) fn read(value: &Value<'_>, root: &Path, place: Place) -> Result<Read, ManifestError> {
    if value.is_string() {
        return Err(value.error(NOT_FETCHED));
    }
    let mut table = value.table()?;
    for remote in ["version", "registry", "package", "url", "digest"] {
        if let Some(field) = table.peek(remote) {
            return Err(field.error(NOT_FETCHED));
        }
    }
    let (path, component) = match (table.optional("path"), table.optional("component")) {
        (Some(path), None) => (root.join(path.text()?), None),
        (None, Some(component)) => {
            let id = component.string()?;
            check_kebab(id).map_err(|problem| component.error(problem))?;
            (PathBuf::new(), Some(id.to_owned()))
        }
        _ => {
            return Err(table.error("a dependency is either `{ path = \"file.wasm\" }` or `{ component = \"id\" }`; write one of them"));
        }
    };
    let export = match place {
        Place::Component => crate::application::optional_string(&mut table, "export")?,
        Place::Middleware => None,
    };
    let inherit = table.optional("inherit_configuration");
    let inherit_given = inherit.is_some();
    let inherit = inherit.map_or(Ok(Inherit::Nothing), |inherit| read_inherit(&inherit))?;
    table.finish()?;
    let dependency = Dependency { path, component, export, inherit, field: value.field.clone() };
    Ok(Read { dependency, inherit_given })
}

const NOT_FETCHED: &str = "Selvage does not fetch components from a registry or a URL; download the file and write `{ path = \"file.wasm\" }`";

fn read_inherit(value: &Value<'_>) -> Result<Inherit, ManifestError> {
    if !value.is_array() {
        return Ok(if value.boolean()? { Inherit::All } else { Inherit::Nothing });
    }
    let mut capabilities = Vec::new();
    for item in value.array()? {
        let capability = item.string()?;
        if !CAPABILITIES.contains(&capability) {
            let known = CAPABILITIES.join("`, `");
            return Err(item.error(format!(
                "`{capability}` cannot be inherited; use `true` or some of `{known}`"
            )));
        }
        capabilities.push(capability.to_owned());
    }
    Ok(if capabilities.is_empty() { Inherit::Nothing } else { Inherit::Some(capabilities) })
}

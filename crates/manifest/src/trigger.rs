//! `[[trigger.http]]`: which route leads to what.

use std::collections::BTreeMap;
use std::path::Path;

use crate::application::optional_string;
use crate::dependency::{self, Dependency, Place};
use crate::document::{Table, Value};
use crate::error::ManifestError;
use crate::identifier::check_kebab;
use crate::pattern::Pattern;

/// One HTTP trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTrigger {
    /// As written, or generated the way Spin does it; unique.
    pub id: String,
    pub route: Route,
    pub target: Target,
}

/// Where a trigger can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A pattern such as `/files/:id/...`, as written.
    Public(String),
    /// `{ private = true }`: only other components reach it, by service chaining.
    Private,
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Component {
        id: String,
        /// From the outermost, which sees a request first, to the innermost. Service chaining bypasses it.
        middleware: Vec<Dependency>,
    },
    StaticResponse(StaticResponse),
}

/// A response that the host gives without running a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticResponse {
    /// From 200 to 599; 200 when the manifest names none.
    pub status_code: u16,
    /// Names are valid HTTP tokens, values have no control characters.
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
}

/// A trigger before ids are generated and components are looked up.
pub(crate) struct Draft<'a> {
    pub(crate) id: Option<String>,
    pub(crate) route: Route,
    pub(crate) target: DraftTarget<'a>,
    pub(crate) id_value: Option<Value<'a>>,
    pub(crate) route_value: Value<'a>,
}

pub(crate) enum DraftTarget<'a> {
    Reference { component: Value<'a>, id: String, middleware: Vec<Dependency> },
    Inline { component: Value<'a>, middleware: Vec<Dependency> },
    StaticResponse(StaticResponse),
}

impl<'a> Draft<'a> {
    pub(crate) fn read(value: &Value<'a>, root: &Path) -> Result<Self, ManifestError> {
        let mut table = value.table()?;
        let id_value = table.optional("id");
        let id = match &id_value {
            Some(id) => Some(id.text()?.to_owned()),
            None => None,
        };
        let route_value = table.required("route")?;
        let route = read_route(&route_value)?;
        let component = table.optional("component");
        let static_response = table.optional("static_response");
        let middleware = read_middleware(&mut table, root)?;
        if let Some(executor) = table.optional("executor") {
            read_executor(&executor)?;
        }
        if let Some(components) = table.optional("components")
            && let Some((key, _)) = components.table()?.entries().first()
        {
            return Err(key.error("an HTTP trigger has one `component`; use `dependencies.middleware` for what runs in front of it"));
        }
        let target = match (component, static_response) {
            (Some(component), None) if component.is_string() => {
                let id = component.string()?.to_owned();
                check_kebab(&id).map_err(|problem| component.error(problem))?;
                DraftTarget::Reference { component, id, middleware }
            }
            (Some(component), None) => DraftTarget::Inline { component, middleware },
            (None, Some(response)) => {
                if !middleware.is_empty() {
                    return Err(
                        response.error("a static response runs no middleware; remove one of them")
                    );
                }
                if route == Route::Private {
                    return Err(response.error(
                        "nobody can ask for a static response on a private route; give it a path",
                    ));
                }
                DraftTarget::StaticResponse(read_static_response(&response)?)
            }
            (Some(_), Some(response)) => {
                return Err(response.error(
                    "a trigger has either a `component` or a `static_response`; remove one of them",
                ));
            }
            (None, None) => {
                return Err(table.error(
                    "a trigger needs a `component` or a `static_response`; add one of them",
                ));
            }
        };
        table.finish()?;
        Ok(Self { id, route, target, id_value, route_value })
    }
}

fn read_route(value: &Value<'_>) -> Result<Route, ManifestError> {
    if value.is_table() {
        let mut table = value.table()?;
        let private = table.required("private")?;
        table.finish()?;
        return if private.boolean()? {
            Ok(Route::Private)
        } else {
            Err(private
                .error("this can only be `true`; for a public route write its path as a string"))
        };
    }
    let route = value.string()?;
    Pattern::parse(route).map_err(|error| value.error(error))?;
    Ok(Route::Public(route.to_owned()))
}

fn read_middleware(table: &mut Table<'_>, root: &Path) -> Result<Vec<Dependency>, ManifestError> {
    let Some(dependencies) = table.optional("dependencies") else { return Ok(Vec::new()) };
    let mut dependencies = dependencies.table()?;
    let middleware = match dependencies.optional("middleware") {
        Some(middleware) => middleware.array()?,
        None => Vec::new(),
    };
    dependencies.finish()?;
    let read = |value| dependency::read(value, root, Place::Middleware).map(|read| read.dependency);
    middleware.iter().map(read).collect()
}

fn read_executor(value: &Value<'_>) -> Result<(), ManifestError> {
    let mut table = value.table()?;
    let kind = table.required("type")?;
    match kind.string()? {
        "http" | "spin" => table.finish(),
        other => Err(kind.error(format!(
            "Selvage has no executor `{other}`; build the component for wasi:http and write `{{ type = \"http\" }}`"
        ))),
    }
}

fn read_static_response(value: &Value<'_>) -> Result<StaticResponse, ManifestError> {
    let mut table = value.table()?;
    let status_code = match table.optional("status_code") {
        None => 200,
        Some(status) => u16::try_from(status.unsigned()?)
            .ok()
            .filter(|code| (200..=599).contains(code))
            .ok_or_else(|| {
                status
                    .error("this is not the status of a response; write an integer from 200 to 599")
            })?,
    };
    let mut headers = BTreeMap::new();
    if let Some(entries) = table.optional("headers") {
        for (key, value) in entries.table()?.entries() {
            if key.text.is_empty() || !key.text.bytes().all(is_token) {
                return Err(key.error("this is not the name of an HTTP header; correct it"));
            }
            let text = value.string()?;
            if text.chars().any(|c| c.is_control() && c != '\t') {
                return Err(
                    value.error("a header value cannot contain control characters; remove them")
                );
            }
            headers.insert(key.text.to_owned(), text.to_owned());
        }
    }
    let body = optional_string(&mut table, "body")?;
    table.finish()?;
    Ok(StaticResponse { status_code, headers, body })
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

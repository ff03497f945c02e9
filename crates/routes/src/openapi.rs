//! The OpenAPI document of the route tables.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{Access, Declaration, PasswordRule, Tenant};

/// The schema of answers that are a file's bytes.
const BYTES: &str = "FileContent";

/// What one component has to say: its routes, and the schemas that they name.
#[derive(Debug, Clone)]
pub struct Part {
    pub declarations: Vec<Declaration>,
    /// A JSON object of JSON Schemas.
    pub schemas: Value,
}

/// A route or a schema names a schema that no component has, or two components have different ones of one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSchema {
    #[error("no component has the schema {0}")]
    Missing(String),
    #[error("two components have different schemas {0}")]
    Twofold(String),
}

/// The OpenAPI 3.1 document of these components together. Security, roles and tenancy are those that the gates enforce: both come from the
/// same table.
///
/// # Errors
/// [`UnknownSchema`].
pub fn openapi(version: &str, parts: &[Part]) -> Result<Value, UnknownSchema> {
    let mut schemas = Map::from_iter([("Problem".to_owned(), problem_schema())]);
    for part in parts {
        for (name, schema) in part.schemas.as_object().into_iter().flatten() {
            let known = schemas.insert(name.clone(), schema.clone());
            if known.is_some_and(|known| known != *schema) {
                return Err(UnknownSchema::Twofold(name.clone()));
            }
        }
    }
    let mut paths = Map::new();
    for declaration in parts.iter().flat_map(|part| &part.declarations) {
        let path = paths.entry(declaration.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            let method = declaration.method.as_str().to_ascii_lowercase();
            methods.insert(method, operation(declaration));
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Selvage", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The access token of someone who is signed in."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key; it may stand in authorization: Bearer too."},
            },
        },
    });
    let mut named = BTreeSet::new();
    references(&document, &mut named);
    let missing = named
        .into_iter()
        .find(|name| document.pointer(&format!("/components/schemas/{name}")).is_none());
    match missing {
        Some(name) => Err(UnknownSchema::Missing(name)),
        None => Ok(document),
    }
}

fn operation(declaration: &Declaration) -> Value {
    let Declaration { access, tenant, operation_id, summary, request, outcome, .. } = declaration;
    let mut success = Map::from_iter([("description".to_owned(), json!("Success."))]);
    if let Some(name) = outcome.schema {
        // Files are of any type, and no JSON that could be described.
        let media_type = if name == BYTES { "*/*" } else { "application/json" };
        success.insert("content".to_owned(), content(media_type, name));
    }
    let problem = json!({
        "description": "A problem (RFC 9457).",
        "content": content("application/problem+json", "Problem"),
    });
    let body = match request {
        Some(name) => Some(json!({"required": true, "content": content("application/json", name)})),
        None if declaration.is_streamed => Some(json!({"required": true, "content": {"*/*": {}}})),
        None => None,
    };
    let parameters = parameters(declaration);
    let tenant = match tenant {
        Tenant::None => None,
        Tenant::Credential => Some("credential"),
        Tenant::Path => Some("path"),
    };
    let members = [
        ("operationId", Some(json!(operation_id))),
        ("summary", Some(json!(summary))),
        ("security", Some(security(*access))),
        ("parameters", (!parameters.is_empty()).then_some(Value::Array(parameters))),
        ("requestBody", body),
        ("responses", Some(json!({outcome.status.to_string(): success, "default": problem}))),
        ("x-selvage-role", role(*access).map(Value::from)),
        ("x-selvage-tenant", tenant.map(Value::from)),
        (
            "x-selvage-step-up",
            (declaration.password == PasswordRule::ShownLately).then_some(Value::Bool(true)),
        ),
    ];
    let members = members.into_iter();
    members.filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect()
}

fn content(media_type: &str, schema: &str) -> Value {
    json!({media_type: {"schema": {"$ref": format!("#/components/schemas/{schema}")}}})
}

/// Alternatives, each of which suffices; none for everyone.
fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Account(_, scope) => json!([{"session": []}, {"apiKey": [scope.as_str()]}]),
        Access::Person | Access::Member(_) | Access::Platform => json!([{"session": []}]),
    }
}

fn role(access: Access) -> Option<&'static str> {
    match access {
        Access::Account(role, _) | Access::Member(role) => Some(role.as_str()),
        Access::Platform => Some("platform administrator"),
        Access::Public | Access::Person => None,
    }
}

fn parameters(declaration: &Declaration) -> Vec<Value> {
    let in_path = declaration.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
    });
    let in_query = declaration.query.iter().map(|name| {
        let kind = match *name {
            "limit" | "before" | "after" => "integer",
            "all" | "archived" | "pinned" | "temporary" => "boolean",
            _ => "string",
        };
        json!({"name": name, "in": "query", "schema": {"type": kind}})
    });
    let key = json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A name of your own for this request, best a UUID. Sent again with the same name within 24 hours, it has no second effect and gets the first answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": idempotency::KEY_BYTES_MAX, "pattern": "^[!-~]+$"},
    });
    in_path.chain(in_query).chain(declaration.is_repeatable.then_some(key)).collect()
}

/// The names of all schemas that are referred to.
fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            let name = reference.and_then(|text| text.strip_prefix("#/components/schemas/"));
            names.extend(name.map(str::to_owned));
            members.values().for_each(|member| references(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn problem_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": {"type": "string", "description": "Stable; see docs/problems.md."},
            "request_id": text,
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"pointer": text, "detail": text},
                    "required": ["pointer", "detail"],
                },
            },
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
    })
}

#[cfg(test)]
mod tests {
    use caller::{Role, Scope};

    use super::*;
    use crate::{Route, RouteTable};

    fn part(schemas: Value) -> Part {
        let access = Access::Account(Role::Member, Scope::Chat);
        let route: Route<()> = Route::put("/things/{id}", access, "set_thing", async || ())
            .takes("Thing")
            .query(&["limit"]);
        let declarations = RouteTable::new([route]).declarations().cloned().collect();
        Part { declarations, schemas }
    }

    #[test]
    fn a_route_says_what_its_gates_do() {
        let document = openapi("1.0.0", &[part(json!({"Thing": {"type": "object"}}))]).unwrap();
        let operation = &document["paths"]["/things/{id}"]["put"];
        assert_eq!(operation["security"], json!([{"session": []}, {"apiKey": ["chat"]}]));
        assert_eq!(operation["x-selvage-role"], "member");
        assert_eq!(operation["x-selvage-tenant"], "credential");
        assert_eq!(operation["parameters"][0]["name"], "id");
        assert_eq!(operation["parameters"][1]["schema"]["type"], "integer");
        assert!(operation["responses"]["204"].is_object());
    }

    #[test]
    fn schemas_that_are_missing_or_contradict_each_other_are_errors() {
        let missing = openapi("1", &[part(json!({}))]);
        assert_eq!(missing, Err(UnknownSchema::Missing("Thing".to_owned())));
        let nested = json!({"Thing": {"items": {"$ref": "#/components/schemas/Part"}}});
        assert_eq!(openapi("1", &[part(nested)]), Err(UnknownSchema::Missing("Part".to_owned())));
        let (one, two) =
            (json!({"Thing": {"type": "object"}}), json!({"Thing": {"type": "array"}}));
        let twofold = openapi("1", &[part(one.clone()), part(two)]);
        assert_eq!(twofold, Err(UnknownSchema::Twofold("Thing".to_owned())));
        assert!(openapi("1", &[part(one.clone()), part(one)]).is_ok());
    }
}

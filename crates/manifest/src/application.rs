//! `[application]` and `[variables]`.

use std::collections::BTreeMap;
use std::fmt;

use crate::document::{Table, Value};
use crate::error::ManifestError;
use crate::identifier::check_lower_snake;

/// `[application]`: who the application is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    pub name: String,
    pub version: Option<String>,
    pub description: Option<String>,
    pub authors: Vec<String>,
}

impl Application {
    pub(crate) fn read(value: &Value<'_>) -> Result<Self, ManifestError> {
        let mut table = value.table()?;
        let application = Self {
            name: table.required("name")?.text()?.to_owned(),
            version: optional_string(&mut table, "version")?,
            description: optional_string(&mut table, "description")?,
            authors: optional_strings(&mut table, "authors")?,
        };
        if let Some(triggers) = table.optional("trigger") {
            read_trigger_settings(&triggers)?;
        }
        if let Some(targets) = table.optional("targets") {
            check_targets(&targets)?;
        }
        if let Some(tool) = table.optional("tool") {
            for (key, settings) in tool.table()?.entries() {
                let settings = settings.table()?;
                if key.text == "selvage"
                    && let Some((unknown, _)) = settings.entries().first()
                {
                    return Err(unknown.error(
                        "Selvage has no settings for the whole application; set them under [component.<id>.tool.selvage]",
                    ));
                }
            }
        }
        table.finish()?;
        Ok(application)
    }
}

/// Spin refuses every `base` but `/`; so do we, with the way out.
fn read_trigger_settings(triggers: &Value<'_>) -> Result<(), ManifestError> {
    let mut triggers = triggers.table()?;
    if let Some(http) = triggers.optional("http") {
        let mut http = http.table()?;
        if let Some(base) = http.optional("base")
            && base.string()? != "/"
        {
            return Err(base.error(
                "a base path is not supported; write it in front of each trigger's `route`",
            ));
        }
        http.finish()?;
    }
    triggers.finish()
}

/// `targets` names environments that `spin build` checks against. Only its shape matters here.
pub(crate) fn check_targets(targets: &Value<'_>) -> Result<(), ManifestError> {
    for target in targets.array()? {
        if target.is_string() {
            target.text()?;
            continue;
        }
        let mut table = target.table()?;
        if let Some(url) = table.optional("url") {
            url.text()?;
        } else {
            table.required("path")?.text()?;
        }
        table.finish()?;
    }
    Ok(())
}

/// One entry of `[variables]`: what the application may be told from outside.
#[derive(Clone, PartialEq, Eq)]
pub struct VariableDeclaration {
    /// The value when no provider has one. Exactly one of `default` and `required` is given.
    pub default: Option<String>,
    pub required: bool,
    /// A secret value is shown by no `Debug` and no error.
    pub secret: bool,
    pub description: Option<String>,
}

impl fmt::Debug for VariableDeclaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |default: &String| if self.secret { "[redacted]".to_owned() } else { default.clone() };
        f.debug_struct("VariableDeclaration")
            .field("default", &self.default.as_ref().map(shown))
            .field("required", &self.required)
            .field("secret", &self.secret)
            .field("description", &self.description)
            .finish()
    }
}

/// Reads `[variables]`.
pub(crate) fn read_variables(
    value: &Value<'_>,
) -> Result<BTreeMap<String, VariableDeclaration>, ManifestError> {
    let mut variables = BTreeMap::new();
    for (key, value) in value.table()?.entries() {
        check_lower_snake(key.text).map_err(|problem| key.error(problem))?;
        let mut table = value.table()?;
        let declaration = VariableDeclaration {
            default: optional_string(&mut table, "default")?,
            required: optional_boolean(&mut table, "required")?,
            secret: optional_boolean(&mut table, "secret")?,
            description: optional_string(&mut table, "description")?,
        };
        match (&declaration.default, declaration.required) {
            (Some(_), false) | (None, true) => {}
            (None, false) => {
                return Err(value.error(
                    "a variable needs a value; write `default = \"…\"` or `required = true`",
                ));
            }
            (Some(_), true) => {
                return Err(value.error(
                    "a required variable has no use for a default; remove `default` or `required`",
                ));
            }
        }
        table.finish()?;
        variables.insert(key.text.to_owned(), declaration);
    }
    Ok(variables)
}

pub(crate) fn optional_string(
    table: &mut Table<'_>,
    name: &'static str,
) -> Result<Option<String>, ManifestError> {
    table.optional(name).map(|value| value.string().map(str::to_owned)).transpose()
}

pub(crate) fn optional_strings(
    table: &mut Table<'_>,
    name: &'static str,
) -> Result<Vec<String>, ManifestError> {
    table.optional(name).map_or(Ok(Vec::new()), |value| value.strings())
}

pub(crate) fn optional_boolean(
    table: &mut Table<'_>,
    name: &'static str,
) -> Result<bool, ManifestError> {
    table.optional(name).map_or(Ok(false), |value| value.boolean())
}

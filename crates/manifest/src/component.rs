//! `[component.<id>]`: a WebAssembly file and what it may touch.

use std::collections::BTreeMap;
use std::path::{Component as Segment, Path, PathBuf};

use crate::allowed_hosts::AllowedHosts;
use crate::application::{VariableDeclaration, check_targets, optional_string, optional_strings};
use crate::dependency::{self, Dependency, Inherit, Place};
use crate::document::{Table, Value};
use crate::error::ManifestError;
use crate::identifier::{check_kebab, check_label, check_lower_snake};
use crate::template::{Template, TemplateError};
use crate::tool::Tool;
use crate::variables::Resolved;

/// One component, with everything that it is granted. What is not listed here is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub id: String,
    pub description: Option<String>,
    /// The WebAssembly file, with the folder of the manifest in front.
    pub source: PathBuf,
    /// Hosts that outbound calls may reach; see [`AllowedHosts`].
    pub allowed_outbound_hosts: Vec<Template>,
    /// Labels of key-value stores, defined in the runtime configuration.
    pub key_value_stores: Vec<String>,
    /// Labels of databases, defined in the runtime configuration.
    pub sqlite_databases: Vec<String>,
    /// The variables that the component can read, made from those of the application.
    pub variables: BTreeMap<String, Template>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    pub files: Vec<Mount>,
    /// Globs, relative to the folder of the manifest, of files that no mount shows.
    pub exclude_files: Vec<String>,
    pub build: Option<Build>,
    /// By the import that each satisfies, such as `my:library/interface@0.1.0` or a plain name.
    pub dependencies: BTreeMap<String, Dependency>,
    pub tool: Tool,
    /// Where the component stands in the manifest, such as `component.auth`.
    pub(crate) field: String,
}

/// One entry of `files`. Mounts are read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Relative to the folder of the manifest: with a destination, a file or directory; without one, a
    /// glob, file or directory whose files appear under `/` at the same relative path.
    pub source: String,
    /// An absolute path in the component's file system.
    pub destination: Option<String>,
}

/// `[component.<id>.build]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Shell commands, run one after the other.
    pub command: Vec<String>,
    /// Where they run, with the folder of the manifest in front; without it, that folder.
    pub workdir: Option<PathBuf>,
    /// Globs of the source files, relative to `workdir`.
    pub watch: Vec<String>,
}

/// What a component is checked against.
pub(crate) struct Surroundings<'a> {
    pub(crate) root: &'a Path,
    pub(crate) variables: &'a BTreeMap<String, VariableDeclaration>,
    pub(crate) profile: Option<&'a str>,
}

impl Component {
    pub(crate) fn read(
        id: &str,
        value: &Value<'_>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, ManifestError> {
        let mut table = value.table()?;
        refuse_capabilities(&mut table)?;
        let inherit_for_all = table.optional("dependencies_inherit_configuration");
        let mut component = Self {
            id: id.to_owned(),
            description: optional_string(&mut table, "description")?,
            source: read_source(&table.required("source")?, surroundings.root)?,
            allowed_outbound_hosts: read_hosts(&mut table, surroundings)?,
            key_value_stores: read_labels(&mut table, "key_value_stores")?,
            sqlite_databases: read_labels(&mut table, "sqlite_databases")?,
            variables: read_templates(&mut table, surroundings)?,
            environment: read_environment(&mut table)?,
            files: read_files(&mut table)?,
            exclude_files: optional_strings(&mut table, "exclude_files")?,
            build: table
                .optional("build")
                .map(|b| read_build(&b, surroundings.root))
                .transpose()?,
            dependencies: read_dependencies(
                &mut table,
                surroundings.root,
                inherit_for_all.as_ref(),
            )?,
            tool: table.optional("tool").map_or(Ok(Tool::default()), |tool| Tool::read(&tool))?,
            field: value.field.clone(),
        };
        if let Some(targets) = table.optional("targets") {
            check_targets(&targets)?;
        }
        if let Some(profiles) = table.optional("profile") {
            component.read_profiles(&profiles, surroundings)?;
        }
        table.finish()?;
        Ok(component)
    }

    /// Every profile is checked; the chosen one is applied.
    fn read_profiles(
        &mut self,
        profiles: &Value<'_>,
        surroundings: &Surroundings<'_>,
    ) -> Result<(), ManifestError> {
        for (key, value) in profiles.table()?.entries() {
            let mut table = value.table()?;
            let source = table.optional("source");
            let source =
                source.map(|source| read_source(&source, surroundings.root)).transpose()?;
            let environment = read_environment(&mut table)?;
            let dependencies = read_dependencies(&mut table, surroundings.root, None)?;
            let command = table.optional("build").map(|build| {
                let mut build = build.table()?;
                let command = read_command(&build.required("command")?)?;
                build.finish().map(|()| command)
            });
            let command = command.transpose()?;
            table.finish()?;
            if surroundings.profile == Some(key.text) {
                self.source = source.unwrap_or_else(|| self.source.clone());
                self.environment.extend(environment);
                self.dependencies.extend(dependencies);
                if let Some(command) = command {
                    let build = Build { command: Vec::new(), workdir: None, watch: Vec::new() };
                    self.build.get_or_insert(build).command = command;
                }
            }
        }
        Ok(())
    }

    /// What keeps the component from being composed into another, which would silently lose it.
    pub(crate) fn own_resources(&self) -> Vec<&'static str> {
        [
            ("allowed_outbound_hosts", !self.allowed_outbound_hosts.is_empty()),
            ("dependencies", !self.dependencies.is_empty()),
            ("environment", !self.environment.is_empty()),
            ("files", !self.files.is_empty()),
            ("key_value_stores", !self.key_value_stores.is_empty()),
            ("sqlite_databases", !self.sqlite_databases.is_empty()),
            ("variables", !self.variables.is_empty()),
        ]
        .into_iter()
        .filter_map(|(field, given)| given.then_some(field))
        .collect()
    }
}

/// Fields of Spin that Selvage does not serve.
fn refuse_capabilities(table: &mut Table<'_>) -> Result<(), ManifestError> {
    if let Some(models) = table.optional("ai_models")
        && let Some(model) = models.array()?.first()
    {
        return Err(model
            .error("Selvage runs no AI models; remove `ai_models` and call a provider over HTTP"));
    }
    if let Some(hosts) = table.peek("allowed_http_hosts") {
        return Err(hosts.error("`allowed_http_hosts` is deprecated; write `allowed_outbound_hosts = [\"https://host\"]`"));
    }
    Ok(())
}

fn read_source(value: &Value<'_>, root: &Path) -> Result<PathBuf, ManifestError> {
    if value.is_table() {
        return Err(value.error("Selvage does not fetch components from a registry or a URL; download the file and write its path"));
    }
    value.text().map(|source| root.join(source))
}

fn read_hosts(
    table: &mut Table<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Template>, ManifestError> {
    let Some(hosts) = table.optional("allowed_outbound_hosts") else { return Ok(Vec::new()) };
    let mut templates = Vec::new();
    for host in hosts.array()? {
        let template = read_template(&host, surroundings)?;
        if template.is_literal() {
            AllowedHosts::parse(&[host.string()?]).map_err(|error| host.error(error))?;
        } else {
            check_default_host(&template, surroundings).map_err(|problem| host.error(problem))?;
        }
        templates.push(template);
    }
    Ok(templates)
}

/// A template whose variables all have defaults must give a valid host with them. The result is not
/// shown, for a default may be secret.
fn check_default_host(template: &Template, surroundings: &Surroundings<'_>) -> Result<(), String> {
    let defaults: BTreeMap<&str, Resolved> = surroundings
        .variables
        .iter()
        .filter_map(|(name, declaration)| {
            let default = declaration.default.clone()?;
            Some((name.as_str(), Resolved::new(default, declaration.secret)))
        })
        .collect();
    match template.render_with(|name| defaults.get(name)) {
        Ok(host) if AllowedHosts::parse_rendered(host.as_str()).is_err() => Err(
            "with the default values of its variables this is not a valid host; correct the defaults or the template"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

fn read_template(
    value: &Value<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<Template, ManifestError> {
    let template = Template::parse(value.string()?).map_err(|error| value.error(error))?;
    let undeclared = template.names().find(|name| !surroundings.variables.contains_key(*name));
    match undeclared.map(str::to_owned) {
        None => Ok(template),
        Some(name) => Err(value.error(TemplateError::UnknownVariable(name))),
    }
}

fn read_templates(
    table: &mut Table<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<BTreeMap<String, Template>, ManifestError> {
    let mut templates = BTreeMap::new();
    if let Some(variables) = table.optional("variables") {
        for (key, value) in variables.table()?.entries() {
            check_lower_snake(key.text).map_err(|problem| key.error(problem))?;
            templates.insert(key.text.to_owned(), read_template(&value, surroundings)?);
        }
    }
    Ok(templates)
}

fn read_labels(table: &mut Table<'_>, name: &'static str) -> Result<Vec<String>, ManifestError> {
    let mut labels: Vec<String> = Vec::new();
    let Some(value) = table.optional(name) else { return Ok(labels) };
    for item in value.array()? {
        let label = item.string()?;
        check_label(label).map_err(|problem| item.error(problem))?;
        if labels.iter().any(|known| known == label) {
            return Err(item.error(format!("`{label}` is listed twice; remove one")));
        }
        labels.push(label.to_owned());
    }
    Ok(labels)
}

fn read_environment(table: &mut Table<'_>) -> Result<BTreeMap<String, String>, ManifestError> {
    let mut environment = BTreeMap::new();
    if let Some(entries) = table.optional("environment") {
        for (key, value) in entries.table()?.entries() {
            if key.text.is_empty() || key.text.contains(['=', '\0']) {
                return Err(key.error("the name of an environment variable must not be empty or contain `=`; correct it"));
            }
            environment.insert(key.text.to_owned(), value.string()?.to_owned());
        }
    }
    Ok(environment)
}

fn read_files(table: &mut Table<'_>) -> Result<Vec<Mount>, ManifestError> {
    let Some(files) = table.optional("files") else { return Ok(Vec::new()) };
    let mut mounts = Vec::new();
    for file in files.array()? {
        if file.is_string() {
            let source = file.text()?.to_owned();
            check_inside(&file, &source)?;
            if source == "." || source.ends_with("/.") {
                return Err(file.error("a pattern cannot end in `.`; write `{ source = \".\", destination = \"/\" }` or `**/*`"));
            }
            mounts.push(Mount { source, destination: None });
            continue;
        }
        let mut table = file.table()?;
        let (source, destination) = (table.required("source")?, table.required("destination")?);
        table.finish()?;
        check_inside(&source, source.text()?)?;
        let guest = format!("/{}", destination.text()?.trim_start_matches('/'));
        if guest.split('/').any(|segment| segment == "..") {
            return Err(destination.error("a destination cannot contain `..`; write the absolute path that the component shall see"));
        }
        mounts.push(Mount { source: source.text()?.to_owned(), destination: Some(guest) });
    }
    Ok(mounts)
}

/// Mounts stay inside the folder of the manifest, as in Spin.
fn check_inside(value: &Value<'_>, source: &str) -> Result<(), ManifestError> {
    let outside = |segment| !matches!(segment, Segment::Normal(_) | Segment::CurDir);
    if Path::new(source).components().any(outside) {
        return Err(value.error(
            "files must be inside the folder of the manifest; write a relative path without `..`",
        ));
    }
    Ok(())
}

fn read_build(value: &Value<'_>, root: &Path) -> Result<Build, ManifestError> {
    let mut table = value.table()?;
    let build = Build {
        command: read_command(&table.required("command")?)?,
        workdir: optional_string(&mut table, "workdir")?.map(|workdir| root.join(workdir)),
        watch: optional_strings(&mut table, "watch")?,
    };
    table.finish()?;
    Ok(build)
}

fn read_command(value: &Value<'_>) -> Result<Vec<String>, ManifestError> {
    if !value.is_array() {
        return Ok(vec![value.text()?.to_owned()]);
    }
    let commands = value.array()?;
    if commands.is_empty() {
        return Err(value.error("this names no command; write one or leave `build` out"));
    }
    commands.iter().map(|command| command.text().map(str::to_owned)).collect()
}

/// `inherit_for_all` is `dependencies_inherit_configuration` of the component.
fn read_dependencies(
    table: &mut Table<'_>,
    root: &Path,
    inherit_for_all: Option<&Value<'_>>,
) -> Result<BTreeMap<String, Dependency>, ManifestError> {
    let inherit_all = inherit_for_all.map(Value::boolean).transpose()?;
    let mut dependencies = BTreeMap::new();
    let Some(value) = table.optional("dependencies") else { return Ok(dependencies) };
    for (key, value) in value.table()?.entries() {
        check_import(key.text).map_err(|problem| key.error(problem))?;
        let dependency::Read { mut dependency, inherit_given } =
            dependency::read(&value, root, Place::Component)?;
        if inherit_given && let Some(inherit_for_all) = inherit_for_all {
            return Err(inherit_for_all.error(
                "this and `inherit_configuration` of a dependency exclude each other; remove one",
            ));
        }
        if inherit_all == Some(true) {
            dependency.inherit = Inherit::All;
        }
        let whole_package = key.text.contains(':') && !key.text.contains('/');
        if whole_package && dependency.export.is_some() {
            return Err(value.error("a dependency on a whole package cannot name an `export`; name the interface, as in `a:b/c`"));
        }
        dependencies.insert(key.text.to_owned(), dependency);
    }
    Ok(dependencies)
}

/// `plain-name`, or `namespace:package`, with `/interface` and `@version` if need be.
fn check_import(name: &str) -> Result<(), String> {
    if !name.contains([':', '/']) {
        return check_kebab(name);
    }
    let path = name.split_once('@').map_or(name, |(path, _)| path);
    let (package, interface) = path.split_once('/').map_or((path, None), |(p, i)| (p, Some(i)));
    let (namespace, package) = package.split_once(':').unwrap_or((package, ""));
    let words = [Some(namespace), Some(package), interface];
    if words.into_iter().flatten().any(|word| check_kebab(word).is_err()) || name.ends_with('@') {
        return Err(format!(
            "`{name}` is not the name of an import; write `namespace:package/interface@version`"
        ));
    }
    Ok(())
}

//! The manifest as a whole, and the checks that need more than one part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::application::{Application, VariableDeclaration, read_variables};
use crate::component::{Component, Surroundings};
use crate::dependency::Dependency;
use crate::document::{Document, Table, Value};
use crate::error::{ManifestError, Position};
use crate::identifier::check_kebab;
use crate::overlap;
use crate::pattern::Pattern;
use crate::runtime_config::RuntimeConfig;
use crate::trigger::{Draft, DraftTarget, HttpTrigger, Route, Target};

/// A Spin manifest of version 2 whose triggers are all HTTP. Every name in it that refers to
/// something else in it has been found; files have not been looked at.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file, as it was named.
    pub path: PathBuf,
    /// The folder of the file; every path in the manifest is relative to it.
    pub root: PathBuf,
    pub application: Application,
    pub variables: BTreeMap<String, VariableDeclaration>,
    /// In the order of the file.
    pub triggers: Vec<HttpTrigger>,
    /// By id; components written inside a trigger have a generated one.
    pub components: BTreeMap<String, Component>,
    places: BTreeMap<String, Position>,
}

impl Manifest {
    /// Reads the manifest at `path`, without a build profile.
    ///
    /// # Errors
    /// The first problem of the file, with its place.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        Self::load_with_profile(path, None)
    }

    /// Reads the manifest at `path` and applies the named profile of its components.
    ///
    /// # Errors
    /// The first problem of the file; also a profile that no component has.
    pub fn load_with_profile(path: &Path, profile: Option<&str>) -> Result<Self, ManifestError> {
        Self::from_document(Document::open(path)?, path, profile)
    }

    /// Reads a manifest from `text` as if it stood in the file `path`.
    ///
    /// # Errors
    /// The first problem of the text, with its place.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        Self::from_document(Document::new(path, text), path, None)
    }

    fn from_document(
        document: Document,
        path: &Path,
        profile: Option<&str>,
    ) -> Result<Self, ManifestError> {
        let mut manifest = document.read(|table| Self::read(table, path, profile))?;
        manifest.places = document.into_places();
        manifest.find_dependencies()?;
        manifest.check_overlaps()?;
        Ok(manifest)
    }

    /// Refuses routes of different components of which the router, or a reader, could take the wrong one.
    fn check_overlaps(&self) -> Result<(), ManifestError> {
        overlap::find(&self.triggers).map_or(Ok(()), |conflict| {
            let field = format!("trigger.http[{}].route", conflict.trigger);
            Err(self.error_at(&field, conflict.problem))
        })
    }

    fn read(
        mut table: Table<'_>,
        path: &Path,
        profile: Option<&str>,
    ) -> Result<Self, ManifestError> {
        check_version(&mut table)?;
        let root = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let application = Application::read(&table.required("application")?)?;
        let variables = table
            .optional("variables")
            .map_or(Ok(BTreeMap::new()), |value| read_variables(&value))?;
        let surroundings = Surroundings { root: &root, variables: &variables, profile };
        let mut components = BTreeMap::new();
        let mut profiles = BTreeSet::new();
        if let Some(value) = table.optional("component") {
            for (key, value) in value.table()?.entries() {
                check_kebab(key.text).map_err(|problem| key.error(problem))?;
                components
                    .insert(key.text.to_owned(), Component::read(key.text, &value, &surroundings)?);
                profiles.extend(profile_names(&value)?);
            }
        }
        if let Some(profile) = profile
            && !profiles.contains(profile)
        {
            return Err(table.error(format!(
                "no component has the profile `{profile}`; add [component.<id>.profile.{profile}] or choose another"
            )));
        }
        let drafts = read_drafts(&table.required("trigger")?, &root)?;
        let triggers = finish_triggers(drafts, &mut components, &surroundings)?;
        table.finish()?;
        let path = path.to_owned();
        Ok(Self {
            path,
            root,
            application,
            variables,
            triggers,
            components,
            places: BTreeMap::new(),
        })
    }

    /// An error at a field of this manifest, for checks that need what this crate does not know.
    ///
    /// `field` is a field path such as `component.auth.source`; see [`Component::field`].
    pub fn error_at(&self, field: &str, problem: impl Into<String>) -> ManifestError {
        ManifestError {
            path: self.path.clone(),
            position: self.places.get(field).copied(),
            field: field.to_owned(),
            problem: problem.into(),
        }
    }

    /// Checks that every WebAssembly file exists. Separate from loading because a build makes them.
    ///
    /// # Errors
    /// The first file that is missing.
    pub fn check_sources(&self) -> Result<(), ManifestError> {
        for component in self.components.values() {
            if !component.source.is_file() {
                let file = component.source.display();
                let remedy = if component.build.is_some() {
                    "run `selvage build`"
                } else {
                    "put it there or correct the path"
                };
                let field = format!("{}.source", component.field);
                return Err(
                    self.error_at(&field, format!("the file {file} does not exist; {remedy}"))
                );
            }
        }
        let missing = self.dependencies().find(|dependency| !dependency.path.is_file());
        missing.map_or(Ok(()), |dependency| {
            let file = dependency.path.display();
            let problem = format!("the file {file} does not exist; build it or correct the path");
            Err(self.error_at(&dependency.field, problem))
        })
    }

    /// Checks that every database and store that a component asks for is configured.
    ///
    /// # Errors
    /// The first label that the runtime configuration does not define.
    pub fn check_labels(&self, config: &RuntimeConfig) -> Result<(), ManifestError> {
        for component in self.components.values() {
            let databases = |label: &String| config.sqlite_databases.contains_key(label);
            let stores = |label: &String| config.key_value_stores.contains_key(label);
            if let Some(index) =
                component.sqlite_databases.iter().position(|label| !databases(label))
            {
                let names = ("sqlite_databases", "sqlite_database");
                return Err(self.missing_label(
                    component,
                    names,
                    &component.sqlite_databases,
                    index,
                ));
            }
            if let Some(index) = component.key_value_stores.iter().position(|label| !stores(label))
            {
                let names = ("key_value_stores", "key_value_store");
                return Err(self.missing_label(
                    component,
                    names,
                    &component.key_value_stores,
                    index,
                ));
            }
        }
        Ok(())
    }

    fn missing_label(
        &self,
        component: &Component,
        (list, table): (&str, &str),
        labels: &[String],
        index: usize,
    ) -> ManifestError {
        let label = labels.get(index).map_or("", String::as_str);
        self.error_at(
            &format!("{}.{list}[{index}]", component.field),
            format!(
                "`{label}` is not configured; add [{table}.{label}] to the runtime configuration"
            ),
        )
    }

    fn dependencies(&self) -> impl Iterator<Item = &Dependency> {
        let of_components =
            self.components.values().flat_map(|component| component.dependencies.values());
        let of_triggers = self.triggers.iter().flat_map(|trigger| match &trigger.target {
            Target::Component { middleware, .. } => middleware.as_slice(),
            Target::StaticResponse(_) => &[],
        });
        of_components.chain(of_triggers)
    }

    /// Replaces references to components by their files.
    fn find_dependencies(&mut self) -> Result<(), ManifestError> {
        let mut files = BTreeMap::new();
        for dependency in self.dependencies() {
            let Some(id) = &dependency.component else { continue };
            let Some(component) = self.components.get(id) else {
                return Err(
                    self.error_at(&dependency.field, unknown_component(id, &self.components))
                );
            };
            let resources = component.own_resources();
            if !resources.is_empty() {
                let resources = resources.join("`, `");
                return Err(self.error_at(
                    &dependency.field,
                    format!("the component `{id}` has its own `{resources}`, which a dependency cannot have; remove them there"),
                ));
            }
            files.insert(id.clone(), component.source.clone());
        }
        let of_triggers = self.triggers.iter_mut().flat_map(|trigger| match &mut trigger.target {
            Target::Component { middleware, .. } => middleware.as_mut_slice(),
            Target::StaticResponse(_) => &mut [],
        });
        let of_components = self.components.values_mut().flat_map(|c| c.dependencies.values_mut());
        for dependency in of_components.chain(of_triggers) {
            if let Some(file) = dependency.component.as_ref().and_then(|id| files.get(id)) {
                dependency.path.clone_from(file);
            }
        }
        Ok(())
    }
}

impl Component {
    /// The field path of the component in its manifest, for [`Manifest::error_at`].
    pub fn field(&self) -> &str {
        &self.field
    }
}

fn check_version(table: &mut Table<'_>) -> Result<(), ManifestError> {
    const MIGRATE: &str = "this is a manifest of version 1, which Selvage does not read; convert it with `spin doctor` to `spin_manifest_version = 2`";
    for old in ["spin_version", "spin_manifest_version"] {
        if let Some(version) = table.peek(old)
            && (old == "spin_version" || (version.is_string() && version.string()? == "1"))
        {
            return Err(version.error(MIGRATE));
        }
    }
    let version = table.required("spin_manifest_version")?;
    match version.unsigned()? {
        1 => Err(version.error(MIGRATE)),
        2 => Ok(()),
        other => Err(version.error(format!(
            "Selvage reads manifests of version 2, not {other}; write `spin_manifest_version = 2`"
        ))),
    }
}

fn profile_names(component: &Value<'_>) -> Result<Vec<String>, ManifestError> {
    let Some(profiles) = component.table()?.peek("profile") else { return Ok(Vec::new()) };
    Ok(profiles.table()?.entries().iter().map(|(key, _)| key.text.to_owned()).collect())
}

fn read_drafts<'a>(triggers: &Value<'a>, root: &Path) -> Result<Vec<Draft<'a>>, ManifestError> {
    let mut drafts = Vec::new();
    for (key, value) in triggers.table()?.entries() {
        if key.text != "http" {
            return Err(key.error(format!(
                "Selvage serves HTTP triggers only; remove the `{}` triggers",
                key.text
            )));
        }
        for trigger in value.array()? {
            drafts.push(Draft::read(&trigger, root)?);
        }
    }
    if drafts.is_empty() {
        return Err(triggers.error(
            "the application has no trigger and could answer nothing; add a [[trigger.http]]",
        ));
    }
    check_duplicates(&drafts)?;
    Ok(drafts)
}

fn check_duplicates(drafts: &[Draft<'_>]) -> Result<(), ManifestError> {
    let mut ids: Vec<&str> = Vec::new();
    let mut routes: Vec<(Pattern, &str)> = Vec::new();
    for draft in drafts {
        if let (Some(id), Some(value)) = (&draft.id, &draft.id_value) {
            if ids.contains(&id.as_str()) {
                return Err(
                    value.error(format!("another trigger has the id `{id}`; give each its own"))
                );
            }
            ids.push(id);
        }
        if let Route::Public(route) = &draft.route {
            let pattern = Pattern::parse(route).map_err(|error| draft.route_value.error(error))?;
            if let Some((_, other)) = routes.iter().find(|(other, _)| other.same_paths(&pattern)) {
                return Err(draft.route_value.error(format!(
                    "the route `{other}` of another trigger matches the same paths; remove one"
                )));
            }
            routes.push((pattern, route));
        }
    }
    Ok(())
}

/// Gives ids to triggers and inline components, by Spin's rules, and looks up the components.
fn finish_triggers(
    drafts: Vec<Draft<'_>>,
    components: &mut BTreeMap<String, Component>,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<HttpTrigger>, ManifestError> {
    let mut ids: BTreeSet<String> = drafts.iter().filter_map(|draft| draft.id.clone()).collect();
    let mut triggers = Vec::new();
    for draft in drafts {
        let id = draft.id.clone().unwrap_or_else(|| {
            let natural = match &draft.target {
                DraftTarget::Reference { id, .. } => Some(format!("{id}-http-trigger")),
                _ => None,
            };
            free_name(natural, "http-trigger", |name| ids.contains(name))
        });
        ids.insert(id.clone());
        let target = match draft.target {
            DraftTarget::StaticResponse(response) => Target::StaticResponse(response),
            DraftTarget::Reference { component, id, middleware } => {
                if !components.contains_key(&id) {
                    return Err(component.error(unknown_component(&id, components)));
                }
                Target::Component { id, middleware }
            }
            DraftTarget::Inline { component, middleware } => {
                let natural = Some(format!("{id}-component")).filter(|id| check_kebab(id).is_ok());
                let id =
                    free_name(natural, "inline-component", |name| components.contains_key(name));
                components.insert(id.clone(), Component::read(&id, &component, surroundings)?);
                Target::Component { id, middleware }
            }
        };
        triggers.push(HttpTrigger { id, route: draft.route, target });
    }
    Ok(triggers)
}

/// The natural name, or else the first free `prefix1`, `prefix2`, ….
fn free_name(natural: Option<String>, prefix: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (1_u64..).map(|number| format!("{prefix}{number}"));
    natural.into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

fn unknown_component(id: &str, components: &BTreeMap<String, Component>) -> String {
    let known: Vec<&str> = components.keys().map(String::as_str).collect();
    if known.is_empty() {
        return format!("there is no component `{id}`; add [component.{id}]");
    }
    format!(
        "there is no component `{id}`; add [component.{id}] or name one of `{}`",
        known.join("`, `")
    )
}

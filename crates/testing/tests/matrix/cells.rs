//! The cells: one request each.

use std::fmt;

use routes::Declaration;
use serde_json::Value;

use crate::callers::Caller;
use crate::world::{Kind, World};

/// Parameters of paths that are no ids: names that clients choose, and links that open for everyone.
const CHOSEN_NAMES: [&str; 6] =
    ["{continuation_id}", "{key}", "{n}", "{name}", "{provider}", "{token}"];

/// One route, as one caller, with one kind of id in one place.
pub struct Cell<'a> {
    pub component: usize,
    pub route: &'a Declaration,
    pub caller: &'a Caller,
    /// Which parameter of the path is varied, and how; none in a path without parameters.
    pub varied: Option<(usize, Kind)>,
    pub path: String,
    pub body: Option<String>,
}

impl Cell<'_> {
    /// The same cell with the ids of this world.
    pub fn placed(self, world: &World) -> Self {
        let path = path(world, self.route, self.caller, self.varied);
        Self { path, ..self }
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { route, caller, varied, .. } = self;
        write!(f, "{} {} as {}", route.method, route.path, caller.name)?;
        match varied {
            Some((position, kind)) => write!(f, ", parameter {position} {kind:?}"),
            None => Ok(()),
        }
    }
}

/// All cells of a route for a caller, to be placed in a world.
pub fn cells<'a>(
    component: usize,
    route: &'a Declaration,
    schemas: &Value,
    caller: &'a Caller,
) -> Vec<Cell<'a>> {
    let names = route.path.split('/').filter(|segment| segment.starts_with('{'));
    let mut variations: Vec<_> = names
        .enumerate()
        .flat_map(|(position, name)| {
            // What clients name themselves is nobody else's, and a link is as good for one as for another.
            let kinds = if CHOSEN_NAMES.contains(&name) { &[Kind::Own][..] } else { &Kind::ALL };
            kinds.iter().map(move |kind| Some((position, *kind)))
        })
        .collect();
    if variations.is_empty() {
        variations.push(None);
    }
    let body = route.request.map(|name| {
        let example = &schemas[name]["example"];
        assert!(!example.is_null(), "the schema {name} needs an example, which the matrix sends");
        example.to_string()
    });
    variations
        .into_iter()
        .map(|varied| Cell {
            component,
            route,
            caller,
            varied,
            path: String::new(),
            body: body.clone(),
        })
        .collect()
}

/// The path with ids of the caller's own account, but for the one that is varied.
fn path(
    world: &World,
    route: &Declaration,
    caller: &Caller,
    varied: Option<(usize, Kind)>,
) -> String {
    let mut position = 0;
    let mut collection = "";
    let segments: Vec<_> = route
        .path
        .split('/')
        .map(|segment| {
            if !segment.starts_with('{') {
                collection = segment;
                return segment.to_owned();
            }
            let kind = match varied {
                Some((varied, kind)) if varied == position => kind,
                _ => Kind::Own,
            };
            position += 1;
            world.id(route.path, collection, kind, caller)
        })
        .collect();
    segments.join("/")
}

impl World {
    /// The path with ids of the caller's own.
    pub fn fill(&self, path: &'static str, caller: &Caller) -> String {
        let mut collection = "";
        let segments: Vec<_> = path
            .split('/')
            .map(|segment| {
                if segment.starts_with('{') {
                    return self.id(path, collection, Kind::Own, caller);
                }
                collection = segment;
                segment.to_owned()
            })
            .collect();
        segments.join("/")
    }
}

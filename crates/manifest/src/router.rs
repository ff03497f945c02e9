//! Which trigger serves a path.

use std::borrow::Cow;

use routefinder::Segment;

use crate::manifest::Manifest;
use crate::pattern::{Pattern, PatternError};
use crate::trigger::Route;

/// The public routes of an application, in the router that Spin uses.
///
/// A path is matched as it was sent, byte for byte:
/// - slashes at the start and the end do not count: `//a/` is `/a`;
/// - slashes inside do: `/a//b` is not `/a/b`, and in `/a/:name/b` the path `/a//b` gives an empty name;
/// - nothing is decoded and nothing resolved: `%2f` is no separator and `..` is an ordinary segment, so
///   neither leads out of a route's prefix, and a component sees them in `path_info` as they are;
/// - upper and lower case differ.
///
/// Of several matching routes the first difference from the left decides: a literal segment before a
/// `:parameter` before a trailing `/...`; a route that ends before one that goes on. This does not hold for
/// routes that are declared after one that starts with a dot, or has a dot behind a parameter. Where it
/// would matter, [`Manifest::load`] refuses the manifest.
#[derive(Debug)]
pub struct Router {
    routes: routefinder::Router<Entry>,
}

#[derive(Debug)]
struct Entry {
    trigger: usize,
    route: String,
}

/// A matched route, with what the `spin-*` request headers are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch<'r, 'p> {
    /// The index of the trigger in [`Manifest::triggers`].
    pub trigger: usize,
    /// The route as written: `spin-raw-component-route`.
    pub raw_route: &'r str,
    /// The route as written without a trailing `/...`: `spin-component-route`.
    pub component_route: &'r str,
    /// The route with a leading and without a trailing slash; empty for `/`: `spin-matched-route`.
    pub matched_route: Cow<'r, str>,
    /// What the trailing wildcard took, with its leading slash; empty without a wildcard: `spin-path-info`.
    pub path_info: Cow<'p, str>,
    /// The named parameters, not decoded: `spin-path-match-<name>`.
    pub parameters: Vec<(&'r str, &'p str)>,
}

impl RouteMatch<'_, '_> {
    /// `spin-base-path`: Spin has no base paths any more and always sends this.
    pub const BASE_PATH: &'static str = "/";

    /// The route that a request by service chaining matches: everything, whatever the trigger's own is.
    pub const CHAINED_ROUTE: &'static str = "/...";
}

impl Router {
    /// The routes of the manifest. Private triggers have none.
    ///
    /// # Errors
    /// [`PatternError`] for a route that is not one; never for a manifest that was loaded.
    pub fn new(manifest: &Manifest) -> Result<Self, PatternError> {
        let routes = manifest.triggers.iter().map(|trigger| &trigger.route);
        let public = routes.enumerate().filter_map(|(index, route)| match route {
            Route::Public(route) => Some((index, route.as_str())),
            Route::Private => None,
        });
        let mut router = routefinder::Router::new();
        // One by one and in this order, as Spin does it: the order of dotted routes depends on it.
        for (trigger, route) in public {
            let spec = Pattern::parse(route)?.into_spec();
            let Ok(()) = router.add(spec, Entry { trigger, route: route.to_owned() });
        }
        Ok(Self { routes: router })
    }

    /// The trigger that serves `path`, which is the path of the request's URI without its query.
    pub fn route<'r, 'p>(&'r self, path: &'p str) -> Option<RouteMatch<'r, 'p>> {
        let found = self.routes.best_match(path)?;
        let (entry, spec) = (found.handler(), found.route());
        // The captures of `found` do not outlive it.
        let mut captures = spec.matches(path)?.into_iter();
        let mut parameters = Vec::new();
        let mut rest = None;
        for segment in spec.segments() {
            match segment {
                Segment::Param(name) => {
                    parameters.extend(captures.next().map(|value| (name.as_str(), value)));
                }
                Segment::Wildcard => rest = captures.next(),
                Segment::Exact(_) | Segment::Dot | Segment::Slash => {}
            }
        }
        Some(RouteMatch {
            trigger: entry.trigger,
            raw_route: &entry.route,
            component_route: entry.route.strip_suffix("/...").unwrap_or(&entry.route),
            matched_route: absolute(&entry.route),
            path_info: rest.map_or(Cow::Borrowed(""), |rest| path_info(rest, path)),
            parameters,
        })
    }
}

fn absolute(route: &str) -> Cow<'_, str> {
    let trimmed = route.strip_suffix('/').unwrap_or(route);
    if route.starts_with('/') { Cow::Borrowed(trimmed) } else { Cow::Owned(format!("/{trimmed}")) }
}

/// A trailing slash, which matching leaves out, belongs to the path info.
fn path_info<'p>(rest: &'p str, path: &str) -> Cow<'p, str> {
    match (rest.is_empty(), path.ends_with('/')) {
        (true, false) => Cow::Borrowed(""),
        (true, true) => Cow::Borrowed("/"),
        (false, false) => Cow::Owned(format!("/{rest}")),
        (false, true) => Cow::Owned(format!("/{rest}/")),
    }
}

//! Which trigger serves a path.

use std::borrow::Cow;

use crate::manifest::Manifest;
use crate::pattern::{Pattern, PatternError};
use crate::trigger::Route;

/// The public routes of an application, in the order in which they are asked.
///
/// A path is matched as it was sent, byte for byte, the way Spin does it:
/// - slashes at the start and the end do not count: `//a/` is `/a`;
/// - slashes inside do: `/a//b` is not `/a/b`, and in `/a/:name/b` the path `/a//b` gives an empty name;
/// - nothing is decoded and nothing resolved: `%2f` is no separator and `..` is an ordinary segment, so
///   neither leads out of a route's prefix, and a component sees them in `path_info` as they are;
/// - upper and lower case differ.
///
/// Of several matching routes the first difference from the left decides: a literal segment before a
/// `:parameter` before a trailing `/...`; a route that ends before one that goes on.
///
/// Two rules are firmer than in Spin 4.1, whose answer depends on the order of declaration:
/// - a first segment that starts with a dot (`/.well-known/x`) is a literal like any other, while in Spin it loses to a `/...`
///   that is declared after it; declare `/...` first and both hosts agree;
/// - a parameter with a dot behind it (`/:name.json`) comes before one without.
#[derive(Debug, Clone)]
pub struct Router {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    pattern: Pattern,
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
        Self::from_routes(public)
    }

    fn from_routes<'a>(
        routes: impl Iterator<Item = (usize, &'a str)>,
    ) -> Result<Self, PatternError> {
        let mut entries = routes
            .map(|(trigger, route)| {
                Ok(Entry { pattern: Pattern::parse(route)?, trigger, route: route.to_owned() })
            })
            .collect::<Result<Vec<_>, PatternError>>()?;
        // The sort is stable: between equals the earlier declaration is asked first.
        entries.sort_by(|a, b| a.pattern.precedence(&b.pattern));
        Ok(Self { entries })
    }

    /// The trigger that serves `path`, which is the path of the request's URI without its query.
    pub fn route<'r, 'p>(&'r self, path: &'p str) -> Option<RouteMatch<'r, 'p>> {
        self.entries.iter().find_map(|entry| {
            let captures = entry.pattern.matches(path)?;
            Some(RouteMatch {
                trigger: entry.trigger,
                raw_route: &entry.route,
                component_route: entry.route.strip_suffix("/...").unwrap_or(&entry.route),
                matched_route: absolute(&entry.route),
                path_info: captures
                    .wildcard
                    .map_or(Cow::Borrowed(""), |rest| path_info(rest, path)),
                parameters: captures.parameters,
            })
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

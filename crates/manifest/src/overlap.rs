//! Routes that lead to different targets and match a common path.
//!
//! Spin's router, which the host uses too, sorts the routes and asks one after the other. Between two routes without a dot of
//! their own the first difference from the left decides: text before a `:parameter` before `...`. A route with such a dot (at
//! its start, or behind a parameter) compares differently from the left than from the right. It moves the routes that are
//! declared after it, and with enough routes it turns their order around. So an overlap is harmless only where no such route
//! is declared before it.

use std::collections::{BTreeSet, VecDeque};

use routefinder::Segment;

use crate::dependency::Dependency;
use crate::pattern::Pattern;
use crate::trigger::{HttpTrigger, Route, Target};

/// A public route with what it leads to.
struct Entry<'a> {
    /// The index of the trigger.
    trigger: usize,
    route: &'a str,
    pattern: Pattern,
    target: &'a Target,
}

/// Two routes that must not stand in one manifest.
pub(crate) struct Conflict {
    /// The index of the later trigger.
    pub(crate) trigger: usize,
    /// One sentence: which routes, and what to do.
    pub(crate) problem: String,
}

/// Finds the first route that overlaps an earlier one of another target in a way that is not harmless.
pub(crate) fn find(triggers: &[HttpTrigger]) -> Option<Conflict> {
    let entries = triggers.iter().enumerate().filter_map(|(trigger, own)| {
        let Route::Public(route) = &own.route else { return None };
        // A route that is not one was refused when it was read.
        let pattern = Pattern::parse(route).ok()?;
        Some(Entry { trigger, route, pattern, target: &own.target })
    });
    let entries: Vec<Entry<'_>> = entries.collect();
    let last_without_dot = entries.iter().rposition(|entry| !entry.pattern.has_dot());
    let early_dot = entries
        .iter()
        .take(last_without_dot.unwrap_or_default())
        .find(|entry| entry.pattern.has_dot());
    entries.iter().enumerate().find_map(|(index, later)| {
        entries.iter().take(index).find_map(|earlier| conflict(earlier, later, early_dot))
    })
}

fn conflict(
    earlier: &Entry<'_>,
    later: &Entry<'_>,
    early_dot: Option<&Entry<'_>>,
) -> Option<Conflict> {
    if same_target(earlier.target, later.target) {
        return None;
    }
    let path = common_path(&earlier.pattern, &later.pattern)?;
    let remedy = remedy(earlier, later, early_dot)?;
    let problem = format!(
        "the route `{}` of {} and the route `{}` of {} both match `{path}`; {remedy}",
        later.route,
        name(later.target),
        earlier.route,
        name(earlier.target),
    );
    Some(Conflict { trigger: later.trigger, problem })
}

/// What to do about an overlap; nothing where it is certain which of the two routes is asked first.
fn remedy(earlier: &Entry<'_>, later: &Entry<'_>, early_dot: Option<&Entry<'_>>) -> Option<String> {
    let pair = [earlier, later];
    let has_fallback = pair.iter().any(|entry| entry.pattern.is_fallback());
    if !has_fallback {
        if let Some(wildcard) = pair.iter().find(|entry| entry.pattern.has_wildcard()) {
            let (target, route) = (name(wildcard.target), wildcard.route);
            return Some(format!(
                "write the routes of {target} out one by one instead of `{route}`"
            ));
        }
        let has_dots = pair.iter().any(|entry| entry.pattern.has_inner_dot())
            || pair.iter().all(|entry| entry.pattern.has_dot());
        if has_dots {
            return Some("Spin's router has no certain order for routes with dots; change one of them so that no path matches both".to_owned());
        }
    }
    early_dot.map(|dot| {
        format!(
            "Spin's router has no certain order for routes that are declared after `{}`; move the trigger of that route to the end of the manifest",
            dot.route
        )
    })
}

/// Whether it does not matter which of the two answers.
fn same_target(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (
            Target::Component { id, middleware },
            Target::Component { id: other_id, middleware: other_middleware },
        ) => {
            let same = |(a, b): (&Dependency, &Dependency)| {
                (&a.path, &a.export, &a.inherit) == (&b.path, &b.export, &b.inherit)
            };
            id == other_id
                && middleware.len() == other_middleware.len()
                && middleware.iter().zip(other_middleware).all(same)
        }
        (Target::StaticResponse(one), Target::StaticResponse(other)) => one == other,
        _ => false,
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Component { id, middleware } if middleware.is_empty() => {
            format!("component `{id}`")
        }
        Target::Component { id, .. } => format!("component `{id}` with middleware"),
        Target::StaticResponse(_) => "a static response".to_owned(),
    }
}

/// A path that both match, if there is one: the shortest, without empty parameters where that is possible.
fn common_path(one: &Pattern, other: &Pattern) -> Option<String> {
    [1, 0].into_iter().find_map(|parameter_chars_min| {
        let machines =
            (Machine::new(one, parameter_chars_min), Machine::new(other, parameter_chars_min));
        search(&machines, |path| {
            one.spec().matches(path).is_some() && other.spec().matches(path).is_some()
        })
    })
}

/// Walks both machines over the same characters, the shortest paths first, until both accept.
fn search(machines: &(Machine, Machine), is_match: impl Fn(&str) -> bool) -> Option<String> {
    // Any character that occurs in neither route is as good as `x`.
    let mut alphabet = vec!['x', '/', '.'];
    for c in machines.0.characters().chain(machines.1.characters()) {
        if !alphabet.contains(&c) {
            alphabet.push(c);
        }
    }
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([(0, 0, "/".to_owned())]);
    while let Some((at, other_at, path)) = queue.pop_front() {
        // A path is matched without the slashes at its ends.
        let is_trimmed = path.len() == 1 || !path.ends_with('/');
        if is_trimmed && machines.0.accepts(at) && machines.1.accepts(other_at) && is_match(&path) {
            return Some(path);
        }
        for c in alphabet.iter().copied().filter(|c| path.len() > 1 || *c != '/') {
            for next in machines.0.next(at, c) {
                for other_next in machines.1.next(other_at, c) {
                    if seen.insert((next, other_next, c == '/')) {
                        queue.push_back((next, other_next, format!("{path}{c}")));
                    }
                }
            }
        }
    }
    None
}

/// What one route takes, character by character.
struct Machine {
    steps: Vec<Step>,
}

#[derive(Clone, Copy)]
enum Step {
    Char(char),
    /// One character of a parameter.
    One {
        before_dot: bool,
    },
    /// Any number of characters of a parameter.
    Many {
        before_dot: bool,
    },
    /// The end of the path, or a slash in front of the rest.
    EndOrSlash,
    Rest,
}

impl Machine {
    fn new(pattern: &Pattern, parameter_chars_min: usize) -> Self {
        let mut steps = Vec::new();
        let mut segments = pattern.segments().iter().peekable();
        while let Some(segment) = segments.next() {
            match segment {
                Segment::Exact(text) => steps.extend(text.chars().map(Step::Char)),
                Segment::Dot => steps.push(Step::Char('.')),
                Segment::Slash if segments.peek() == Some(&&Segment::Wildcard) => {
                    steps.push(Step::EndOrSlash);
                }
                Segment::Slash => steps.push(Step::Char('/')),
                Segment::Wildcard => steps.push(Step::Rest),
                Segment::Param(_) => {
                    let before_dot = segments.peek() == Some(&&Segment::Dot);
                    steps.extend((0..parameter_chars_min).map(|_| Step::One { before_dot }));
                    steps.push(Step::Many { before_dot });
                }
            }
        }
        Self { steps }
    }

    fn characters(&self) -> impl Iterator<Item = char> + '_ {
        self.steps.iter().filter_map(|step| match step {
            Step::Char(c) => Some(*c),
            _ => None,
        })
    }

    /// Where the machine can be behind `c`.
    fn next(&self, at: usize, c: char) -> Vec<usize> {
        let is_value = |before_dot: bool| c != '/' && !(before_dot && c == '.');
        match self.steps.get(at) {
            Some(Step::Char(own)) if *own == c => vec![at + 1],
            Some(Step::One { before_dot }) if is_value(*before_dot) => vec![at + 1],
            Some(Step::Many { before_dot }) => {
                let mut next = self.next(at + 1, c);
                if is_value(*before_dot) {
                    next.push(at);
                }
                next
            }
            Some(Step::EndOrSlash) if c == '/' => vec![at + 1],
            Some(Step::Rest) => vec![at],
            _ => Vec::new(),
        }
    }

    fn accepts(&self, at: usize) -> bool {
        match self.steps.get(at) {
            None | Some(Step::EndOrSlash | Step::Rest) => true,
            Some(Step::Many { .. }) => self.accepts(at + 1),
            Some(Step::Char(_) | Step::One { .. }) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: [&str; 17] = [
        "/",
        "/...",
        "/a",
        "/a/...",
        "/a/b",
        "/a/:x",
        "/a/:x/...",
        "/:x",
        "/:x/...",
        "/:x/b",
        "/:x/:y",
        "/:x.:y",
        "/:x.b",
        "/a.:y",
        "/a.b",
        "/.a/b",
        "/a.:y/...",
    ];

    /// Every path of up to `length` characters that matter to a router, with a leading slash.
    fn paths(length: usize) -> Vec<String> {
        let mut paths = vec!["/".to_owned()];
        let mut last = paths.clone();
        for _ in 0..length {
            let longer = |path: &String| ['/', '.', 'a', 'b'].map(|c| format!("{path}{c}"));
            last = last.iter().flat_map(longer).collect();
            paths.extend(last.clone());
        }
        paths
    }

    #[test]
    fn a_common_path_is_found_exactly_where_there_is_one() {
        let paths = paths(7);
        let parse = |route| Pattern::parse(route).unwrap();
        for (one, other) in ROUTES.into_iter().flat_map(|one| ROUTES.map(|other| (one, other))) {
            let patterns = (parse(one), parse(other));
            let both = |path: &str| {
                patterns.0.spec().matches(path).is_some()
                    && patterns.1.spec().matches(path).is_some()
            };
            let found = common_path(&patterns.0, &patterns.1);
            assert_eq!(found.is_some(), paths.iter().any(|path| both(path)), "{one} {other}");
            assert!(found.is_none_or(|path| both(&path)), "{one} {other}");
        }
    }

    #[test]
    fn a_common_path_is_one_that_people_understand() {
        let path = |one, other| {
            common_path(&Pattern::parse(one).unwrap(), &Pattern::parse(other).unwrap())
        };
        assert_eq!(path("/c/...", "/c/:id/runs").unwrap(), "/c/x/runs");
        assert_eq!(path("/c/by-key/:key", "/c/:id/runs").unwrap(), "/c/by-key/runs");
        assert_eq!(path("/c/:id/messages", "/c/:id/runs"), None);
    }
}

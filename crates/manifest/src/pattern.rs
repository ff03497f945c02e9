//! One route: its checks, and its form for the router.

use routefinder::{RouteSpec, Segment};

/// A checked route such as `/files/:id/...`.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    spec: RouteSpec,
}

/// Why text is not a route, and what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("a route cannot contain `{0}`; write it percent-encoded, the way a path arrives")]
    Character(char),
    #[error("a route cannot have an empty segment; write single slashes")]
    EmptySegment,
    #[error(
        "`...` and `*` stand for the rest of the path; write them alone and last, as in `/files/...`"
    )]
    Wildcard,
    #[error("`:` needs a name of letters, digits, `-` and `_`; write `/:name`")]
    Parameter,
    #[error("a route cannot use a parameter name twice; give each its own name")]
    RepeatedParameter,
    #[error(
        "only the first segment of a route may start with a dot; Spin's router reads `/a/.b` as `/a.b`"
    )]
    LeadingDot,
    #[error("a route cannot have the segment `.` or `..`; write the path without it")]
    DotSegment,
    #[error("paths under /.well-known/spin/ belong to the host; choose another route")]
    Reserved,
    #[error("Spin's router does not accept this route; write it with simpler segments")]
    Unsupported,
}

impl Pattern {
    pub(crate) fn parse(route: &str) -> Result<Self, PatternError> {
        let forbidden =
            |c: &char| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '\\' | '"' | '<' | '>');
        if let Some(character) = route.chars().find(forbidden) {
            return Err(PatternError::Character(character));
        }
        let inner = route.strip_prefix('/').unwrap_or(route);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if format!("/{inner}/").starts_with("/.well-known/spin/") && inner != ".well-known/spin" {
            return Err(PatternError::Reserved);
        }
        if !inner.is_empty() {
            let last = inner.split('/').count() - 1;
            for (index, segment) in inner.split('/').enumerate() {
                check_segment(segment, index == 0, index == last)?;
            }
        }
        // The router knows the wildcard as `*` alone.
        let source = inner.strip_suffix("...").map(|prefix| format!("/{prefix}*"));
        let source = source.unwrap_or_else(|| format!("/{inner}"));
        let spec = RouteSpec::try_from(source).map_err(|_| PatternError::Unsupported)?;
        let pattern = Self { spec };
        pattern.check_parameters()?;
        Ok(pattern)
    }

    fn check_parameters(&self) -> Result<(), PatternError> {
        let names: Vec<&str> = self.segments().iter().filter_map(parameter_name).collect();
        let repeated = |(index, name)| names.iter().take(index).any(|earlier| earlier == name);
        if names.iter().enumerate().any(repeated) {
            return Err(PatternError::RepeatedParameter);
        }
        Ok(())
    }

    pub(crate) fn spec(&self) -> &RouteSpec {
        &self.spec
    }

    pub(crate) fn into_spec(self) -> RouteSpec {
        self.spec
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        self.spec.segments()
    }

    /// Whether the two match the same paths, so that one of them could never be reached.
    pub(crate) fn same_paths(&self, other: &Self) -> bool {
        let same = |(a, b): (&Segment, &Segment)| {
            a == b || matches!((a, b), (Segment::Param(_), Segment::Param(_)))
        };
        let (own, others) = (self.segments(), other.segments());
        own.len() == others.len() && own.iter().zip(others).all(same)
    }

    /// Whether this is `/...`, which matches every path.
    pub(crate) fn is_fallback(&self) -> bool {
        matches!(self.segments(), [Segment::Wildcard])
    }

    /// Whether this ends with `...`.
    pub(crate) fn has_wildcard(&self) -> bool {
        matches!(self.segments(), [.., Segment::Wildcard])
    }

    /// Whether the router has a dot of its own in this route: at its start or behind a parameter. A dot behind other text is
    /// part of that text.
    pub(crate) fn has_dot(&self) -> bool {
        self.segments().contains(&Segment::Dot)
    }

    /// Whether the router has a dot of its own behind a parameter.
    pub(crate) fn has_inner_dot(&self) -> bool {
        self.segments().iter().skip(1).any(|segment| *segment == Segment::Dot)
    }
}

fn parameter_name(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Param(name) => Some(name.as_str()),
        _ => None,
    }
}

fn check_segment(segment: &str, first: bool, last: bool) -> Result<(), PatternError> {
    match segment {
        "" => return Err(PatternError::EmptySegment),
        "..." | "*" if last => return Ok(()),
        "." | ".." => return Err(PatternError::DotSegment),
        _ if segment.contains("...") || segment.contains('*') => {
            return Err(PatternError::Wildcard);
        }
        _ if segment.starts_with('.') && !first => return Err(PatternError::LeadingDot),
        _ => {}
    }
    let has_parameter = segment.split('.').any(|word| word.starts_with(':'));
    for (index, word) in segment.split('.').enumerate() {
        if let Some(name) = word.strip_prefix(':') {
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(valid) {
                return Err(PatternError::Parameter);
            }
        } else if word.is_empty() && has_parameter && index > 0 {
            return Err(PatternError::Parameter);
        }
    }
    Ok(())
}

//! One route pattern: its pieces, how it matches a path and which of two patterns comes first.

use std::cmp::Ordering;

/// A parsed route such as `/files/:id/...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

/// A piece between the separators `/` and `.`; a literal ends behind its last dot.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Slash,
    Dot,
    Literal(String),
    Parameter(String),
    Wildcard,
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
}

/// What a pattern took from a path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Captures<'r, 'p> {
    pub(crate) parameters: Vec<(&'r str, &'p str)>,
    pub(crate) wildcard: Option<&'p str>,
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
        let mut pieces = Vec::new();
        if inner.is_empty() {
            return Ok(Self { pieces });
        }
        let segments: Vec<&str> = inner.split('/').collect();
        for (index, segment) in segments.iter().enumerate() {
            if index > 0 {
                pieces.push(Piece::Slash);
            }
            push_segment(&mut pieces, segment, index == 0, index + 1 == segments.len())?;
        }
        let pattern = Self { pieces };
        pattern.check_parameters()?;
        Ok(pattern)
    }

    fn check_parameters(&self) -> Result<(), PatternError> {
        let names: Vec<&str> = self.parameter_names().collect();
        let repeated = |(index, name)| names.iter().take(index).any(|earlier| earlier == name);
        if names.iter().enumerate().any(repeated) {
            return Err(PatternError::RepeatedParameter);
        }
        Ok(())
    }

    fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether the two match the same paths, so that one of them could never be reached.
    pub(crate) fn same_paths(&self, other: &Self) -> bool {
        let same = |(a, b): (&Piece, &Piece)| {
            a == b || matches!((a, b), (Piece::Parameter(_), Piece::Parameter(_)))
        };
        self.pieces.len() == other.pieces.len() && self.pieces.iter().zip(&other.pieces).all(same)
    }

    /// `Less` when this pattern is asked before `other`: the first difference from the left decides. This
    /// is a total order, which Spin's is not once parameters are followed by dots.
    pub(crate) fn precedence(&self, other: &Self) -> Ordering {
        // The end of a route comes before a wildcard, which also matches nothing, and before a slash.
        const END: u8 = 3;
        let ranks = |pattern: &Self| -> Vec<u8> {
            pattern.pieces.iter().map(Piece::rank).chain([END]).collect()
        };
        ranks(self).cmp(&ranks(other))
    }

    /// Matches `path` as it was sent: nothing is decoded, no `..` resolved, no inner slashes merged.
    pub(crate) fn matches<'r, 'p>(&'r self, path: &'p str) -> Option<Captures<'r, 'p>> {
        let mut rest = path.trim_matches('/');
        let mut captures = Captures::default();
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Piece::Dot => rest = rest.strip_prefix('.')?,
                Piece::Slash if rest.is_empty() && pieces.peek() == Some(&&Piece::Wildcard) => {}
                Piece::Slash => rest = rest.strip_prefix('/')?,
                Piece::Wildcard => captures.wildcard = Some(std::mem::take(&mut rest)),
                Piece::Parameter(name) => {
                    let before_dot = pieces.peek() == Some(&&Piece::Dot);
                    let (value, after) = split_parameter(rest, before_dot)?;
                    captures.parameters.push((name, value));
                    rest = after;
                }
            }
        }
        (rest.is_empty() || rest == "/").then_some(captures)
    }
}

impl Piece {
    /// Smaller is asked first; see [`Pattern::precedence`] for the missing number.
    fn rank(&self) -> u8 {
        match self {
            Self::Dot => 0,
            Self::Literal(_) => 1,
            Self::Parameter(_) => 2,
            Self::Wildcard => 4,
            Self::Slash => 5,
        }
    }
}

/// A parameter ends at a slash, or at the first dot when a dot follows it in the pattern.
fn split_parameter(rest: &str, before_dot: bool) -> Option<(&str, &str)> {
    if rest.is_empty() {
        return None;
    }
    if before_dot {
        let (value, after) = rest.split_at_checked(rest.find(['.', '/'])?)?;
        return after.starts_with('.').then_some((value, after));
    }
    rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))
}

fn push_segment(
    pieces: &mut Vec<Piece>,
    segment: &str,
    first: bool,
    last: bool,
) -> Result<(), PatternError> {
    match segment {
        "" => return Err(PatternError::EmptySegment),
        "..." | "*" if last => {
            pieces.push(Piece::Wildcard);
            return Ok(());
        }
        "." | ".." => return Err(PatternError::DotSegment),
        _ if segment.contains("...") || segment.contains('*') => {
            return Err(PatternError::Wildcard);
        }
        _ if segment.starts_with('.') && !first => return Err(PatternError::LeadingDot),
        _ => {}
    }
    let has_parameter = segment.split('.').any(|word| word.starts_with(':'));
    for (index, word) in segment.split('.').enumerate() {
        if index > 0 {
            match pieces.last_mut() {
                Some(Piece::Literal(literal)) => literal.push('.'),
                _ => pieces.push(Piece::Dot),
            }
        }
        if let Some(name) = word.strip_prefix(':') {
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(valid) {
                return Err(PatternError::Parameter);
            }
            pieces.push(Piece::Parameter(name.to_owned()));
        } else if !word.is_empty() {
            pieces.push(Piece::Literal(word.to_owned()));
        } else if has_parameter && index > 0 {
            return Err(PatternError::Parameter);
        }
    }
    Ok(())
}

//! How long a conversation that is temporary stays.

use problem::FieldError;

/// The shortest and the longest lifetime that can be asked for, in seconds.
pub const SECONDS_MIN: i64 = 60;
pub const SECONDS_MAX: i64 = 365 * 24 * 60 * 60;

/// That of a temporary conversation for which none is asked.
pub const SECONDS_DEFAULT: i64 = 24 * 60 * 60;

/// How long after its last message a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    pub ms: i64,
}

/// What becomes of a lifetime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LifetimeChange {
    #[default]
    Stay,
    /// The conversation is kept.
    Remove,
    Set(Lifetime),
}

impl LifetimeChange {
    /// What `temporary` and `expires_in`, a number of seconds, ask for together. A lifetime makes a conversation temporary.
    ///
    /// # Errors
    /// What they must not ask for.
    pub fn asked(temporary: Option<bool>, expires_in: Option<i64>) -> Result<Self, FieldError> {
        match (temporary, expires_in) {
            (None, None) => Ok(Self::Stay),
            (Some(false), None) => Ok(Self::Remove),
            (Some(true), None) => Ok(Self::Set(Lifetime { ms: SECONDS_DEFAULT * 1000 })),
            (Some(false), Some(_)) => {
                let detail = "What is not temporary does not expire.";
                Err(FieldError::new("/expires_in", detail))
            }
            (None | Some(true), Some(seconds)) => {
                if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) {
                    return Ok(Self::Set(Lifetime { ms: seconds * 1000 }));
                }
                let detail = format!("It must be from {SECONDS_MIN} to {SECONDS_MAX} seconds.");
                Err(FieldError::new("/expires_in", detail))
            }
        }
    }

    /// The lifetime that there will be, if this sets one.
    pub fn new_lifetime(self) -> Option<Lifetime> {
        match self {
            Self::Stay | Self::Remove => None,
            Self::Set(lifetime) => Some(lifetime),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_bounds_and_makes_temporary() {
        for (temporary, expires_in) in [
            (None, Some(59)),
            (None, Some(SECONDS_MAX + 1)),
            (Some(true), Some(0)),
            (Some(true), Some(i64::MIN)),
            (Some(true), Some(i64::MAX)),
            (Some(false), Some(60)),
        ] {
            let asked = LifetimeChange::asked(temporary, expires_in);
            assert_eq!(asked.unwrap_err().pointer, "/expires_in");
        }
        let set = |seconds: i64| LifetimeChange::Set(Lifetime { ms: seconds * 1000 });
        for (temporary, expires_in, expected) in [
            (None, None, LifetimeChange::Stay),
            (Some(false), None, LifetimeChange::Remove),
            (Some(true), None, set(SECONDS_DEFAULT)),
            (None, Some(60), set(60)),
            (Some(true), Some(SECONDS_MAX), set(SECONDS_MAX)),
        ] {
            assert_eq!(LifetimeChange::asked(temporary, expires_in).unwrap(), expected);
        }
    }
}

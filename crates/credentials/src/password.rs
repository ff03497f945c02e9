use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::common_passwords;

/// No operator can set the minimum lower than this (NIST SP 800-63B-4 section 3.1.1.2).
pub const PASSWORD_CHARS_FLOOR: usize = 8;

/// A longer password is refused before anything is computed from it.
pub const PASSWORD_CHARS_MAX: usize = 256;

/// Words that a password for this product may not consist of.
const PRODUCT_WORDS: [&str; 1] = ["selvage"];

/// Shorter words of the context occur in good passwords by chance.
const CONTEXT_WORD_CHARS_MIN: usize = 4;

/// A password in the clear. It is erased when dropped, prints as nothing, and cannot be serialized.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text byte for byte: nothing is trimmed, folded or normalized.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Whether it is longer than any password may be. Check it before hashing.
    pub fn is_too_long(&self) -> bool {
        self.0.chars().nth(PASSWORD_CHARS_MAX).is_some()
    }

    /// Whether it has fewer code points than this.
    pub fn is_shorter_than(&self, chars_min: usize) -> bool {
        self.0.chars().count() < chars_min
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Why a password may not be chosen. The texts are for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("The password must have at least {chars_min} characters.")]
    TooShort { chars_min: usize },
    #[error("The password may have at most {PASSWORD_CHARS_MAX} characters.")]
    TooLong,
    #[error("The password is one of those that attackers try first.")]
    TooCommon,
    #[error("The password consists mostly of your own name or address, or of the product's name.")]
    Personal,
}

/// What a new password must satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The minimum in code points.
    pub chars_min: usize,
}

impl PasswordPolicy {
    /// Checks a password that is being chosen. `context` holds what others know of the person: the parts of the address, the names.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, password: &Password, context: &[&str]) -> Result<(), PasswordError> {
        if password.is_too_long() {
            return Err(PasswordError::TooLong);
        }
        let chars_min = self.chars_min.max(PASSWORD_CHARS_FLOOR);
        if password.is_shorter_than(chars_min) {
            return Err(PasswordError::TooShort { chars_min });
        }
        let text = Zeroizing::new(password.0.to_lowercase());
        if is_common(&text) {
            return Err(PasswordError::TooCommon);
        }
        if is_personal(&text, context) {
            return Err(PasswordError::Personal);
        }
        Ok(())
    }
}

/// Listed, listed with a few digits or signs after it, or a short piece repeated: what guessing programs derive from their lists.
fn is_common(text: &str) -> bool {
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    let added = text.len() - stem.len();
    common_passwords::contains(text)
        || (added <= 4 && common_passwords::contains(stem))
        || is_repetition(text)
}

/// Whether the text is one piece over and over: up to four characters, or half of the text when that half is listed.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let repeats = |period: usize| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b);
    let (half, rest) = text.split_at(text.floor_char_boundary(text.len() / 2));
    (1..=4).any(repeats) || (half == rest && common_passwords::contains(half))
}

/// Whether fewer characters than the floor remain once the words of the context are taken out.
fn is_personal(text: &str, context: &[&str]) -> bool {
    let mut rest = Zeroizing::new(text.to_owned());
    let mut found = false;
    for word in context.iter().chain(&PRODUCT_WORDS) {
        let word = word.to_lowercase();
        if CONTEXT_WORD_CHARS_MIN <= word.chars().count() && rest.contains(&word) {
            *rest = rest.replace(&word, "");
            found = true;
        }
    }
    found && rest.chars().count() < PASSWORD_CHARS_FLOOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), PasswordError> {
        let policy = PasswordPolicy { chars_min: 12 };
        policy.check(&Password::new(text.to_owned()), &["ada.lovelace", "Ada Lovelace", "bob"])
    }

    #[test]
    fn lengths_count_in_code_points() {
        let short = Err(PasswordError::TooShort { chars_min: 12 });
        assert_eq!(check(""), short);
        assert_eq!(check("kX9#mQ2$vL7"), short);
        assert_eq!(check("kX9#mQ2$vL7!"), Ok(()));
        // Twelve emoji are 48 bytes; eleven with an accent of its own are twelve code points.
        assert_eq!(check("🦀🐙🦑🦐🦞🐡🐠🐟🐬🐳🐋"), short);
        assert_eq!(check("🦀🐙🦑🦐🦞🐡🐠🐟🐬🐳🐋🦈"), Ok(()));
        assert_eq!(check("kXe\u{301}mQ2$vL7"), short);
        assert_eq!(check("kX\0#mQ2$vL7!"), Ok(()));
        let long: String = "kX9#mQ2$vL7!e".chars().cycle().take(257).collect();
        assert_eq!(check(&long), Err(PasswordError::TooLong));
        assert_eq!(check(&long[..256]), Ok(()));
    }

    #[test]
    fn an_operator_cannot_go_below_the_floor() {
        let policy = PasswordPolicy { chars_min: 1 };
        let check = |text: &str| policy.check(&Password::new(text.to_owned()), &[]);
        assert_eq!(check("kX9#mQ2"), Err(PasswordError::TooShort { chars_min: 8 }));
        assert_eq!(check("kX9#mQ2$"), Ok(()));
    }

    #[test]
    fn every_listed_password_is_refused_whatever_its_case() {
        let policy = PasswordPolicy { chars_min: 8 };
        for line in include_str!("../data/common_passwords.txt").lines() {
            for text in [line.to_owned(), line.to_uppercase()] {
                let refused = policy.check(&Password::new(text.clone()), &[]);
                assert_eq!(refused, Err(PasswordError::TooCommon), "{text:?}");
            }
        }
    }

    #[test]
    fn what_a_guessing_program_makes_of_a_list_is_refused() {
        for text in [
            "Password1234",
            "password2026",
            "aaaaaaaaaaaaa",
            "abcabcabcabc",
            "12341234123412",
            "passwordpassword",
            "SUNSHINEsunshine",
        ] {
            assert_eq!(check(text), Err(PasswordError::TooCommon), "{text:?}");
        }
    }

    #[test]
    fn names_and_addresses_are_no_passwords_but_may_be_part_of_one() {
        for text in ["ada.lovelace1815", "Ada Lovelace!", "selvageSELVAGE", "Selvage-2026"] {
            assert_eq!(check(text), Err(PasswordError::Personal), "{text:?}");
        }
        assert_eq!(check("ada.lovelace wrote the first loop"), Ok(()));
        assert_eq!(check("bobbobbobx-kQ7"), Ok(()), "short words may occur by chance");
    }

    #[test]
    fn a_password_prints_as_nothing() {
        let password = Password::new("hunter2".to_owned());
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}

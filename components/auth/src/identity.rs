//! What people are called: addresses, user names, names. Each is checked and brought to one form here, before it is compared or stored.

use std::borrow::Cow;

use problem::FieldError;

/// RFC 5321 section 4.5.3.1.3, less the angle brackets.
pub const EMAIL_CHARS_MAX: usize = 254;
/// RFC 5321 section 4.5.3.1.1.
pub const EMAIL_LOCAL_CHARS_MAX: usize = 64;
pub const USERNAME_CHARS_MIN: usize = 2;
pub const USERNAME_CHARS_MAX: usize = 64;
pub const NAME_CHARS_MAX: usize = 100;

/// The address in its one form: ASCII in lower case, without space around it.
///
/// The local part is lower-cased too, against the letter of RFC 5321: no provider tells `Ada@` from `ada@`, and two people must not.
pub fn email(text: &str) -> Result<String, FieldError> {
    let refuse = |detail: &'static str| Err(FieldError::new("/email", detail));
    let text = text.trim();
    if EMAIL_CHARS_MAX < text.chars().count() {
        return refuse("The address may have at most 254 characters.");
    }
    if !text.is_ascii() {
        return refuse("The address must be ASCII; write an international domain in Punycode.");
    }
    let Some((local, domain)) = text.split_once('@') else {
        return refuse("This is no e-mail address.");
    };
    let is_local = (1..=EMAIL_LOCAL_CHARS_MAX).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
    if is_local && is_domain(domain) {
        Ok(text.to_ascii_lowercase())
    } else {
        refuse("This is no e-mail address.")
    }
}

/// Labels of letters, digits and hyphens, none of them at an end with a hyphen (the rule of HTML's e-mail field).
fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// The user name as it was typed. It is ASCII, so that no two look the same; upper and lower case count as one.
pub fn username(text: &str) -> Result<String, FieldError> {
    let refuse = |detail: Cow<'static, str>| Err(FieldError::new("/username", detail));
    if !(USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&text.chars().count()) {
        return refuse(
            format!(
                "The user name must have {USERNAME_CHARS_MIN} to {USERNAME_CHARS_MAX} characters."
            )
            .into(),
        );
    }
    let is_plain =
        text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if is_plain {
        Ok(text.to_owned())
    } else {
        refuse("The user name consists of letters a to z, digits, dots, hyphens and underscores, and begins with a letter or digit.".into())
    }
}

/// The name of a person, without space around it.
pub fn name(text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    let is_name =
        (1..=NAME_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(FieldError::new(
            "/name",
            format!(
                "The name must have 1 to {NAME_CHARS_MAX} characters, none of them control characters."
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(EMAIL_LOCAL_CHARS_MAX + 1));
        let domain = format!("{}.{}.{}.example", "d".repeat(63), "d".repeat(63), "d".repeat(63));
        let long = format!("{}@{domain}", "a".repeat(EMAIL_CHARS_MAX - domain.len()));
        assert_eq!(long.len(), EMAIL_CHARS_MAX + 1);
        let refused = [
            "",
            " ",
            "@",
            "a@",
            "@b",
            "a",
            "a b@example.com",
            "a@b@example.com",
            "a@-b.com",
            "a@b-.com",
            "a@b..com",
            "a@.com",
            "a@b.com.",
            "a@b_c.com",
            "a\n@b.com",
            "a@b.com\r\nBcc: x@y.z",
            "ä@b.com",
            "a@bücher.example",
            "a\0@b.com",
            "\"a b\"@b.com",
            "<a@b.com>",
            "a@[127.0.0.1]",
            &long_local,
            &long,
        ];
        for text in refused {
            assert!(email(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn one_address_has_one_form() {
        assert_eq!(
            email(" Ada.Lovelace+List@Example.COM ").unwrap(),
            "ada.lovelace+list@example.com"
        );
        assert_eq!(email("a@localhost").unwrap(), "a@localhost");
        let local = "a".repeat(EMAIL_LOCAL_CHARS_MAX);
        email(&format!("{local}@example.com")).unwrap();
    }

    #[test]
    fn user_names_are_plain() {
        for text in [
            "",
            "a",
            "-ada",
            ".ada",
            "_ada",
            "ada@home",
            "ada lovelace",
            "adá",
            "аda",
            "a\0b",
            &"a".repeat(65),
        ] {
            assert!(username(text).is_err(), "{text:?}");
        }
        for text in ["ad", "Ada.Lovelace-1815_x", "7of9", &"a".repeat(64)] {
            assert_eq!(username(text).unwrap(), text);
        }
    }

    #[test]
    fn names_are_free_within_their_length() {
        for text in ["", "  ", "a\nb", "a\0", &"é".repeat(101)] {
            assert!(name(text).is_err(), "{text:?}");
        }
        assert_eq!(name(" Ada Lovelace ").unwrap(), "Ada Lovelace");
        assert_eq!(name(&"é".repeat(100)).unwrap().chars().count(), 100);
    }
}

//! Names of files: data that is kept and given back, and never a path.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many characters a name may have.
pub const NAME_CHARS_MAX: usize = 255;

/// All but `attr-char` of RFC 8187 section 3.2.1.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What a file is called: one line of text that no system takes for a path, and that is read in the order in which it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// The text can be no name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {NAME_CHARS_MAX} characters, none of them a slash, a backslash, or one that is not seen, and is neither . nor .."
)]
pub struct InvalidName;

impl FileName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last dot, in small letters; `None` when there is nothing before or after it.
    pub fn extension(&self) -> Option<String> {
        let (stem, extension) = self.0.rsplit_once('.')?;
        let is_one = !stem.is_empty() && !extension.is_empty();
        is_one.then(|| extension.to_lowercase())
    }

    /// The value of `content-disposition` under which a browser saves it: RFC 6266 with the name in ASCII for old clients, and all of it
    /// as RFC 8187 has it.
    pub fn attachment(&self) -> String {
        let plain: String = self
            .0
            .chars()
            .map(|c| match c {
                // What some clients take for an escape or the end.
                '"' | '%' | '\'' | '*' | ';' => '_',
                ' '..='~' => c,
                _ => '_',
            })
            .collect();
        let encoded = utf8_percent_encode(&self.0, ENCODED);
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FileName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = (1..=NAME_CHARS_MAX).contains(&text.chars().count())
            && !text.chars().any(is_refused)
            && !text.trim().is_empty()
            && !matches!(text, "." | "..");
        if is_name { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for FileName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Separators of paths, what ends a line, and what lets `exe.txt` look like `txt.exe`.
fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '/' | '\\'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_path_or_hides_something_is_no_name() {
        let long = "a".repeat(NAME_CHARS_MAX + 1);
        for text in [
            "",
            " ",
            "\u{3000}",
            ".",
            "..",
            "/",
            "a/b",
            "../a",
            "..\\a",
            "C:\\a",
            "a\0",
            "a\0.png",
            "a\r\nx: y",
            "a\n",
            "\u{7f}",
            "\u{85}",
            "\u{202e}gpj.exe",
            "a\u{200f}",
            "\u{2066}a",
            "a\u{2028}b",
            "\u{feff}a",
            "\u{e0041}",
            &long,
        ] {
            assert_eq!(text.parse::<FileName>(), Err(InvalidName), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_kept_as_it_is_and_travels_in_one_header() {
        let check = |text: &str, expected: &str| {
            let name: FileName = text.parse().unwrap();
            assert_eq!(name.as_str(), text);
            assert_eq!(name.attachment(), format!("attachment; {expected}"));
        };
        check("plan.txt", r#"filename="plan.txt"; filename*=UTF-8''plan.txt"#);
        check(
            "a\"; x=\"b.txt",
            r#"filename="a__ x=_b.txt"; filename*=UTF-8''a%22%3B%20x%3D%22b.txt"#,
        );
        check("grün 100%.md", r#"filename="gr_n 100_.md"; filename*=UTF-8''gr%C3%BCn%20100%25.md"#);
        check("CON", r#"filename="CON"; filename*=UTF-8''CON"#);
        assert!("é".repeat(NAME_CHARS_MAX).parse::<FileName>().is_ok());
    }

    #[test]
    fn the_extension_is_what_follows_the_last_dot() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                text.parse::<FileName>().unwrap().extension().as_deref(),
                expected,
                "{text}"
            );
        };
        check("a", None);
        check(".profile", None);
        check("a.", None);
        check("a.PNG", Some("png"));
        check("a.html.txt", Some("txt"));
    }
}

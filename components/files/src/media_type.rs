//! Media types: what a client says that a file is, which of them a bucket takes, and which of them a name and bytes agree with.

use std::fmt;
use std::str::FromStr;

use crate::name::FileName;

/// How long a media type may be.
const BYTES_MAX: usize = 127;

/// What clients send that do not know.
const UNKNOWN: &str = "application/octet-stream";

/// Extensions that mean something to those who open files, each with its media types; the first is the usual one.
const EXTENSIONS: &[(&str, &[&str])] = &[
    ("7z", &["application/x-7z-compressed"]),
    ("aac", &["audio/aac"]),
    ("apk", &["application/vnd.android.package-archive"]),
    ("avif", &["image/avif"]),
    ("bmp", &["image/bmp", "image/x-bmp"]),
    ("c", &["text/x-c", "text/x-csrc"]),
    ("cpp", &["text/x-c++", "text/x-c++src"]),
    ("css", &["text/css"]),
    ("csv", &["text/csv"]),
    ("dll", &["application/x-msdownload"]),
    ("doc", &["application/msword"]),
    ("docx", &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"]),
    ("epub", &["application/epub+zip"]),
    ("exe", &["application/x-msdownload", "application/vnd.microsoft.portable-executable"]),
    ("flac", &["audio/flac", "audio/x-flac"]),
    ("gif", &["image/gif"]),
    ("gz", &["application/gzip", "application/x-gzip"]),
    ("heic", &["image/heic"]),
    ("heif", &["image/heif"]),
    ("htm", &["text/html"]),
    ("html", &["text/html"]),
    ("ico", &["image/vnd.microsoft.icon", "image/x-icon"]),
    ("ics", &["text/calendar"]),
    ("jar", &["application/java-archive"]),
    ("jpeg", &["image/jpeg", "image/jpg"]),
    ("jpg", &["image/jpeg", "image/jpg"]),
    ("js", &["text/javascript", "application/javascript"]),
    ("json", &["application/json", "text/json"]),
    ("jsonl", &["application/jsonl", "application/x-ndjson", "text/jsonl"]),
    ("jxl", &["image/jxl"]),
    ("m4a", &["audio/mp4", "audio/m4a", "audio/x-m4a"]),
    ("md", &["text/markdown", "text/x-markdown"]),
    ("mjs", &["text/javascript", "application/javascript"]),
    ("mov", &["video/quicktime"]),
    ("mp3", &["audio/mpeg", "audio/mp3"]),
    ("mp4", &["video/mp4"]),
    ("msi", &["application/x-msi"]),
    ("odt", &["application/vnd.oasis.opendocument.text"]),
    ("ogg", &["audio/ogg", "video/ogg", "application/ogg"]),
    ("parquet", &["application/vnd.apache.parquet"]),
    ("pdf", &["application/pdf"]),
    ("php", &["text/x-php", "application/x-httpd-php"]),
    ("png", &["image/png"]),
    ("ppt", &["application/vnd.ms-powerpoint"]),
    ("pptx", &["application/vnd.openxmlformats-officedocument.presentationml.presentation"]),
    ("psd", &["image/vnd.adobe.photoshop"]),
    ("py", &["text/x-python", "text/x-script.python"]),
    ("rar", &["application/vnd.rar", "application/x-rar-compressed"]),
    ("rb", &["text/x-ruby"]),
    ("rs", &["text/x-rust", "text/rust"]),
    ("rtf", &["application/rtf", "text/rtf"]),
    ("sh", &["application/x-sh", "text/x-shellscript", "text/x-sh"]),
    ("svg", &["image/svg+xml"]),
    ("swf", &["application/vnd.adobe.flash-movie"]),
    ("tar", &["application/x-tar"]),
    ("tif", &["image/tiff"]),
    ("tiff", &["image/tiff"]),
    ("toml", &["application/toml", "text/x-toml"]),
    ("ts", &["text/typescript", "application/typescript"]),
    ("tsv", &["text/tab-separated-values"]),
    ("txt", &["text/plain"]),
    ("wasm", &["application/wasm"]),
    ("wav", &["audio/wav", "audio/x-wav"]),
    ("webm", &["video/webm", "audio/webm"]),
    ("webp", &["image/webp"]),
    ("xhtml", &["application/xhtml+xml"]),
    ("xls", &["application/vnd.ms-excel"]),
    ("xlsx", &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"]),
    ("xml", &["application/xml", "text/xml"]),
    ("yaml", &["application/yaml", "text/yaml", "application/x-yaml"]),
    ("yml", &["application/yaml", "text/yaml", "application/x-yaml"]),
    ("zip", &["application/zip", "application/x-zip-compressed"]),
];

/// Text that browsers run or render when they are asked to: it goes under its own type or not at all.
const ACTIVE: &[&str] = &["htm", "html", "js", "mjs", "svg", "xhtml", "xml"];

/// What files begin with that could pass for text, and are none.
const TEXTUAL_BEGINNINGS: &[&[u8]] = &[b"%!PS", b"%PDF-", b"GIF87a", b"GIF89a", b"{\\rtf"];

/// A media type without parameters, in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(String);

/// The text is no media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no media type as text/plain")]
pub struct InvalidMediaType;

impl MediaType {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a client said, or what the name says where the client did not know, as far as the bucket takes it. A name that
    /// says nothing may be that of a text; the bytes will tell.
    pub fn settle(declared: Option<Self>, name: &FileName, allowed: &[String]) -> Option<Self> {
        let declared = declared.filter(|declared| declared.0 != UNKNOWN);
        let chosen = declared.or_else(|| {
            let candidates =
                name.extension().map(|extension| types_of(&extension)).unwrap_or_default();
            let plain = candidates.iter().all(|one| is_text(one)).then_some(&"text/plain");
            let mut candidates = candidates.iter().chain(plain);
            candidates.find(|one| is_allowed(one, allowed)).map(|one| Self((*one).to_owned()))
        })?;
        is_allowed(&chosen.0, allowed).then_some(chosen)
    }

    /// Whether a file of this type may have this name.
    pub fn agrees_with_name(&self, name: &FileName) -> bool {
        let Some(extension) = name.extension() else { return true };
        let types = types_of(&extension);
        let is_plain_text = self.0 == "text/plain"
            && !ACTIVE.contains(&extension.as_str())
            && types.iter().all(|one| is_text(one));
        types.is_empty() || types.contains(&self.0.as_str()) || is_plain_text
    }

    /// Whether it is text: bytes without any that only occur in other files.
    pub fn is_text(&self) -> bool {
        is_text(&self.0)
    }

    /// Whether a file of this type may begin like this. `head` is all of a short file.
    pub fn agrees_with_head(&self, head: &[u8]) -> bool {
        if self.is_text() {
            // Not by the beginnings of all known types: some are two letters, as of BMP.
            let is_other = TEXTUAL_BEGINNINGS.iter().any(|beginning| head.starts_with(beginning));
            let is_svg = || memchr::memmem::find(head, b"<svg").is_some();
            return !is_other && !has_binary(head) && (self.0 != "image/svg+xml" || is_svg());
        }
        match infer::get(head) {
            Some(found) => {
                is_same(found.mime_type(), &self.0)
                    || (found.mime_type() == "application/zip" && self.is_zip())
            }
            // What nobody knows the beginning of cannot contradict it.
            None => !infer::is_mime_supported(&self.0) && !self.is_in_a_known_family(),
        }
    }

    /// Whether files of this type are ZIP archives.
    pub fn is_zip(&self) -> bool {
        let kinds = [
            "application/zip",
            "application/x-zip-compressed",
            "application/epub+zip",
            "application/java-archive",
        ];
        kinds.contains(&self.0.as_str())
            || self.0.ends_with("+zip")
            || self.0.starts_with("application/vnd.openxmlformats-officedocument.")
            || self.0.starts_with("application/vnd.oasis.opendocument.")
            || self.0 == "application/vnd.android.package-archive"
    }

    /// Whether its files begin in ways that are known, and it is only called otherwise here.
    fn is_in_a_known_family(&self) -> bool {
        self.0.starts_with("image/")
            || EXTENSIONS.iter().any(|(_, types)| types.contains(&self.0.as_str()))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MediaType {
    type Err = InvalidMediaType;

    /// Takes `type/subtype` and leaves out what follows a semicolon.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        let (kind, subtype) = essence.split_once('/').ok_or(InvalidMediaType)?;
        let is_one = essence.len() <= BYTES_MAX && is_token(kind) && is_token(subtype);
        if is_one { Ok(Self(essence.to_ascii_lowercase())) } else { Err(InvalidMediaType) }
    }
}

/// Whether there are bytes that text in any encoding with ASCII in it does not have: the "binary data bytes" of
/// <https://mimesniff.spec.whatwg.org>.
pub fn has_binary(bytes: &[u8]) -> bool {
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    // Eight at a time: in most words of a text no byte is as small as these are.
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().any(|word| has_control(u64::from_ne_bytes(*word)) && word.iter().any(is_binary))
        || rest.iter().any(is_binary)
}

/// Whether one of the eight bytes is less than 0x20: only then a subtraction borrows into its highest bit, which was not set.
fn has_control(word: u64) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    word.wrapping_sub(EACH * 0x20) & !word & (EACH * 0x80) != 0
}

/// Whether a bucket's list has this type: by name, as `image/*`, or as `*/*`.
pub fn is_allowed(media_type: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|pattern| match pattern.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => media_type.split('/').next() == Some(kind),
        None => pattern == media_type,
    })
}

/// Whether a text can stand in a bucket's list.
pub fn is_pattern(text: &str) -> bool {
    let is_whole = || text.parse::<MediaType>().is_ok_and(|parsed| parsed.0 == text);
    match text.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => is_token(kind) && kind == kind.to_ascii_lowercase(),
        None => is_whole() && !text.contains('*'),
    }
}

fn types_of(extension: &str) -> &'static [&'static str] {
    EXTENSIONS.iter().find(|(known, _)| *known == extension).map_or(&[], |(_, types)| types)
}

/// Two names of one type.
fn is_same(one: &str, other: &str) -> bool {
    one == other
        || EXTENSIONS.iter().any(|(_, types)| types.contains(&one) && types.contains(&other))
}

fn is_text(media_type: &str) -> bool {
    const TEXTS: [&str; 13] = [
        "application/javascript",
        "application/json",
        "application/jsonl",
        "application/sql",
        "application/toml",
        "application/typescript",
        "application/x-httpd-php",
        "application/x-ndjson",
        "application/x-sh",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
        "application/x-www-form-urlencoded",
    ];
    (media_type.starts_with("text/") && media_type != "text/rtf")
        || TEXTS.contains(&media_type)
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FileName {
        text.parse().unwrap()
    }

    fn media_type(text: &str) -> MediaType {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_no_media_type_is_refused() {
        let long = format!("text/{}", "a".repeat(BYTES_MAX));
        for text in [
            "",
            "text",
            "/",
            "text/",
            "/plain",
            "text/pla in",
            "te\nxt/plain",
            "text/plain/x",
            "a/é",
            &long,
        ] {
            assert_eq!(text.parse::<MediaType>(), Err(InvalidMediaType), "{text:?}");
        }
        assert_eq!(media_type(" Text/PLAIN ; charset=utf-8").as_str(), "text/plain");
        for text in ["", "text", "Text/*", "*/plain", "te xt/*", "text/plain;x", "*"] {
            assert!(!is_pattern(text), "{text:?}");
        }
        for text in ["*/*", "text/*", "application/pdf"] {
            assert!(is_pattern(text), "{text:?}");
        }
    }

    #[test]
    fn a_name_may_not_promise_another_type() {
        let check = |declared: &str, text: &str, expected: bool| {
            let agrees = media_type(declared).agrees_with_name(&name(text));
            assert_eq!(agrees, expected, "{declared} {text}");
        };
        check("text/plain", "a.html", false);
        check("text/plain", "a.svg", false);
        check("text/plain", "a.js", false);
        check("text/plain", "a.exe", false);
        check("text/plain", "a.png", false);
        check("image/png", "a.jpg", false);
        check("image/png", "a.html", false);
        check("application/pdf", "a.pdf.exe", false);
        check("text/csv", "a.md", false);
        check("text/plain", "a.md", true);
        check("text/plain", "a.log", true);
        check("text/plain", "a", true);
        check("text/html", "a.html", true);
        check("image/jpeg", "a.JPG", true);
    }

    #[test]
    fn bytes_may_not_be_of_another_type() {
        const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        const GIF: &[u8] = b"GIF89a/*\0\0*/=1;alert(1)";
        const PDF: &[u8] = b"%PDF-1.7\n";
        const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0";
        const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0";
        let check = |declared: &str, head: &[u8], expected: bool| {
            assert_eq!(
                media_type(declared).agrees_with_head(head),
                expected,
                "{declared} {head:?}"
            );
        };
        check("image/png", PNG, true);
        check("image/png", GIF, false);
        check("image/png", b"<html><script>alert(1)</script>", false);
        check("image/png", b"", false);
        check("image/png", b"nothing known", false);
        check("image/x-unheard-of", b"nothing known", false);
        check("image/x-unheard-of", PNG, false);
        check("application/pdf", PDF, true);
        check("application/pdf", PNG, false);
        check("application/pdf", b" %PDF-1.7", false);
        check("text/plain", GIF, false);
        check("text/javascript", GIF, false);
        check("text/plain", PDF, false);
        check("text/plain", EXE, false);
        check("text/plain", ZIP, false);
        check("text/plain", b"", true);
        check("text/plain", b"words", true);
        check("text/plain", b"BMW and MZ are words", true);
        check("text/markdown", b"<p align=\"center\">", true);
        check("image/svg+xml", b"<?xml version=\"1.0\"?><svg>", true);
        check("image/svg+xml", b"<?xml version=\"1.0\"?><html>", false);
        check("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP, true);
        check("application/x-made-up", b"nothing known", true);
        check("application/x-made-up", EXE, false);
    }

    #[test]
    fn a_client_that_does_not_know_is_helped_by_the_name() {
        let texts = ["text/*".to_owned(), "application/pdf".to_owned(), "image/*".to_owned()];
        let check = |declared: Option<&str>, text: &str, expected: Option<&str>| {
            let settled = MediaType::settle(declared.map(media_type), &name(text), &texts);
            assert_eq!(settled.as_ref().map(MediaType::as_str), expected, "{declared:?} {text}");
        };
        check(None, "a.md", Some("text/markdown"));
        check(Some("application/octet-stream"), "a.jsonl", Some("text/jsonl"));
        check(Some("application/octet-stream"), "a.toml", Some("text/x-toml"));
        check(Some("application/octet-stream"), "a.pdf", Some("application/pdf"));
        check(Some("application/octet-stream"), "a.exe", None);
        check(None, "a", Some("text/plain"));
        check(None, "a.log", Some("text/plain"));
        check(Some("application/zip"), "a.zip", None);
        check(Some("text/csv"), "a.csv", Some("text/csv"));
        check(Some("audio/mpeg"), "a.txt", None);
    }
}

use axum::http::{HeaderMap, header};
use memchr::memmem::Finder;
use sha2::{Digest as _, Sha256};

/// How long a boundary may be (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// The digest of a body that passes, piece by piece.
#[derive(Debug, Default)]
pub struct Passing {
    sha256: Sha256,
    form: Option<Form>,
    is_whole: bool,
}

/// A body in parts. Whoever sends a form again makes a new boundary for it, so what stands between the boundaries is what counts: the digest is
/// that of the digests of all parts.
#[derive(Debug)]
struct Form {
    delimiter: Finder<'static>,
    part: Sha256,
    /// The end of what has passed, in which a delimiter may have begun.
    held: Vec<u8>,
}

impl Passing {
    /// Of a body that has these headers.
    pub fn new(headers: &HeaderMap) -> Self {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self { form: media_type.and_then(boundary).map(Form::new), ..Self::default() }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.form {
            Some(form) => form.update(bytes, &mut self.sha256),
            None => self.sha256.update(bytes),
        }
    }

    /// The body has ended in order.
    pub fn end(&mut self) {
        self.is_whole = true;
    }

    /// The digest, once there is all of the body.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let mut sha256 = self.sha256.clone();
        if let Some(form) = &self.form {
            sha256.update(form.part.clone().chain_update(&form.held).finalize());
        }
        self.is_whole.then(|| sha256.finalize().into())
    }
}

impl Form {
    fn new(boundary: &str) -> Self {
        let delimiter = Finder::new(&format!("--{boundary}")).into_owned();
        Self { delimiter, part: Sha256::new(), held: Vec::new() }
    }

    fn update(&mut self, bytes: &[u8], parts: &mut Sha256) {
        self.held.extend_from_slice(bytes);
        let length = self.delimiter.needle().len();
        while let Some(at) = self.delimiter.find(&self.held) {
            self.pass(at);
            self.held.drain(..length);
            parts.update(std::mem::take(&mut self.part).finalize());
        }
        self.pass((self.held.len() + 1).saturating_sub(length));
    }

    /// So many bytes are of this part.
    fn pass(&mut self, count: usize) {
        self.part.update(self.held.get(..count).unwrap_or_default());
        self.held.drain(..count);
    }
}

/// The boundary of a form, if it is one that is written plainly.
fn boundary(media_type: &str) -> Option<&str> {
    let mut parameters = media_type.split(';').map(str::trim);
    parameters.next().filter(|it| it.eq_ignore_ascii_case("multipart/form-data"))?;
    let value = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    (1..=BOUNDARY_BYTES_MAX).contains(&value.len()).then_some(value)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn digest(media_type: &str, body: &[u8], piece: usize) -> [u8; 32] {
        let value = HeaderValue::from_str(media_type).unwrap();
        let mut passing = Passing::new(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]));
        body.chunks(piece).for_each(|bytes| passing.update(bytes));
        assert_eq!(passing.digest(), None, "not before its end");
        passing.end();
        passing.digest().unwrap()
    }

    fn form(boundary: &str, contents: &[&str]) -> Vec<u8> {
        let parts: Vec<_> =
            contents.iter().map(|it| format!("--{boundary}\r\n\r\n{it}\r\n")).collect();
        format!("{}--{boundary}--\r\n", parts.concat()).into_bytes()
    }

    #[test]
    fn a_form_is_the_same_with_another_boundary_however_it_is_cut() {
        let contents = ["one", "-", "--", "two\r\n--x", ""];
        let expected = digest("multipart/form-data; boundary=a", &form("a", &contents), 1000);
        for boundary in ["b", "----WebKitFormBoundaryq", &"c".repeat(70)] {
            for piece in [1, 2, 3, 7, 1000] {
                for media_type in [
                    format!("multipart/form-data; boundary={boundary}"),
                    format!("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"{boundary}\""),
                ] {
                    let found = digest(&media_type, &form(boundary, &contents), piece);
                    assert_eq!(found, expected, "{media_type} {piece}");
                }
            }
        }
    }

    #[test]
    fn other_contents_are_another_body() {
        let of =
            |contents: &[&str]| digest("multipart/form-data; boundary=b", &form("b", contents), 9);
        let all = [
            of(&["ab", "c"]),
            of(&["a", "bc"]),
            of(&["abc"]),
            of(&["abc", ""]),
            of(&["abd"]),
            of(&[]),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[..n].contains(one), "{n}");
        }
    }

    #[test]
    fn what_is_no_form_is_taken_as_it_is() {
        let body = form("b", &["a"]);
        let whole: [u8; 32] = Sha256::digest(&body).into();
        for media_type in [
            "text/plain; boundary=b",
            "multipart/mixed; boundary=b",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ] {
            assert_eq!(digest(media_type, &body, 5), whole, "{media_type}");
        }
    }
}

//! What bytes say about themselves while they pass: whether they are of the type that was declared.

use crate::media_type::{MediaType, has_binary};

/// The length of the record at the end of a ZIP archive, without its comment.
const ZIP_END_BYTES: usize = 22;
const ZIP_END: &[u8] = b"PK\x05\x06";

/// How much of the end is kept: where such a record may stand with a short comment.
const TAIL_BYTES: usize = 1024;

/// The bytes are not of the declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are of another type than the declared one")]
pub struct WrongType;

/// Looks at a file from its first chunk to its last.
pub struct Inspector {
    media_type: MediaType,
    size: u64,
    tail: Vec<u8>,
}

impl Inspector {
    pub fn new(media_type: MediaType) -> Self {
        Self { media_type, size: 0, tail: Vec::new() }
    }

    /// Takes the next chunk. The first is long enough to recognize every type by.
    ///
    /// # Errors
    /// [`WrongType`].
    pub fn look_at(&mut self, chunk: &[u8]) -> Result<(), WrongType> {
        if self.size == 0 && !self.media_type.agrees_with_head(chunk) {
            return Err(WrongType);
        }
        if self.media_type.is_text() && has_binary(chunk) {
            return Err(WrongType);
        }
        self.size += chunk.len() as u64;
        let kept = chunk.get(chunk.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        self.tail.extend_from_slice(kept);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
        Ok(())
    }

    /// What there is to say at the end.
    ///
    /// # Errors
    /// [`WrongType`] when it is of another type in the end, or nothing at all where the type has a beginning.
    pub fn finish(&self) -> Result<(), WrongType> {
        let is_empty_and_must_not = self.size == 0 && !self.media_type.agrees_with_head(&[]);
        if is_empty_and_must_not || (!self.media_type.is_zip() && ends_as_zip(&self.tail)) {
            return Err(WrongType);
        }
        Ok(())
    }
}

/// Whether programs that look for a ZIP archive from its end find one, whatever comes before: a file that is two things at once.
fn ends_as_zip(tail: &[u8]) -> bool {
    memchr::memmem::find_iter(tail, ZIP_END).any(|at| {
        let rest = tail.get(at..).unwrap_or_default();
        let comment = rest.get(ZIP_END_BYTES - 2..ZIP_END_BYTES);
        let comment = comment.and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
        comment.is_some_and(|length| rest.len() == ZIP_END_BYTES + usize::from(length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect(media_type: &str, chunks: &[&[u8]]) -> Result<(), WrongType> {
        let mut inspector = Inspector::new(media_type.parse().unwrap());
        for chunk in chunks {
            inspector.look_at(chunk)?;
        }
        inspector.finish()
    }

    fn zip_end(comment: &[u8]) -> Vec<u8> {
        let length = u16::try_from(comment.len()).unwrap().to_le_bytes();
        [ZIP_END, &[0; ZIP_END_BYTES - 6], &length, comment].concat()
    }

    #[test]
    fn a_file_that_is_an_archive_from_its_end_is_refused() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for comment in [&b""[..], b"a", &[b'c'; 500]] {
            let end = zip_end(comment);
            assert!(inspect("image/png", &[png, &end]).is_err());
            // Wherever the chunks are cut.
            for cut in [1, 3, 10, end.len() - 1] {
                assert!(inspect("image/png", &[png, &end[..cut], &end[cut..]]).is_err(), "{cut}");
            }
        }
        assert!(inspect("image/png", &[png, &zip_end(b"ab")[..=ZIP_END_BYTES]]).is_ok());
        assert!(inspect("application/zip", &[b"PK\x03\x04", &zip_end(b"")]).is_ok());
    }

    #[test]
    fn text_has_no_binary_bytes_anywhere() {
        let is_text = |byte: u8| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | 0x1b | 0x20..);
        for (byte, at) in (0..=255).flat_map(|byte| (0..20).map(move |at| (byte, at))) {
            for around in [b'a', 0xff, b'\n', 0x20] {
                let mut chunk = [around; 20];
                chunk[at] = byte;
                let found = inspect("text/plain", &[b"words", &chunk]);
                assert_eq!(found.is_ok(), is_text(byte), "{byte} at {at} in {around}");
            }
        }
        let text = "grün\t\r\n\u{c}\u{1b}[0m".as_bytes();
        assert!(inspect("text/plain", &[text, b"and more"]).is_ok());
    }

    #[test]
    fn nothing_at_all_is_text_and_no_image() {
        assert!(inspect("text/plain", &[]).is_ok());
        assert!(inspect("image/png", &[]).is_err());
    }
}

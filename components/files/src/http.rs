//! One function per route: what it takes and what it answers.

mod buckets;
mod content;
mod files;
mod incoming;
mod openai_files;
mod openai_uploads;
mod uploads;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use problem::{FieldError, Problem};

use crate::error::FileError;
use crate::service::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

pub use buckets::{create_bucket, list_buckets, update_bucket};
pub use content::{get_file_content, get_public_file, get_signed_file, openai_get_file_content};
pub use files::{create_file, create_signed_url, delete_file, get_file, list_files, update_file};
pub use openai_files::{
    openai_create_file, openai_delete_file, openai_get_file, openai_list_files,
};
pub use openai_uploads::{
    openai_add_part, openai_cancel_upload, openai_complete_upload, openai_create_upload,
};
pub use uploads::{complete_upload, create_upload, delete_upload, get_upload, put_part};

fn checked_limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(PAGE_ITEMS_DEFAULT),
        Some(limit) if (1..=PAGE_ITEMS_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(invalid("/limit", format!("It must be from 1 to {PAGE_ITEMS_MAX}."))),
    }
}

/// One value breaks one rule.
fn invalid(pointer: &str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::validation(vec![FieldError::new(pointer, detail)])
}

/// The digest that `content-digest` (RFC 9530) promises for the body; `None` without the header.
fn content_digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, FileError> {
    const MALFORMED: FileError =
        FileError::Unreadable("Content-Digest has no sha-256=:…: as RFC 9530 has it.");
    let Some(value) = headers.get("content-digest") else { return Ok(None) };
    let members = value.to_str().map_err(|_| MALFORMED)?.split(',').map(str::trim);
    let mut encoded =
        members.filter_map(|member| member.strip_prefix("sha-256=:")?.strip_suffix(':'));
    let decoded = encoded.find_map(|text| STANDARD.decode(text).ok()?.try_into().ok());
    decoded.map(Some).ok_or(MALFORMED)
}

/// How many bytes the request says that it has.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A digest in hexadecimal digits, as the API writes it.
fn sha256(text: &str, pointer: &str) -> Result<[u8; 32], Problem> {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2).filter(|_| is_hex)?, 16).ok())
        .collect();
    let digest = bytes.and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| invalid(pointer, "It has 64 hexadecimal digits."))
}

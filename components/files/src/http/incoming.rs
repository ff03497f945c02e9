//! Requests that bring bytes: as they are, or in a form.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use idempotency::Deferred;
use ids::AccountId;
use problem::JsonObject;

use super::{content_digest, content_length};
use crate::error::FileError;
use crate::media_type::MediaType;
use crate::multipart::{Multipart, PartHead};
use crate::name::FileName;
use crate::service::{File, Files, NewFile, Purpose, Sequel};

/// How long a field of a form may be that is no file: metadata may have 64 KiB.
const FIELD_BYTES_MAX: usize = 64 * 1024;

pub const BUCKET_DEFAULT: &str = "user-files";

/// What is said of a file outside of the body.
#[derive(Debug, Default)]
pub struct Said {
    pub name: Option<String>,
    pub bucket: Option<String>,
    pub metadata: Option<String>,
    pub purpose: Option<String>,
}

/// Which fields a form may have beside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `bucket`, before the file, and `metadata`.
    Ours,
    /// `purpose`, as clients of the OpenAI interface send it.
    OpenAi,
}

/// Bytes as they arrive.
enum Source {
    Raw(BodyDataStream),
    Field(Multipart),
}

/// Receives a file whose bytes are the body.
pub async fn receive_raw(
    files: &Files,
    account: AccountId,
    headers: &HeaderMap,
    body: Body,
    said: Said,
    deferred: &Deferred,
) -> Result<File, FileError> {
    let name = said.name.as_deref().ok_or(FileError::Unreadable(
        "Say what the file is called: ?name=…, or send a form with the field file.",
    ))?;
    let declared =
        headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let new = new_file(name, declared, said.bucket.as_deref(), content_length(headers))?;
    let sequel = Sequel { sha256: content_digest(headers)?, ..sequel(&said, Form::Ours)? };
    let mut receiving = files.receive(account, &new).await?;
    let mut source = Source::Raw(body.into_data_stream());
    let outcome = async {
        while let Some(bytes) = source.next().await? {
            receiving.push(&bytes).await?;
        }
        receiving.finish(sequel, deferred).await
    };
    match outcome.await {
        Ok(file) => Ok(file),
        Err(error) => {
            receiving.give_up().await;
            Err(error)
        }
    }
}

/// Receives the file of a form.
pub async fn receive_form(
    files: &Files,
    account: AccountId,
    mut multipart: Multipart,
    mut said: Said,
    form: Form,
    deferred: &Deferred,
) -> Result<File, FileError> {
    let head = loop {
        let head = multipart.next_part().await?;
        let head = head.ok_or(FileError::Unreadable("The form has no field file."))?;
        if head.name == "file" {
            break head;
        }
        read_field(&mut multipart, &head, &mut said, form).await?;
    };
    let name = head.file_name.as_deref().or(said.name.as_deref()).unwrap_or_default();
    let new = new_file(name, head.media_type.as_deref(), said.bucket.as_deref(), None)?;
    let mut receiving = files.receive(account, &new).await?;
    let mut source = Source::Field(multipart);
    let outcome = async {
        while let Some(bytes) = source.next().await? {
            receiving.push(&bytes).await?;
        }
        let Source::Field(mut multipart) = source else {
            return Err(FileError::Unreadable("The form has no field file."));
        };
        let bucket = said.bucket.take();
        while let Some(head) = multipart.next_part().await? {
            read_field(&mut multipart, &head, &mut said, form).await?;
        }
        if said.bucket.is_some() {
            return Err(FileError::Unreadable("Send the field bucket before the field file."));
        }
        said.bucket = bucket;
        multipart.finish().await?;
        receiving.finish(sequel(&said, form)?, deferred).await
    };
    match outcome.await {
        Ok(file) => Ok(file),
        Err(error) => {
            receiving.give_up().await;
            Err(error)
        }
    }
}

impl Source {
    async fn next(&mut self) -> Result<Option<Bytes>, FileError> {
        match self {
            Self::Raw(body) => next_bytes(body).await,
            Self::Field(multipart) => Ok(multipart.next_bytes().await?),
        }
    }
}

/// The next bytes of a body.
pub async fn next_bytes(body: &mut BodyDataStream) -> Result<Option<Bytes>, FileError> {
    let next = body.next().await.transpose();
    next.map_err(|_| FileError::Unreadable("The body broke off."))
}

/// Refuses bytes in another form than that in which they are to be kept.
pub fn refuse_encoding(headers: &HeaderMap) -> Result<(), FileError> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(FileError::Unreadable("Send the body without content-encoding."));
    }
    Ok(())
}

fn new_file(
    name: &str,
    declared: Option<&str>,
    bucket: Option<&str>,
    announced: Option<u64>,
) -> Result<NewFile, FileError> {
    let name: FileName = name.parse().map_err(|error: crate::name::InvalidName| {
        FileError::Invalid(vec![problem::FieldError::new("/name", sentence(&error.to_string()))])
    })?;
    let declared = declared.map(str::parse::<MediaType>).transpose();
    let declared = declared.map_err(|_| FileError::TypeRefused)?;
    let bucket = bucket.unwrap_or(BUCKET_DEFAULT).to_owned();
    Ok(NewFile { bucket, name, declared, announced })
}

/// Our own words as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_ascii_uppercase(), chars.as_str())
    })
}

async fn read_field(
    multipart: &mut Multipart,
    head: &PartHead,
    said: &mut Said,
    form: Form,
) -> Result<(), FileError> {
    let field = match (head.name.as_str(), form) {
        ("bucket", Form::Ours) => &mut said.bucket,
        ("metadata", Form::Ours) => &mut said.metadata,
        ("purpose", Form::OpenAi) => &mut said.purpose,
        _ => {
            return Err(FileError::Unreadable(
                "The form has a field that this route does not take, or twice.",
            ));
        }
    };
    if field.replace(multipart.text(FIELD_BYTES_MAX).await?).is_some() {
        return Err(FileError::Unreadable("The form has a field twice."));
    }
    Ok(())
}

fn sequel(said: &Said, form: Form) -> Result<Sequel, FileError> {
    let metadata = said.metadata.as_deref().map(serde_json::from_str::<JsonObject>).transpose();
    let metadata =
        metadata.map_err(|_| FileError::Unreadable("The metadata is no JSON object."))?;
    let purpose = match (&said.purpose, form) {
        (Some(text), _) => {
            let error = || problem::FieldError::new("/purpose", "There is no such purpose.");
            Some(Purpose::of(text).ok_or_else(|| FileError::Invalid(vec![error()]))?)
        }
        (None, Form::OpenAi) => {
            return Err(FileError::Unreadable("The form has no field purpose."));
        }
        (None, Form::Ours) => None,
    };
    Ok(Sequel { metadata, purpose, sha256: None })
}

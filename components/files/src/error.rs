use ambient::EntropyError;
use chunks::ChunkError;
use database::DatabaseError;
use ids::ParseIdError;
use problem::{FieldError, Problem, kinds};

use crate::inspector::WrongType;
use crate::multipart::MultipartError;

/// Everything that can go wrong in this component.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("there is no such thing in the account")]
    NotFound,
    #[error("values of the request break rules")]
    Invalid(Vec<FieldError>),
    #[error("the request cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("the body is no form")]
    Multipart(#[from] MultipartError),
    #[error("the file has more than {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("the bucket does not take such a file")]
    TypeRefused,
    #[error(transparent)]
    WrongType(#[from] WrongType),
    #[error("the account has no room")]
    QuotaExceeded,
    #[error("the bytes are not those that were announced")]
    ChecksumMismatch,
    #[error("conversations have the file")]
    Attached,
    #[error("parts are missing")]
    Incomplete,
    #[error("a bucket has this name")]
    BucketTaken,
    #[error("there are too many already")]
    LimitReached,
    /// What the file is made of is not what was stored.
    #[error("the file does not have the bytes that it should have")]
    Damaged,
    /// The answer of the same request comes instead.
    #[error("the request was overtaken")]
    Overtaken(Problem),
    #[error("no randomness")]
    Entropy(#[from] EntropyError),
    #[error("a stored value is damaged")]
    Stored(#[from] StoredError),
    #[error("JSON could not be written or a stored document is damaged")]
    Json(#[from] serde_json::Error),
    #[error("the chunk store failed")]
    Chunks(#[from] ChunkError),
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

/// A row that the code cannot have written.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("an id is none")]
    Id(#[from] ParseIdError),
    #[error("a name is none")]
    Name(#[from] crate::name::InvalidName),
    #[error("a media type is none")]
    MediaType(#[from] crate::media_type::InvalidMediaType),
    #[error("digests have the wrong length")]
    Digests,
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        match error {
            FileError::NotFound => Self::not_found(),
            FileError::Invalid(errors) => Self::validation(errors),
            FileError::Unreadable(detail) => Self::new(&kinds::INVALID_REQUEST, detail),
            FileError::Multipart(error) => {
                Self::new(&kinds::INVALID_REQUEST, format!("The form cannot be read: {error}."))
            }
            FileError::TooLarge { bytes_max } => Self::new(
                &kinds::CONTENT_TOO_LARGE,
                format!("The file may have at most {bytes_max} bytes here."),
            ),
            FileError::TypeRefused => Self::new(
                &kinds::FILE_TYPE_REFUSED,
                "The bucket does not take files of this type, or the name is that of another type.",
            ),
            FileError::WrongType(WrongType) => {
                Self::new(&kinds::FILE_TYPE_REFUSED, "The bytes are not of the declared type.")
            }
            FileError::QuotaExceeded => {
                Self::new(&kinds::STORAGE_QUOTA_EXCEEDED, "Delete files that are no longer needed.")
            }
            FileError::ChecksumMismatch => Self::new(
                &kinds::CHECKSUM_MISMATCH,
                "The SHA-256 of what arrived is not the announced one.",
            ),
            FileError::Attached => Self::new(
                &kinds::FILE_ATTACHED,
                "Conversations have this file. Delete it with ?force=true all the same.",
            ),
            FileError::Incomplete => {
                Self::new(&kinds::UPLOAD_INCOMPLETE, "Send the parts that are missing first.")
            }
            FileError::BucketTaken => {
                Self::new(&kinds::BUCKET_TAKEN, "Another bucket has this name.")
            }
            FileError::LimitReached => {
                Self::new(&kinds::LIMIT_REACHED, "There are as many as there may be.")
            }
            FileError::Overtaken(problem) => problem,
            FileError::Database(error) => error.into(),
            FileError::Chunks(ChunkError::Unavailable(_)) => Self::unavailable(&error),
            FileError::Chunks(ChunkError::Damaged { .. })
            | FileError::Damaged
            | FileError::Entropy(_)
            | FileError::Stored(_)
            | FileError::Json(_) => Self::internal(&error),
        }
    }
}

macro_rules! stored {
    ($($source:ty),+) => {$(
        impl From<$source> for FileError {
            fn from(error: $source) -> Self {
                Self::Stored(error.into())
            }
        }
    )+};
}

stored!(ParseIdError, crate::name::InvalidName, crate::media_type::InvalidMediaType);

use ambient::UnixMillis;
use axum::body::Bytes;
use idempotency::Deferred;
use ids::{AccountId, FileId, Id, PartId};
use problem::{FieldError, JsonObject};
use serde::{Deserialize, Serialize};

use super::{Page, refuse};
use crate::content::Content;
use crate::error::FileError;
use crate::inspector::Inspector;
use crate::media_type::MediaType;
use crate::name::FileName;
use crate::service::{Bucket, Files, Part};
use crate::signed_url::Permission;
use crate::store;
use crate::writer::{GIVEN_UP_AFTER, PartName, Room, Writer};

/// For how long a link may be good.
pub const LINK_SECONDS_MAX: u64 = 3600;

/// A file as the API gives it.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    pub id: FileId,
    pub bucket: String,
    pub name: FileName,
    pub mime_type: String,
    pub size_bytes: u64,
    /// In hexadecimal digits.
    pub sha256: String,
    pub metadata: JsonObject,
    pub created_at: UnixMillis,
    /// What clients of the OpenAI interface call its purpose; ours do not know it.
    #[serde(skip)]
    pub purpose: Purpose,
}

/// What a client of the OpenAI interface says that a file is for. It changes nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    Assistants,
    Batch,
    FineTune,
    Vision,
    #[default]
    #[serde(rename = "user_data")]
    UserData,
    Evals,
}

/// A file that is to be received.
pub struct NewFile {
    pub bucket: String,
    pub name: FileName,
    pub declared: Option<MediaType>,
    /// How many bytes will come, if the request says so.
    pub announced: Option<u64>,
}

/// What may be said of a file after its bytes.
#[derive(Default)]
pub struct Sequel {
    pub metadata: Option<JsonObject>,
    pub purpose: Option<Purpose>,
    /// The digest that the whole must have.
    pub sha256: Option<[u8; 32]>,
}

/// What of a file changes; `None` stays.
pub struct FileChange {
    pub name: Option<FileName>,
    pub metadata: Option<JsonObject>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    Asc,
    #[default]
    Desc,
}

/// Which files to list.
#[derive(Debug)]
pub struct FileFilter {
    pub bucket: Option<String>,
    pub purpose: Option<Purpose>,
    pub order: Order,
    pub after: Option<FileId>,
    pub limit: u32,
}

/// A file that is being received. It is seen by nobody until [`Receiving::finish`], and leaves nothing after [`Receiving::give_up`].
pub struct Receiving<'a> {
    files: &'a Files,
    part: PartName,
    media_type: MediaType,
    inspector: Inspector,
    writer: Writer<'a>,
}

impl Purpose {
    /// Its name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assistants => "assistants",
            Self::Batch => "batch",
            Self::FineTune => "fine-tune",
            Self::Vision => "vision",
            Self::UserData => "user_data",
            Self::Evals => "evals",
        }
    }

    /// The purpose of this name.
    pub fn of(text: &str) -> Option<Self> {
        let all = [
            Self::Assistants,
            Self::Batch,
            Self::FineTune,
            Self::Vision,
            Self::UserData,
            Self::Evals,
        ];
        all.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

impl Files {
    /// Begins to receive a file: reserves room for what was announced.
    pub async fn receive(
        &self,
        account: AccountId,
        new: &NewFile,
    ) -> Result<Receiving<'_>, FileError> {
        let bucket = self.bucket(&new.bucket).await?;
        let media_type = bucket.admit(new.declared.clone(), &new.name)?;
        let bytes_max = bucket.file_bytes_max;
        let announced = new.announced.unwrap_or(0);
        if bytes_max < announced {
            return Err(FileError::TooLarge { bytes_max });
        }
        let now = self.clock.now();
        self.tidy(account, now).await?;
        let (file, part): (FileId, PartId) =
            (Id::generate(now, &self.entropy)?, Id::generate(now, &self.entropy)?);
        let part = PartName { account, file, part };
        let until = now.plus(GIVEN_UP_AFTER);
        let reservation = store::Reservation {
            account,
            file,
            bucket: &new.bucket,
            name: &new.name,
            media_type: &media_type,
            size: announced,
            metadata: None,
            purpose: Purpose::default(),
            until,
        };
        if !store::reserve_file(&self.database, &reservation, &self.settings, part, now).await? {
            return Err(FileError::QuotaExceeded);
        }
        let writer = Writer::new(self, part, Room::Account, announced, bytes_max, now);
        let inspector = Inspector::new(media_type.clone());
        Ok(Receiving { files: self, part, media_type, inspector, writer })
    }

    /// A page of the account's files.
    pub async fn list(
        &self,
        account: AccountId,
        filter: &FileFilter,
    ) -> Result<Page<Vec<File>>, FileError> {
        let wanted = filter.limit as usize;
        let mut data = store::list_files(&self.database, account, filter).await?;
        let has_more = wanted < data.len();
        data.truncate(wanted);
        let next_cursor = data.last().filter(|_| has_more).map(|last| last.id.to_string());
        Ok(Page { data, next_cursor })
    }

    pub async fn get(&self, account: AccountId, id: FileId) -> Result<File, FileError> {
        store::get_file(&self.database, account, id).await?.ok_or(FileError::NotFound)
    }

    /// A file that everybody may read, with where its bytes are.
    pub async fn public_content(
        &self,
        account: AccountId,
        id: FileId,
    ) -> Result<(File, Content), FileError> {
        let found = store::get_public_content(&self.database, account, id).await?;
        self.whole(account, id, found)
    }

    /// A file with where its bytes are.
    pub async fn content(
        &self,
        account: AccountId,
        id: FileId,
    ) -> Result<(File, Content), FileError> {
        let found = store::get_content(&self.database, account, id).await?;
        self.whole(account, id, found)
    }

    fn whole(
        &self,
        account: AccountId,
        id: FileId,
        found: Option<(File, Vec<Part>)>,
    ) -> Result<(File, Content), FileError> {
        let (file, parts) = found.ok_or(FileError::NotFound)?;
        let content = Content::new(self.chunks.clone(), account, id, parts)?;
        if content.size() != file.size_bytes {
            return Err(FileError::Damaged);
        }
        Ok((file, content))
    }

    /// Changes a file. A name of another type than the file has is refused.
    pub async fn change(
        &self,
        account: AccountId,
        id: FileId,
        change: &FileChange,
    ) -> Result<File, FileError> {
        let metadata = change.metadata.as_ref().and_then(|object| object.check_metadata().err());
        refuse(metadata.into_iter().collect())?;
        if let Some(name) = &change.name {
            let media_type: MediaType = self.get(account, id).await?.mime_type.parse()?;
            if !media_type.agrees_with_name(name) {
                return Err(FileError::TypeRefused);
            }
        }
        let now = self.clock.now();
        let file = store::change_file(&self.database, account, id, change, now).await?;
        file.ok_or(FileError::NotFound)
    }

    /// Deletes a file with its bytes; one that conversations have only with `force`.
    pub async fn delete(
        &self,
        account: AccountId,
        id: FileId,
        force: bool,
    ) -> Result<(), FileError> {
        if !store::delete_file(&self.database, account, id, force).await? {
            self.get(account, id).await?;
            return Err(FileError::Attached);
        }
        self.remove_chunks(self.clock.now()).await;
        Ok(())
    }

    /// A link to a file, good for so many seconds.
    pub async fn link(
        &self,
        account: AccountId,
        id: FileId,
        seconds: u64,
    ) -> Result<String, FileError> {
        if !(1..=LINK_SECONDS_MAX).contains(&seconds) {
            let detail = format!("It must be from 1 to {LINK_SECONDS_MAX} seconds.");
            return Err(FileError::Invalid(vec![FieldError::new("/expires_in", detail)]));
        }
        let file = self.get(account, id).await?.id;
        let until = self.clock.now().as_seconds() + seconds;
        let text = Permission { account, file, until }.sign(&self.settings.keyring);
        Ok(format!("{}/api/files/signed/{text}", self.settings.data.public_url))
    }

    /// The file that a link leads to.
    pub async fn follow(&self, text: &str) -> Result<(File, Content), FileError> {
        let permission = Permission::read(text, &self.settings.keyring, self.clock.now());
        let Permission { account, file, .. } = permission.ok_or(FileError::NotFound)?;
        self.content(account, file).await
    }
}

impl Receiving<'_> {
    /// Takes the next bytes.
    pub async fn push(&mut self, bytes: &Bytes) -> Result<(), FileError> {
        let Self { inspector, writer, .. } = self;
        writer.push(bytes, |chunk| Ok(inspector.look_at(chunk)?)).await
    }

    /// Makes the file complete, with what was said of it after its bytes.
    pub async fn finish(&mut self, sequel: Sequel, deferred: &Deferred) -> Result<File, FileError> {
        let metadata = sequel.metadata.as_ref().and_then(|object| object.check_metadata().err());
        refuse(metadata.into_iter().collect())?;
        let Self { files, part, media_type, inspector, writer } = self;
        let written = writer.finish(|chunk| Ok(inspector.look_at(chunk)?)).await?;
        inspector.finish()?;
        if sequel.sha256.is_some_and(|wanted| wanted != written.sha256) {
            return Err(FileError::ChecksumMismatch);
        }
        let claim = deferred.claim().await.map_err(FileError::Overtaken)?;
        let now = files.clock.now();
        let finished = store::Finished {
            account: part.account,
            file: part.file,
            size: written.size,
            sha256: written.sha256,
            metadata: sequel.metadata.as_ref(),
            purpose: sequel.purpose,
            media_type,
        };
        let file = store::finish_file(&files.database, &finished, *part, &written, &claim, now);
        // Given up because it took too long, or the account is gone.
        file.await?.ok_or(FileError::NotFound)
    }

    /// Leaves nothing. What cannot be done now the sweep does.
    pub async fn give_up(&mut self) {
        let PartName { account, file, .. } = self.part;
        let deleted = store::delete_pending_file(&self.files.database, account, file).await;
        if deleted.is_ok() {
            self.writer.take_back().await;
        }
    }
}

impl Bucket {
    /// The type under which a file enters.
    pub(super) fn admit(
        &self,
        declared: Option<MediaType>,
        name: &FileName,
    ) -> Result<MediaType, FileError> {
        MediaType::settle(declared, name, &self.mime_types)
            .filter(|media_type| media_type.agrees_with_name(name))
            .ok_or(FileError::TypeRefused)
    }
}

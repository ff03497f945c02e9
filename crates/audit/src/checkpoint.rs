//! Signatures over the ends of logs, which nobody makes who can only write to the database.

use std::time::Duration;

use ambient::UnixMillis;
use database::{Database, DatabaseError, Row, Statement};
use ed25519_compact::{KeyPair, Seed, Signature};
use keyring::{Keyring, Purpose, RootKey};

use crate::store::{find_last, read_hash};
use crate::verify::AuditError;

/// Keeps these signatures apart from any other of this project, and one form of checkpoints from the next.
const DOMAIN: &[u8] = b"selvage audit checkpoint v1";

/// After how many entries a log is signed again.
const ENTRIES: i64 = 64;

/// After what time a log is signed again that has new entries.
const AGE: Duration = Duration::from_hours(1);

const PAGE: u32 = 500;

/// The signed end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub log: String,
    /// 1, 2, 3, … within the log.
    pub number: i64,
    /// How many entries there were.
    pub seq: i64,
    /// The hash of the last one.
    pub hash: [u8; 32],
    pub at: UnixMillis,
    /// Which root key the signing key is derived from.
    pub root_key_id: String,
    /// Ed25519.
    pub signature: [u8; 64],
}

/// Signs the end of a log. `None` when it has no entry, or someone else signs it at the same moment.
///
/// # Errors
/// [`DatabaseError`].
pub async fn checkpoint(
    database: &Database,
    keyring: &Keyring,
    log: &str,
    now: UnixMillis,
) -> Result<Option<Checkpoint>, DatabaseError> {
    let last = newest(database, log).await?;
    sign(database, keyring, log, last.as_ref(), now).await
}

/// As [`checkpoint`], when it is time: after 64 entries, and after an hour if there are new ones.
///
/// # Errors
/// [`DatabaseError`].
pub async fn checkpoint_if_due(
    database: &Database,
    keyring: &Keyring,
    log: &str,
    now: UnixMillis,
) -> Result<Option<Checkpoint>, DatabaseError> {
    let Some(head) = find_last(database, log).await? else { return Ok(None) };
    let last = newest(database, log).await?;
    let is_due = last.as_ref().is_none_or(|last| {
        let entries = head.seq.saturating_sub(last.seq);
        ENTRIES <= entries || (0 < entries && (last.at.plus(AGE) <= now || now < last.at))
    });
    if is_due { sign(database, keyring, log, last.as_ref(), now).await } else { Ok(None) }
}

async fn sign(
    database: &Database,
    keyring: &Keyring,
    log: &str,
    last: Option<&Checkpoint>,
    now: UnixMillis,
) -> Result<Option<Checkpoint>, DatabaseError> {
    let Some(head) = find_last(database, log).await? else { return Ok(None) };
    let root = keyring.current();
    let mut checkpoint = Checkpoint {
        log: log.to_owned(),
        number: last.map_or(0, |last| last.number) + 1,
        seq: head.seq,
        hash: head.hash,
        at: now,
        root_key_id: root.id().to_owned(),
        signature: [0; 64],
    };
    // Ed25519 without added noise: the same checkpoint has the same signature.
    checkpoint.signature = *key(root).sk.sign(checkpoint.message(), None);
    let Checkpoint { number, seq, hash, at, root_key_id, signature, .. } = &checkpoint;
    let statement = Statement::new(include_str!("../queries/insert_checkpoint.sql"))
        .bind(log)
        .bind(*number)
        .bind(*seq)
        .bind(hash.as_slice())
        .bind(at.0)
        .bind(root_key_id.as_str())
        .bind(signature.as_slice());
    match database.query(statement).await {
        // Another instance was faster; its checkpoint is as good.
        Err(error) if error.is_trigger("audit_checkpoint_follows") => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Ok(Some(checkpoint)),
    }
}

/// The key that signs checkpoints: derived apart from the one that signs tokens.
fn key(root: &RootKey) -> KeyPair {
    KeyPair::from_seed(Seed::new(*root.derive(Purpose::AuditCheckpoint)))
}

impl Checkpoint {
    fn message(&self) -> Vec<u8> {
        let Self { log, number, seq, hash, at, root_key_id, signature: _ } = self;
        let mut message = Vec::new();
        let mut put = |bytes: &[u8]| {
            message.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            message.extend_from_slice(bytes);
        };
        put(DOMAIN);
        put(log.as_bytes());
        put(&number.to_be_bytes());
        put(&seq.to_be_bytes());
        put(hash);
        put(&at.0.to_be_bytes());
        put(root_key_id.as_bytes());
        message
    }

    /// Whether the deployment with this ring signed it.
    ///
    /// # Errors
    /// [`AuditError::UnknownKey`] when the ring does not have the key any more, [`AuditError::Forged`].
    pub fn check(&self, keyring: &Keyring) -> Result<(), AuditError> {
        let Some(root) = keyring.find(&self.root_key_id) else {
            return Err(AuditError::UnknownKey { id: self.root_key_id.clone() });
        };
        let (signature, key) = (Signature::new(self.signature), key(root));
        key.pk
            .verify(self.message(), &signature)
            .map_err(|_| AuditError::Forged { log: self.log.clone(), number: self.number })
    }
}

async fn newest(database: &Database, log: &str) -> Result<Option<Checkpoint>, DatabaseError> {
    let statement = Statement::new(include_str!("../queries/find_newest_checkpoint.sql")).bind(log);
    database.query(statement).await?.first().map(|row| read(log, row)).transpose()
}

/// The checkpoints of a log, the oldest first.
pub(crate) async fn list(database: &Database, log: &str) -> Result<Vec<Checkpoint>, DatabaseError> {
    let mut all: Vec<Checkpoint> = Vec::new();
    loop {
        let after = all.last().map_or(0, |last| last.number);
        let statement = Statement::new(include_str!("../queries/list_checkpoints.sql"))
            .bind(log)
            .bind(after)
            .bind(PAGE);
        let rows = database.query(statement).await?;
        if rows.is_empty() {
            return Ok(all);
        }
        for row in rows.iter() {
            all.push(read(log, row)?);
        }
    }
}

fn read(log: &str, row: Row<'_>) -> Result<Checkpoint, DatabaseError> {
    let signature = row.get::<&[u8]>("signature")?.try_into().map_err(|_| {
        DatabaseError::Column { column: "signature".to_owned(), found: "no signature" }
    })?;
    Ok(Checkpoint {
        log: log.to_owned(),
        number: row.get("number")?,
        seq: row.get("seq")?,
        hash: read_hash(row)?,
        at: UnixMillis(row.get("at")?),
        root_key_id: row.get("root_key_id")?,
        signature,
    })
}

use std::fmt::Write as _;

use ambient::UnixMillis;
use audit::{Entry, When};
use credentials::RecoveryCode;
use database::{Database, DatabaseError, Statement};
use ids::UserId;
use serde_json::Value;

use crate::error::AuthError;

/// An enrolment that is about to be written.
pub struct NewEnrolment<'a> {
    pub user_id: UserId,
    pub root_key_id: &'a str,
    pub sealed_secret: &'a [u8],
    pub codes: &'a [RecoveryCode],
    pub at: UnixMillis,
    /// Keeps the answer, if there is a claim.
    pub kept: Option<Statement>,
}

/// The confirmation of an enrolment by a code.
pub struct Confirmation<'a> {
    pub user_id: UserId,
    /// The enrolment that the code is of.
    pub sealed_secret: &'a [u8],
    pub step: u64,
    pub at: UnixMillis,
}

/// An enrolment as its row has it.
pub struct EnrolmentRow {
    pub root_key_id: String,
    pub sealed_secret: Vec<u8>,
    pub is_confirmed: bool,
    pub last_step: u64,
}

/// Writes an enrolment with its recovery codes. `false` when there is a confirmed one; then nothing was written.
pub async fn put(database: &Database, new: NewEnrolment<'_>) -> Result<bool, DatabaseError> {
    let NewEnrolment { user_id, root_key_id, sealed_secret, codes, at, kept } = new;
    let hashes: Vec<Value> =
        codes.iter().map(|code| hex(&RecoveryCode::hash_of(code.reveal())).into()).collect();
    let mut batch = vec![
        Statement::new(include_str!("../../queries/put_totp.sql"))
            .bind(user_id.to_string())
            .bind(root_key_id)
            .bind(sealed_secret)
            .bind(at.0),
        Statement::new(include_str!("../../queries/delete_recovery_codes.sql"))
            .bind(user_id.to_string())
            .bind(sealed_secret),
        Statement::new(include_str!("../../queries/insert_recovery_codes.sql"))
            .bind(user_id.to_string())
            .bind(sealed_secret)
            .bind(Value::from(hashes).to_string()),
    ];
    batch.extend(kept);
    let results = database.batch(batch).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// The person's enrolment.
pub async fn find(database: &Database, user_id: UserId) -> Result<Option<EnrolmentRow>, AuthError> {
    let statement =
        Statement::new(include_str!("../../queries/find_totp.sql")).bind(user_id.to_string());
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(EnrolmentRow {
        root_key_id: row.get("root_key_id")?,
        sealed_secret: row.get("sealed_secret")?,
        is_confirmed: row.get("is_confirmed")?,
        last_step: row.get("last_step")?,
    }))
}

/// Confirms an enrolment that still has its secret. `false` when it does not, or was confirmed meanwhile.
pub async fn confirm(
    database: &Database,
    confirmation: &Confirmation<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let Confirmation { user_id, sealed_secret, step, at } = confirmation;
    let statement = Statement::new(include_str!("../../queries/confirm_totp.sql"))
        .bind(user_id.to_string())
        .bind(*sealed_secret)
        .bind(at.0)
        .bind(i64::try_from(*step).unwrap_or(i64::MAX));
    let results = audit::commit(database, *at, vec![statement], vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Removes the enrolment and with it the recovery codes. `false` when there was none, or the password stands only beside it.
pub async fn delete(
    database: &Database,
    user_id: UserId,
    at: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let statement =
        Statement::new(include_str!("../../queries/remove_totp.sql")).bind(user_id.to_string());
    let results = audit::commit(database, at, vec![statement], vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

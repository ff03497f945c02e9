use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, DatabaseError, Statement};
use ids::{AccountId, SessionId, UserId};

use crate::login::Proof;
use crate::store::proof_statements;

/// A session whose person has shown password and second factor again.
pub struct Fresh<'a> {
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub user_id: UserId,
    /// The hash that the password was compared with.
    pub password_hash: &'a str,
    /// What the code is noted for.
    pub proof_id: SessionId,
    pub proof: Option<Proof>,
    pub at: UnixMillis,
}

/// Notes the moment in the session. `false` when the session, the password or the second factor is not what was checked any more, or the
/// code was used before.
pub async fn freshen(
    database: &Database,
    fresh: &Fresh<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let Fresh { account_id, session_id, user_id, password_hash, proof_id, proof, at } = fresh;
    let mut action = proof_statements(*user_id, *proof_id, *at, *proof);
    let position = action.len();
    action.push(
        Statement::new(include_str!("../../queries/freshen_session.sql"))
            .bind(account_id.to_string())
            .bind(session_id.to_string())
            .bind(user_id.to_string())
            .bind(*password_hash)
            .bind(proof_id.to_string())
            .bind(at.0),
    );
    let results = audit::commit(database, *at, action, vec![entry], When::Changed).await?;
    Ok(results.get(position).is_some_and(|rows| !rows.is_empty()))
}

use ambient::{Clock, UnixMillis};
use axum::http::HeaderMap;
use credentials::{AccessToken, InvalidToken, TOKEN_BYTES_MAX, Verifier};
use database::{Database, DatabaseError, Statement};
use problem::{Problem, kinds};

use crate::credential::{self, Credential};
use crate::remembered::Remembered;
use crate::{Caller, Role, UnknownRole};

/// Turns a credential into a [`Caller`]. Clones share what they remember.
#[derive(Debug, Clone)]
pub struct Authenticator {
    database: Database,
    issuer: String,
    clock: Clock,
    remembered: Remembered,
}

/// What the database says of a session that still counts.
struct Standing {
    role: Role,
    public_key: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    #[error("the session could not be looked up")]
    Database(#[from] DatabaseError),
    #[error("a membership has an unknown role")]
    Role(#[from] UnknownRole),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(InvalidToken) => unauthorized(),
            Refusal::Database(error) => error.into(),
            Refusal::Role(_) => Self::internal(&refusal),
        }
    }
}

/// One answer for no credential, a wrong one, an old one, a revoked one, and one whose person or account is gone.
fn unauthorized() -> Problem {
    Problem::new(&kinds::UNAUTHORIZED, "Send a valid access token: authorization: Bearer …")
}

impl Authenticator {
    /// `issuer` is the one that tokens of this deployment name.
    pub fn new(database: Database, issuer: String, clock: Clock) -> Self {
        Self { database, issuer, clock, remembered: Remembered::new() }
    }

    /// Who sent a request with these headers.
    ///
    /// # Errors
    /// 400 for two credentials, 401 for none that counts, 503 when the database is away.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        match credential::find(headers)? {
            Credential::Bearer(compact) => Ok(self.bearer(compact).await?),
            Credential::None => Err(unauthorized()),
        }
    }

    async fn bearer(&self, compact: &str) -> Result<Caller, Refusal> {
        if TOKEN_BYTES_MAX < compact.len() {
            return Err(InvalidToken.into());
        }
        let now = self.clock.now();
        let remembered = self.remembered.get(compact, now);
        let is_verified = remembered.is_some();
        let token = match remembered {
            Some(token) => token,
            None => AccessToken::read(compact, &self.issuer)?,
        };
        token.check_time(now)?;
        let standing = self.standing(&token, now).await?.ok_or(InvalidToken)?;
        if !is_verified {
            token.verify(compact, &Verifier::new(&standing.public_key)?)?;
            self.remembered.put(compact, token.clone(), now);
        }
        let claims = token.claims();
        Ok(Caller {
            user_id: claims.user_id,
            account_id: claims.account_id,
            session_id: claims.session_id,
            role: standing.role,
        })
    }

    /// `None` when the session, its person, the membership or the key no longer counts.
    async fn standing(
        &self,
        token: &AccessToken,
        now: UnixMillis,
    ) -> Result<Option<Standing>, Refusal> {
        let claims = token.claims();
        let rows = self
            .database
            .query(
                Statement::new(include_str!("../queries/find_session.sql"))
                    .bind(claims.account_id.to_string())
                    .bind(claims.session_id.to_string())
                    .bind(claims.user_id.to_string())
                    .bind(token.kid())
                    .bind(now.0),
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let role = row.get::<String>("role")?.parse()?;
        Ok(Some(Standing { role, public_key: row.get("public_key")? }))
    }
}

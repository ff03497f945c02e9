use std::time::Duration;

use ambient::{Clock, UnixMillis};
use axum::http::HeaderMap;
use credentials::{AccessToken, ApiKeyToken, InvalidToken, TOKEN_BYTES_MAX, Verifier};
use database::{Database, DatabaseError, Statement};
use ids::{AccountId, ParseIdError};
use problem::{Problem, kinds};

use crate::credential::{self, Credential};
use crate::remembered::Remembered;
use crate::{Caller, Means, Role, UnknownRole, UnknownScope};

/// How exact the last use of an API key is: noting each use would turn every read into a write.
const LAST_USED_RESOLUTION: Duration = Duration::from_mins(1);

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
    is_platform_admin: bool,
    must_change_password: bool,
    public_key: Vec<u8>,
    authenticated_at: UnixMillis,
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Invalid(#[from] InvalidToken),
    #[error("the credential could not be looked up")]
    Database(#[from] DatabaseError),
    #[error("a membership has an unknown role")]
    Role(#[from] UnknownRole),
    #[error("an API key has an unknown scope")]
    Scope(#[from] UnknownScope),
    #[error("an API key has a damaged id")]
    Id(#[from] ParseIdError),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(InvalidToken) => unauthorized(),
            Refusal::Database(error) => error.into(),
            Refusal::Role(_) | Refusal::Scope(_) | Refusal::Id(_) => Self::internal(&refusal),
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
            Credential::ApiKey(key) => Ok(self.api_key(key).await?),
            Credential::None => Err(unauthorized()),
        }
    }

    /// The same caller in the account that a path names: a person in any account of theirs, an API key in its own alone.
    ///
    /// # Errors
    /// 404 for an account that is not the caller's, as for one that does not exist.
    pub async fn enter(&self, caller: Caller, account_id: AccountId) -> Result<Caller, Problem> {
        if account_id == caller.account_id {
            return Ok(caller);
        }
        if matches!(caller.means, Means::ApiKey { .. }) {
            return Err(Problem::not_found());
        }
        let statement = Statement::new(include_str!("../queries/find_membership.sql"))
            .bind(account_id.to_string())
            .bind(caller.user_id.to_string());
        let rows = self.database.query(statement).await?;
        let row = rows.first().ok_or_else(Problem::not_found)?;
        let role = row.get::<&str>("role")?.parse::<Role>();
        let role = role.map_err(|error| Problem::from(Refusal::from(error)))?;
        Ok(Caller { account_id, role, ..caller })
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
        let Standing { role, is_platform_admin, must_change_password, authenticated_at, .. } =
            standing;
        Ok(Caller {
            user_id: claims.user_id,
            account_id: claims.account_id,
            role,
            means: Means::Session { id: claims.session_id, is_platform_admin, authenticated_at },
            must_change_password,
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
        Ok(Some(Standing {
            role: row.get::<&str>("role")?.parse()?,
            is_platform_admin: row.get("is_admin")?,
            must_change_password: row.get("must_change_password")?,
            public_key: row.get("public_key")?,
            authenticated_at: UnixMillis(row.get("authenticated_at")?),
        }))
    }

    async fn api_key(&self, key: &str) -> Result<Caller, Refusal> {
        let now = self.clock.now();
        let statement = Statement::new(include_str!("../queries/find_api_key.sql"))
            .bind(ApiKeyToken::hash_of(key).to_vec())
            .bind(now.0);
        let rows = self.database.query(statement).await?;
        let row = rows.first().ok_or(InvalidToken)?;
        let (account, id) = (row.get::<&str>("account_id")?, row.get::<&str>("id")?);
        let last_used_at = row.get::<Option<i64>>("last_used_at")?.map(UnixMillis);
        if last_used_at.is_none_or(|at| at.plus(LAST_USED_RESOLUTION) <= now) {
            let statement = Statement::new(include_str!("../queries/set_api_key_last_used.sql"))
                .bind(account)
                .bind(id)
                .bind(now.0);
            self.database.query(statement).await?;
        }
        Ok(Caller {
            user_id: row.get::<&str>("user_id")?.parse()?,
            account_id: account.parse()?,
            role: row.get::<&str>("role")?.parse()?,
            means: Means::ApiKey { id: id.parse()?, scopes: row.get::<&str>("scopes")?.parse()? },
            must_change_password: false,
        })
    }
}

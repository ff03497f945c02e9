use ambient::{Entropy, UnixMillis};
use credentials::{ApiKeyToken, Claims, SigningKey};
use database::{Database, Statement};
use ids::{AccountId, ApiKeyId, Id, SessionId, UserId};
use keyring::Keyring;

use crate::MASTER_KEY;

/// The issuer of tokens in tests: the default of `public_url`.
pub const ISSUER: &str = "http://localhost:3000";

/// Someone who is signed in, for tests of components that sign no one in themselves.
#[derive(Debug, Clone)]
pub struct Person {
    pub user_id: UserId,
    pub account_id: AccountId,
    pub session_id: SessionId,
    /// An access token that was issued at the given time.
    pub token: String,
}

impl Person {
    /// Writes a person with an account of its own and this role in it, and signs the person in.
    pub async fn new(database: &Database, role: &str, now: UnixMillis) -> Self {
        let entropy = Entropy::system();
        let user_id: UserId = Id::generate(now, &entropy).unwrap();
        let account_id: AccountId = Id::generate(now, &entropy).unwrap();
        let email = format!("{user_id}@example.com");
        let batch = vec![
            Statement::new("INSERT INTO user (id, email, created_at, updated_at) VALUES (?1, ?2, ?3, ?3)")
                .bind(user_id.to_string())
                .bind(email)
                .bind(now.0),
            Statement::new(
                "INSERT INTO account (id, name, kind, created_at, updated_at) VALUES (?1, 'test', 'personal', ?2, ?2)",
            )
            .bind(account_id.to_string())
            .bind(now.0),
        ];
        database.batch(batch).await.unwrap();
        Self::join(database, user_id, account_id, role, now).await
    }

    /// Makes this person a member of another account too, signed in to that one.
    pub async fn joins(
        &self,
        database: &Database,
        account_id: AccountId,
        role: &str,
        now: UnixMillis,
    ) -> Self {
        Self::join(database, self.user_id, account_id, role, now).await
    }

    /// Makes an API key of this person with these scopes, separated by spaces, and gives its token.
    pub async fn api_key(&self, database: &Database, scopes: &str, now: UnixMillis) -> String {
        let id: ApiKeyId = Id::generate(now, &Entropy::system()).unwrap();
        let token = ApiKeyToken::generate(&Entropy::system()).unwrap();
        let insert = Statement::new(
            "INSERT INTO api_key (account_id, id, user_id, name, prefix, token_hash, scopes, created_at, expires_at) \
             VALUES (?1, ?2, ?3, 'test', ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(self.account_id.to_string())
        .bind(id.to_string())
        .bind(self.user_id.to_string())
        .bind(token.shown())
        .bind(token.hash().to_vec())
        .bind(scopes)
        .bind(now.0)
        .bind(now.0 + 24 * 60 * 60 * 1000);
        database.query(insert).await.unwrap();
        token.reveal().to_owned()
    }

    async fn join(
        database: &Database,
        user_id: UserId,
        account_id: AccountId,
        role: &str,
        now: UnixMillis,
    ) -> Self {
        let session_id: SessionId = Id::generate(now, &Entropy::system()).unwrap();
        let key = signing_key();
        let later = now.0 + 30 * 24 * 60 * 60 * 1000;
        let batch = vec![
            Statement::new("INSERT INTO membership (account_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)")
                .bind(account_id.to_string())
                .bind(user_id.to_string())
                .bind(role)
                .bind(now.0),
            Statement::new(
                "INSERT INTO session (account_id, id, user_id, created_at, last_used_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            )
            .bind(account_id.to_string())
            .bind(session_id.to_string())
            .bind(user_id.to_string())
            .bind(now.0)
            .bind(later),
            Statement::new(
                "INSERT INTO root_key (id, fingerprint, created_at) VALUES ('1', zeroblob(32), ?1) ON CONFLICT DO NOTHING",
            )
            .bind(now.0),
            Statement::new(
                "INSERT INTO signing_key (kid, generation, root_key_id, public_key, created_at) \
                 VALUES (?1, 1, '1', ?2, ?3) ON CONFLICT DO NOTHING",
            )
            .bind(key.kid())
            .bind(key.public_key())
            .bind(now.0),
        ];
        database.batch(batch).await.unwrap();
        let token_id = Id::generate(now, &Entropy::system()).unwrap();
        let claims = Claims::issued(now, user_id, account_id, session_id, token_id);
        let token = key.sign(ISSUER, &claims).unwrap();
        Self { user_id, account_id, session_id, token }
    }
}

fn signing_key() -> SigningKey {
    let ring: Keyring = MASTER_KEY.parse().unwrap();
    SigningKey::derive(ring.current(), 1).unwrap()
}

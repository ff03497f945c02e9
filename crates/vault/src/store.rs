//! The table `secret`, in which everything that is sealed stands.

use ambient::UnixMillis;
use database::{Database, DatabaseError, Statement};
use ids::AccountId;

use crate::{Row, Sealed};

/// What a secret is the secret of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A provider's key.
    Key,
    /// A model that has a key of its own.
    Model,
    /// The credentials of an MCP server.
    McpServer,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Model => "model",
            Self::McpServer => "mcp_server",
        }
    }
}

/// The thing that a secret belongs to. Ids of things are never used again, and so neither is a secret's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// `None` for what belongs to the deployment.
    pub account_id: Option<AccountId>,
    pub kind: Kind,
    pub id: &'a str,
}

impl<'a> Owner<'a> {
    /// The place of its secret.
    pub fn row(&self) -> Row<'a> {
        row(self.account_id, self.id)
    }

    /// The statements that keep a value, or put it in the place of an older one. For the batch that writes the thing itself.
    ///
    /// They fail with the trigger rule `kek_retired` when the key that wraps it was retired meanwhile.
    pub fn put(
        &self,
        sealed: Sealed,
        last_four: Option<String>,
        now: UnixMillis,
    ) -> [Statement; 2] {
        let Sealed { kek_id, wrapped_dek, sealed } = sealed;
        let put = match self.account_id {
            Some(account_id) => Statement::new(include_str!("../queries/put_secret.sql"))
                .bind(account_id.to_string()),
            None => Statement::new(include_str!("../queries/put_system_secret.sql")),
        };
        let put = put.bind(self.kind.as_str()).bind(self.id).bind(kek_id.as_str());
        let put = put.bind(wrapped_dek).bind(sealed).bind(last_four).bind(now.0);
        [register(&kek_id, now), put]
    }

    /// Its secret, if it has one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn find(&self, database: &Database) -> Result<Option<Sealed>, DatabaseError> {
        let statement = self.bound(
            include_str!("../queries/find_secret.sql"),
            include_str!("../queries/find_system_secret.sql"),
        );
        let rows = database.query(statement).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Sealed {
            kek_id: row.get("kek_id")?,
            wrapped_dek: row.get("wrapped_dek")?,
            sealed: row.get("sealed")?,
        }))
    }

    /// The statement that forgets its secret. Where the thing itself is deleted, a trigger does that.
    pub fn delete(&self) -> Statement {
        self.bound(
            include_str!("../queries/delete_secret.sql"),
            include_str!("../queries/delete_system_secret.sql"),
        )
    }

    fn bound(&self, of_account: &'static str, of_system: &'static str) -> Statement {
        let statement = match self.account_id {
            Some(account_id) => Statement::new(of_account).bind(account_id.to_string()),
            None => Statement::new(of_system),
        };
        statement.bind(self.kind.as_str()).bind(self.id)
    }
}

/// The place of a secret.
pub(crate) fn row(account_id: Option<AccountId>, id: &str) -> Row<'_> {
    Row { table: "secret", column: "sealed", id, account_id }
}

/// Makes a key known under its id. One that was retired stays so.
pub(crate) fn register(kek_id: &str, now: UnixMillis) -> Statement {
    Statement::new(include_str!("../queries/register_kek.sql")).bind(kek_id).bind(now.0)
}

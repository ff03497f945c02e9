//! Databases behind a libSQL server, over HTTP.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use engine::Value;
use hrana::{
    Client, Endpoint, EndpointError, HranaError, HyperOptions, HyperTransport, Interactive, Limits,
    Plaintext, ResultSet, Secret,
};
use tokio::sync::Mutex;

use super::connection::Collected;

/// A server with one database, and the connections to it that guests share.
#[derive(Clone)]
pub struct Server {
    client: Client<HyperTransport>,
}

impl Server {
    /// A client for the database at `url`. Nothing is sent yet.
    pub fn new(url: &str, token: &str) -> Result<Self, String> {
        let endpoint = match Endpoint::parse(url, Plaintext::LoopbackOnly) {
            // The operator wrote `http://` into the runtime configuration, and Spin follows that too.
            Err(EndpointError::Plaintext { host }) => {
                tracing::warn!(host, "the token and all data travel unencrypted to this database");
                Endpoint::parse(url, Plaintext::Allowed)
            }
            endpoint => endpoint,
        };
        let endpoint = endpoint.map_err(|error| error.to_string())?;
        let transport =
            HyperTransport::new(HyperOptions::default()).map_err(|error| error.to_string())?;
        let token = (!token.is_empty()).then(|| Secret::new(token));
        Ok(Self { client: Client::new(transport, endpoint, token, Limits::default()) })
    }

    pub fn connect(&self) -> RemoteConnection {
        RemoteConnection {
            client: self.client.clone(),
            transaction: Mutex::new(None),
            last_insert_rowid: AtomicI64::new(0),
            changes: AtomicU64::new(0),
        }
    }
}

/// A guest's connection: single statements are requests of their own, a transaction is a stream on the server.
pub struct RemoteConnection {
    client: Client<HyperTransport>,
    transaction: Mutex<Option<Interactive<HyperTransport>>>,
    last_insert_rowid: AtomicI64,
    changes: AtomicU64,
}

impl RemoteConnection {
    /// Runs one statement, in the transaction that is open if one is.
    pub async fn execute(
        &self,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<Collected, HranaError> {
        let parameters = parameters.into_iter().map(to_remote).collect();
        let keyword = first_keyword(&sql).to_ascii_uppercase();
        let opens = matches!(keyword.as_str(), "BEGIN" | "SAVEPOINT");
        let mut transaction = self.transaction.lock().await;
        if transaction.is_none() && !opens {
            drop(transaction);
            let result = self.client.execute(sql, parameters).await?;
            return Ok(self.note(&keyword, result));
        }
        let stream = transaction.get_or_insert_with(|| self.client.interactive());
        let result = stream.execute(sql, parameters).await;
        // The server's word counts: COMMIT may have failed, and an error may have rolled everything back.
        if stream.is_autocommit() {
            *transaction = None;
        }
        Ok(self.note(&keyword, result?))
    }

    /// The rowid that was inserted last over this connection, as far as the server tells.
    pub fn last_insert_rowid(&self) -> i64 {
        self.last_insert_rowid.load(Ordering::Relaxed)
    }

    /// The rows that the last INSERT, UPDATE or DELETE over this connection changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Remembers what SQLite remembers per connection; to the server each statement comes over a new one.
    fn note(&self, keyword: &str, result: ResultSet) -> Collected {
        let inserts = matches!(keyword, "INSERT" | "REPLACE" | "WITH");
        if inserts && let Some(rowid) = result.last_insert_rowid.filter(|rowid| *rowid != 0) {
            self.last_insert_rowid.store(rowid, Ordering::Relaxed);
        }
        // After WITH a SELECT may follow, which changes nothing.
        let is_write = matches!(keyword, "INSERT" | "REPLACE" | "UPDATE" | "DELETE");
        if is_write || (keyword == "WITH" && 0 < result.changes) {
            self.changes.store(result.changes, Ordering::Relaxed);
        }
        let rows = result.rows.into_iter().map(|row| row.into_iter().map(from_remote).collect());
        Collected { columns: result.columns, rows: rows.collect() }
    }
}

fn to_remote(value: Value) -> hrana::Value {
    match value {
        Value::Null => hrana::Value::Null,
        Value::Integer(integer) => hrana::Value::Integer(integer),
        Value::Real(real) => hrana::Value::Real(real),
        Value::Text(text) => hrana::Value::Text(text),
        Value::Blob(blob) => hrana::Value::Blob(blob),
    }
}

fn from_remote(value: hrana::Value) -> Value {
    match value {
        hrana::Value::Null => Value::Null,
        hrana::Value::Integer(integer) => Value::Integer(integer),
        hrana::Value::Real(real) => Value::Real(real),
        hrana::Value::Text(text) => Value::Text(text),
        hrana::Value::Blob(blob) => Value::Blob(blob),
    }
}

/// The first word of a statement, blanks, comments and empty statements skipped.
fn first_keyword(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        let after = match (rest.strip_prefix("--"), rest.strip_prefix("/*"), rest.strip_prefix(';'))
        {
            (Some(comment), _, _) => comment.split_once('\n').map_or("", |(_, after)| after),
            (_, Some(comment), _) => comment.split_once("*/").map_or("", |(_, after)| after),
            (_, _, Some(after)) => after,
            _ => break,
        };
        rest = after.trim_start();
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::first_keyword;

    #[test]
    fn the_first_keyword_stands_behind_blanks_comments_and_semicolons() {
        for (sql, keyword) in [
            ("BEGIN", "BEGIN"),
            (" begin immediate", "begin"),
            ("-- why\n/* not */ ; SavePoint x", "SavePoint"),
            ("SELECT 'BEGIN'", "SELECT"),
            ("SELECT(1)", "SELECT"),
            ("-- BEGIN", ""),
            ("/* BEGIN", ""),
            ("", ""),
            ("é", ""),
        ] {
            assert_eq!(first_keyword(sql), keyword, "{sql:?}");
        }
    }
}

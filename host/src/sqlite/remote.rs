//! Databases behind a libSQL server, over HTTP.

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
        RemoteConnection { client: self.client.clone(), transaction: Mutex::new(None) }
    }
}

/// A guest's connection: single statements are requests of their own, a transaction is a stream on the server.
pub struct RemoteConnection {
    client: Client<HyperTransport>,
    transaction: Mutex<Option<Interactive<HyperTransport>>>,
}

impl RemoteConnection {
    /// Runs one statement, in the transaction that is open if one is.
    pub async fn execute(
        &self,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<Collected, HranaError> {
        let parameters = parameters.into_iter().map(to_remote).collect();
        let mut transaction = self.transaction.lock().await;
        if transaction.is_none() && !opens_transaction(&sql) {
            drop(transaction);
            return self.client.execute(sql, parameters).await.map(collected);
        }
        let stream = transaction.get_or_insert_with(|| self.client.interactive());
        let result = stream.execute(sql, parameters).await;
        // The server's word counts: COMMIT may have failed, and an error may have rolled everything back.
        if stream.is_autocommit() {
            *transaction = None;
        }
        result.map(collected)
    }
}

fn collected(result: ResultSet) -> Collected {
    let rows = result.rows.into_iter().map(|row| row.into_iter().map(from_remote).collect());
    Collected { columns: result.columns, rows: rows.collect() }
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

/// Whether a statement begins with BEGIN or SAVEPOINT, blanks and comments skipped.
fn opens_transaction(sql: &str) -> bool {
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
    let keyword = rest.get(..end).unwrap_or_default();
    ["BEGIN", "SAVEPOINT"].iter().any(|word| keyword.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::opens_transaction;

    #[test]
    fn the_first_keyword_tells_whether_a_transaction_opens() {
        for sql in ["BEGIN", " begin immediate", "-- why\n/* not */ ; BEGIN;", "SavePoint x"] {
            assert!(opens_transaction(sql), "{sql}");
        }
        for sql in ["", "SELECT 'BEGIN'", "BEGINNING", "-- BEGIN", "/* BEGIN", "COMMIT", "é"] {
            assert!(!opens_transaction(sql), "{sql}");
        }
    }
}

//! A transaction that stays open between calls.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use libsql_hrana::proto::StreamRequest;

use crate::client::Repeat;
use crate::wire::{self, Reply};
use crate::{Client, Endpoint, HranaError, ResultSet, Stmt, Transport, Value};

/// A server drops a stream that was idle for ten seconds. Stopping earlier gives a clear error instead of a race.
const IDLE_MAX: Duration = Duration::from_secs(8);

/// A stream on the server: one connection to the database, used by one call at a time.
///
/// Dropping it closes the stream in the background where the transport can, and otherwise the server does so after
/// ten seconds; either way an open transaction is rolled back. A call that is cancelled leaves the stream closed,
/// since nobody knows how far it went.
#[derive(Debug)]
pub struct Interactive<T: Transport> {
    client: Client<T>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was sent yet.
    New,
    Open(Stream),
    /// Closed, expired, or left in the middle of a call.
    Closed,
}

#[derive(Debug)]
struct Stream {
    /// What the next request must show, and no other after it.
    baton: String,
    /// Where the stream lives, which the server may move with each response.
    endpoint: Endpoint,
    used: Instant,
    autocommit: bool,
}

impl<T: Transport> Interactive<T> {
    pub(crate) fn new(client: Client<T>) -> Self {
        Self { client, state: State::New }
    }

    /// Runs one statement.
    ///
    /// [`HranaError::Rejected`] and [`HranaError::Invalid`] leave the stream usable; every other error closes it.
    pub async fn execute(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        args: Vec<Value>,
    ) -> Result<ResultSet, HranaError> {
        let stmt = Stmt { sql: sql.into(), args, want_rows: true };
        let requests = vec![wire::execute_request(stmt)?, wire::autocommit_request()];
        let mut reply = self.exchange(requests).await?;
        let result = reply.execute();
        match (&result, reply.autocommit()) {
            (Ok(_) | Err(HranaError::Rejected { .. }), Ok(autocommit)) => {
                if let State::Open(stream) = &mut self.state {
                    stream.autocommit = autocommit;
                }
                result
            }
            (_, autocommit) => {
                self.close_in_background();
                autocommit.and(result)
            }
        }
    }

    /// Whether no transaction was open after the last statement.
    pub fn is_autocommit(&self) -> bool {
        match &self.state {
            State::Open(stream) => stream.autocommit,
            State::New | State::Closed => true,
        }
    }

    /// Commits and closes, in one round trip. A COMMIT that fails rolls back.
    pub async fn commit(self) -> Result<(), HranaError> {
        self.finish("COMMIT").await
    }

    /// Rolls back and closes, in one round trip.
    pub async fn rollback(self) -> Result<(), HranaError> {
        self.finish("ROLLBACK").await
    }

    /// Closes the stream; an open transaction is rolled back.
    pub async fn close(mut self) -> Result<(), HranaError> {
        if matches!(self.state, State::Open(_)) {
            self.exchange(vec![wire::close_request()]).await?;
        }
        Ok(())
    }

    async fn finish(mut self, sql: &'static str) -> Result<(), HranaError> {
        let requests =
            vec![wire::execute_request(Stmt::new(sql).without_rows())?, wire::close_request()];
        self.exchange(requests).await?.execute().map(drop)
    }

    /// Sends `requests` on the stream and keeps the baton of the response.
    async fn exchange(&mut self, requests: Vec<StreamRequest>) -> Result<Reply, HranaError> {
        // Until the response is there the stream counts as closed: if this future is dropped, or anything fails,
        // the baton is used up and the state of the transaction is unknown.
        let (baton, endpoint) = match std::mem::replace(&mut self.state, State::Closed) {
            State::New => (None, self.client.endpoint().clone()),
            State::Open(stream) if IDLE_MAX < stream.used.elapsed() => {
                self.client.close_detached(&stream.endpoint, stream.baton);
                return Err(HranaError::StreamExpired);
            }
            State::Open(stream) => (Some(stream.baton), stream.endpoint),
            State::Closed => return Err(HranaError::StreamClosed),
        };
        let count = requests.len();
        let body = wire::encode_pipeline(baton, requests)?;
        let response = self.client.post(&endpoint.pipeline_url(), body, Repeat::Never).await?;
        let mut reply = Reply::parse(&response.body, count)?;
        if let Some(baton) = reply.baton.take() {
            let endpoint = match &reply.base_url {
                Some(base_url) => endpoint.follow(base_url)?,
                None => endpoint,
            };
            self.state =
                State::Open(Stream { baton, endpoint, used: Instant::now(), autocommit: true });
        }
        Ok(reply)
    }

    fn close_in_background(&mut self) {
        if let State::Open(stream) = std::mem::replace(&mut self.state, State::Closed) {
            self.client.close_detached(&stream.endpoint, stream.baton);
        }
    }
}

impl<T: Transport> Drop for Interactive<T> {
    fn drop(&mut self) {
        self.close_in_background();
    }
}

#[cfg(test)]
mod tests;

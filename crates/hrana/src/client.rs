//! Single statements and atomic batches, one round trip each.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use libsql_hrana::proto::{Batch, CursorReqBody, StreamRequest};

use crate::wire::{self, Reply};
use crate::{
    Cursor, Endpoint, HranaError, Interactive, Limits, Response, ResultSet, Secret, Stmt,
    StreamingTransport, Transport, TransportError, Value, batch,
};

/// Waits before the second and the third attempt. There is no fourth: whoever waits for the answer should hear
/// soon that the server is away.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// A database behind a server that speaks Hrana 3. Cheap to clone; clones share the transport.
#[derive(Debug)]
pub struct Client<T> {
    inner: Arc<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    transport: T,
    endpoint: Endpoint,
    token: Option<Secret>,
    limits: Limits,
}

/// Whether a request may be sent again although the server may have executed it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Harmless,
    Never,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T: Transport> Client<T> {
    pub fn new(transport: T, endpoint: Endpoint, token: Option<Secret>, limits: Limits) -> Self {
        Self { inner: Arc::new(Inner { transport, endpoint, token, limits }) }
    }

    /// Runs one statement that commits by itself.
    pub async fn execute(
        &self,
        sql: impl Into<Cow<'static, str>>,
        args: Vec<Value>,
    ) -> Result<ResultSet, HranaError> {
        let stmt = Stmt { sql: sql.into(), args, want_rows: true };
        let repeat = if stmt.is_read_only() { Repeat::Harmless } else { Repeat::Never };
        let mut reply = self.once(wire::execute_request(stmt)?, repeat).await?;
        reply.execute()
    }

    /// Runs the statements as one transaction: all of them take effect, or none.
    ///
    /// Gives one result for each statement. An error other than [`HranaError::Rejected`] does not say that nothing
    /// took effect; [`HranaError::may_have_executed`] does.
    pub async fn batch(&self, statements: Vec<Stmt>) -> Result<Vec<ResultSet>, HranaError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let count = statements.len();
        let reads = statements.iter().all(Stmt::is_read_only);
        let repeat = if reads { Repeat::Harmless } else { Repeat::Never };
        let mut reply = self.once(batch::atomic_request(statements)?, repeat).await?;
        batch::atomic_result(reply.batch()?, count)
    }

    /// A stream on which a transaction can be held open between calls. Nothing is sent before its first statement.
    pub fn interactive(&self) -> Interactive<T> {
        Interactive::new(self.clone())
    }

    /// Sends one request on a stream of its own, which the same pipeline closes.
    async fn once(&self, request: StreamRequest, repeat: Repeat) -> Result<Reply, HranaError> {
        let body = wire::encode_pipeline(None, vec![request, wire::close_request()])?;
        let url = self.inner.endpoint.pipeline_url();
        let response = self.post(&url, body, repeat).await?;
        Reply::parse(&response.body, 2)
    }

    /// Posts `body`, again if that is harmless, and gives the successful response.
    pub(crate) async fn post(
        &self,
        url: &str,
        body: Vec<u8>,
        repeat: Repeat,
    ) -> Result<Response, HranaError> {
        for pause in RETRY_PAUSES {
            match self.attempt(url, body.clone()).await {
                Err(error) if may_retry(&error, repeat) => self.inner.transport.pause(pause).await,
                outcome => return outcome,
            }
        }
        self.attempt(url, body).await
    }

    async fn attempt(&self, url: &str, body: Vec<u8>) -> Result<Response, HranaError> {
        let Inner { transport, token, limits, .. } = &*self.inner;
        let response = transport.post(url, token.as_ref(), body, *limits).await?;
        if limits.response_bytes_max < response.body.len() {
            return Err(HranaError::TooLarge { bytes_max: limits.response_bytes_max });
        }
        if !(200..300).contains(&response.status) {
            return Err(HranaError::from_status(response.status, &response.body));
        }
        Ok(response)
    }

    /// Closes the stream of `baton` in the background; errors do not matter, since the server expires it anyway.
    pub(crate) fn close_detached(&self, endpoint: &Endpoint, baton: String) {
        let client = self.clone();
        let url = endpoint.pipeline_url();
        self.inner.transport.detach(async move {
            if let Ok(body) = wire::encode_pipeline(Some(baton), vec![wire::close_request()]) {
                let _ = client.attempt(&url, body).await;
            }
        });
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }
}

impl<T: StreamingTransport> Client<T> {
    /// Runs one statement and streams its rows, for results larger than [`Limits::response_bytes_max`].
    pub async fn cursor(
        &self,
        sql: impl Into<Cow<'static, str>>,
        args: Vec<Value>,
    ) -> Result<Cursor<T>, HranaError> {
        let stmt = Stmt { sql: sql.into(), args, want_rows: true };
        let batch = Batch::single(stmt.into_wire()?);
        let body = wire::encode_cursor(&CursorReqBody { baton: None, batch })?;
        let Inner { transport, endpoint, token, limits } = &*self.inner;
        let url = endpoint.cursor_url();
        let response = transport.post_streaming(&url, token.as_ref(), body, *limits).await?;
        Cursor::open(self.clone(), response, *limits).await
    }
}

fn may_retry(error: &HranaError, repeat: Repeat) -> bool {
    match error {
        HranaError::Transport { source: TransportError::Unreachable { .. } } => true,
        HranaError::Transport { source: TransportError::Interrupted { .. } } => {
            repeat == Repeat::Harmless
        }
        HranaError::Http { status, .. } => {
            repeat == Repeat::Harmless && matches!(status, 502..=504)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;

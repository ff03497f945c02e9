//! Request bodies and response bodies as bytes.
//!
//! Nothing here trusts the server: any bytes give a result or an error, which the tests in `wire/fuzz.rs` try.

use libsql_hrana::proto::{
    BatchResult, CursorReqBody, ExecuteStreamReq, GetAutocommitStreamReq, PipelineReqBody,
    PipelineRespBody, StreamRequest, StreamResponse, StreamResult,
};

use crate::{HranaError, ResultSet, Stmt};

#[cfg(test)]
mod fuzz;

pub(crate) fn execute_request(stmt: Stmt) -> Result<StreamRequest, HranaError> {
    Ok(StreamRequest::Execute(ExecuteStreamReq { stmt: stmt.into_wire()? }))
}

pub(crate) fn autocommit_request() -> StreamRequest {
    StreamRequest::GetAutocommit(GetAutocommitStreamReq {})
}

pub(crate) fn close_request() -> StreamRequest {
    StreamRequest::Close(libsql_hrana::proto::CloseStreamReq {})
}

pub(crate) fn encode_pipeline(
    baton: Option<String>,
    requests: Vec<StreamRequest>,
) -> Result<Vec<u8>, HranaError> {
    encode(&PipelineReqBody { baton, requests })
}

pub(crate) fn encode_cursor(body: &CursorReqBody) -> Result<Vec<u8>, HranaError> {
    encode(body)
}

fn encode(body: &impl serde::Serialize) -> Result<Vec<u8>, HranaError> {
    serde_json::to_vec(body).map_err(|error| HranaError::Invalid {
        message: format!("cannot be sent as JSON: {error}"),
    })
}

/// The response to a pipeline, whose results are taken out in the order of the requests.
pub(crate) struct Reply {
    pub baton: Option<String>,
    pub base_url: Option<String>,
    results: std::vec::IntoIter<StreamResult>,
}

impl Reply {
    /// Reads a response body, which must hold one result for each of the `requests` that were sent.
    pub fn parse(body: &[u8], requests: usize) -> Result<Self, HranaError> {
        let reply: PipelineRespBody = serde_json::from_slice(body)
            .map_err(|error| HranaError::protocol(format!("its response is malformed: {error}")))?;
        let results = reply.results.len();
        if results != requests {
            return Err(HranaError::protocol(format!("{results} results for {requests} requests")));
        }
        Ok(Self {
            baton: reply.baton,
            base_url: reply.base_url,
            results: reply.results.into_iter(),
        })
    }

    pub fn execute(&mut self) -> Result<ResultSet, HranaError> {
        match self.next()? {
            StreamResponse::Execute(response) => ResultSet::from_wire(response.result),
            other => Err(unexpected("execute", &other)),
        }
    }

    pub fn batch(&mut self) -> Result<BatchResult, HranaError> {
        match self.next()? {
            StreamResponse::Batch(response) => Ok(response.result),
            other => Err(unexpected("batch", &other)),
        }
    }

    pub fn autocommit(&mut self) -> Result<bool, HranaError> {
        match self.next()? {
            StreamResponse::GetAutocommit(response) => Ok(response.is_autocommit),
            other => Err(unexpected("get_autocommit", &other)),
        }
    }

    fn next(&mut self) -> Result<StreamResponse, HranaError> {
        match self.results.next() {
            Some(StreamResult::Ok { response }) => Ok(response),
            Some(StreamResult::Error { error }) => Err(error.into()),
            Some(StreamResult::None) | None => Err(HranaError::protocol("a result is missing")),
        }
    }
}

fn unexpected(request: &str, response: &StreamResponse) -> HranaError {
    let kind = match response {
        StreamResponse::Close(_) => "close",
        StreamResponse::Execute(_) => "execute",
        StreamResponse::Batch(_) => "batch",
        StreamResponse::Sequence(_) => "sequence",
        StreamResponse::Describe(_) => "describe",
        StreamResponse::StoreSql(_) => "store_sql",
        StreamResponse::CloseSql(_) => "close_sql",
        StreamResponse::GetAutocommit(_) => "get_autocommit",
    };
    HranaError::protocol(format!("it answered `{kind}` to `{request}`"))
}

//! The requests of a pipeline, one after the other on one stream.

use std::sync::Arc;

use hyper::StatusCode;
use libsql_hrana::proto::{
    self, BatchCond, BatchResult, PipelineReqBody, PipelineRespBody, StmtResult, StreamRequest,
    StreamResponse, StreamResult,
};

use super::Shared;
use super::access::Permission;
use super::analysis;
use super::connection::{Connection, Output, Query};
use super::failure::{Answer, Failure};
use super::streams::{Lease, Stream};

/// How many texts a stream may store, and how long each may be.
const STORED_MAX: usize = 50;
const STORED_BYTES_MAX: usize = 5000;
const TOO_LARGE: &str = "RESPONSE_TOO_LARGE";

/// The version of the protocol that the path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Hrana2,
    Hrana3,
}

/// What holds for every request of one HTTP request.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub permission: Permission,
    pub version: Version,
    pub response_bytes_max: usize,
}

/// Runs the whole pipeline. Blocks on the disk.
pub fn run(
    shared: &Arc<Shared>,
    context: Context,
    body: PipelineReqBody,
) -> Result<PipelineRespBody, Failure> {
    let mut lease = Lease::acquire(shared, body.baton.as_deref())?;
    let mut results = Vec::with_capacity(body.requests.len());
    for request in body.requests {
        results.push(match handle(lease.stream(), context, request) {
            Ok(response) => StreamResult::Ok { response },
            Err(Failure::Statement(error)) => StreamResult::Error { error },
            Err(Failure::Request(answer)) => return Err(answer.into()),
        });
    }
    Ok(PipelineRespBody { baton: lease.release(), base_url: None, results })
}

fn handle(
    stream: &mut Stream,
    context: Context,
    request: StreamRequest,
) -> Result<StreamResponse, Failure> {
    Ok(match request {
        StreamRequest::None => return Err(Failure::protocol("StreamRequest type not recognized")),
        StreamRequest::Close(_) => {
            stream.connection = None;
            StreamResponse::Close(proto::CloseStreamResp {})
        }
        StreamRequest::Execute(request) => {
            let query = query(stream, context, &request.stmt)?;
            let mut collected = Collected::new(context.response_bytes_max);
            let result = execute(connection(stream)?, &query, &mut collected)?;
            StreamResponse::Execute(proto::ExecuteStreamResp { result })
        }
        StreamRequest::Batch(request) => {
            let result = batch(stream, context, &request.batch)?;
            StreamResponse::Batch(proto::BatchStreamResp { result })
        }
        StreamRequest::Sequence(request) => {
            let sql = sql(stream, request.sql.as_deref(), request.sql_id)?;
            for kind in analysis::all(sql)? {
                permit(context, kind)?;
            }
            connection(stream)?.sequence(sql)?;
            StreamResponse::Sequence(proto::SequenceStreamResp {})
        }
        StreamRequest::Describe(request) => {
            let sql = sql(stream, request.sql.as_deref(), request.sql_id)?;
            let result = connection(stream)?.describe(sql)?;
            StreamResponse::Describe(proto::DescribeStreamResp { result })
        }
        StreamRequest::StoreSql(request) => {
            store(stream, request.sql_id, request.sql)?;
            StreamResponse::StoreSql(proto::StoreSqlStreamResp {})
        }
        StreamRequest::CloseSql(request) => {
            stream.sqls.remove(&request.sql_id);
            StreamResponse::CloseSql(proto::CloseSqlStreamResp {})
        }
        StreamRequest::GetAutocommit(_) => {
            need_hrana3(context, "The `get_autocommit` request")?;
            let is_autocommit = connection(stream)?.is_autocommit();
            StreamResponse::GetAutocommit(proto::GetAutocommitStreamResp { is_autocommit })
        }
    })
}

fn store(stream: &mut Stream, sql_id: i32, sql: String) -> Result<(), Failure> {
    let count = stream.sqls.len();
    if stream.sqls.contains_key(&sql_id) {
        return Err(Failure::protocol(format!("SQL text {sql_id} already exists")));
    }
    if STORED_MAX <= count {
        let message = format!("The server already stores {count} SQL texts, it cannot store more");
        return Err(Failure::statement("SQL_STORE_TOO_MANY", message));
    }
    if STORED_BYTES_MAX < sql.len() {
        let message = "The statement is too large to be stored";
        return Err(Failure::statement("SQL_STORE_TOO_LARGE", message));
    }
    stream.sqls.insert(sql_id, sql);
    Ok(())
}

pub fn connection(stream: &Stream) -> Result<&Connection, Failure> {
    stream.connection.as_ref().ok_or_else(|| Failure::protocol("Stream for this baton was closed"))
}

fn sql<'a>(
    stream: &'a Stream,
    sql: Option<&'a str>,
    sql_id: Option<i32>,
) -> Result<&'a str, Failure> {
    match (sql, sql_id) {
        (Some(sql), None) => Ok(sql),
        (None, Some(id)) => stream
            .sqls
            .get(&id)
            .map(String::as_str)
            .ok_or_else(|| Failure::protocol(format!("SQL text {id} not found"))),
        (Some(_), Some(_)) => {
            Err(Failure::protocol("Either `sql` or `sql_id` are required, but not both"))
        }
        (None, None) => Err(Failure::protocol("Either `sql` or `sql_id` are required")),
    }
}

/// Looks the text of a statement up and decides whether it may run.
pub fn query<'a>(
    stream: &'a Stream,
    context: Context,
    stmt: &'a proto::Stmt,
) -> Result<Query<'a>, Failure> {
    let sql = sql(stream, stmt.sql.as_deref(), stmt.sql_id)?;
    let kind = analysis::single(sql)?;
    if !stmt.args.is_empty() && !stmt.named_args.is_empty() {
        return Err(Failure::statement(
            "ARGS_BOTH_POSITIONAL_AND_NAMED",
            "Specifying both positional and named arguments is not supported",
        ));
    }
    permit(context, kind)?;
    Ok(Query { sql, kind, stmt })
}

fn permit(context: Context, kind: analysis::Kind) -> Result<(), Failure> {
    if kind.writes() && context.permission == Permission::ReadOnly {
        let message = "Not authorized: the token only permits reading";
        return Err(Answer::error(StatusCode::FORBIDDEN, message).into());
    }
    Ok(())
}

fn execute(
    connection: &Connection,
    query: &Query<'_>,
    collected: &mut Collected,
) -> Result<StmtResult, Failure> {
    let done = connection.run(query, collected)?;
    Ok(StmtResult {
        cols: std::mem::take(&mut collected.columns),
        rows: std::mem::take(&mut collected.rows),
        affected_row_count: done.affected_row_count,
        last_insert_rowid: done.last_insert_rowid,
        replication_index: None,
        rows_read: 0,
        rows_written: 0,
        query_duration_ms: 0.0,
    })
}

fn batch(stream: &Stream, context: Context, batch: &proto::Batch) -> Result<BatchResult, Failure> {
    let queries = queries(stream, context, batch)?;
    let connection = connection(stream)?;
    let mut collected = Collected::new(context.response_bytes_max);
    let mut result = BatchResult::default();
    let mut steps = Vec::new();
    for (step, query) in batch.steps.iter().zip(queries) {
        let (mut done, mut failed) = (None, None);
        if step.condition.as_ref().is_none_or(|condition| holds(condition, &steps, connection)) {
            match execute(connection, &query, &mut collected) {
                Ok(outcome) => done = Some(outcome),
                // The rest of the batch is not run: there is no room for its results.
                Err(Failure::Statement(error)) if error.code != TOO_LARGE => failed = Some(error),
                Err(failure) => return Err(failure),
            }
        }
        steps.push(Step::of(done.is_some(), failed.is_some()));
        result.step_results.push(done);
        result.step_errors.push(failed);
    }
    Ok(result)
}

/// The statements of a batch, all of them judged before the first runs.
pub fn queries<'a>(
    stream: &'a Stream,
    context: Context,
    batch: &'a proto::Batch,
) -> Result<Vec<Query<'a>>, Failure> {
    let mut queries = Vec::with_capacity(batch.steps.len());
    for (index, step) in batch.steps.iter().enumerate() {
        if let Some(condition) = &step.condition {
            check(condition, index, context)?;
        }
        queries.push(query(stream, context, &step.stmt)?);
    }
    Ok(queries)
}

/// What became of a step of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Done,
    Failed,
    Skipped,
}

impl Step {
    fn of(done: bool, failed: bool) -> Self {
        match (done, failed) {
            (true, _) => Self::Done,
            (_, true) => Self::Failed,
            _ => Self::Skipped,
        }
    }
}

/// A condition may only look back.
fn check(condition: &BatchCond, index: usize, context: Context) -> Result<(), Failure> {
    match condition {
        BatchCond::None => Err(Failure::protocol("BatchCond type not recognized")),
        BatchCond::Ok { step } | BatchCond::Error { step } => match usize::try_from(*step) {
            Ok(step) if step < index => Ok(()),
            _ => Err(Failure::protocol("Invalid reference to step in a batch condition")),
        },
        BatchCond::Not { cond } => check(cond, index, context),
        BatchCond::And(list) | BatchCond::Or(list) => {
            list.conds.iter().try_for_each(|condition| check(condition, index, context))
        }
        BatchCond::IsAutocommit {} => need_hrana3(context, "BatchCond of type `is_autocommit`"),
    }
}

pub fn holds(condition: &BatchCond, steps: &[Step], connection: &Connection) -> bool {
    let is = |step: u32, expected| {
        usize::try_from(step).is_ok_and(|step| steps.get(step) == Some(&expected))
    };
    match condition {
        BatchCond::None => false,
        BatchCond::Ok { step } => is(*step, Step::Done),
        BatchCond::Error { step } => is(*step, Step::Failed),
        BatchCond::Not { cond } => !holds(cond, steps, connection),
        BatchCond::And(list) => list.conds.iter().all(|cond| holds(cond, steps, connection)),
        BatchCond::Or(list) => list.conds.iter().any(|cond| holds(cond, steps, connection)),
        BatchCond::IsAutocommit {} => connection.is_autocommit(),
    }
}

fn need_hrana3(context: Context, what: &str) -> Result<(), Failure> {
    if context.version < Version::Hrana3 {
        let message = format!("{what} is only supported in protocol version hrana3 and higher");
        return Err(Failure::protocol(message));
    }
    Ok(())
}

/// A result in memory, up to a size.
struct Collected {
    columns: Vec<proto::Col>,
    rows: Vec<proto::Row>,
    bytes: usize,
    bytes_max: usize,
}

impl Collected {
    fn new(bytes_max: usize) -> Self {
        Self { columns: Vec::new(), rows: Vec::new(), bytes: 0, bytes_max }
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        self.bytes += bytes;
        if self.bytes_max < self.bytes {
            return Err(Failure::statement(TOO_LARGE, "Response is too large"));
        }
        Ok(())
    }
}

impl Output for Collected {
    fn columns(&mut self, columns: Vec<proto::Col>) -> Result<(), Failure> {
        self.columns = columns;
        self.rows.clear();
        Ok(())
    }

    fn row(&mut self, row: proto::Row) -> Result<(), Failure> {
        self.grow(row.values.iter().map(size).sum())?;
        self.rows.push(row);
        Ok(())
    }
}

/// About as many bytes as the value takes in JSON, in the way that the server counts them.
fn size(value: &proto::Value) -> usize {
    match value {
        proto::Value::None | proto::Value::Null => r#"{"type":"null"}"#.len(),
        proto::Value::Integer { value } => {
            r#"{"type":"integer","value":""}"#.len() + value.to_string().len()
        }
        proto::Value::Float { value } => {
            r#"{"type":"float","value":}"#.len() + value.to_string().len()
        }
        proto::Value::Text { value } => r#"{"type":"text","value":""}"#.len() + value.len(),
        proto::Value::Blob { value } => value.len(),
    }
}

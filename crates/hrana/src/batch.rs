//! A whole transaction in one request.

use libsql_hrana::proto::{
    Batch, BatchCond, BatchResult, BatchStep, BatchStreamReq, StmtResult, StreamRequest,
};

use crate::{HranaError, ResultSet, Stmt};

/// The request that runs `statements` in one transaction, all or none:
///
/// ```text
/// step 0      BEGIN IMMEDIATE     (BEGIN when nothing can write)
/// step k      statement k         if step k-1 went well
/// step n+1    COMMIT              if step n went well
/// step n+2    ROLLBACK            if COMMIT did not go well
/// ```
///
/// The server evaluates the conditions, so that no answer of the client's is needed in between. IMMEDIATE takes the
/// write lock at the start, where waiting for it is harmless: a transaction that reads first and wants to write
/// later can only fail. Reads alone need no lock, and a token that may only read could not take it.
pub(crate) fn atomic_request(statements: Vec<Stmt>) -> Result<StreamRequest, HranaError> {
    if statements.iter().any(Stmt::is_transaction_control) {
        return Err(HranaError::Invalid {
            message: "a batch is a transaction already: BEGIN, COMMIT, END and ROLLBACK must not be in it"
                .into(),
        });
    }
    let reads = statements.iter().all(Stmt::is_read_only);
    let begin = if reads { "BEGIN" } else { "BEGIN IMMEDIATE" };
    let mut steps = vec![step(None, Stmt::new(begin).without_rows())?];
    for statement in statements {
        steps.push(step(Some(succeeded(steps.len(), 1)?), statement)?);
    }
    steps.push(step(Some(succeeded(steps.len(), 1)?), Stmt::new("COMMIT").without_rows())?);
    let cond = Box::new(succeeded(steps.len(), 1)?);
    steps.push(step(Some(BatchCond::Not { cond }), Stmt::new("ROLLBACK").without_rows())?);
    Ok(StreamRequest::Batch(BatchStreamReq { batch: Batch { steps, replication_index: None } }))
}

fn step(condition: Option<BatchCond>, stmt: Stmt) -> Result<BatchStep, HranaError> {
    Ok(BatchStep { condition, stmt: stmt.into_wire()? })
}

/// The condition that the step `back` steps before number `step` went well.
fn succeeded(step: usize, back: usize) -> Result<BatchCond, HranaError> {
    let step = u32::try_from(step.saturating_sub(back))
        .map_err(|_| HranaError::Invalid { message: "a batch has too many statements".into() })?;
    Ok(BatchCond::Ok { step })
}

/// What the `statements` of an [`atomic_request`] gave, or why nothing of it took effect.
pub(crate) fn atomic_result(
    result: BatchResult,
    statements: usize,
) -> Result<Vec<ResultSet>, HranaError> {
    let steps = statements + 3;
    if result.step_results.len() != steps || result.step_errors.len() != steps {
        let got = result.step_results.len();
        return Err(HranaError::protocol(format!("{got} step results for {steps} steps")));
    }
    // The first error is the cause. The ROLLBACK has one of its own when SQLite has already rolled back.
    if let Some(error) = result.step_errors.into_iter().take(statements + 2).flatten().next() {
        return Err(error.into());
    }
    let mut done = result.step_results.into_iter();
    let mut next = || {
        done.next().flatten().ok_or_else(|| HranaError::protocol("a step of a batch has no result"))
    };
    next()?;
    let results: Vec<StmtResult> = (0..statements).map(|_| next()).collect::<Result<_, _>>()?;
    // Without a committed COMMIT nothing counts, whatever the other steps say.
    next()?;
    results.into_iter().map(ResultSet::from_wire).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_conditional_transaction() {
        let request = atomic_request(vec![
            Stmt::new("INSERT INTO t VALUES (?1)").bind(7).without_rows(),
            Stmt::new("SELECT 1"),
        ]);
        let json = serde_json::to_value(request.unwrap()).unwrap();
        let steps = json["batch"]["steps"].as_array().unwrap();
        let shape: Vec<String> = steps
            .iter()
            .map(|step| {
                format!(
                    "{} {} {}",
                    step["stmt"]["sql"], step["stmt"]["want_rows"], step["condition"]
                )
            })
            .collect();
        assert_eq!(
            shape,
            [
                r#""BEGIN IMMEDIATE" false null"#,
                r#""INSERT INTO t VALUES (?1)" false {"step":0,"type":"ok"}"#,
                r#""SELECT 1" true {"step":1,"type":"ok"}"#,
                r#""COMMIT" false {"step":2,"type":"ok"}"#,
                r#""ROLLBACK" false {"cond":{"step":3,"type":"ok"},"type":"not"}"#,
            ]
        );
    }

    #[test]
    fn a_batch_of_reads_takes_no_write_lock() {
        let reads = atomic_request(vec![Stmt::new("SELECT 1"), Stmt::new("VALUES (2)")]);
        let json = serde_json::to_value(reads.unwrap()).unwrap();
        assert_eq!(json["batch"]["steps"][0]["stmt"]["sql"], "BEGIN");
    }

    #[test]
    fn transaction_control_inside_a_batch_is_refused() {
        for sql in ["COMMIT", " begin", "-- x\nROLLBACK", "End"] {
            assert!(
                matches!(atomic_request(vec![Stmt::new(sql)]), Err(HranaError::Invalid { .. })),
                "{sql}"
            );
        }
        assert!(atomic_request(vec![Stmt::new("SAVEPOINT a")]).is_ok());
    }

    fn result(json: &str) -> Result<Vec<ResultSet>, HranaError> {
        atomic_result(serde_json::from_str(json).unwrap(), 1)
    }

    const DONE: &str = r#"{"cols":[],"rows":[],"affected_row_count":0,"last_insert_rowid":null}"#;

    #[test]
    fn success_needs_a_result_of_every_step_and_of_commit() {
        let ok = format!(
            r#"{{"step_results":[{DONE},{DONE},{DONE},null],"step_errors":[null,null,null,null]}}"#
        );
        assert_eq!(result(&ok).unwrap(), [ResultSet::default()]);
        for missing in [
            format!(
                r#"{{"step_results":[{DONE},{DONE},null,null],"step_errors":[null,null,null,null]}}"#
            ),
            format!(
                r#"{{"step_results":[{DONE},null,{DONE},null],"step_errors":[null,null,null,null]}}"#
            ),
            format!(r#"{{"step_results":[{DONE}],"step_errors":[null]}}"#),
            r#"{"step_results":[],"step_errors":[]}"#.to_owned(),
        ] {
            assert!(matches!(result(&missing), Err(HranaError::Protocol { .. })), "{missing}");
        }
    }

    #[test]
    fn the_first_error_is_the_cause() {
        let failed = format!(
            r#"{{"step_results":[{DONE},null,null,null],"step_errors":[null,
            {{"message":"SQLite error: NOT NULL constraint failed: t.a","code":"SQLITE_CONSTRAINT"}},null,
            {{"message":"cannot rollback","code":"SQLITE_ERROR"}}]}}"#
        );
        assert_eq!(
            result(&failed),
            Err(HranaError::Rejected {
                code: "SQLITE_CONSTRAINT".into(),
                message: "NOT NULL constraint failed: t.a".into()
            })
        );
    }
}

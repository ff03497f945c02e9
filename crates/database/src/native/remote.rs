//! Statements on a server that speaks Hrana.

use hrana::{Client, HranaError, HyperTransport, ResultSet, Stmt, Value as HranaValue};

use crate::{DatabaseError, Rows, Statement, Value};

pub(super) async fn query(
    client: &Client<HyperTransport>,
    statement: Statement,
) -> Result<Rows, DatabaseError> {
    let Stmt { sql, args, .. } = into_hrana(statement);
    client.execute(sql, args).await.map(into_rows).map_err(failure)
}

pub(super) async fn batch(
    client: &Client<HyperTransport>,
    statements: Vec<Statement>,
) -> Result<Vec<Rows>, DatabaseError> {
    let statements = statements.into_iter().map(into_hrana).collect();
    let results = client.batch(statements).await.map_err(failure)?;
    Ok(results.into_iter().map(into_rows).collect())
}

fn failure(error: HranaError) -> DatabaseError {
    match error {
        HranaError::Rejected { message, .. } => DatabaseError::from_message(&message),
        HranaError::TooLarge { .. } => DatabaseError::TooLarge,
        HranaError::Invalid { message } => DatabaseError::Statement { message },
        other => DatabaseError::Unavailable(Box::new(other)),
    }
}

fn into_hrana(statement: Statement) -> Stmt {
    let arguments = statement.parameters.into_iter().map(|value| match value {
        Value::Null => HranaValue::Null,
        Value::Integer(integer) => HranaValue::Integer(integer),
        Value::Real(real) => HranaValue::Real(real),
        Value::Text(text) => HranaValue::Text(text),
        Value::Blob(bytes) => HranaValue::Blob(bytes),
    });
    Stmt { sql: statement.sql, args: arguments.collect(), want_rows: true }
}

fn into_rows(result: ResultSet) -> Rows {
    let rows = result.rows.into_iter().map(|row| row.into_iter().map(from_hrana).collect());
    Rows::new(result.columns, rows.collect())
}

fn from_hrana(value: HranaValue) -> Value {
    match value {
        HranaValue::Null => Value::Null,
        HranaValue::Integer(integer) => Value::Integer(integer),
        HranaValue::Real(real) => Value::Real(real),
        HranaValue::Text(text) => Value::Text(text),
        HranaValue::Blob(bytes) => Value::Blob(bytes),
    }
}

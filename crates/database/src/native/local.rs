//! Statements on the embedded engine.

use engine::{Engine, EngineError, QueryResult, Value as EngineValue};

use crate::{DatabaseError, Rows, Statement, Value};

pub(super) async fn query(engine: &Engine, statement: Statement) -> Result<Rows, DatabaseError> {
    let (sql, values) = into_engine(statement);
    engine.execute(sql, values).await.map(into_rows).map_err(failure)
}

pub(super) async fn batch(
    engine: &Engine,
    statements: Vec<Statement>,
) -> Result<Vec<Rows>, DatabaseError> {
    let statements = statements.into_iter().map(into_engine).collect();
    let results = engine.batch(statements).await.map_err(failure)?;
    Ok(results.into_iter().map(into_rows).collect())
}

pub(super) fn failure(error: EngineError) -> DatabaseError {
    match error {
        EngineError::Sqlite { message, .. } => DatabaseError::from_message(&message),
        EngineError::Busy | EngineError::TransactionTimeout => DatabaseError::Busy,
        EngineError::TooLarge => DatabaseError::TooLarge,
        EngineError::MultipleStatements
        | EngineError::Denied { .. }
        | EngineError::NotUtf8 { .. } => DatabaseError::Statement { message: error.to_string() },
        other => DatabaseError::Unavailable(Box::new(other)),
    }
}

fn into_engine(statement: Statement) -> (String, Vec<EngineValue>) {
    let values = statement.parameters.into_iter().map(|value| match value {
        Value::Null => EngineValue::Null,
        Value::Integer(integer) => EngineValue::Integer(integer),
        Value::Real(real) => EngineValue::Real(real),
        Value::Text(text) => EngineValue::Text(text),
        Value::Blob(bytes) => EngineValue::Blob(bytes),
    });
    (statement.sql.into_owned(), values.collect())
}

fn into_rows(result: QueryResult) -> Rows {
    let rows = result.rows.into_iter().map(|row| row.into_iter().map(from_engine).collect());
    Rows::new(result.columns, rows.collect())
}

fn from_engine(value: EngineValue) -> Value {
    match value {
        EngineValue::Null => Value::Null,
        EngineValue::Integer(integer) => Value::Integer(integer),
        EngineValue::Real(real) => Value::Real(real),
        EngineValue::Text(text) => Value::Text(text),
        EngineValue::Blob(bytes) => Value::Blob(bytes),
    }
}

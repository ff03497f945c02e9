//! The body outside a component: the embedded engine.

use std::path::Path;

use engine::{Engine, EngineError, Options, QueryResult, Value as EngineValue};

use crate::{DatabaseError, Rows, Statement, Value};

/// A database file, or one in memory.
#[derive(Debug, Clone)]
pub struct Database {
    engine: Engine,
}

impl Database {
    /// Opens the file at `path`, creating it when it does not exist.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when the file cannot be opened, or is no database.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        Engine::open(path, Options::default()).map(Self::from_engine).map_err(failure)
    }

    /// A new, empty database that lives as long as this value and its clones.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no thread can be started for it.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Engine::in_memory(Options::default()).map(Self::from_engine).map_err(failure)
    }

    /// The database of an engine that is open already.
    pub fn from_engine(engine: Engine) -> Self {
        Self { engine }
    }

    /// Runs one statement and collects its rows.
    ///
    /// # Errors
    /// See [`DatabaseError`]; nothing took effect.
    pub async fn query(&self, statement: Statement) -> Result<Rows, DatabaseError> {
        let (sql, values) = into_engine(statement);
        self.engine.execute(sql, values).await.map(into_rows).map_err(failure)
    }

    /// Runs the statements in one transaction: all take effect or none does.
    ///
    /// # Errors
    /// That of the first statement that failed; nothing took effect.
    pub async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let statements = statements.into_iter().map(into_engine).collect();
        let results = self.engine.batch(statements).await.map_err(failure)?;
        Ok(results.into_iter().map(into_rows).collect())
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

fn failure(error: EngineError) -> DatabaseError {
    match error {
        EngineError::Sqlite { message, .. } => DatabaseError::from_message(&message),
        EngineError::Busy | EngineError::Overloaded | EngineError::TransactionTimeout => {
            DatabaseError::Busy
        }
        EngineError::TooLarge => DatabaseError::TooLarge,
        EngineError::MultipleStatements | EngineError::Denied { .. } => {
            DatabaseError::Statement { message: error.to_string() }
        }
        other => DatabaseError::Unavailable(Box::new(other)),
    }
}

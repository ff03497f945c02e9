//! The body inside a component: `spin:sqlite`.

use spin_sdk::sqlite::{Connection, Error, Value as SpinValue};

use crate::{DatabaseError, Rows, Statement, Value};

/// A database that the manifest grants to this component.
#[derive(Debug, Clone)]
pub struct Database {
    label: &'static str,
}

impl Database {
    /// The database with this label in `sqlite_databases`. Nothing is opened before the first statement.
    pub fn named(label: &'static str) -> Self {
        Self { label }
    }

    /// Runs one statement and collects its rows.
    ///
    /// # Errors
    /// See [`DatabaseError`]; nothing took effect.
    pub async fn query(&self, statement: Statement) -> Result<Rows, DatabaseError> {
        let connection = self.open().await?;
        run(&connection, statement).await
    }

    /// Runs the statements in one transaction: all take effect or none does.
    ///
    /// # Errors
    /// That of the first statement that failed; nothing took effect.
    pub async fn batch(&self, mut statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let connection = self.open().await?;
        // A statement is a transaction by itself. As one it shares its wait for the disk with others; a transaction of ours would keep them out.
        if statements.len() == 1
            && let Some(only) = statements.pop()
        {
            return Ok(vec![run(&connection, only).await?]);
        }
        run(&connection, Statement::new("BEGIN IMMEDIATE")).await?;
        let mut results = Vec::with_capacity(statements.len());
        for statement in statements {
            match run(&connection, statement).await {
                Ok(rows) => results.push(rows),
                Err(error) => return Err(roll_back(&connection, error).await),
            }
        }
        match run(&connection, Statement::new("COMMIT")).await {
            Ok(_) => Ok(results),
            Err(error) => Err(roll_back(&connection, error).await),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this crate is the one that opens connections")]
    async fn open(&self) -> Result<Connection, DatabaseError> {
        Connection::open(self.label).await.map_err(failure)
    }
}

/// Ends the transaction and hands back the error that ended it. Should the rollback fail as well, dropping the connection ends the
/// transaction all the same, so the first error is the one to report.
async fn roll_back(connection: &Connection, error: DatabaseError) -> DatabaseError {
    drop(run(connection, Statement::new("ROLLBACK")).await);
    error
}

async fn run(connection: &Connection, statement: Statement) -> Result<Rows, DatabaseError> {
    let parameters: Vec<SpinValue> = statement.parameters.into_iter().map(into_spin).collect();
    let result = connection.execute(&statement.sql, parameters).await.map_err(failure)?;
    let columns = result.columns().to_vec();
    let rows = result.collect().await.map_err(failure)?;
    Ok(Rows::new(
        columns,
        rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect()).collect(),
    ))
}

fn into_spin(value: Value) -> SpinValue {
    match value {
        Value::Null => SpinValue::Null,
        Value::Integer(integer) => SpinValue::Integer(integer),
        Value::Real(real) => SpinValue::Real(real),
        Value::Text(text) => SpinValue::Text(text),
        Value::Blob(bytes) => SpinValue::Blob(bytes),
    }
}

fn from_spin(value: SpinValue) -> Value {
    match value {
        SpinValue::Null => Value::Null,
        SpinValue::Integer(integer) => Value::Integer(integer),
        SpinValue::Real(real) => Value::Real(real),
        SpinValue::Text(text) => Value::Text(text),
        SpinValue::Blob(bytes) => Value::Blob(bytes),
    }
}

fn failure(error: Error) -> DatabaseError {
    match error {
        Error::Io(message) => DatabaseError::from_message(&message),
        other => DatabaseError::Unavailable(Box::new(other)),
    }
}

//! The body inside a component: `spin:sqlite`.

use spin_sdk::sqlite::wit::sqlite::{Connection, RowResult};
use spin_sdk::sqlite::{Error, Value as SpinValue};

use crate::{DatabaseError, Rows, Statement, Value};

/// A database that the manifest grants to this component.
#[derive(Debug, Clone)]
pub struct Database {
    label: &'static str,
    waiting: Waiting,
}

/// What the other requests of an instance do while one waits for the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// They go on.
    Shared,
    /// They wait too.
    Exclusive,
}

impl Database {
    /// The database with this label in `sqlite_databases`. Nothing is opened before the first statement.
    pub fn named(label: &'static str) -> Self {
        Self { label, waiting: Waiting::Shared }
    }

    /// The same, but the whole instance waits for each statement. For components that do little else than ask the database: then a statement is one
    /// call of the host instead of one for the statement, some for the pieces of its rows and one for how it ended, each with a task of its own.
    pub fn exclusive(label: &'static str) -> Self {
        Self { label, waiting: Waiting::Exclusive }
    }

    /// Runs one statement and collects its rows.
    ///
    /// # Errors
    /// See [`DatabaseError`]; nothing took effect.
    pub async fn query(&self, statement: Statement) -> Result<Rows, DatabaseError> {
        let connection = self.open()?;
        self.run(&connection, statement).await
    }

    /// Runs the statements in one transaction: all take effect or none does.
    ///
    /// # Errors
    /// That of the first statement that failed; nothing took effect.
    pub async fn batch(&self, mut statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let connection = self.open()?;
        // A statement is a transaction by itself. As one it shares its wait for the disk with others; a transaction of ours would keep them out.
        if statements.len() == 1
            && let Some(only) = statements.pop()
        {
            return Ok(vec![self.run(&connection, only).await?]);
        }
        self.run(&connection, Statement::new("BEGIN IMMEDIATE")).await?;
        let mut results = Vec::with_capacity(statements.len());
        for statement in statements {
            match self.run(&connection, statement).await {
                Ok(rows) => results.push(rows),
                Err(error) => return Err(self.roll_back(&connection, error).await),
            }
        }
        match self.run(&connection, Statement::new("COMMIT")).await {
            Ok(_) => Ok(results),
            Err(error) => Err(self.roll_back(&connection, error).await),
        }
    }

    /// Nothing is waited for: what is opened is a handle.
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that opens connections")]
    fn open(&self) -> Result<Connection, DatabaseError> {
        Connection::open(self.label).map_err(failure)
    }

    /// Ends the transaction and hands back the error that ended it. Should the rollback fail as well, dropping the connection ends the
    /// transaction all the same, so the first error is the one to report.
    async fn roll_back(&self, connection: &Connection, error: DatabaseError) -> DatabaseError {
        drop(self.run(connection, Statement::new("ROLLBACK")).await);
        error
    }

    async fn run(
        &self,
        connection: &Connection,
        statement: Statement,
    ) -> Result<Rows, DatabaseError> {
        let parameters: Vec<SpinValue> = statement.parameters.into_iter().map(into_spin).collect();
        let result = match self.waiting {
            Waiting::Shared => stream(connection, &statement.sql, parameters).await,
            Waiting::Exclusive => connection
                .execute(&statement.sql, &parameters)
                .map(|result| (result.columns, result.rows)),
        };
        let (columns, rows) = result.map_err(failure)?;
        let rows = rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect());
        Ok(Rows::new(columns, rows.collect()))
    }
}

/// Runs a statement while the others of the instance go on, and collects its rows.
async fn stream(
    connection: &Connection,
    sql: &str,
    parameters: Vec<SpinValue>,
) -> Result<(Vec<String>, Vec<RowResult>), Error> {
    let (columns, rows, end) = connection.execute_async(sql.to_owned(), parameters).await?;
    let rows = rows.collect().await;
    end.await?;
    Ok((columns, rows))
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

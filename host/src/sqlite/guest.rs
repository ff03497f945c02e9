//! The functions of the interface.

use std::sync::Arc;

use engine::Value;
use wasmtime::component::{Accessor, FutureReader, HasData, Linker, Resource, StreamReader};

use self::bindings::spin::sqlite::sqlite;
pub use self::bindings::spin::sqlite::sqlite::{Error, RowResult};
use super::Refusal;
use super::connection::{Collected, Connection, StatementError};
use crate::chunks::ChunkProducer;
use crate::state::State;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/deps/spin-sqlite@3.1.0",
        inline: "
            package host:sqlite;
            world imports { import spin:sqlite/sqlite@3.1.0; }
        ",
        imports: {
            // To the guest this function blocks; the host must not block its thread for that.
            "spin:sqlite/sqlite.[method]connection.execute": async | trappable,
            default: trappable,
        },
        with: { "spin:sqlite/sqlite.connection": super::OpenConnection },
    });
}

/// Connections that an instance may hold at once, as in Spin.
const CONNECTIONS_MAX: usize = 256;

/// What a guest's handle refers to. Shared with the calls that run on it.
pub struct OpenConnection(Arc<Connection>);

/// Names the capability for the linker; the data of its functions is the whole [`State`].
struct Sqlite;

impl HasData for Sqlite {
    type Data<'a> = &'a mut State;
}

/// Makes the interface available to guests.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    sqlite::add_to_linker::<State, Sqlite>(linker, |state| state)
}

type ExecuteAsync =
    Result<(Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>), Error>;

impl sqlite::Host for &mut State {}

impl sqlite::HostConnection for &mut State {
    fn open(
        &mut self,
        database: String,
    ) -> wasmtime::Result<Result<Resource<OpenConnection>, Error>> {
        open(self, &database)
    }

    async fn execute(
        &mut self,
        handle: Resource<OpenConnection>,
        statement: String,
        parameters: Vec<sqlite::Value>,
    ) -> wasmtime::Result<Result<sqlite::QueryResult, Error>> {
        let connection = connection(self, &handle)?;
        let parameters = parameters.into_iter().map(from_guest).collect();
        let result = connection.execute(statement, parameters).await;
        Ok(result.map_err(to_guest_error).map(|Collected { columns, rows }| {
            let rows = rows.into_iter().map(to_guest_row).collect();
            sqlite::QueryResult { columns, rows }
        }))
    }

    fn last_insert_rowid(&mut self, handle: Resource<OpenConnection>) -> wasmtime::Result<i64> {
        Ok(connection(self, &handle)?.last_insert_rowid())
    }

    fn changes(&mut self, handle: Resource<OpenConnection>) -> wasmtime::Result<u64> {
        Ok(connection(self, &handle)?.changes())
    }

    fn drop(&mut self, handle: Resource<OpenConnection>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl<T: Send> sqlite::HostConnectionWithStore<T> for Sqlite {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Resource<OpenConnection>, Error>> {
        accessor.with(|mut access| open(access.get(), &database))
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenConnection>,
        statement: String,
        parameters: Vec<sqlite::Value>,
    ) -> wasmtime::Result<ExecuteAsync> {
        let connection = accessor.with(|mut access| connection(access.get(), &handle))?;
        let parameters = parameters.into_iter().map(from_guest).collect();
        let (columns, rows) = match connection.stream(statement, parameters).await {
            Ok(result) => result,
            Err(error) => return Ok(Err(to_guest_error(error))),
        };
        let (producer, outcome) = ChunkProducer::new(rows);
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, producer)?;
            let outcome = FutureReader::new(&mut access, outcome)?;
            Ok(Ok((columns, rows, outcome)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenConnection>,
    ) -> wasmtime::Result<i64> {
        accessor.with(|mut access| Ok(connection(access.get(), &handle)?.last_insert_rowid()))
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenConnection>,
    ) -> wasmtime::Result<u64> {
        accessor.with(|mut access| Ok(connection(access.get(), &handle)?.changes()))
    }
}

fn open(
    state: &mut State,
    database: &str,
) -> wasmtime::Result<Result<Resource<OpenConnection>, Error>> {
    let connection = match state.grants.databases.connect(database) {
        Ok(connection) => OpenConnection(Arc::new(connection)),
        Err(Refusal::AccessDenied) => return Ok(Err(Error::AccessDenied)),
        Err(Refusal::NoSuchDatabase) => return Ok(Err(Error::NoSuchDatabase)),
    };
    let open = state.table.iter_mut().filter(|entry| entry.is::<OpenConnection>()).count();
    if CONNECTIONS_MAX <= open {
        return Ok(Err(Error::Io("too many connections are open: drop some".to_owned())));
    }
    Ok(Ok(state.table.push(connection)?))
}

fn connection(
    state: &State,
    handle: &Resource<OpenConnection>,
) -> wasmtime::Result<Arc<Connection>> {
    Ok(Arc::clone(&state.table.get(handle)?.0))
}

/// The error as a guest sees it.
pub fn to_guest_error(error: StatementError) -> Error {
    match error {
        StatementError::Full => Error::DatabaseFull,
        StatementError::Other(message) => Error::Io(message),
    }
}

/// The row as a guest sees it.
pub fn to_guest_row(values: Vec<Value>) -> RowResult {
    let values = values.into_iter().map(|value| match value {
        Value::Null => sqlite::Value::Null,
        Value::Integer(integer) => sqlite::Value::Integer(integer),
        Value::Real(real) => sqlite::Value::Real(real),
        Value::Text(text) => sqlite::Value::Text(text),
        Value::Blob(blob) => sqlite::Value::Blob(blob),
    });
    RowResult { values: values.collect() }
}

fn from_guest(value: sqlite::Value) -> Value {
    match value {
        sqlite::Value::Null => Value::Null,
        sqlite::Value::Integer(integer) => Value::Integer(integer),
        sqlite::Value::Real(real) => Value::Real(real),
        sqlite::Value::Text(text) => Value::Text(text),
        sqlite::Value::Blob(blob) => Value::Blob(blob),
    }
}

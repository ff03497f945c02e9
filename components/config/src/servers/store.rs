use ambient::UnixMillis;
use audit::{Entry, When};
use database::{ConstraintKind, Database, DatabaseError, Row, Rows, Statement};
use ids::McpServerId;
use vault::Sealed;

use crate::error::ConfigError;
use crate::owner::Owner;
use crate::servers::entry::{Introduced, ServerEntry, ToolEntry};
use crate::servers::service::{SERVERS_MAX, place};
use paging::Part;

/// What becomes of the sealed credentials.
pub enum Closed {
    Kept,
    Forgotten,
    Sealed(Sealed),
}

/// The servers that an owner sees, the newest first; one more than the part has.
pub async fn list_servers(
    database: &Database,
    owner: Owner,
    part: &Part<McpServerId>,
) -> Result<Vec<ServerEntry>, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/list_mcp_servers.sql"))
        .bind(owner.to_string())
        .bind(owner.visible())
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read).collect()
}

/// A server that an owner sees.
pub async fn find_server(
    database: &Database,
    owner: Owner,
    id: McpServerId,
) -> Result<Option<ServerEntry>, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/find_mcp_server.sql"))
        .bind(owner.to_string())
        .bind(owner.visible())
        .bind(id.to_string());
    database.query(statement).await?.first().map(read).transpose()
}

/// Writes a server with its credentials.
pub async fn create_server(
    database: &Database,
    entry: &ServerEntry,
    closed: Closed,
    kept: Option<Statement>,
    recorded: Entry,
) -> Result<(), ConfigError> {
    let now = UnixMillis(entry.created_at);
    let insert = fields(include_str!("../../queries/insert_mcp_server.sql"), entry);
    let mut action = vec![insert];
    action.extend(sealing(entry, closed));
    action.extend(kept);
    write(database, now, action, When::Always, recorded).await.map(drop)
}

/// Writes a server in place of the version that was read; `false` when that is not there any more.
pub async fn update_server(
    database: &Database,
    entry: &ServerEntry,
    keeps_tools: bool,
    closed: Closed,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    let now = UnixMillis(entry.updated_at);
    let demand = Statement::new(include_str!("../../queries/demand_mcp_server.sql"))
        .bind(entry.owner.to_string())
        .bind(entry.id.to_string())
        .bind(entry.version);
    let update = include_str!("../../queries/update_mcp_server.sql");
    let mut action = vec![demand, fields(update, entry).bind(keeps_tools)];
    action.extend(sealing(entry, closed));
    match write(database, now, action, When::Always, recorded).await {
        Ok(_) => Ok(true),
        Err(ConfigError::Database(DatabaseError::Constraint {
            kind: ConstraintKind::NotNull,
            ..
        })) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a server; its credentials go with it. `false` when there is none.
pub async fn delete_server(
    database: &Database,
    owner: Owner,
    id: McpServerId,
    now: UnixMillis,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/delete_mcp_server.sql"))
        .bind(owner.to_string())
        .bind(id.to_string());
    let results = write(database, now, vec![statement], When::Changed, recorded).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Keeps what a server has said of itself and its tools, unless it has changed since it was asked.
pub async fn keep_tools(
    database: &Database,
    entry: &ServerEntry,
    server: &Introduced,
    tools: &[ToolEntry],
    now: UnixMillis,
) -> Result<(), ConfigError> {
    let statement = Statement::new(include_str!("../../queries/keep_mcp_tools.sql"))
        .bind(entry.owner.to_string())
        .bind(entry.id.to_string())
        .bind(entry.version)
        .bind(serde_json::to_string(server)?)
        .bind(serde_json::to_string(tools)?)
        .bind(now.0);
    database.query(statement).await?;
    Ok(())
}

fn sealing(entry: &ServerEntry, closed: Closed) -> Vec<Statement> {
    let name = entry.id.to_string();
    let place = place(entry.owner, &name);
    match closed {
        Closed::Kept => Vec::new(),
        Closed::Forgotten => vec![place.delete()],
        // Headers are no text that anyone recognizes by its end.
        Closed::Sealed(sealed) => place.put(sealed, None, UnixMillis(entry.updated_at)).into(),
    }
}

fn fields(sql: &'static str, entry: &ServerEntry) -> Statement {
    let tools = entry.enabled_tools.as_ref().map(|names| serde_json::json!(names).to_string());
    Statement::new(sql)
        .bind(entry.owner.to_string())
        .bind(entry.id.to_string())
        .bind(entry.qualified_name.as_deref())
        .bind(entry.name.as_str())
        .bind(entry.url.as_str())
        .bind(entry.transport.as_str())
        // A map of JSON values displays as JSON.
        .bind(serde_json::Value::Object(entry.config.clone()).to_string())
        .bind(entry.enabled)
        .bind(tools)
        .bind(entry.has_secret)
        .bind(entry.updated_at)
}

async fn write(
    database: &Database,
    now: UnixMillis,
    action: Vec<Statement>,
    when: When,
    recorded: Entry,
) -> Result<Vec<Rows>, ConfigError> {
    match audit::commit(database, now, action, vec![recorded], when).await {
        Ok(results) => Ok(results),
        Err(error) if error.is_unique("mcp_server.account_id, mcp_server.name") => {
            Err(ConfigError::NameTaken)
        }
        Err(error) if error.is_trigger("mcp_server_limit") => {
            Err(ConfigError::LimitReached { what: "MCP servers", most: SERVERS_MAX })
        }
        Err(error) => Err(error.into()),
    }
}

fn read(row: Row<'_>) -> Result<ServerEntry, ConfigError> {
    Ok(serde_json::from_str(row.get("entry")?)?)
}

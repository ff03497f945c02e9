use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use database::Statement;
use futures::future::join_all;
use ids::{AccountId, McpServerId};
use mcp::{Client, Credentials, Limits, McpError, Transport};
use runs::Approval;
use serde::Deserialize;
use serde_json::{Map, Value};
use vault::Kind;
use zeroize::Zeroizing;

use super::approval::{Rules, digest};
use super::offer;
use super::result::Outcome;
use crate::error::ChatError;
use crate::service::Chat;

const PLATFORM: &str = "platform";

/// How many servers are asked for their tools, how many tools a model is offered, and how long a server may take.
const SERVERS_MAX: usize = 16;
const TOOLS_MAX: usize = 128;
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// A server as it is stored: what the view `mcp_server_entry` gives of it.
#[derive(Debug, Clone, Deserialize)]
struct ServerEntry {
    account_id: String,
    id: McpServerId,
    name: String,
    url: String,
    transport: String,
    enabled: bool,
    enabled_tools: Option<BTreeSet<String>>,
    has_secret: bool,
}

/// Which tools a model is offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Those of the account's servers.
    #[default]
    Auto,
    None,
}

/// The tools of one run, with a session with each of their servers.
#[derive(Debug, Default)]
pub struct Toolbox {
    servers: Vec<(ServerEntry, Client)>,
    tools: Vec<Offered>,
    rules: Rules,
}

/// A tool that a model is offered.
#[derive(Debug)]
struct Offered {
    name: String,
    server: usize,
    tool: mcp::Tool,
}

/// What is to be done about a call.
#[derive(Debug)]
pub enum Verdict {
    Call,
    /// Somebody is to be asked about this.
    Ask(Approval),
    /// It cannot be carried out.
    Refuse(&'static str),
}

impl Chat {
    /// The tools that the account's servers have at this moment. A server that does not answer has none.
    ///
    /// # Errors
    /// [`ChatError`] of the database and the vault.
    pub async fn open_toolbox(&self, account: AccountId) -> Result<Toolbox, ChatError> {
        let statement = Statement::new(include_str!("../../queries/find_tool_settings.sql"))
            .bind(account.to_string())
            .bind(PLATFORM);
        let rows = self.database.query(statement).await?;
        let row = rows.first().ok_or(ChatError::NotFound)?;
        let settings: Option<Map<String, Value>> = serde_json::from_str(row.get("settings")?)?;
        let mut servers: Vec<ServerEntry> = serde_json::from_str(row.get("servers")?)?;
        servers.retain(|server| server.enabled);
        servers.sort_by_key(|server| server.id);
        servers.truncate(SERVERS_MAX);
        let mut sealed = Vec::new();
        for server in servers {
            let headers = self.open_headers(account, &server).await?;
            sealed.push((server, headers));
        }
        let asked = sealed.into_iter().map(|(server, headers)| self.connect(server, headers));
        let mut toolbox =
            Toolbox { rules: Rules::read(&settings.unwrap_or_default()), ..Toolbox::default() };
        let mut taken = BTreeSet::new();
        for (server, outcome) in join_all(asked).await {
            match outcome {
                Ok((client, tools)) => toolbox.add(server, client, tools, &mut taken),
                // The class of the failure alone: what a server says is nobody's business.
                Err(error) => {
                    tracing::warn!(server = %server.id, cause = %error, "an MCP server has no tools to offer");
                }
            }
        }
        Ok(toolbox)
    }

    async fn connect(
        &self,
        server: ServerEntry,
        headers: Option<Credentials>,
    ) -> (ServerEntry, Result<(Client, Vec<mcp::Tool>), McpError>) {
        let Ok(target) = self.settings.egress.check(&server.url) else {
            return (server, Err(McpError::Egress(egress::EgressError::Unreachable)));
        };
        let Some(headers) = headers else { return (server, Err(McpError::Unauthorized)) };
        let transport =
            if server.transport == "sse" { Transport::Sse } else { Transport::StreamableHttp };
        let limits = Limits { request: REQUEST_MAX, ..Limits::default() };
        let connected =
            Client::connect(self.egress.clone(), target, transport, headers, limits).await;
        let outcome = match connected {
            Ok(mut client) => match client.list_tools().await {
                Ok(tools) => Ok((client, tools)),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        (server, outcome)
    }

    /// What proves to a server who is calling; `None` when what is sealed is no such thing.
    async fn open_headers(
        &self,
        account: AccountId,
        server: &ServerEntry,
    ) -> Result<Option<Credentials>, ChatError> {
        if !server.has_secret {
            return Ok(Some(Credentials::default()));
        }
        let name = server.id.to_string();
        let account_id = (server.account_id != PLATFORM).then_some(account);
        let place = vault::Owner { account_id, kind: Kind::McpServer, id: &name };
        let Some(sealed) = place.find(&self.database).await? else { return Ok(None) };
        let secret = self.vault.open(&place.row(), &sealed).await?;
        Ok(credentials(&secret))
    }
}

/// The headers of a text that was sealed: a JSON object of texts.
fn credentials(text: &[u8]) -> Option<Credentials> {
    let headers: BTreeMap<String, String> = serde_json::from_slice(text).ok()?;
    let headers: BTreeMap<_, _> =
        headers.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect();
    Credentials::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))).ok()
}

impl Toolbox {
    fn add(
        &mut self,
        server: ServerEntry,
        client: Client,
        tools: Vec<mcp::Tool>,
        taken: &mut BTreeSet<String>,
    ) {
        let allowed = |tool: &mcp::Tool| {
            server.enabled_tools.as_ref().is_none_or(|names| names.contains(&tool.name))
        };
        for tool in tools.into_iter().filter(allowed).take(TOOLS_MAX - self.tools.len()) {
            let name = offer::name(&server.name, &tool.name, taken);
            self.tools.push(Offered { name, server: self.servers.len(), tool });
        }
        self.servers.push((server, client));
    }

    /// The tools as a model is told of them.
    pub fn offered(&self) -> Vec<providers::Tool> {
        let told = |offered: &Offered| providers::Tool {
            name: offered.name.clone(),
            description: offered.tool.description.clone(),
            parameters: offered.tool.input_schema.clone(),
        };
        self.tools.iter().map(told).collect()
    }

    /// What is to be done about a call, when these digests have been approved by somebody.
    pub fn judge(
        &self,
        call_id: &str,
        name: &str,
        arguments: Option<&Map<String, Value>>,
        approved: &BTreeSet<String>,
    ) -> Verdict {
        let Some(arguments) = arguments else {
            return Verdict::Refuse("The arguments are no JSON object.");
        };
        let found = self.tools.iter().find(|offered| offered.name == name);
        let server = found.and_then(|offered| self.servers.get(offered.server));
        let (Some(offered), Some((server, _))) = (found, server) else {
            return Verdict::Refuse("There is no such tool.");
        };
        if !self.rules.asks(&server.name, &offered.tool.name) {
            return Verdict::Call;
        }
        let text = Value::Object(arguments.clone()).to_string();
        let (id, schema) = (server.id.to_string(), offered.tool.input_schema.get());
        let description = offered.tool.description.as_deref().unwrap_or_default();
        let digest = digest(&[&id, &server.url, &offered.tool.name, description, schema, &text]);
        if approved.contains(&digest) {
            return Verdict::Call;
        }
        Verdict::Ask(Approval {
            tool_call_id: call_id.to_owned(),
            name: name.to_owned(),
            server_id: server.id,
            server_name: server.name.clone(),
            tool: offered.tool.name.clone(),
            arguments: arguments.clone(),
            digest,
        })
    }

    /// Calls a tool that was found fit for it.
    pub async fn call(&mut self, name: &str, arguments: &Map<String, Value>) -> Outcome {
        let Some(offered) = self.tools.iter().find(|offered| offered.name == name) else {
            return Outcome::error("There is no such tool.");
        };
        let Some((_, client)) = self.servers.get_mut(offered.server) else {
            return Outcome::error("There is no such tool.");
        };
        match client.call_tool(&offered.tool.name, arguments).await {
            Ok(result) => result.into(),
            Err(error) => error.into(),
        }
    }

    /// Ends the sessions.
    pub async fn close(self) {
        join_all(self.servers.into_iter().map(|(_, client)| client.close())).await;
    }
}

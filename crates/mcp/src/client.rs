use std::time::Duration;

use egress::{Egress, EgressError, Target, within};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::ear::Ear;
use crate::legacy::Legacy;
use crate::message::{notification, request};
use crate::server::introduction;
use crate::streamable::Streamable;
use crate::tool::ToolList;
use crate::wire::Wire;
use crate::{Credentials, Limits, McpError, ServerInfo, Tool, ToolResult, Version};

/// The longest time for telling a server that it need not go on.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Streamable HTTP, of 2025-03-26 and later.
    StreamableHttp,
    /// The event stream with posts, of 2024-11-05.
    Sse,
}

/// A session with a server.
#[derive(Debug)]
pub struct Client {
    conversation: Conversation,
    server: ServerInfo,
}

/// Requests and answers, by whichever transport.
#[derive(Debug)]
struct Conversation {
    channel: Channel,
    limits: Limits,
    /// Requests are numbered from one.
    last_id: u64,
}

#[derive(Debug)]
enum Channel {
    StreamableHttp(Box<Streamable>),
    Sse(Box<Legacy>),
}

impl Client {
    /// Introduces itself to a server.
    ///
    /// # Errors
    /// See [`McpError`].
    pub async fn connect(
        egress: Egress,
        target: Target,
        transport: Transport,
        credentials: Credentials,
        limits: Limits,
    ) -> Result<Self, McpError> {
        let wire = Wire::new(egress, credentials, limits);
        within(limits.request, async {
            let channel = match transport {
                Transport::StreamableHttp => {
                    Channel::StreamableHttp(Box::new(Streamable { wire, target }))
                }
                Transport::Sse => Channel::Sse(Box::new(Legacy::open(wire, &target).await?)),
            };
            let mut conversation = Conversation { channel, limits, last_id: 0 };
            let server = conversation.initialize().await?;
            Ok(Self { conversation, server })
        })
        .await?
    }

    /// What the server says of itself.
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// All tools of the server; none if it says that it has none.
    ///
    /// # Errors
    /// See [`McpError`].
    pub async fn list_tools(&mut self) -> Result<Vec<Tool>, McpError> {
        if !self.server.has_tools {
            return Ok(Vec::new());
        }
        let limits = self.conversation.limits;
        within(limits.request, async {
            let mut list = ToolList::new(limits);
            let mut params = json!({});
            loop {
                let page = self.request("tools/list", &params).await?;
                let Some(cursor) = list.add(page.get())? else { return Ok(list.into_tools()) };
                params = json!({ "cursor": cursor });
            }
        })
        .await?
    }

    /// Calls a tool. What takes too long is cancelled, though the tool may have done its work.
    ///
    /// # Errors
    /// See [`McpError`]. A tool that fails says so in its result.
    pub async fn call_tool(
        &mut self,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<ToolResult, McpError> {
        let params = json!({ "name": name, "arguments": arguments });
        let longest = self.conversation.limits.request;
        let outcome = within(longest, self.request("tools/call", &params)).await;
        match outcome.map_err(McpError::from).flatten() {
            Ok(result) => ToolResult::read(result.get()),
            Err(McpError::Egress(EgressError::Timeout)) => {
                // Whether the server hears it changes nothing here.
                let _ = within(FAREWELL_MAX, self.conversation.cancel()).await;
                Err(McpError::Egress(EgressError::Timeout))
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the session. A server that does not hear it forgets the session by itself.
    pub async fn close(self) {
        if let Channel::StreamableHttp(channel) = &self.conversation.channel
            && channel.wire.session.is_some()
        {
            let _ = within(FAREWELL_MAX, channel.wire.end(&channel.target)).await;
        }
    }

    /// Asks, and asks again in a new session when the server has forgotten the old one: then it has not looked at the request.
    async fn request(&mut self, method: &str, params: &Value) -> Result<Box<RawValue>, McpError> {
        match self.conversation.ask(method, params).await {
            Err(McpError::SessionLost) => {
                self.server = self.conversation.initialize().await?;
                self.conversation.ask(method, params).await
            }
            outcome => outcome,
        }
    }
}

impl Conversation {
    /// Agrees with the server on a version, and begins a session if it has such a thing.
    async fn initialize(&mut self) -> Result<ServerInfo, McpError> {
        let wire = self.channel.wire();
        wire.session = None;
        wire.version = None;
        let result = self.ask("initialize", &introduction(Version::V2025_06_18)).await?;
        let server = ServerInfo::read(result.get())?;
        self.channel.wire().version = Some(server.protocol);
        self.tell("notifications/initialized", None).await?;
        Ok(server)
    }

    async fn ask(&mut self, method: &str, params: &Value) -> Result<Box<RawValue>, McpError> {
        self.last_id += 1;
        let text = request(self.last_id, method, params)?;
        let version = self.channel.wire().version;
        let has_batches = version.is_some_and(Version::has_batches);
        let mut ear = Ear::new(self.last_id, has_batches, &self.limits);
        match &mut self.channel {
            Channel::StreamableHttp(channel) => channel.ask(text, &mut ear).await?,
            Channel::Sse(channel) => channel.ask(text, &mut ear).await?,
        }
    }

    /// It borrows the channel for itself alone: in a component the body of a stream is `Send` and not `Sync`.
    async fn tell(&mut self, method: &str, params: Option<Value>) -> Result<(), McpError> {
        let text = notification(method, params)?;
        match &self.channel {
            Channel::StreamableHttp(channel) => channel.wire.tell(&channel.target, text).await,
            Channel::Sse(channel) => channel.wire.tell(&channel.endpoint, text).await,
        }
    }

    /// Takes back the last request, unless it was the introduction, which the protocol does not let anyone take back.
    async fn cancel(&mut self) -> Result<(), McpError> {
        if self.channel.wire().version.is_none() {
            return Ok(());
        }
        let params = json!({ "requestId": self.last_id, "reason": "it took too long" });
        self.tell("notifications/cancelled", Some(params)).await
    }
}

impl Channel {
    fn wire(&mut self) -> &mut Wire {
        match self {
            Self::StreamableHttp(channel) => &mut channel.wire,
            Self::Sse(channel) => &mut channel.wire,
        }
    }
}

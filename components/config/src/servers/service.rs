use ambient::UnixMillis;
use idempotency::Claim;
use ids::{Id, McpServerId};
use vault::{Kind, Sealed};

use crate::error::ConfigError;
use crate::owner::{Actor, Owner};
use crate::servers::credentials::Headers;
use crate::servers::draft::{Change, Draft, SecretChange};
use crate::servers::entry::{McpServer, ServerEntry};
use crate::servers::store::{self, Closed};
use crate::service::{ATTEMPTS_MAX, Config, kept};
use paging::{Page, Part};

/// How many servers an owner may have. The schema counts.
pub const SERVERS_MAX: u32 = 50;

impl Config {
    /// A page of the servers that the owner sees.
    pub async fn servers(
        &self,
        owner: Owner,
        part: Part<McpServerId>,
    ) -> Result<Page<McpServer>, ConfigError> {
        let entries = store::list_servers(&self.database, owner, &part).await?;
        let seen = entries.into_iter().map(McpServer::from).collect();
        Ok(part.page(seen, |server: &McpServer| server.id.to_string()))
    }

    /// A server that the owner sees, as it is stored.
    pub async fn find_server(
        &self,
        owner: Owner,
        id: McpServerId,
    ) -> Result<ServerEntry, ConfigError> {
        store::find_server(&self.database, owner, id).await?.ok_or(ConfigError::NotFound)
    }

    /// A server that is the owner's own.
    pub async fn own_server(
        &self,
        owner: Owner,
        id: McpServerId,
    ) -> Result<ServerEntry, ConfigError> {
        let entry = self.find_server(owner, id).await?;
        if entry.owner == owner { Ok(entry) } else { Err(ConfigError::ReadOnly) }
    }

    /// Makes a server, and entrusts its credentials to the vault.
    pub async fn create_server(
        &self,
        actor: &Actor,
        draft: Draft,
        claim: &Claim,
    ) -> Result<McpServer, ConfigError> {
        self.prepare().await?;
        let mut draft = draft.check(&self.settings.egress, None)?;
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        let closed = match draft.secret.take() {
            Some(headers) => Closed::Sealed(self.seal_headers(actor.owner, id, &headers).await?),
            None => Closed::Kept,
        };
        let has_secret = matches!(closed, Closed::Sealed(_));
        let entry = new_entry(actor.owner, id, draft, has_secret, now);
        let recorded = actor.entry("mcp_server.created").on(id).with("has_secret", has_secret);
        let server = McpServer::from(entry.clone());
        let kept = kept(claim, &server, id.to_string())?;
        store::create_server(&self.database, &entry, closed, kept, recorded).await?;
        Ok(server)
    }

    /// Changes a server of the owner's. What was known of its tools is forgotten when another server may be meant.
    pub async fn change_server(
        &self,
        actor: &Actor,
        id: McpServerId,
        change: Change,
    ) -> Result<McpServer, ConfigError> {
        self.prepare().await?;
        for _ in 0..ATTEMPTS_MAX {
            let before = self.own_server(actor.owner, id).await?;
            let (draft, secret) = change.clone().apply(before.clone())?;
            let draft = draft.check(&self.settings.egress, Some(&before.url))?;
            let (closed, has_secret) = match &secret {
                SecretChange::Keep => (Closed::Kept, before.has_secret),
                SecretChange::Forget => (Closed::Forgotten, false),
                SecretChange::Replace(headers) => {
                    (Closed::Sealed(self.seal_headers(actor.owner, id, headers).await?), true)
                }
            };
            let is_same = draft.url == before.url
                && draft.transport == before.transport
                && matches!(secret, SecretChange::Keep);
            let recorded = actor
                .entry("mcp_server.updated")
                .on(id)
                .with("moved", draft.url != before.url)
                .with("secret_changed", !matches!(secret, SecretChange::Keep));
            let mut entry = new_entry(actor.owner, id, draft, has_secret, self.clock.now());
            entry.version = before.version;
            if store::update_server(&self.database, &entry, is_same, closed, recorded).await? {
                return self.find_server(actor.owner, id).await.map(McpServer::from);
            }
        }
        Err(ConfigError::Changed)
    }

    /// Forgets a server with its credentials.
    pub async fn delete_server(&self, actor: &Actor, id: McpServerId) -> Result<(), ConfigError> {
        self.own_server(actor.owner, id).await?;
        let (now, recorded) = (self.clock.now(), actor.entry("mcp_server.deleted").on(id));
        let existed = store::delete_server(&self.database, actor.owner, id, now, recorded).await?;
        if existed { Ok(()) } else { Err(ConfigError::NotFound) }
    }

    /// The credentials of a server.
    pub async fn open_headers(
        &self,
        owner: Owner,
        id: McpServerId,
    ) -> Result<Option<vault::Secret>, ConfigError> {
        let name = id.to_string();
        let place = place(owner, &name);
        let Some(sealed) = place.find(&self.database).await? else { return Ok(None) };
        Ok(Some(self.vault.open(&place.row(), &sealed).await?))
    }

    async fn seal_headers(
        &self,
        owner: Owner,
        id: McpServerId,
        headers: &Headers,
    ) -> Result<Sealed, ConfigError> {
        let name = id.to_string();
        Ok(self.vault.seal(&place(owner, &name).row(), headers.as_bytes()).await?)
    }
}

/// Where the credentials of a server are sealed.
pub fn place(owner: Owner, name: &str) -> vault::Owner<'_> {
    vault::Owner { account_id: owner.account(), kind: Kind::McpServer, id: name }
}

fn new_entry(
    owner: Owner,
    id: McpServerId,
    draft: Draft,
    has_secret: bool,
    now: UnixMillis,
) -> ServerEntry {
    ServerEntry {
        owner,
        id,
        qualified_name: draft.qualified_name,
        name: draft.name,
        url: draft.url,
        transport: draft.transport,
        config: draft.config,
        enabled: draft.enabled,
        enabled_tools: draft.enabled_tools,
        has_secret,
        server: None,
        tools: None,
        tools_at: None,
        version: 1,
        created_at: now.0,
        updated_at: now.0,
    }
}

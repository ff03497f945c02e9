//! Two accounts full of things, everyone who calls, and what was there once.

use std::cell::Cell as Flag;
use std::collections::BTreeMap;

use ambient::{Clock, Entropy, UnixMillis};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use caller::Scope;
use chunks::ChunkStore;
use database::{Database, Statement};
use ids::{ApiKeyId, IdentityId, MemoryId, SessionId};
use routes::{Access, Declaration};
use settings::{
    AuthSettings, ChatSettings, ConfigSettings, ConversationsSettings, FilesSettings, Variables,
};
use testing::{MASTER_KEY, NOW, Person};
use tower::ServiceExt as _;

use crate::callers::{CALLERS, Caller, Home, Shows};
use crate::cells::Cell;
use crate::things::{
    FACT, SECRET, SILENT_ORIGIN, SystemThings, Things, insert_identity, insert_key, insert_memory,
    insert_session, new_id, system_things, things, unheard_of,
};

/// What an id in a path may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something in the caller's own account.
    Own,
    /// Something in another account.
    Foreign,
    /// Something that was there once.
    Deleted,
    /// Nothing that ever was.
    Random,
    /// What is no id at all.
    Malformed,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Own, Self::Foreign, Self::Deleted, Self::Random, Self::Malformed];
}

pub struct World {
    routers: Vec<Router>,
    here: Things,
    there: Things,
    gone: Things,
    system: SystemThings,
    /// By the caller's name.
    credentials: BTreeMap<&'static str, String>,
    /// A key of each caller's own, by the caller's name.
    keys: BTreeMap<&'static str, ApiKeyId>,
    /// A session of each caller's own that it does not use, by the caller's name.
    sessions: BTreeMap<&'static str, SessionId>,
    /// An identity of each caller's own at a provider, by the caller's name.
    identities: BTreeMap<&'static str, IdentityId>,
    /// A fact that each caller remembers, by the caller's name.
    memories: BTreeMap<&'static str, MemoryId>,
    changed: Flag<bool>,
}

impl World {
    pub async fn new() -> Self {
        let database = testing::database().await;
        let chunks = ChunkStore::in_memory().unwrap();
        let routers = routers(&database, &chunks).await;
        let here = things(&database, &chunks, "here").await;
        let there = things(&database, &chunks, "there").await;
        let gone = things(&database, &chunks, "gone").await;
        let system = system_things(&database).await;
        for things in [&here, &there, &gone] {
            insert_identity(&database, things.user, things.identity).await;
        }
        for (table, id) in [("account", gone.account.to_string()), ("user", gone.user.to_string())]
        {
            let statement = Statement::new(format!("DELETE FROM {table} WHERE id = ?1")).bind(id);
            database.query(statement).await.unwrap();
        }
        let mut world = Self {
            routers,
            here,
            there,
            gone,
            system,
            credentials: BTreeMap::new(),
            keys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            identities: BTreeMap::new(),
            memories: BTreeMap::new(),
            changed: Flag::new(false),
        };
        for caller in &CALLERS {
            world.arrive(&database, caller).await;
        }
        world
    }

    /// Makes a caller a member of its account, with what it shows and a key of its own.
    async fn arrive(&mut self, database: &Database, caller: &Caller) {
        let run = async |sql: &'static str, id: String| {
            database.query(Statement::new(sql).bind(id)).await.unwrap();
        };
        let home = self.home(caller).account;
        let earlier = UnixMillis(NOW.0 - 11 * 60 * 1000);
        let since = if caller.shows == Shows::ExpiredToken { earlier } else { NOW };
        let person = Person::new(database, "owner", since).await;
        let person = person.joins(database, home, caller.role.as_str(), since).await;
        let user = person.user_id.to_string();
        if caller.is_platform_admin {
            run("UPDATE user SET is_admin = 1 WHERE id = ?1", user.clone()).await;
        }
        let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        let key = person.api_key(database, &all.join(" "), NOW).await;
        let credential = match caller.shows {
            Shows::Nothing => None,
            Shows::Nonsense => Some("eyJhbGciOiJub25lIn0.e30.".to_owned()),
            Shows::Session | Shows::ExpiredToken => Some(person.token.clone()),
            Shows::RevokedSession => {
                run("UPDATE session SET revoked_at = 1 WHERE user_id = ?1", user.clone()).await;
                Some(person.token.clone())
            }
            Shows::Suspended => {
                run("UPDATE user SET is_active = 0 WHERE id = ?1", user.clone()).await;
                Some(person.token.clone())
            }
            Shows::KeyWithAllScopes => Some(key),
            Shows::KeyWithoutScope => Some(person.api_key(database, "chat", NOW).await),
            Shows::ExpiredKey => {
                run("UPDATE api_key SET expires_at = 1 WHERE user_id = ?1", user.clone()).await;
                Some(key)
            }
            Shows::SuspendedKey => {
                run("UPDATE user SET is_active = 0 WHERE id = ?1", user.clone()).await;
                Some(key)
            }
        };
        self.credentials.extend(credential.map(|credential| (caller.name, credential)));
        let spare = new_id();
        insert_key(database, home, person.user_id, spare).await;
        self.keys.insert(caller.name, spare);
        let spare = new_id();
        insert_session(database, home, person.user_id, spare).await;
        self.sessions.insert(caller.name, spare);
        let identity = new_id();
        insert_identity(database, person.user_id, identity).await;
        self.identities.insert(caller.name, identity);
        let memory = new_id();
        insert_memory(database, home, person.user_id, memory, "remembered").await;
        self.memories.insert(caller.name, memory);
    }

    pub fn router(&self, component: usize) -> Router {
        self.routers[component].clone()
    }

    pub fn credential(&self, caller: &Caller) -> Option<&str> {
        self.credentials.get(caller.name).map(String::as_str)
    }

    fn home(&self, caller: &Caller) -> &Things {
        if caller.home == Home::Here { &self.here } else { &self.there }
    }

    fn away(&self, caller: &Caller) -> &Things {
        if caller.home == Home::Here { &self.there } else { &self.here }
    }

    /// An id for a parameter after this segment of a path.
    pub fn id(&self, path: &str, collection: &str, kind: Kind, caller: &Caller) -> String {
        let things = match kind {
            Kind::Own => self.home(caller),
            Kind::Foreign => self.away(caller),
            Kind::Deleted => &self.gone,
            Kind::Random => &unheard_of(),
            Kind::Malformed => return "..%2f%27%20OR%201=1".to_owned(),
        };
        match collection {
            "accounts" => things.account.to_string(),
            "conversations" => things.conversation.to_string(),
            "invitations" => things.invitation.to_string(),
            // Names that clients choose; see `cells`.
            "by-continuation" => continuation(caller),
            "facts" => FACT.to_owned(),
            "files" => things.file.to_string(),
            "uploads" if path.starts_with("/v1/") => things.open_upload.to_string(),
            "uploads" => things.upload.to_string(),
            "parts" => "1".to_owned(),
            // Buckets are the platform's.
            "buckets" => "user-files".to_owned(),
            "runs" => things.run.to_string(),
            "responses" => things.run.to_string().replacen("run_", "resp_", 1),
            "items" => things.message.to_string(),
            "shares" => things.share.to_string(),
            // Whom a link is given to reads: shares.rs and downloading.rs of the components. Here nobody has one, but those who may copy.
            "shared" if path.ends_with("/copy") => continuation(caller),
            "shared" | "signed" => "no-link".to_owned(),
            // A file in a private bucket.
            "public" => format!("{}.{}", things.account, things.file),
            "keys" => things.provider_key.to_string(),
            // The platform has one of each, whoever asks.
            "models" if path.starts_with("/api/system/") => match kind {
                Kind::Own | Kind::Foreign => self.system.model.to_string(),
                _ => things.model.to_string(),
            },
            "models" => things.model.to_string(),
            "mcp-servers" if path.starts_with("/api/system/") => match kind {
                Kind::Own | Kind::Foreign => self.system.mcp_server.to_string(),
                _ => things.mcp_server.to_string(),
            },
            "mcp-servers" => things.mcp_server.to_string(),
            // Memories are people's own, too.
            "memory" if kind == Kind::Own => self.memories[caller.name].to_string(),
            "memory" => things.memory.to_string(),
            "members" | "users" => things.user.to_string(),
            // No provider is configured, so every name is one of none.
            "oidc" => "acme".to_owned(),
            // Keys, sessions and identities are people's own.
            "identities" if kind == Kind::Own => self.identities[caller.name].to_string(),
            "identities" => things.identity.to_string(),
            "sessions" if kind == Kind::Own => self.sessions[caller.name].to_string(),
            "sessions" => things.session.to_string(),
            "tokens" if kind == Kind::Own => self.keys[caller.name].to_string(),
            "tokens" => things.api_key.to_string(),
            other => panic!("{path} names things after {other}: say here what they are"),
        }
    }

    /// Remembers that a request has changed something.
    pub fn note(&self, route: &Declaration, status: u16) {
        if route.method != Method::GET && status < 300 {
            self.changed.set(true);
        }
    }

    pub fn is_changed(&self) -> bool {
        self.changed.get()
    }

    /// What an answer shows that its caller must not see.
    pub fn leaks(&self, cell: &Cell<'_>, text: &str) -> impl Iterator<Item = String> {
        let Cell { route, caller, .. } = cell;
        let foreign = |things: &Things, name: &str| {
            let person = format!("canary-{name}-person");
            let content = format!("canary-{name}-content");
            match route.access {
                // The platform's administrators see who there is, and not what people write.
                Access::Platform if caller.is_platform_admin => vec![content],
                _ => vec![
                    person,
                    content,
                    things.account.to_string(),
                    things.user.to_string(),
                    things.conversation.to_string(),
                    things.invitation.to_string(),
                    things.api_key.to_string(),
                    things.session.to_string(),
                    things.file.to_string(),
                    things.upload.to_string(),
                    things.open_upload.to_string(),
                    things.identity.to_string(),
                    things.model.to_string(),
                    things.provider_key.to_string(),
                    things.mcp_server.to_string(),
                ],
            }
        };
        let mut hidden = vec![SECRET.to_owned()];
        let is_known = matches!(
            caller.shows,
            Shows::Session | Shows::KeyWithAllScopes | Shows::KeyWithoutScope
        );
        if caller.home == Home::There || !is_known || route.access == Access::Public {
            hidden.extend(foreign(&self.here, "here"));
        }
        if caller.home == Home::Here || !is_known || route.access == Access::Public {
            hidden.extend(foreign(&self.there, "there"));
        }
        let leaks: Vec<_> = hidden.into_iter().filter(|word| text.contains(word)).collect();
        leaks.into_iter()
    }
}

/// The continuation id of the conversation in the caller's account.
fn continuation(caller: &Caller) -> String {
    let name = if caller.home == Home::Here { "here" } else { "there" };
    format!("canary-{name}-content")
}

/// The routers of all components, in the order of `components()`.
async fn routers(database: &Database, chunks: &ChunkStore) -> Vec<Router> {
    routers_with(database, chunks, "false").await
}

/// The same, where people must prove their address first or need not.
pub async fn routers_with(
    database: &Database,
    chunks: &ChunkStore,
    require_email_verification: &str,
) -> Vec<Router> {
    let variables: Variables = [
        ("require_email_verification", require_email_verification),
        ("master_key", MASTER_KEY),
        ("egress_allow", SILENT_ORIGIN),
        ("limit_api", "off"),
        ("limit_login", "off"),
        ("limit_signup", "off"),
        ("limit_mail", "off"),
        ("limit_refresh", "off"),
        ("limit_totp", "off"),
    ]
    .into_iter()
    .collect();
    let (clock, _) = Clock::manual(NOW);
    let settings = AuthSettings::new(&variables).unwrap();
    let auth = auth::router(database.clone(), settings, clock.clone(), Entropy::system()).unwrap();
    // The first use makes the signing key, which people who are signed in then share.
    let keys = Request::get("/.well-known/jwks.json").body(Body::empty()).unwrap();
    assert_eq!(auth.clone().oneshot(keys).await.unwrap().status().as_u16(), 200);
    let settings = ConversationsSettings::new(&variables).unwrap();
    let (entropy, later) = (Entropy::system(), clock.clone());
    let conversations = conversations::router(database.clone(), settings, later, entropy.clone());
    let settings = ConfigSettings::new(&variables).unwrap();
    let config =
        config::router(database.clone(), settings, clock.clone(), entropy.clone()).unwrap();
    let settings = FilesSettings::new(&variables).unwrap();
    let files =
        files::router(database.clone(), chunks.clone(), settings, clock.clone(), entropy.clone());
    let settings = ChatSettings::new(&variables).unwrap();
    let chat = chat::router(database.clone(), chunks.clone(), settings, clock, entropy).unwrap();
    vec![auth, conversations, config, files, chat]
}

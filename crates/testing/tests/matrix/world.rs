//! Two accounts full of things, everyone who calls, and what was there once.

use std::cell::Cell as Flag;
use std::collections::BTreeMap;

use ambient::{Clock, Entropy, UnixMillis};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use caller::Scope;
use credentials::OpaqueToken;
use database::{Database, Statement};
use ids::{
    AccountId, ApiKeyId, ConversationId, Id, InvitationId, MemoryId, MessageId, ShareId, UserId,
};
use routes::{Access, Declaration};
use settings::{AuthSettings, ConversationsSettings, Variables};
use testing::{MASTER_KEY, NOW, Person};
use tower::ServiceExt as _;

use crate::callers::{CALLERS, Caller, Home, Shows};
use crate::cells::Cell;

/// In what nobody ever sees.
const SECRET: &str = "canary-secret";

/// What is remembered for a person: not even others of the same account see it.
const REMEMBERED: &str = "canary-secret-memory";

/// The key of everyone's fact.
const FACT: &str = "color";

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

/// One of each kind of thing.
#[derive(Debug, Clone)]
struct Things {
    account: AccountId,
    /// A viewer of the account who calls nothing.
    user: UserId,
    conversation: ConversationId,
    invitation: InvitationId,
    api_key: ApiKeyId,
    memory: MemoryId,
    share: ShareId,
}

pub struct World {
    routers: Vec<Router>,
    here: Things,
    there: Things,
    gone: Things,
    /// By the caller's name.
    credentials: BTreeMap<&'static str, String>,
    /// A key of each caller's own, by the caller's name.
    keys: BTreeMap<&'static str, ApiKeyId>,
    /// A fact that each caller remembers, by the caller's name.
    memories: BTreeMap<&'static str, MemoryId>,
    changed: Flag<bool>,
}

fn new_id<K: ids::Kind>() -> Id<K> {
    Id::generate(NOW, &Entropy::system()).unwrap()
}

impl World {
    pub async fn new() -> Self {
        let database = testing::database().await;
        let routers = routers(&database).await;
        let here = things(&database, "here").await;
        let there = things(&database, "there").await;
        let gone = things(&database, "gone").await;
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
            credentials: BTreeMap::new(),
            keys: BTreeMap::new(),
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
            "shares" => things.share.to_string(),
            // Whom a link is given to reads: shares.rs of the component. Here nobody has one, but those who may copy.
            "shared" if path.ends_with("/copy") => continuation(caller),
            "shared" => "no-link".to_owned(),
            // Memories are people's own, too.
            "memory" if kind == Kind::Own => self.memories[caller.name].to_string(),
            "memory" => things.memory.to_string(),
            "members" | "users" => things.user.to_string(),
            // Keys are people's own.
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

fn unheard_of() -> Things {
    Things {
        account: new_id(),
        user: new_id(),
        conversation: new_id(),
        invitation: new_id(),
        api_key: new_id(),
        memory: new_id(),
        share: new_id(),
    }
}

/// The routers of all components, in the order of `components()`.
async fn routers(database: &Database) -> Vec<Router> {
    let variables: Variables = [
        ("master_key", MASTER_KEY),
        ("limit_login", "off"),
        ("limit_signup", "off"),
        ("limit_mail", "off"),
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
    let conversations = conversations::router(database.clone(), settings, clock, Entropy::system());
    vec![auth, conversations]
}

async fn insert_key(database: &Database, account: AccountId, user: UserId, id: ApiKeyId) {
    let statement = Statement::new(
        "INSERT INTO api_key (account_id, id, user_id, name, prefix, token_hash, scopes, created_at, expires_at) \
         VALUES (?1, ?2, ?3, 'spare', 'slv_', randomblob(32), 'chat', ?4, ?4 + 1000000)",
    )
    .bind(account.to_string())
    .bind(id.to_string())
    .bind(user.to_string())
    .bind(NOW.0);
    database.query(statement).await.unwrap();
}

async fn insert_memory(
    database: &Database,
    account: AccountId,
    user: UserId,
    id: MemoryId,
    value: &str,
) {
    let statement = Statement::new(
        "INSERT INTO memory (account_id, user_id, id, kind, key, value, created_at, updated_at) \
         VALUES (?1, ?2, ?3, 'fact', ?4, ?5, ?6, ?6)",
    )
    .bind(account.to_string())
    .bind(user.to_string())
    .bind(id.to_string())
    .bind(FACT)
    .bind(value)
    .bind(NOW.0);
    database.query(statement).await.unwrap();
}

/// A team with one of each kind of thing, full of canaries.
async fn things(database: &Database, name: &str) -> Things {
    let things = unheard_of();
    let person = format!("canary-{name}-person");
    let content = format!("canary-{name}-content");
    let (account, user) = (things.account.to_string(), things.user.to_string());
    let (conversation, invitation) =
        (things.conversation.to_string(), things.invitation.to_string());
    let message: MessageId = new_id();
    let wire = serde_json::json!({
        "id": message, "seq": 1, "parent_id": null, "role": "user", "content": content,
        "status": "completed", "metadata": {}, "created_at": NOW,
    });
    let batch = vec![
        Statement::new(
            "INSERT INTO user (id, email, name, password_hash, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        )
        .bind(user.as_str())
        .bind(format!("{person}@example.com"))
        .bind(person.as_str())
        .bind(SECRET)
        .bind(NOW.0),
        Statement::new("INSERT INTO account (id, name, kind, created_at, updated_at) VALUES (?1, ?2, 'team', ?3, ?3)")
            .bind(account.as_str())
            .bind(person.as_str())
            .bind(NOW.0),
        Statement::new("INSERT INTO membership (account_id, user_id, role, created_at) VALUES (?1, ?2, 'viewer', ?3)")
            .bind(account.as_str())
            .bind(user.as_str())
            .bind(NOW.0),
        Statement::new(
            "INSERT INTO invitation (account_id, id, email, role, invited_by, token_hash, created_at, expires_at) \
             VALUES (?1, ?2, ?3, 'viewer', ?4, randomblob(32), ?5, ?5 + 1000000)",
        )
        .bind(account.as_str())
        .bind(invitation)
        .bind(format!("{person}-invited@example.com"))
        .bind(user)
        .bind(NOW.0),
        Statement::new(
            "INSERT INTO conversation (account_id, id, continuation_id, title, metadata, created_at, updated_at, active_at) \
             VALUES (?1, ?2, ?3, ?3, json_object('x', ?3), ?4, ?4, ?4)",
        )
        .bind(account.as_str())
        .bind(conversation.as_str())
        .bind(content.as_str())
        .bind(NOW.0),
        Statement::new(
            "INSERT INTO message (account_id, conversation_id, seq, id, role, status, created_at, wire) \
             VALUES (?1, ?2, 1, ?3, 'user', 'completed', ?4, ?5)",
        )
        .bind(account)
        .bind(conversation)
        .bind(message.to_string())
        .bind(NOW.0)
        .bind(wire.to_string()),
        // Its token is the content, as is the continuation id.
        Statement::new(
            "INSERT INTO share (account_id, id, conversation_id, token_hash, tip_seq, title, created_at) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)",
        )
        .bind(things.account.to_string())
        .bind(things.share.to_string())
        .bind(things.conversation.to_string())
        .bind(OpaqueToken::hash_of(&content).as_slice())
        .bind(content.as_str())
        .bind(NOW.0),
    ];
    database.batch(batch).await.unwrap();
    insert_key(database, things.account, things.user, things.api_key).await;
    insert_memory(database, things.account, things.user, things.memory, REMEMBERED).await;
    things
}

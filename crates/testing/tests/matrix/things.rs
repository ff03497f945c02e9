//! What an account is full of.

use ambient::Entropy;
use chunks::{ChunkStore, Prefix};
use credentials::OpaqueToken;
use database::{Database, Statement};
use ids::{
    AccountId, ApiKeyId, ConversationId, FileId, Id, IdentityId, InvitationId, McpServerId,
    MemoryId, MessageId, ModelId, PartId, ProviderKeyId, RunId, SessionId, ShareId, UploadId,
    UserId,
};
use testing::NOW;

/// In what nobody ever sees.
pub const SECRET: &str = "canary-secret";

/// What is remembered for a person: not even others of the same account see it.
const REMEMBERED: &str = "canary-secret-memory";

/// Where nobody listens: port 1 of this machine.
pub const SILENT_ORIGIN: &str = "http://127.0.0.1:1";

/// The key of everyone's fact.
pub const FACT: &str = "color";

/// One of each kind of thing.
#[derive(Debug, Clone)]
pub struct Things {
    pub account: AccountId,
    /// A viewer of the account who calls nothing.
    pub user: UserId,
    pub conversation: ConversationId,
    pub invitation: InvitationId,
    pub api_key: ApiKeyId,
    pub session: SessionId,
    pub identity: IdentityId,
    pub memory: MemoryId,
    pub share: ShareId,
    pub file: FileId,
    /// An upload of one part, which is there.
    pub upload: UploadId,
    /// An upload of no bytes whose parts its client chooses.
    pub open_upload: UploadId,
    pub model: ModelId,
    pub provider_key: ProviderKeyId,
    pub mcp_server: McpServerId,
    /// One that has ended.
    pub run: RunId,
    /// The only one of the conversation, which the run has answered.
    pub message: MessageId,
}

/// What the platform has for everyone to see.
#[derive(Debug, Clone)]
pub struct SystemThings {
    pub model: ModelId,
    pub mcp_server: McpServerId,
}

pub fn new_id<K: ids::Kind>() -> Id<K> {
    Id::generate(NOW, &Entropy::system()).unwrap()
}

/// Ids of things that do not exist.
pub fn unheard_of() -> Things {
    Things {
        account: new_id(),
        user: new_id(),
        conversation: new_id(),
        invitation: new_id(),
        api_key: new_id(),
        session: new_id(),
        identity: new_id(),
        memory: new_id(),
        share: new_id(),
        file: new_id(),
        model: new_id(),
        provider_key: new_id(),
        mcp_server: new_id(),
        upload: new_id(),
        open_upload: new_id(),
        run: new_id(),
        message: new_id(),
    }
}

pub async fn insert_key(database: &Database, account: AccountId, user: UserId, id: ApiKeyId) {
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

pub async fn insert_session(database: &Database, account: AccountId, user: UserId, id: SessionId) {
    let statement = Statement::new(
        "INSERT INTO session (account_id, id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?4, ?4 + 1000000)",
    )
    .bind(account.to_string())
    .bind(id.to_string())
    .bind(user.to_string())
    .bind(NOW.0);
    database.query(statement).await.unwrap();
}

pub async fn insert_identity(database: &Database, user: UserId, id: IdentityId) {
    let statement = Statement::new(
        "INSERT INTO external_identity (issuer, subject, id, user_id, provider, created_at) VALUES ('https://id.example', ?1, ?1, ?2, 'acme', ?3)",
    )
    .bind(id.to_string())
    .bind(user.to_string())
    .bind(NOW.0);
    database.query(statement).await.unwrap();
}

pub async fn insert_memory(
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

/// The one part of a file, with its bytes.
async fn insert_part(database: &Database, chunks: &ChunkStore, account: AccountId, file: FileId) {
    let part: PartId = new_id();
    let prefix = Prefix::new(account, file, part);
    let digest = chunks.put(&prefix, 0, b"abc".to_vec()).await.unwrap();
    let insert = Statement::new(
        "INSERT INTO file_part (account_id, file_id, id, number, size_bytes, sha256, chunk_digests, state, created_at, touched_at) \
         VALUES (?1, ?2, ?3, 1, 3, ?4, ?4, 'whole', ?5, ?5)",
    )
    .bind(account.to_string())
    .bind(file.to_string())
    .bind(part.to_string())
    .bind(digest.to_vec())
    .bind(NOW.0);
    database.query(insert).await.unwrap();
}

/// A file that is not there yet, and its upload.
async fn insert_upload(
    database: &Database,
    account: AccountId,
    id: UploadId,
    part_bytes: Option<i64>,
) -> FileId {
    let file: FileId = new_id();
    let size = if part_bytes.is_some() { 3 } else { 0 };
    let batch = vec![
        Statement::new(
            "INSERT INTO file (account_id, id, bucket, name, mime_type, size_bytes, state, pending_until, created_at, updated_at) \
             VALUES (?1, ?2, 'user-files', 'a.txt', 'text/plain', ?3, 'pending', ?4 + 1000000, ?4, ?4)",
        )
        .bind(account.to_string())
        .bind(file.to_string())
        .bind(size)
        .bind(NOW.0),
        Statement::new(
            "INSERT INTO upload (account_id, id, file_id, size_bytes, part_bytes, expires_at, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6 + 1000000, ?6)",
        )
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(file.to_string())
        .bind(size)
        .bind(part_bytes)
        .bind(NOW.0),
    ];
    database.batch(batch).await.unwrap();
    file
}

/// A file of the account, attached to its conversation.
async fn insert_file(database: &Database, things: &Things, name: &str) {
    let (account, file) = (things.account.to_string(), things.file.to_string());
    let batch = vec![
        Statement::new(
            "INSERT INTO file (account_id, id, bucket, name, mime_type, size_bytes, sha256, state, created_at, updated_at) \
             VALUES (?1, ?2, 'user-files', ?3, 'text/plain', 3, zeroblob(32), 'complete', ?4, ?4)",
        )
        .bind(account.as_str())
        .bind(file.as_str())
        .bind(name)
        .bind(NOW.0),
        Statement::new(
            "INSERT INTO conversation_file (account_id, conversation_id, file_id, attached_at) VALUES (?1, ?2, ?3, ?4)",
        )
        .bind(account.as_str())
        .bind(things.conversation.to_string())
        .bind(file.as_str())
        .bind(NOW.0),
    ];
    database.batch(batch).await.unwrap();
}

/// A model of an account, or of the platform.
async fn insert_model(database: &Database, owner: &str, id: ModelId, name: &str) {
    let statement = Statement::new(
        "INSERT INTO model (account_id, id, name, provider, model, verify_ssl, parameters, created_at, updated_at) \
         VALUES (?1, ?2, ?3, 'openai', 'gpt-4o-mini', 1, '{}', ?4, ?4)",
    )
    .bind(owner)
    .bind(id.to_string())
    .bind(name)
    .bind(NOW.0);
    database.query(statement).await.unwrap();
}

/// A key of a provider, whose sealed value is none.
async fn insert_provider_key(database: &Database, things: &Things, name: &str) {
    let (account, id) = (things.account.to_string(), things.provider_key.to_string());
    let batch = vec![
        Statement::new(
            "INSERT INTO provider_key (account_id, id, provider, name, is_active, created_at, updated_at) VALUES (?1, ?2, 'gemini', ?3, 1, ?4, ?4)",
        )
        .bind(account.as_str())
        .bind(id.as_str())
        .bind(name)
        .bind(NOW.0),
        Statement::new("INSERT INTO kek (id, created_at) VALUES ('ring:1', ?1) ON CONFLICT DO NOTHING")
            .bind(NOW.0),
        Statement::new(
            "INSERT INTO secret (account_id, kind, id, kek_id, wrapped_dek, sealed, created_at, updated_at) \
             VALUES (?1, 'key', ?2, 'ring:1', x'00', ?3, ?4, ?4)",
        )
        .bind(account)
        .bind(id)
        .bind(SECRET.as_bytes())
        .bind(NOW.0),
    ];
    database.batch(batch).await.unwrap();
}

/// An MCP server of an account, or of the platform, at an origin that may be called and where nobody listens.
async fn insert_mcp_server(database: &Database, owner: &str, id: McpServerId, name: &str) {
    let statement = Statement::new(
        "INSERT INTO mcp_server (account_id, id, name, url, transport, config, enabled, has_secret, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?5, 'sse', '{}', 1, 0, ?4, ?4)",
    )
    .bind(owner)
    .bind(id.to_string())
    .bind(name)
    .bind(NOW.0)
    .bind(format!("{SILENT_ORIGIN}/"));
    database.query(statement).await.unwrap();
}

/// A run of the account's conversation that has ended, with its last event.
async fn insert_run(database: &Database, things: &Things, text: &str) {
    let (account, run) = (things.account.to_string(), things.run.to_string());
    let batch = vec![
        Statement::new(
            "INSERT INTO run (account_id, id, conversation_id, user_id, status, model_id, provider, model, request, user_message_id, tip_message_id, \
             lease_until, created_at, updated_at, ended_at) \
             VALUES (?1, ?2, ?3, ?4, 'completed', ?5, 'openai', 'gpt-4o', '{\"response\":{\"inputs\":1}}', ?6, ?6, ?7, ?7, ?7, ?7)",
        )
        .bind(account.as_str())
        .bind(run.as_str())
        .bind(things.conversation.to_string())
        .bind(things.user.to_string())
        .bind(things.model.to_string())
        .bind(things.message.to_string())
        .bind(NOW.0),
        Statement::new(
            "INSERT INTO run_event (account_id, run_id, last_event, first_event, created_at, text, wire) \
             VALUES (?1, ?2, 1, 1, ?3, '', 'data: ' || json_object('text', ?4) || char(10, 10))",
        )
        .bind(account)
        .bind(run)
        .bind(NOW.0)
        .bind(text),
    ];
    database.batch(batch).await.unwrap();
}

async fn insert_settings(database: &Database, account: AccountId, text: &str) {
    let statement = Statement::new(
        "INSERT INTO account_settings (account_id, version, schema_version, updated_at, document) \
         VALUES (?1, 1, 1, ?2, json_object('x', ?3))",
    )
    .bind(account.to_string())
    .bind(NOW.0)
    .bind(text);
    database.query(statement).await.unwrap();
}

/// One of each kind of thing that the platform has.
pub async fn system_things(database: &Database) -> SystemThings {
    let things = SystemThings { model: new_id(), mcp_server: new_id() };
    insert_mcp_server(database, "platform", things.mcp_server, "the platform's").await;
    insert_model(database, "platform", things.model, "the platform's").await;
    things
}

/// A team with one of each kind of thing, full of canaries.
pub async fn things(database: &Database, chunks: &ChunkStore, name: &str) -> Things {
    let things = unheard_of();
    let (person, content) = (format!("canary-{name}-person"), format!("canary-{name}-content"));
    let (account, user) = (things.account.to_string(), things.user.to_string());
    let conversation = things.conversation.to_string();
    let message = things.message;
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
        .bind(things.invitation.to_string())
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
    fill(database, chunks, &things, &content).await;
    things
}

/// What has tables of its own.
async fn fill(database: &Database, chunks: &ChunkStore, things: &Things, content: &str) {
    insert_file(database, things, content).await;
    insert_run(database, things, content).await;
    insert_model(database, &things.account.to_string(), things.model, content).await;
    insert_settings(database, things.account, content).await;
    insert_provider_key(database, things, content).await;
    insert_mcp_server(database, &things.account.to_string(), things.mcp_server, content).await;
    insert_part(database, chunks, things.account, things.file).await;
    let pending = insert_upload(database, things.account, things.upload, Some(5_242_880)).await;
    insert_part(database, chunks, things.account, pending).await;
    insert_upload(database, things.account, things.open_upload, None).await;
    insert_key(database, things.account, things.user, things.api_key).await;
    insert_session(database, things.account, things.user, things.session).await;
    insert_memory(database, things.account, things.user, things.memory, REMEMBERED).await;
}

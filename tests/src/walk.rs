//! A walk over every operation of `/api/openapi.json` of a running server: a success of each, and its refusals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::volley::{Reply, Shot, fire};
use crate::{Client, Person};

mod account;
mod administration;
mod chat;
mod config;
mod conversations;
mod files;
mod identity;
mod sign_in;

pub use identity::IdentityProvider;

/// Successes that the document leaves out: a route table has one status for each operation. An entry that is not needed any more is a fault.
const UNDOCUMENTED: [(&str, u16); 3] =
    [("forget_password", 202), ("put_conversation_by_continuation", 201), ("put_fact", 201)];

/// What the walk may use beside the server itself.
#[derive(Debug, Default)]
pub struct Options {
    /// The origin of a provider that serves models at `/v1` and tools at `/mcp`, as [`crate::Provider`] does. The server must reach it.
    pub provider: String,
    /// The address and password of an administrator of the platform.
    pub admin: Option<(String, String)>,
    /// A file that has the mails of the mailer `log`, one a line.
    pub mails: Option<PathBuf>,
    /// The server's identity provider named `walk`.
    pub identity: Option<IdentityProvider>,
}

/// Groups of operations that need something which a walk may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Admin,
    Mails,
    Identity,
}

/// What the walk found.
#[derive(Debug, Default)]
pub struct Report {
    pub operations: usize,
    pub successes: usize,
    pub refusals: usize,
    pub faults: Vec<String>,
    /// Operations without a success, for want of something.
    pub not_walked: BTreeMap<String, Need>,
}

/// An operation of the document.
#[derive(Debug, Clone)]
struct Operation {
    method: Method,
    path: String,
    statuses: Vec<u16>,
    needs_credential: bool,
    takes_json: bool,
}

/// A request of an operation.
#[derive(Debug, Clone, Default)]
struct Call {
    params: Vec<(&'static str, String)>,
    query: String,
    headers: Vec<(&'static str, String)>,
    json: Option<Value>,
    bytes: Bytes,
    /// The answer to unknown ids in the path; none where there is no such thing.
    unknown: Option<u16>,
}

/// A walk on its way.
#[derive(Debug)]
struct Walk {
    anonymous: Client,
    options: Options,
    operations: BTreeMap<String, Operation>,
    walked: BTreeSet<String>,
    /// The answer of the host to a path that leads to no component.
    no_route: String,
    /// Distinguishes the people of this walk from those of others at the same server.
    mark: String,
    report: Report,
}

impl Call {
    fn new() -> Self {
        Self { unknown: Some(404), ..Self::default() }
    }

    fn json(body: Value) -> Self {
        Self { json: Some(body), ..Self::new() }
    }

    fn id(value: impl Into<String>) -> Self {
        Self::new().param("id", value)
    }

    fn with(self, body: Value) -> Self {
        Self { json: Some(body), ..self }
    }

    fn param(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    fn query(self, query: impl Into<String>) -> Self {
        Self { query: query.into(), ..self }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bytes(self, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        let call = self.header("content-type", content_type);
        Self { bytes: bytes.into(), ..call }
    }

    /// Says that every id in the path is a good one.
    fn any_id(self) -> Self {
        Self { unknown: None, ..self }
    }

    fn shot(&self, operation: &Operation) -> Shot {
        let mut path = operation.path.clone();
        for (name, value) in &self.params {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        if !self.query.is_empty() {
            path = format!("{path}?{}", self.query);
        }
        let mut shot = Shot::new(operation.method.clone(), path);
        for (name, value) in &self.headers {
            shot = shot.header(name, value);
        }
        match &self.json {
            Some(body) => shot.json(body),
            None => shot.body(self.bytes.clone()),
        }
    }

    /// The same call with ids that nothing has. Numbers stay: they count parts.
    fn with_unknown_ids(&self) -> Self {
        let mut call = self.clone();
        for (_, value) in &mut call.params {
            if value.parse::<u32>().is_err() {
                let prefix = value.find(['_', '-']).map_or("", |end| &value[..=end]);
                *value = format!("{prefix}01h455vb4pex5vsknk084sn02q");
            }
        }
        call
    }
}

/// Walks over all operations of the server at this address.
pub async fn walk(address: SocketAddr, options: Options) -> Report {
    let anonymous = Client::new(address);
    let document = anonymous.get("/api/openapi.json").await.body;
    let nowhere = fire(vec![(anonymous.clone(), Shot::get("/nowhere/at-all"))]).await;
    let mut walk = Walk {
        operations: operations(&document),
        no_route: nowhere
            .first()
            .and_then(|reply| reply.as_ref().ok())
            .map_or_else(String::new, fingerprint),
        anonymous,
        options,
        walked: BTreeSet::new(),
        mark: format!("walk-{:x}", random()),
        report: Report::default(),
    };
    walk.report.operations = walk.operations.len();
    let ada = Person::sign_up(&walk.anonymous, &format!("{}-ada", walk.mark)).await;
    walk.sign_in(&ada).await;
    let ada = ada.renew().await;
    walk.accounts(&ada).await;
    let ada = ada.renew().await;
    walk.config(&ada).await;
    let ada = ada.renew().await;
    walk.conversations(&ada).await;
    let ada = ada.renew().await;
    walk.files(&ada).await;
    let ada = ada.renew().await;
    walk.chat(&ada).await;
    let ada = ada.renew().await;
    walk.administration(&ada).await;
    walk.finish()
}

fn operations(document: &Value) -> BTreeMap<String, Operation> {
    let mut operations = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let statuses = operation["responses"].as_object().into_iter().flatten();
            let security = operation["security"].as_array();
            let entry = Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                statuses: statuses.filter_map(|(status, _)| status.parse().ok()).collect(),
                needs_credential: security.is_none_or(|all| !all.is_empty()),
                takes_json: operation.pointer("/requestBody/content/application~1json").is_some(),
            };
            operations.insert(id.to_owned(), entry);
        }
    }
    operations
}

impl Walk {
    /// Makes the refusals of an operation, the first time that it is walked, and then a call that has to succeed. Gives its body.
    async fn step(&mut self, client: &Client, name: &str, call: Call) -> Value {
        let reply = self.reply(client, name, call).await;
        reply.map_or(Value::Null, |reply| match serde_json::from_slice(&reply.bytes) {
            Ok(body) => body,
            Err(_) => Value::String(reply.text()),
        })
    }

    /// The same, and gives the whole answer; none where it was no success.
    async fn reply(&mut self, client: &Client, name: &str, call: Call) -> Option<Reply> {
        let Some(operation) = self.operations.get(name).cloned() else {
            self.report.faults.push(format!("{name}: the document has no such operation"));
            return None;
        };
        if !self.report.not_walked.contains_key(name) && self.walked.insert(name.to_owned()) {
            self.refusals(client, name, &operation, &call).await;
        }
        let reply = self.send(client, name, call.shot(&operation)).await?;
        let status = reply.status.as_u16();
        let is_known = UNDOCUMENTED.contains(&(name, status));
        if is_known && operation.statuses.contains(&status) {
            self.report.faults.push(format!("{name}: {status} is documented by now"));
        }
        // 206 answers a header that asks for it.
        let is_range = status == 206 && operation.statuses.contains(&200);
        if operation.statuses.contains(&status) || is_known || is_range {
            self.report.successes += 1;
            return Some(reply);
        }
        self.report.faults.push(format!("{name}: not {:?}: {reply}", operation.statuses));
        None
    }

    async fn refusals(&mut self, client: &Client, name: &str, operation: &Operation, call: &Call) {
        if operation.needs_credential {
            let anonymous = self.anonymous.clone();
            self.refuse(&anonymous, name, "no credential", call.shot(operation), &[401]).await;
        }
        if let Some(status) = call.unknown.filter(|_| !call.params.is_empty()) {
            let shot = call.with_unknown_ids().shot(operation);
            self.refuse(client, name, "an unknown id", shot, &[status]).await;
        }
        if operation.takes_json {
            let shot = Call { json: None, bytes: Bytes::from_static(b"{"), ..call.clone() };
            let shot = shot.shot(operation).header("content-type", "application/json");
            self.refuse(client, name, "a malformed body", shot, &[400, 422]).await;
        }
    }

    /// Sends a request that has to be refused with one of these statuses.
    async fn refuse(
        &mut self,
        client: &Client,
        name: &str,
        what: &str,
        shot: Shot,
        statuses: &[u16],
    ) {
        let Some(reply) = self.send(client, name, shot).await else { return };
        if statuses.contains(&reply.status.as_u16()) {
            self.report.refusals += 1;
        } else {
            self.report
                .faults
                .push(format!("{name}: {what} is not refused with {statuses:?}: {reply}"));
        }
    }

    /// Sends a request. No answer, a 5xx and an answer of the host's router are faults.
    async fn send(&mut self, client: &Client, name: &str, shot: Shot) -> Option<Reply> {
        let path = shot.path.clone();
        let fault = match fire(vec![(client.clone(), shot)]).await.pop() {
            Some(Ok(reply)) if reply.status.is_server_error() => format!("{path}: {reply}"),
            Some(Ok(reply)) if reply.status == 404 && fingerprint(&reply) == self.no_route => {
                format!("{path} leads to no component")
            }
            Some(Ok(reply)) => return Some(reply),
            Some(Err(error)) => format!("no answer: {error}"),
            None => "no answer".to_owned(),
        };
        self.report.faults.push(format!("{name}: {fault}"));
        None
    }

    /// Notes that these operations are not walked for want of something. Their refusals to people without a credential are still checked.
    async fn skip(&mut self, need: Need, names: &[&str]) {
        for name in names {
            let Some(operation) = self.operations.get(*name).cloned() else { continue };
            if operation.needs_credential {
                let call = Call::new().param("id", "x_1").param("name", "x").param("provider", "x");
                let anonymous = self.anonymous.clone();
                let shot = call.shot(&operation);
                self.refuse(&anonymous, name, "no credential", shot, &[401]).await;
            }
            self.report.not_walked.insert((*name).to_owned(), need);
        }
    }

    /// The token of the newest mail to this address; none where the walk cannot read mails.
    async fn mailed_token(&self, email: &str, word: &str) -> Option<String> {
        let path = self.options.mails.as_deref()?;
        for _ in 0..600 {
            if let Some(token) = find_token(path, email, word) {
                return Some(token);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// Signs up another person of the walk.
    async fn person(&self, name: &str) -> Person {
        Person::sign_up(&self.anonymous, &format!("{}-{name}", self.mark)).await
    }

    fn finish(self) -> Report {
        let Self { operations, walked, mut report, .. } = self;
        for name in operations.keys() {
            if !walked.contains(name) && !report.not_walked.contains_key(name) {
                report.faults.push(format!("{name}: the walk has no step for it"));
            }
        }
        report
    }
}

impl Report {
    /// Makes faults of the operations that were not walked, except those whose need is excused.
    pub fn require_all(&mut self, excused: &[Need]) {
        for (name, need) in &self.not_walked {
            if !excused.contains(need) {
                self.faults.push(format!("{name}: NOT WALKED, for want of {need:?}"));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, need) in &self.not_walked {
            writeln!(f, "NOT WALKED: {name} ({need:?})")?;
        }
        for fault in &self.faults {
            writeln!(f, "fault: {fault}")?;
        }
        let Self { operations, successes, refusals, faults, .. } = self;
        let faults = faults.len();
        write!(
            f,
            "walk: {operations} operations, {successes} successes, {refusals} refusals, {faults} faults"
        )
    }
}

/// What an answer says apart from the request that it belongs to.
fn fingerprint(reply: &Reply) -> String {
    let mut body = reply.json();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
        return Value::Object(body.clone()).to_string();
    }
    format!("{:?} {:?}", reply.headers.get("content-type"), reply.text())
}

fn find_token(path: &Path, email: &str, word: &str) -> Option<String> {
    let mails = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
    let to = format!("mail to={email} ");
    let line = mails.lines().rfind(|line| line.contains(&to) && line.contains(word))?;
    Some(line.split_once("token=")?.1.split_whitespace().next()?.to_owned())
}

/// The id in a body, or an empty text.
fn id_of(body: &Value) -> String {
    text_of(&body["id"])
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn header_of(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn password() -> Value {
    json!({"password": crate::people::PASSWORD})
}

fn random() -> u64 {
    let seed = std::collections::hash_map::RandomState::new();
    std::hash::BuildHasher::hash_one(&seed, 0)
}

use std::fmt;
use std::net::IpAddr;

use caller::{Caller, ClientAddress, Means};
use ids::{AccountId, UserId};
use serde_json::{Map, Value};

/// What the platform's log is called where accounts have their id.
pub const PLATFORM: &str = "platform";

/// Someone of whom nothing is known.
const ANONYMOUS: &str = "anonymous";

/// The operator at the command line, or the server by itself.
const SYSTEM: &str = "system";

/// Whose log an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Account(AccountId),
    /// For what concerns no account, and for what outlives one.
    Platform,
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Platform => f.write_str(PLATFORM),
        }
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// It was tried and did not succeed, as a sign-in with a wrong password.
    Failure,
    /// It would have succeeded, but it was not allowed.
    Denied,
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
        }
    }
}

/// Something that happened, to be recorded.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) log: Log,
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    pub(crate) target: Option<String>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) outcome: Outcome,
    pub(crate) detail: Map<String, Value>,
}

impl Entry {
    /// What a caller did to the account that the request is about. `action` reads `member.role_changed`: a noun, a dot, a participle.
    pub fn by(caller: &Caller, address: ClientAddress, action: &'static str) -> Self {
        let log = Log::Account(caller.account_id);
        let entry = Self::new(log, caller.user_id.to_string(), action).from(address);
        match caller.means {
            Means::Session { .. } => entry,
            Means::ApiKey { id, .. } => entry.with("api_key", id.to_string()),
        }
    }

    /// What a person did who is no [`Caller`], because the request is what signs the person in or out.
    pub fn by_user(log: Log, user_id: UserId, action: &'static str) -> Self {
        Self::new(log, user_id.to_string(), action)
    }

    /// What someone did of whom nothing is known.
    pub fn by_anyone(log: Log, action: &'static str) -> Self {
        Self::new(log, ANONYMOUS.to_owned(), action)
    }

    /// What the operator did at the command line, or the server by itself.
    pub fn by_system(log: Log, action: &'static str) -> Self {
        Self::new(log, SYSTEM.to_owned(), action)
    }

    fn new(log: Log, actor: String, action: &'static str) -> Self {
        Self {
            log,
            actor,
            action,
            target: None,
            ip: None,
            outcome: Outcome::Success,
            detail: Map::new(),
        }
    }

    /// Where the request came from.
    #[must_use]
    pub fn from(mut self, address: ClientAddress) -> Self {
        self.ip = address.ip();
        self
    }

    /// What it was done to: an id.
    #[must_use]
    pub fn on(mut self, target: impl fmt::Display) -> Self {
        self.target = Some(target.to_string());
        self
    }

    /// How it went, if not well.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Another log than the one that the action would usually be in.
    #[must_use]
    pub fn in_log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// One more fact. No secrets, and nothing that users wrote.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

use std::fmt;
use std::marker::PhantomData;

use audit::{Entry, Log, PLATFORM};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use caller::{Caller, ClientAddress};
use ids::AccountId;
use problem::Problem;
use serde::{Deserialize, Deserializer};

/// Whose an entry is. It displays as the column `account_id` has it: as in the audit log, the platform has its name in place of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Account(AccountId),
    /// What administrators of the platform have set, for all accounts to see.
    Platform,
}

impl Owner {
    /// What the API calls it.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Platform => "system",
        }
    }

    /// The account, if it is one.
    pub fn account(self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(id),
            Self::Platform => None,
        }
    }

    /// Whose entries are seen besides one's own.
    pub fn visible(self) -> Option<&'static str> {
        match self {
            Self::Account(_) => Some(PLATFORM),
            Self::Platform => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Platform => f.write_str(PLATFORM),
        }
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == PLATFORM {
            return Ok(Self::Platform);
        }
        text.parse().map(Self::Account).map_err(serde::de::Error::custom)
    }
}

/// Who asks, from where, and about whose entries.
#[derive(Debug, Clone, Copy)]
pub struct Actor {
    pub caller: Caller,
    pub address: ClientAddress,
    pub owner: Owner,
}

impl Actor {
    /// What the caller did, for the log of the owner.
    pub fn entry(&self, action: &'static str) -> Entry {
        let entry = Entry::by(&self.caller, self.address, action);
        match self.owner {
            Owner::Account(_) => entry,
            Owner::Platform => entry.in_log(Log::Platform),
        }
    }
}

/// Whose entries a route is about. The route table names one of the two for each.
pub trait Whose: Send + Sync + 'static {
    fn owner(caller: &Caller) -> Owner;
}

/// Those of the caller's account.
#[derive(Debug)]
pub struct Own;

/// Those of the platform. The gate of such a route lets administrators of the platform pass alone.
#[derive(Debug)]
pub struct System;

impl Whose for Own {
    fn owner(caller: &Caller) -> Owner {
        Owner::Account(caller.account_id)
    }
}

impl Whose for System {
    fn owner(_: &Caller) -> Owner {
        Owner::Platform
    }
}

/// The argument of handlers that says who asks, and about whose entries.
#[derive(Debug)]
pub struct By<W>(pub Actor, pub PhantomData<W>);

impl<W: Whose, S: Send + Sync> FromRequestParts<S> for By<W> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let address = ClientAddress::from_request_parts(parts, state).await?;
        Ok(Self(Actor { caller, address, owner: W::owner(&caller) }, PhantomData))
    }
}

//! One attempt to sign in: whom it counts against, and what the audit log says of it.

use std::fmt::Write as _;
use std::time::Duration;

use audit::{Entry, Log, Outcome};
use caller::ClientAddress;
use credentials::OpaqueToken;
use ids::{AccountId, UserId};
use limits::{Backoff, Charge, Limit};

/// What an account sees of attempts from one address at least, however few the address itself has.
const ATTEMPTS_FROM_ONE_ADDRESS_MIN: u32 = 5;

/// Failures of one person from everywhere together, after which attempts pass one at a time (SECURITY R13).
const FAILURES_MAX: u32 = 100;
const FAILURES_WINDOW: Duration = Duration::from_hours(1);

/// The action in the audit log.
const LOGIN: &str = "auth.login";

/// Who tries to sign in, from where.
pub struct Attempt {
    /// The person and the account that a sign-in would open; none when the login is unknown.
    known: Option<(UserId, AccountId)>,
    /// Stands for an unknown login, so that it is limited as a known one is and nobody learns the difference. A digest, because people type
    /// passwords into the wrong field.
    pseudonym: String,
    address: ClientAddress,
}

impl Attempt {
    pub fn new(login: &str, known: Option<(UserId, AccountId)>, address: ClientAddress) -> Self {
        let digest = OpaqueToken::hash_of(&login.trim().to_lowercase());
        let mut pseudonym = String::with_capacity(16);
        for byte in digest.iter().take(8) {
            // Writing to a String cannot fail.
            let _ = write!(pseudonym, "{byte:02x}");
        }
        Self { known, pseudonym, address }
    }

    /// What the attempt is charged before a password is hashed.
    pub fn charges(&self, limit: Limit) -> Vec<Charge> {
        let from_here = Charge::new("login:ip", self.address.network(), limit);
        [from_here].into_iter().chain(self.failure_charges(limit)).collect()
    }

    /// What a success gives back: only failures count against a person.
    pub fn failure_charges(&self, limit: Limit) -> Vec<Charge> {
        let who = self.who();
        let here = format!("{who}@{}", self.address.network());
        let everywhere = match Limit::new(FAILURES_MAX, FAILURES_WINDOW) {
            Some(everywhere) if !limit.is_off() => everywhere,
            _ => Limit::OFF,
        };
        vec![
            Charge::new("login:person", here, limit.halved(ATTEMPTS_FROM_ONE_ADDRESS_MIN)),
            Charge::new("login:everywhere", who, everywhere),
        ]
    }

    /// The growing delay between failures of one person from one address. Not from everywhere: nobody must be able to keep another out.
    pub fn backoff(&self) -> Backoff {
        Backoff::new("login", format!("{}@{}", self.who(), self.address.network()))
    }

    /// The id of the person, however the login was written (SECURITY R15).
    fn who(&self) -> String {
        match self.known {
            Some((user_id, _)) => user_id.to_string(),
            None => self.pseudonym.clone(),
        }
    }

    /// The entry of a failure. That of a known person is in the account where the person reads it, that of an unknown one in the platform's.
    pub fn failed(&self, outcome: Outcome) -> Entry {
        let entry = match self.known {
            Some((user_id, account_id)) => {
                Entry::by_anyone(Log::Account(account_id), LOGIN).on(user_id)
            }
            None => Entry::by_anyone(Log::Platform, LOGIN).with("login", self.pseudonym.as_str()),
        };
        entry.from(self.address).outcome(outcome)
    }
}

/// The entry of a success.
pub fn succeeded(user_id: UserId, account_id: AccountId, address: ClientAddress) -> Entry {
    Entry::by_user(Log::Account(account_id), user_id, LOGIN).on(user_id).from(address)
}

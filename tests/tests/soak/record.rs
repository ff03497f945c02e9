//! The writes of a person that were acknowledged, and the counts of everyone's requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use e2e::client::NoAnswer;
use e2e::ledger::read_list;
use e2e::{Client, Person};

/// The requests after which a session is replaced: `limit_api` lets it send 600 a minute, some of which instances take in advance.
const SENT_MAX: usize = 250;

/// The acknowledged writes of one person.
#[derive(Debug)]
pub struct Record {
    person: Person,
    sent: usize,
    /// The conversation that messages are appended to.
    pub conversation: String,
    pub conversations: BTreeSet<String>,
    pub messages: BTreeSet<String>,
    pub memories: BTreeSet<String>,
    /// The size of each file.
    pub files: BTreeMap<String, usize>,
    /// Files whose deletion was not acknowledged: they may be there or not.
    pub doubtful: BTreeSet<String>,
}

impl Record {
    pub async fn new(person: Person) -> Self {
        let conversation = person.create_conversation("Soak").await;
        Self {
            person,
            sent: 0,
            conversations: BTreeSet::from([conversation.clone()]),
            conversation,
            messages: BTreeSet::new(),
            memories: BTreeSet::new(),
            files: BTreeMap::new(),
            doubtful: BTreeSet::new(),
        }
    }

    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The client for the next request; from time to time with a new session.
    pub async fn client(&mut self) -> Client {
        self.try_client().await.unwrap()
    }

    /// The same, unless the server is gone.
    pub async fn try_client(&mut self) -> Result<Client, NoAnswer> {
        self.sent += 1;
        if SENT_MAX < self.sent {
            self.person = self.person.try_switch(&self.person.account_id).await?;
            self.sent = 0;
        }
        Ok(self.person.client.clone())
    }

    /// Goes on at another address.
    pub fn move_to(&mut self, address: SocketAddr) {
        self.person.client = self.person.client.at(address);
    }

    /// Everything that was acknowledged is there, and each of it once.
    pub async fn check(&mut self, counts: &Counts) {
        let client = self.client().await;
        let fault = |what: &str, missing: Vec<&String>| {
            if !missing.is_empty() {
                counts.fault(format!("{} {what} are missing: {:?}", missing.len(), missing[0]));
            }
        };
        let ids = |items: &[serde_json::Value]| -> Vec<String> {
            items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        let there = ids(&read_list(&client, "/api/conversations").await);
        fault(
            "conversations",
            self.conversations.iter().filter(|id| !there.contains(id)).collect(),
        );
        let there: BTreeSet<_> =
            ids(&read_list(&client, "/api/memory").await).into_iter().collect();
        fault("memories", self.memories.difference(&there).collect());
        let path = format!("/api/conversations/{}/messages", self.conversation);
        let there: BTreeSet<_> = ids(&read_list(&client, &path).await).into_iter().collect();
        fault("messages", self.messages.difference(&there).collect());

        let files = read_list(&client, "/api/files").await;
        let there: BTreeMap<_, _> = files
            .iter()
            .map(|file| (file["id"].as_str().unwrap(), file["size_bytes"].as_u64().unwrap()))
            .collect();
        let is_there = |(id, size): &(&String, &usize)| {
            self.doubtful.contains(*id) || there.get(id.as_str()) == Some(&(**size as u64))
        };
        let missing = self.files.iter().filter(|entry| !is_there(entry)).map(|(id, _)| id);
        fault("files", missing.collect());
    }
}

/// What became of everyone's requests.
#[derive(Debug, Default)]
pub struct Counts {
    pub reads: AtomicUsize,
    pub writes: AtomicUsize,
    pub cancelled: AtomicUsize,
    pub streams: AtomicUsize,
    /// Streams whose client left before their end.
    pub left: AtomicUsize,
    /// Requests that the kill cut off.
    pub cut: AtomicUsize,
    faults: Mutex<Vec<String>>,
}

impl Counts {
    pub fn fault(&self, fault: String) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub fn assert_clean(&self) {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let some: Vec<_> = faults.iter().take(10).collect();
        assert!(faults.is_empty(), "{} faults: {some:#?}", faults.len());
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: &AtomicUsize| count.load(Relaxed);
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).len();
        write!(
            f,
            "{} reads, {} writes, {} cancelled, {} streams ({} left early), {} cut by the kill, {faults} faults",
            count(&self.reads),
            count(&self.writes),
            count(&self.cancelled),
            count(&self.streams),
            count(&self.left),
            count(&self.cut)
        )
    }
}

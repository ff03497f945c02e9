//! The server, its people, and crews of 32 requests at the same moment.

use std::sync::Arc;
use std::time::Duration;

use e2e::server::Options;
use e2e::volley::{Reply, Row, Shot};
use e2e::{Client, Person, Policy, Provider, Server, Team, ledger};
use futures::future::join_all;
use tempfile::TempDir;

/// The requests that begin at the same moment, and how often they do.
pub const AT_ONCE: usize = 32;
pub const ROUNDS: usize = 20;

/// The generations that an account may have at once.
pub const GENERATIONS: usize = 8;

/// The requests after which a session or an API key is replaced.
///
/// `limit_api` lets it send 600 a minute, but each instance takes some in advance, up to as many again as were spent.
const SENT_MAX: usize = 280;

/// A server with default variables.
pub struct World {
    pub server: Server,
    pub provider: Provider,
    state: TempDir,
    policy: Policy,
}

impl World {
    pub async fn start(policy: Policy) -> Self {
        let (state, provider) = (tempfile::tempdir().unwrap(), Provider::start().await);
        let options = Options::as_deployed(state.path(), policy, &provider.origin());
        println!("{}", options.describe());
        Self { server: options.start(), provider, state, policy }
    }

    /// Ends the server and starts a new one on the same state.
    pub async fn restart(self) -> Self {
        let Self { server, provider, state, policy } = self;
        assert_sound(&server).await;
        assert!(server.terminate().success());
        let server = Options::as_deployed(state.path(), policy, &provider.origin()).start();
        Self { server, provider, state, policy }
    }

    pub fn anonymous(&self) -> Client {
        Client::new(self.server.address())
    }

    /// Ends the server; nothing may have gone wrong in its life, and all sums have to be right.
    pub async fn end(self) {
        let Self { server, provider: _provider, state, .. } = self;
        assert_sound(&server).await;
        assert!(server.terminate().success());
        ledger::check_database(state.path());
    }
}

async fn assert_sound(server: &Server) {
    assert_eq!(server.faults(), [""; 0], "the log tells of faults");
    let traps = server.metric("host_instance_traps_total").await;
    println!("host_instance_traps_total: {traps:?}");
    assert_eq!(traps, Some(0.0), "instances have trapped, or the host does not count it");
}

/// Those who send the requests.
pub struct Crew {
    pub credential: &'static str,
    /// The owner of the account, for what is prepared and read back.
    pub owner: Person,
    /// Begins the names of what this crew makes.
    pub mark: String,
    members: Vec<Person>,
    shooters: Vec<Client>,
    /// The requests that each of them has sent with its credential.
    sent: usize,
    is_keyed: bool,
    keys: usize,
}

impl Crew {
    /// One session of the owner.
    pub async fn of_session(owner: &Person, component: &str) -> Self {
        Self::new("session", owner, vec![owner.clone()], component, false).await
    }

    /// One API key of the owner.
    pub async fn of_key(owner: &Person, component: &str) -> Self {
        Self::new("api key", owner, vec![owner.clone()], component, true).await
    }

    /// The sessions of 32 people of a team.
    pub async fn of_team(team: &Team, component: &str) -> Self {
        Self::new("32 people", &team.owner, team.members.clone(), component, false).await
    }

    async fn new(
        credential: &'static str,
        owner: &Person,
        members: Vec<Person>,
        component: &str,
        is_keyed: bool,
    ) -> Self {
        let owner = owner.renew().await;
        let mark = format!("{component}-{}-", credential.replace(' ', "-"));
        let mut crew = Self {
            credential,
            owner,
            mark,
            members,
            shooters: Vec::new(),
            sent: 0,
            is_keyed,
            keys: 0,
        };
        crew.renew().await;
        crew
    }

    /// Gives everyone a new session or API key.
    async fn renew(&mut self) {
        self.sent = 0;
        if self.is_keyed {
            self.keys += 1;
            let name = format!("{}{}", self.mark, self.keys);
            self.shooters = vec![self.owner.api_key(&name).await];
        } else {
            let members = join_all(self.members.iter().map(Person::renew)).await;
            self.shooters = members.into_iter().map(|member| member.client).collect();
        }
    }

    pub fn is_keyed(&self) -> bool {
        self.is_keyed
    }

    /// The client that sends the request at this place.
    pub fn client(&self, place: usize) -> &Client {
        &self.shooters[place % self.shooters.len()]
    }

    /// Everyone with a memory of their own.
    pub fn people(&self) -> &[Client] {
        &self.shooters
    }

    pub fn row(&self, component: &'static str, kind: &'static str) -> Row {
        Row { component, kind, credential: self.credential, ..Row::default() }
    }

    /// Sends 32 requests at the same moment, and gives the successes with their places.
    pub async fn fire(
        &mut self,
        row: &mut Row,
        shot: impl Fn(usize) -> Shot,
    ) -> Vec<(usize, Reply)> {
        let each = AT_ONCE / self.shooters.len();
        if SENT_MAX < self.sent + each {
            self.renew().await;
        }
        self.sent += each;
        let shots = (0..AT_ONCE).map(|place| (self.client(place).clone(), shot(place)));
        row.fire(shots.collect()).await
    }

    /// Sends 32 requests in each of 20 rounds, and looks at each success. The function gets the round and the place.
    pub async fn rounds(
        &mut self,
        row: &mut Row,
        shot: impl Fn(usize, usize) -> Shot,
        mut check: impl FnMut(&mut Row, usize, Reply),
    ) {
        for round in 0..ROUNDS {
            for (place, reply) in self.fire(row, |place| shot(round, place)).await {
                check(row, place, reply);
            }
        }
    }

    /// Reads the same thing in 20 rounds. Each answer has to contain this text.
    pub async fn read(
        &mut self,
        component: &'static str,
        kind: &'static str,
        path: &str,
        text: &str,
    ) -> Row {
        let mut row = self.row(component, kind);
        let check = |row: &mut Row, _, reply: Reply| {
            row.require(reply.text().contains(text), || format!("no {text:?} in {reply}"));
        };
        self.rounds(&mut row, |_, _| Shot::get(path), check).await;
        row
    }
}

/// The table of what became of the requests.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// The rows of both.
    pub fn join(mut self, other: Self) -> Self {
        self.rows.extend(other.rows);
        self
    }

    pub fn add(&mut self, row: Row) {
        println!("{row}");
        for offence in &row.offences {
            println!("    {offence}");
        }
        self.rows.push(row);
    }

    /// Fails when anything was not as it has to be.
    pub fn assert_clean(&self) {
        let requests: usize = self.rows.iter().map(|row| row.requests).sum();
        let elapsed: Duration = self.rows.iter().map(|row| row.elapsed).sum();
        let successes: usize = self.rows.iter().map(|row| row.successes).sum();
        println!(
            "crowd: {requests} requests, {successes} successes, {:.0} s",
            elapsed.as_secs_f64()
        );
        let offences: Vec<_> = self
            .rows
            .iter()
            .filter(|row| !row.offences.is_empty())
            .map(|row| {
                format!("{} {} {}: {:?}", row.component, row.kind, row.credential, row.offences)
            })
            .collect();
        assert_eq!(offences, [""; 0]);
        for row in &self.rows {
            assert_eq!((row.failures, row.unanswered), (0, 0), "{row}");
            assert_eq!(row.requests, row.successes + row.expected, "{row}");
        }
    }
}

/// Compares the ids that were answered with those that are there.
pub fn require_same(row: &mut Row, mut answered: Vec<String>, mut there: Vec<String>) {
    answered.sort();
    there.sort();
    let (answered, there) = (Arc::new(answered), Arc::new(there));
    row.require(answered == there, || {
        let missing = answered.iter().filter(|id| !there.contains(id)).count();
        let more = there.iter().filter(|id| !answered.contains(id)).count();
        format!(
            "{} answered, {} there: {missing} missing, {more} more",
            answered.len(),
            there.len()
        )
    });
}

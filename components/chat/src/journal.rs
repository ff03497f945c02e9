//! What a run has said, kept in batches while it is said, and told to whoever waits.

use std::future::pending;
use std::pin::{Pin, pin};
use std::time::Duration;

use ambient::UnixMillis;
use database::{DatabaseError, Row, Rows, Statement};
use egress::within;
use futures::future::{Either, select};
use problem::chain;
use runs::{
    Batch, EVENTS_MAX, End, Event, Failure, Frame, OnDisconnect, Producer, Run, Step, Waiting,
};

use crate::error::ChatError;
use crate::relay::Relay;
use crate::service::Chat;

/// How long what was said may be kept nowhere, and how often somebody's wish to stop is looked for at least: every second time.
const TICK: Duration = Duration::from_millis(500);

/// Every so many ticks the lease is moved on.
const RENEWAL_TICKS: u32 = 10;

/// How much may be said before it is kept, in bytes as it is sent.
const BATCH_BYTES_MAX: usize = 16 * 1024;

/// How long the database may be away before others take the run for dead.
const SILENCE_MAX: Duration = Duration::from_secs(16);

/// How long a run may take in all. A host gives it a minute more.
const RUN_MAX: Duration = Duration::from_mins(14);

/// How often a batch is tried that did not reach the database, and how soon again.
const ATTEMPTS_MAX: u32 = 6;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the database is asked while the work goes on.
type Errand = Pin<Box<dyn Future<Output = Result<Rows, DatabaseError>> + Send>>;

/// Why the work ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody wants it, or the client is gone.
    Cancelled,
    /// It has taken too long.
    Late,
    /// The run is somebody else's by now, or gone, or nothing can be written.
    Lost,
}

/// What a message is appended by, and which it is.
pub struct Appended {
    pub id: ids::MessageId,
    pub statement: Statement,
    /// Whether the model has said it.
    pub is_answer: bool,
}

pub struct Journal {
    chat: Chat,
    producer: Producer,
    relay: Relay,
    on_disconnect: OnDisconnect,
    /// What is kept nowhere yet.
    batch: Batch,
    /// What is on its way to the database, until that has it.
    sent: Option<Batch>,
    errand: Option<Errand>,
    timer: Timer,
    ticks: u32,
    begun_at: UnixMillis,
    /// When the database was last heard.
    heard_at: UnixMillis,
}

impl Journal {
    /// The journal of a run after this event.
    pub fn new(
        chat: Chat,
        producer: Producer,
        relay: Relay,
        on_disconnect: OnDisconnect,
        last_event: i64,
    ) -> Self {
        let now = chat.clock.now();
        let batch = Batch::after(last_event);
        let (timer, ticks) = (timer(TICK), 0);
        Self {
            chat,
            producer,
            relay,
            on_disconnect,
            batch,
            sent: None,
            errand: None,
            timer,
            ticks,
            begun_at: now,
            heard_at: now,
        }
    }

    /// Waits for something, and looks after the run meanwhile: keeps what was said, and finds out whether it is to stop. Nobody waits for the
    /// database here, so that what is said next is not held up by what was said before.
    pub async fn attend<F: Future>(&mut self, work: F) -> Result<F::Output, Stop> {
        let mut work = pin!(work);
        loop {
            let beside = {
                let Self { errand, timer, .. } = &mut *self;
                match select(work.as_mut(), select(pin!(answer(errand)), timer)).await {
                    Either::Left((outcome, _)) => return Ok(outcome),
                    Either::Right((Either::Left((outcome, _)), _)) => Some(outcome),
                    Either::Right((Either::Right(((), _)), _)) => None,
                }
            };
            if let Some(outcome) = beside {
                self.hear(outcome)?;
            } else {
                self.timer = timer(TICK);
                self.tick()?;
            }
        }
    }

    /// Says an event.
    pub async fn tell(&mut self, event: &Event<'_>) -> Result<(), Stop> {
        let frame = self.batch.push(event).map_err(|error| lost(&error))?;
        self.relay.say(frame);
        // What no listener may have seen unless it is kept soon is bounded, on its way or not.
        let first = self.sent.as_ref().map_or(self.batch.first, |sent| sent.first);
        let is_full = EVENTS_MAX <= self.batch.last - first + 1;
        if is_full || BATCH_BYTES_MAX <= self.batch.wire.len() {
            self.settle().await?;
            self.keep();
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<(), Stop> {
        self.ticks = self.ticks.wrapping_add(1);
        let now = self.chat.clock.now();
        if self.begun_at.plus(RUN_MAX) <= now {
            return Err(Stop::Late);
        }
        if self.on_disconnect == OnDisconnect::Cancel && self.relay.is_alone() {
            return Err(Stop::Cancelled);
        }
        if self.errand.is_some() {
            return if now < self.heard_at.plus(SILENCE_MAX) { Ok(()) } else { Err(Stop::Lost) };
        }
        if self.sent.is_some() || !self.batch.is_empty() {
            self.keep();
        } else if self.ticks.is_multiple_of(RENEWAL_TICKS) {
            self.ask(self.producer.renew(now));
        } else if self.ticks.is_multiple_of(2) {
            self.ask(self.producer.look());
        }
        Ok(())
    }

    /// Begins to keep what was said, or goes on to with what did not reach the database.
    fn keep(&mut self) {
        let batch = self.sent.take().unwrap_or_else(|| {
            let next = Batch::after(self.batch.last);
            std::mem::replace(&mut self.batch, next)
        });
        self.ask(self.producer.keep(&batch, self.chat.clock.now()));
        self.sent = Some(batch);
    }

    /// Begins to run a statement that says whether the run is to stop.
    fn ask(&mut self, statement: Statement) {
        let database = self.chat.database.clone();
        self.errand = Some(Box::pin(async move { database.query(statement).await }));
    }

    /// What the database says of the run. It may be away for a while.
    fn hear(&mut self, outcome: Result<Rows, DatabaseError>) -> Result<(), Stop> {
        self.errand = None;
        let now = self.chat.clock.now();
        match outcome {
            Ok(rows) => {
                (self.heard_at, self.sent) = (now, None);
                check(rows.first())
            }
            // A batch whose answer was lost is there already.
            Err(error)
                if error
                    .is_unique("run_event.account_id, run_event.run_id, run_event.last_event") =>
            {
                (self.heard_at, self.sent) = (now, None);
                Ok(())
            }
            Err(DatabaseError::Busy | DatabaseError::Unavailable(_))
                if now < self.heard_at.plus(SILENCE_MAX) =>
            {
                Ok(())
            }
            Err(error) => Err(lost(&error)),
        }
    }

    /// Waits until nothing is on its way to the database any more.
    async fn settle(&mut self) -> Result<(), Stop> {
        loop {
            if self.errand.is_some() {
                let outcome = answer(&mut self.errand).await;
                self.hear(outcome)?;
            }
            if self.sent.is_none() {
                return Ok(());
            }
            timer(ATTEMPT_PAUSE).await;
            self.keep();
        }
    }

    /// As [`Journal::settle`], where the run ends or rests anyway: that somebody wants it to stop changes nothing then.
    async fn settle_at_the_end(&mut self) -> Result<(), Stop> {
        match self.settle().await {
            Err(Stop::Cancelled) => Ok(()),
            outcome => outcome,
        }
    }

    /// Keeps a message with what was said before it, after which the run goes on.
    pub async fn advance(
        &mut self,
        appended: Appended,
        run: &mut Run,
        further: Option<Statement>,
    ) -> Result<(), Stop> {
        self.settle().await?;
        let Appended { id, statement, is_answer } = appended;
        let before = std::mem::take(&mut self.batch);
        let told = before.wire.len();
        let now = self.chat.clock.now();
        let (producer, message) = (&self.producer, Some(id));
        let step = Step { producer, before, message, is_answer, run, now };
        let (statements, last) = step.statements().map_err(|error| lost(&error))?;
        let mut batch = vec![self.producer.demand(), statement];
        batch.extend(further);
        batch.extend(statements);
        let results = self.commit(batch).await?;
        self.batch = Batch::after(last);
        self.tell_rest(&results, told, last);
        run.tip = id;
        if is_answer {
            run.message_id = Some(id);
        }
        run.last_event = last;
        check(results.last().and_then(Rows::first))
    }

    /// Keeps the end of the run, with its last message if there is one.
    pub async fn end(
        mut self,
        appended: Option<Appended>,
        run: &Run,
        failure: Option<&Failure>,
        further: Vec<Statement>,
    ) -> Result<(), Stop> {
        self.settle_at_the_end().await?;
        let before = std::mem::take(&mut self.batch);
        let (told, last) = (before.wire.len(), before.last);
        let message = appended.as_ref().map(|one| one.id);
        let now = run.ended_at.unwrap_or_else(|| self.chat.clock.now());
        let is_answer = appended.as_ref().is_some_and(|one| one.is_answer);
        let step = Step { producer: &self.producer, before, message, is_answer, run, now };
        let statements = End { step, failure }.statements().map_err(|error| lost(&error))?;
        let mut batch = vec![self.producer.demand()];
        batch.extend(appended.map(|one| one.statement));
        batch.extend(statements);
        batch.extend(further);
        let results = self.commit(batch).await?;
        self.tell_rest(&results, told, last + i64::from(is_answer) + 1);
        Ok(())
    }

    /// Lets the run wait for somebody's decision.
    pub async fn wait(mut self, run: &Run, further: Statement) -> Result<(), Stop> {
        self.settle_at_the_end().await?;
        let approvals = run.approvals.as_slice();
        let mut batch = std::mem::take(&mut self.batch);
        let run = &Run { last_event: batch.last + 1, ..run.clone() };
        let asked = batch.push(&Event::ApprovalRequired { run, approvals });
        let frame = asked.map_err(|error| lost(&error))?;
        let now = self.chat.clock.now();
        let waiting = Waiting { producer: &self.producer, batch, approvals, now };
        let statements = waiting.statements().map_err(|error| lost(&error))?;
        let mut all = vec![self.producer.demand()];
        all.extend(statements);
        all.push(further);
        self.commit(all).await?;
        self.relay.say(frame);
        Ok(())
    }

    /// Says what the database has written behind what was told already.
    fn tell_rest(&mut self, results: &[Rows], told: usize, last: i64) {
        let written = |rows: &Rows| rows.first()?.get::<String>("events").ok();
        let Some(mut events) = results.iter().find_map(written) else { return };
        let rest = if events.is_char_boundary(told) { events.split_off(told) } else { events };
        if !rest.is_empty() {
            self.relay.say(Frame { id: last, wire: rest });
        }
    }

    /// Runs a batch, and again when the database does not answer. One that took effect although nobody heard it is found by its demand.
    async fn commit(&mut self, batch: Vec<Statement>) -> Result<Vec<Rows>, Stop> {
        let mut wait = ATTEMPT_PAUSE;
        for attempt in 1..=ATTEMPTS_MAX {
            match self.chat.database.batch(batch.clone()).await {
                Ok(results) => return Ok(results),
                Err(error) if ChatError::is_lost(&error) => return Err(Stop::Lost),
                Err(DatabaseError::Busy | DatabaseError::Unavailable(_))
                    if attempt < ATTEMPTS_MAX =>
                {
                    timer(wait).await;
                    wait *= 2;
                }
                Err(error) => return Err(lost(&error)),
            }
        }
        Err(Stop::Lost)
    }
}

/// What a row says of whether the run is to stop; that there is none says that it is somebody else's.
fn check(row: Option<Row<'_>>) -> Result<(), Stop> {
    match row.map(|row| row.get("cancel_requested")) {
        Some(Ok(false)) => Ok(()),
        Some(Ok(true)) => Err(Stop::Cancelled),
        Some(Err(error)) => Err(lost(&error)),
        None => Err(Stop::Lost),
    }
}

fn lost(error: &(dyn std::error::Error + 'static)) -> Stop {
    tracing::error!(cause = chain(error), "a run can be kept no longer");
    Stop::Lost
}

/// What an errand brings; nothing ever where there is none.
async fn answer(errand: &mut Option<Errand>) -> Result<Rows, DatabaseError> {
    match errand {
        Some(errand) => errand.await,
        None => pending().await,
    }
}

fn timer(time: Duration) -> Timer {
    Box::pin(async move {
        // Nothing is waited for but the time.
        let _ = within(time, pending::<()>()).await;
    })
}

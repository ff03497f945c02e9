//! The events of a run for whoever listens: as they come, or as they are kept, whoever works on it.

use std::future::pending;
use std::time::Duration;

use ambient::UnixMillis;
use axum::body::{Body, Bytes};
use caller::{Caller, Means};
use database::Statement;
use egress::{Patience, within};
use futures::{StreamExt as _, stream};
use ids::{AccountId, RunId};
use problem::{Problem, chain};
use runs::{Run, RunStatus};

use crate::error::ChatError;
use crate::relay::Live;
use crate::service::Chat;

/// How long a stream may be silent, and what is said then.
const SILENCE_MAX: Duration = Duration::from_secs(15);
const PING: &str = ": ping\n\n";

/// How often what is kept is looked at: soon at first, then less and less.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often it is made sure that whoever listens still may (SECURITY R27).
const ADMISSION: Duration = Duration::from_secs(3);

/// Somebody who listens to a run.
pub struct Follower {
    chat: Chat,
    account: AccountId,
    run: RunId,
    /// The last event that was told.
    last: i64,
    /// Where events come from before they are kept.
    live: Option<Live>,
    patience: Patience,
    pause: Duration,
    /// Who listens.
    caller: Option<Caller>,
    admitted_at: UnixMillis,
    is_over: bool,
}

impl Follower {
    /// Somebody who has heard everything up to an event.
    pub fn new(chat: Chat, account: AccountId, run: RunId, last: i64) -> Self {
        let admitted_at = chat.clock.now();
        Self {
            chat,
            account,
            run,
            last,
            live: None,
            patience: Patience::default(),
            pause: PAUSE_MIN,
            caller: None,
            admitted_at,
            is_over: false,
        }
    }

    /// The same with events as they come.
    #[must_use]
    pub fn listening(mut self, live: Live) -> Self {
        self.live = Some(live);
        self
    }

    /// The same, as long as this one may listen.
    #[must_use]
    pub fn admitting(mut self, caller: Caller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// The events as a body.
    pub fn body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut follower| async move {
            match follower.next().await {
                Ok(Some(text)) => Some((Ok::<_, ChatError>(Bytes::from(text)), follower)),
                Ok(None) => None,
                Err(error) => {
                    // The answer has begun, so nobody else will say why it ends here.
                    tracing::error!(cause = chain(&error), "the events of a run broke off");
                    follower.is_over = true;
                    Some((Err(error), follower))
                }
            }
        }))
    }

    /// Listens to the end, or until the run waits for somebody.
    pub async fn end(mut self) -> Result<(), ChatError> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// What comes next; `None` when there is no more.
    pub async fn next(&mut self) -> Result<Option<String>, ChatError> {
        let mut silent = Duration::ZERO;
        loop {
            if self.is_over || !self.is_admitted().await {
                return Ok(None);
            }
            let waited = if self.live.is_some() {
                match self.hear().await {
                    Heard::Events(text) => return Ok(Some(text)),
                    Heard::Nothing(waited) => waited,
                    Heard::NoMore => continue,
                }
            } else {
                if let Some(text) = self.read().await? {
                    self.pause = PAUSE_MIN;
                    return Ok(Some(text));
                }
                if self.is_over {
                    return Ok(None);
                }
                let pause = self.pause;
                let _ = within(pause, pending::<()>()).await;
                self.pause = (pause * 2).min(PAUSE_MAX);
                pause
            };
            silent += waited;
            if SILENCE_MAX <= silent {
                return Ok(Some(PING.to_owned()));
            }
        }
    }

    /// What is said at this moment, if somebody says something before it is time to look after other things.
    async fn hear(&mut self) -> Heard {
        let Some(live) = &mut self.live else { return Heard::NoMore };
        let first = match self.patience.within(ADMISSION, live.frames.next()).await {
            Err(_) => return Heard::Nothing(ADMISSION),
            Ok(None) => {
                self.live = None;
                return Heard::NoMore;
            }
            Ok(Some(first)) => first,
        };
        let (mut text, mut last) = (first.wire, first.id);
        while let Ok(more) = live.frames.try_recv() {
            text.push_str(&more.wire);
            last = more.id;
        }
        self.last = last;
        Heard::Events(text)
    }

    /// What is kept after the last event.
    async fn read(&mut self) -> Result<Option<String>, ChatError> {
        let now = self.chat.clock.now();
        let (database, account) = (&self.chat.database, self.account);
        let page = runs::read_events(database, account, self.run, self.last, now).await?;
        let Some(page) = page else {
            // Its conversation was deleted.
            self.is_over = true;
            return Ok(None);
        };
        self.last = page.last;
        if !page.wire.is_empty() {
            return Ok(Some(page.wire));
        }
        if page.is_abandoned {
            let entropy = &self.chat.entropy;
            runs::close_abandoned(database, account, self.run, now, entropy).await?;
            return Ok(None);
        }
        let rests = page.status.is_end() || page.status == RunStatus::Queued;
        self.is_over = rests && !page.has_more;
        Ok(None)
    }

    /// Whether the listener still may. Its access token may run out meanwhile, as long as what it was made for has not ended.
    async fn is_admitted(&mut self) -> bool {
        let now = self.chat.clock.now();
        let Some(caller) = &self.caller else { return true };
        if now < self.admitted_at.plus(ADMISSION) {
            return true;
        }
        self.admitted_at = now;
        let means = match caller.means {
            Means::Session { id, .. } => id.to_string(),
            Means::ApiKey { id, .. } => id.to_string(),
        };
        let statement = Statement::new(include_str!("../queries/find_standing.sql"))
            .bind(caller.account_id.to_string())
            .bind(caller.user_id.to_string())
            .bind(means)
            .bind(now.0);
        // A database that is away takes nobody's rights.
        self.chat.database.query(statement).await.map_or(true, |rows| !rows.is_empty())
    }
}

enum Heard {
    Events(String),
    /// For so long.
    Nothing(Duration),
    /// And nothing more will be said this way.
    NoMore,
}

impl Chat {
    /// A run of the account. One that was left behind is ended first.
    ///
    /// # Errors
    /// [`ChatError::NotFound`].
    pub async fn run(&self, account: AccountId, id: RunId) -> Result<Run, ChatError> {
        let now = self.clock.now();
        let find = || runs::find(&self.database, account, id, now);
        let run = find().await?.ok_or(ChatError::NotFound)?;
        if run.status.is_end() || now < run.lease_until {
            return Ok(run);
        }
        runs::close_abandoned(&self.database, account, id, now, &self.entropy).await?;
        find().await?.ok_or(ChatError::NotFound)
    }
}

/// What came of a run, for whoever waited for its end.
pub fn outcome(run: Run) -> Result<Run, Problem> {
    match &run.failure {
        Some(failure) => Err(ChatError::Failed(failure.clone()).into()),
        None => Ok(run),
    }
}

//! How runs are stopped, and what is looked up about them.

use std::future::pending;
use std::time::Duration;

use database::Statement;
use egress::within;
use ids::{AccountId, MessageId, RunId};
use problem::chain;
use runs::{Producer, Run, RunStatus};
use serde_json::value::RawValue;

use crate::error::ChatError;
use crate::journal::Journal;
use crate::relay::relay;
use crate::service::Chat;

/// How long somebody who stops a run waits for it to have stopped, and how often it is looked for.
const PATIENCE: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// How many runs whoever has ended one takes old events from.
const RUNS_TIDIED: u32 = 8;

impl Chat {
    /// Stops a run, whoever works on it. What it has said stays. One that has ended is as it is.
    ///
    /// # Errors
    /// [`ChatError::NotFound`].
    pub async fn cancel(&self, account: AccountId, id: RunId) -> Result<Run, ChatError> {
        let run = self.run(account, id).await?;
        if run.status == RunStatus::Queued {
            self.cancel_waiting(account, run).await?;
        } else if run.status == RunStatus::Running {
            runs::request_cancel(&self.database, account, id).await?;
        }
        for _ in 0..PATIENCE {
            let run = self.run(account, id).await?;
            if run.status != RunStatus::Running {
                return Ok(run);
            }
            let _ = within(PAUSE, pending::<()>()).await;
        }
        self.run(account, id).await
    }

    /// Ends a run that nobody works on. If somebody goes on with it in this moment, that is who stops it.
    async fn cancel_waiting(&self, account: AccountId, mut run: Run) -> Result<(), ChatError> {
        let producer = Producer::new(account, run.id, &self.entropy)?;
        let now = self.clock.now();
        // It counts as at work for this moment. Where as many are as may be, whoever tries again a little later stops it.
        let resumed = match self.database.query(producer.resume(now)).await {
            Err(error) if error.is_trigger("run_limit") => return Err(ChatError::TooManyRuns),
            resumed => resumed?,
        };
        if resumed.is_empty() {
            runs::request_cancel(&self.database, account, run.id).await?;
            return Ok(());
        }
        run.status = RunStatus::Cancelled;
        run.approvals.clear();
        run.ended_at = Some(now);
        let (relay, _) = relay();
        let on_disconnect = runs::OnDisconnect::Continue;
        let journal = Journal::new(self.clone(), producer, relay, on_disconnect, run.last_event);
        // Whoever comes next ends what cannot be ended here.
        let _ = journal.end(None, &run, None, Vec::new()).await;
        Ok(())
    }

    /// A message as it is stored.
    ///
    /// # Errors
    /// [`ChatError`].
    pub async fn message(
        &self,
        account: AccountId,
        id: MessageId,
    ) -> Result<Option<Box<RawValue>>, ChatError> {
        let statement = Statement::new(include_str!("../queries/get_message.sql"))
            .bind(account.to_string())
            .bind(id.to_string());
        let rows = self.database.query(statement).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(RawValue::from_string(row.get("wire")?)?))
    }

    /// Removes events of the account that nobody needs any more: so an account that is used cleans up after itself.
    pub async fn tidy(&self, account: AccountId) {
        let statements = runs::delete_old_events(account, self.clock.now(), RUNS_TIDIED);
        if let Err(error) = self.database.batch(statements.into()).await {
            tracing::warn!(cause = chain(&error), "old events are still there");
        }
    }
}

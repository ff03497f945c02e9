//! Runs that whoever worked on them has left behind.

use std::time::Duration;

use ambient::{Entropy, UnixMillis};
use database::{ConstraintKind, Database, DatabaseError, Statement};
use ids::{AccountId, Id, MessageId, RunId};
use message::{Append, Content, MessageRole, MessageStatus, NewMessage, Position};

use crate::{
    Batch, EVENTS_MAX, End, Failure, FailureCode, Producer, Run, RunStatus, RunsError, Step,
};

/// How long the events of a run are kept after its end.
const EVENTS_KEPT: Duration = Duration::from_hours(24);

/// Ends a run as interrupted that nobody works on any more, keeps what there is of its answer, and settles what it has reserved. `false` when somebody does, or it has ended.
///
/// # Errors
/// [`RunsError`]; whoever comes next can do it.
pub async fn close_abandoned(
    database: &Database,
    account: AccountId,
    id: RunId,
    now: UnixMillis,
    entropy: &Entropy,
) -> Result<bool, RunsError> {
    let closer = Producer::new(account, id, entropy)?;
    let rows = database.query(closer.take_over(now)).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let (run, untold) = (Run::read(row)?, row.get::<String>("untold")?);
    let output_tokens = usage::likely_tokens(untold.len());
    let mut batch = statements(&closer, run, untold, now, entropy)?;
    batch.push(usage::lapse(account, &id.to_string(), output_tokens));
    match database.batch(batch).await {
        Ok(_) => Ok(true),
        // It was deleted in this moment.
        Err(DatabaseError::Constraint { kind: ConstraintKind::NotNull, .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn statements(
    closer: &Producer,
    mut run: Run,
    untold: String,
    now: UnixMillis,
    entropy: &Entropy,
) -> Result<Vec<Statement>, RunsError> {
    let mut all = vec![closer.demand()];
    let message: Option<MessageId> =
        if untold.is_empty() { None } else { Some(Id::generate(now, entropy)?) };
    if let Some(id) = message {
        let partial = NewMessage {
            role: MessageRole::Assistant,
            status: MessageStatus::Interrupted,
            content: Content::Text(untold),
            model: Some(run.model.clone()),
            usage: None,
            metadata: None,
        };
        let position = Position::AnswerTo(run.tip);
        let conversation = run.conversation_id;
        all.push(
            Append { account: closer.account, conversation, position, now }
                .message(id, &partial)?,
        );
    }
    run.status = RunStatus::Interrupted;
    run.ended_at = Some(now);
    run.approvals.clear();
    run.message_id = message.or(run.message_id);
    let failure = Failure::new(FailureCode::Interrupted, "Whoever worked on the answer is gone.");
    run.failure = Some(failure.clone());
    // Clients may have seen events that were not kept.
    let before = Batch::after(run.last_event + EVENTS_MAX);
    let step = Step { producer: closer, before, message, is_answer: true, run: &run, now };
    all.extend(End { step, failure: Some(&failure) }.statements()?);
    Ok(all)
}

/// Ends up to so many runs of an account that were left behind, and tells how many.
///
/// # Errors
/// [`RunsError`]; it can be done again at any time.
pub async fn close_some(
    database: &Database,
    account: AccountId,
    now: UnixMillis,
    entropy: &Entropy,
    most: u32,
) -> Result<u32, RunsError> {
    let statement = Statement::new(include_str!("../queries/list_abandoned.sql"))
        .bind(account.to_string())
        .bind(now.0)
        .bind(most);
    let mut closed = 0;
    for row in database.query(statement).await?.iter() {
        let id = row.get::<&str>("id")?.parse()?;
        closed += u32::from(close_abandoned(database, account, id, now, entropy).await?);
    }
    Ok(closed)
}

/// The statements that remove the events of a few runs that ended a day ago, all but those of the end. The second returns a row for each run.
pub fn delete_old_events(account: AccountId, now: UnixMillis, runs_max: u32) -> [Statement; 2] {
    let millis = i64::try_from(EVENTS_KEPT.as_millis()).unwrap_or(i64::MAX);
    let bind = |sql: &'static str| {
        Statement::new(sql)
            .bind(account.to_string())
            .bind(now.0.saturating_sub(millis))
            .bind(runs_max)
    };
    [
        bind(include_str!("../queries/delete_old_events.sql")),
        bind(include_str!("../queries/note_trimmed.sql")),
    ]
}

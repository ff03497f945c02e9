//! The calls of a step: what is done at once, what somebody is asked about, and what comes back.

use ids::Id;
use message::{Content, MessageRole, MessageStatus, NewMessage, Part};
use providers::ToolCall;
use runs::{Event, RunStatus};

use super::{Decided, Ending, Progress, Work, said};
use crate::context::calls_of;
use crate::error::ChatError;
use crate::tools::{Outcome, Toolbox, Verdict};

impl Work {
    /// Keeps the message with the calls of the model, and carries them out.
    pub(super) async fn keep_calls(&mut self, progress: &mut Progress) -> Result<(), Ending> {
        let said = std::mem::take(&mut progress.said);
        let used = said.used();
        self.run.add(used.input.into(), used.output.into());
        let appended = self.appended(&said, MessageStatus::Completed)?;
        let recorded = self.meter.record(&said, self.run.steps, self.chat.clock.now());
        self.journal.advance(appended, &mut self.run, Some(recorded)).await?;
        self.carry_out_calls(progress, said.calls, &Decided::default()).await
    }

    /// Goes on with the calls that somebody has decided about: those of the newest message.
    pub(super) async fn go_on(
        &mut self,
        progress: &mut Progress,
        decided: &Decided,
    ) -> Result<(), Ending> {
        let chat = self.chat.clone();
        let (account, conversation, tip) = (self.account, self.run.conversation_id, self.run.tip);
        let path = chat.read_path(account, conversation, tip, None);
        let path = self.journal.attend(path).await??;
        let calls = path.last().map(|message| calls_of(&message.content)).unwrap_or_default();
        self.carry_out_calls(progress, calls, decided).await
    }

    async fn carry_out_calls(
        &mut self,
        progress: &mut Progress,
        calls: Vec<ToolCall>,
        decided: &Decided,
    ) -> Result<(), Ending> {
        let judged: Vec<_> =
            calls.iter().map(|call| judge(&progress.tools, call, decided)).collect();
        // Nothing is done before everything is decided: what one call does may be why another is refused. Who decides, decides about all.
        if judged.iter().any(|verdict| matches!(verdict, Verdict::Ask(_))) {
            let anew = Decided::default();
            let asked = calls.iter().filter_map(|call| match judge(&progress.tools, call, &anew) {
                Verdict::Ask(approval) => Some(approval),
                Verdict::Call | Verdict::Refuse(_) => None,
            });
            self.run.approvals = asked.collect();
            self.run.status = RunStatus::Queued;
            return Err(Ending::Waiting);
        }
        let mut results = Vec::new();
        for (call, verdict) in calls.into_iter().zip(judged) {
            let arguments = said::object(&call).unwrap_or_default();
            let outcome = match verdict {
                Verdict::Call => {
                    let called = progress.tools.call(&call.name, &arguments);
                    self.journal.attend(called).await?
                }
                Verdict::Refuse(why) => Outcome::error(why),
                Verdict::Ask(_) => Outcome::error("Nobody has decided about this call."),
            };
            let (tool_call_id, is_error) = (call.id.as_str(), outcome.is_error);
            let content = outcome.text.as_str();
            self.journal.tell(&Event::ToolResult { tool_call_id, content, is_error }).await?;
            results.push(Part::ToolResult {
                tool_call_id: call.id,
                content: outcome.text,
                is_error,
            });
        }
        self.keep_results(results).await
    }

    /// A message with what came back.
    async fn keep_results(&mut self, results: Vec<Part>) -> Result<(), Ending> {
        if results.is_empty() {
            return Ok(());
        }
        let now = self.chat.clock.now();
        let id = Id::generate(now, &self.chat.entropy).map_err(ChatError::from)?;
        let message = NewMessage {
            role: MessageRole::Tool,
            status: MessageStatus::Completed,
            content: Content::Parts(results),
            model: None,
            usage: None,
            metadata: None,
        };
        let appended = self.append(id, &message, false)?;
        self.journal.advance(appended, &mut self.run, None).await?;
        Ok(())
    }
}

fn judge(tools: &Toolbox, call: &ToolCall, decided: &Decided) -> Verdict {
    if decided.denied.contains(&call.id) {
        return Verdict::Refuse("The person refused this call.");
    }
    tools.judge(&call.id, &call.name, said::object(call).as_ref(), &decided.approved)
}

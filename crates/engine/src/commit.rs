//! How a group ends: by its one COMMIT, or, when a member ended the transaction of all, by running the others again.

use std::time::Instant;

use crate::error::EngineError;
use crate::group::{Group, Member, Outcome, Unit};
use crate::metrics::Counters;
use crate::writer::Writer;

impl Writer {
    /// Commits the group and answers its members; afterwards the group is empty and can be used again.
    pub(crate) fn commit(&mut self, group: &mut Group) {
        if !group.is_open {
            return;
        }
        let started = Instant::now();
        match self.connection.run_own("COMMIT", &[]) {
            Ok(()) => {
                let took = started.elapsed();
                self.commit_time = (self.commit_time * 7 + took) / 8;
                self.counters.committed(group.effects(), took);
                group.members.drain(..).for_each(Member::succeed);
                group.is_open = false;
            }
            Err(error) => self.fail_commit(group, &error),
        }
    }

    fn fail_commit(&mut self, group: &mut Group, error: &EngineError) {
        if !self.connection.is_autocommit() {
            drop(self.connection.run_own("ROLLBACK", &[]));
        }
        // A deferred constraint is one member's fault; the commit of each alone tells whose.
        let is_constraint = matches!(error, EngineError::Sqlite { code, .. } if code & 0xff == 19);
        if is_constraint && 1 < group.members.len() {
            self.replay(group);
            return;
        }
        group.is_open = false;
        group.members.drain(..).for_each(|member| member.fail(error.clone()));
    }

    /// Runs the members of a group that was rolled back once more, each in its own transaction, and answers them.
    pub(crate) fn replay(&mut self, group: &mut Group) {
        group.is_open = false;
        if group.members.is_empty() {
            return;
        }
        Counters::add(&self.counters.replays);
        for member in group.members.drain(..) {
            match member {
                Member::Unit { unit, .. } | Member::Failed { unit, .. } => {
                    let result = self.run_alone(&unit);
                    drop(unit.reply.send(result));
                }
                // It has seen results that another run need not give; nothing of it was acknowledged.
                Member::Transaction { reply } => {
                    let message =
                        "the transaction was rolled back: abort due to ROLLBACK".to_owned();
                    drop(reply.send(Err(EngineError::Sqlite { code: 516, message })));
                }
                rolled_back @ Member::RolledBack { .. } => rolled_back.succeed(),
            }
        }
    }

    fn run_alone(&self, unit: &Unit) -> Result<Vec<Outcome>, EngineError> {
        self.connection.run_own("BEGIN IMMEDIATE", &[])?;
        let started = Instant::now();
        let result = self
            .run_unit(unit)
            .and_then(|outcomes| self.connection.run_own("COMMIT", &[]).map(|()| outcomes));
        if result.is_ok() {
            self.counters.committed(1, started.elapsed());
        } else if !self.connection.is_autocommit() {
            self.connection.run_own("ROLLBACK", &[])?;
        }
        result
    }
}

//! Begins jobs by the clock.
//!
//! The ledger keeps when each schedule runs next. A run that is due, however long ago, is begun
//! once, and the next one is counted from now: what was missed several times is made up once. A
//! clock that is set back finds the next run where it was, in the future, so that nothing runs
//! twice; only one that is set back by more than a day begins to count anew.

use intramuros_ledger::{LedgerError, NewSchedule, ScheduleRecord};
use time::{Duration, OffsetDateTime};

use super::{Runner, Schedule};

/// How far a clock may be set back before a schedule counts anew from what it says then.
const PATIENCE: Duration = Duration::DAY;

/// When a schedule runs that never comes about any more.
const NEVER: Duration = Duration::days(36_500);

impl Runner {
    /// Stores the schedules; those that are known keep their next run.
    pub(super) async fn set_schedules(&self) -> Result<(), LedgerError> {
        let now = self.ledger.now();
        let new = self.schedules.iter().map(|schedule| NewSchedule {
            name: schedule.name.clone(),
            kind: schedule.kind.clone(),
            title: schedule.title.clone(),
            params: schedule.params.clone(),
            priority: schedule.priority,
            max_attempts: Some(3),
            cron: schedule.cron.as_str().to_owned(),
            next_run: schedule.after(now),
        });
        self.ledger.set_schedules(&new.collect::<Vec<_>>()).await
    }

    /// Begins the jobs that are due.
    pub(super) async fn begin_due(&self) -> Result<(), LedgerError> {
        if self.schedules.is_empty() {
            return Ok(());
        }
        let now = self.ledger.now();
        for record in self.ledger.schedules().await? {
            let known = self.schedules.iter().find(|schedule| schedule.name == record.name);
            let Some(schedule) = known else { continue };
            let next = schedule.after(now);
            if record.next_run <= now {
                let (name, due) = (&record.name, record.next_run);
                if let Some(job) = self.ledger.begin_scheduled(name, due, next).await? {
                    let job = job.id.as_str();
                    tracing::info!(schedule = record.name, job, "a scheduled job is queued");
                }
            } else if is_stranded(&record, next, now) {
                tracing::warn!(schedule = record.name, "the clock was set back; it counts anew");
                self.ledger.move_schedule(&record.name, record.next_run, next).await?;
            }
        }
        Ok(())
    }
}

impl Schedule {
    fn after(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.cron.next(now).unwrap_or(now + NEVER)
    }
}

/// Whether the clock was so far ahead when the next run was noted that waiting for it would leave
/// runs out.
fn is_stranded(record: &ScheduleRecord, next: OffsetDateTime, now: OffsetDateTime) -> bool {
    record.next_run > next && record.last_run.is_none_or(|last| last > now + PATIENCE)
}

//! Counts jobs, for monitoring.

use super::records::state;
use super::{JobCount, JobState};
use crate::{Ledger, LedgerError};

impl Ledger {
    /// How many jobs of each kind are in each state, by kind; those that ended are remembered for a
    /// while only.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_jobs(&self) -> Result<Vec<JobCount>, LedgerError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT kind, state, COUNT(*) FROM jobs GROUP BY kind, state ORDER BY kind, state",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("count the jobs"))?;
        let count = |(kind, name, count): (String, String, i64)| {
            let state: JobState = state(&name).map_err(LedgerError::database("count the jobs"))?;
            Ok(JobCount { kind, state, jobs: count.unsigned_abs() })
        };
        rows.into_iter().map(count).collect()
    }
}

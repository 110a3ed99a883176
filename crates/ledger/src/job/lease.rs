//! Hands jobs to attempts, renews their leases and takes back those that ran out.

use std::time::Duration;

use intramuros_types::JobId;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;

use super::ending::take_back;
use super::records::{job, priority, wish};
use super::{JobProgress, JobRecord, Lease, LeasedJob};
use crate::{Ledger, LedgerError};

/// A lease that holds for longer than this from now was given before the clock was set back.
const LONGEST_LEASE: Duration = Duration::from_secs(600);

impl Ledger {
    /// Gives the next job of one of `kinds` to a new attempt of `runner`, for `time`; `None` when
    /// none is due.
    ///
    /// # Errors
    /// `Database`.
    pub async fn claim_job(
        &self,
        runner: &str,
        kinds: &[&str],
        time: Duration,
    ) -> Result<Option<(Lease, JobRecord)>, LedgerError> {
        const OPERATION: &str = "claim a job";
        if kinds.is_empty() {
            return Ok(None);
        }
        let now = self.clock.now();
        // Looking comes first: it takes no lock from writers, and there is seldom something.
        let mut next: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT id FROM jobs WHERE state = 'queued' AND wanted = 'run' AND not_before <= ",
        );
        next.push_bind(now).push(" AND kind IN (");
        let mut list = next.separated(", ");
        for kind in kinds {
            list.push_bind(*kind);
        }
        next.push(") ORDER BY priority, id LIMIT 1");
        let found: Option<String> = next
            .build_query_scalar()
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let Some(id) = found else { return Ok(None) };
        let owner = format!("{runner}:{}", Uuid::now_v7().simple());
        let row = sqlx::query(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $2, \
             lease_until = $3, started = COALESCE(started, $4), pace_since = $4, \
             pace_from = done + failed WHERE id = $1 AND state = 'queued' AND wanted = 'run' \
             RETURNING *",
        )
        .bind(&id)
        .bind(&owner)
        .bind(now + millis(time))
        .bind(now)
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        // Another runner was quicker, or somebody cancelled it: the caller asks again.
        let Some(row) = row else { return Ok(None) };
        Ok(Some((Lease { job: JobId::new(id), owner }, job(&row, now)?)))
    }

    /// Renews those of `leases` that hold, for `time` from now, and says what is wanted of their
    /// jobs. Those that are missing in the answer are lost.
    ///
    /// # Errors
    /// `Database`.
    pub async fn renew_leases(
        &self,
        leases: &[Lease],
        time: Duration,
    ) -> Result<Vec<LeasedJob>, LedgerError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("UPDATE jobs SET lease_until = ");
        query.push_bind(self.clock.now() + millis(time));
        query.push(" WHERE state = 'running' AND lease_owner IN (");
        self.leased(query, leases, ") RETURNING id, lease_owner, wanted, priority").await
    }

    /// The same without renewing them, which costs no write.
    ///
    /// # Errors
    /// `Database`.
    pub async fn look_at_leases(&self, leases: &[Lease]) -> Result<Vec<LeasedJob>, LedgerError> {
        let query = QueryBuilder::new(
            "SELECT id, lease_owner, wanted, priority FROM jobs WHERE state = 'running' \
             AND lease_owner IN (",
        );
        self.leased(query, leases, ")").await
    }

    async fn leased(
        &self,
        mut query: QueryBuilder<Sqlite>,
        leases: &[Lease],
        end: &'static str,
    ) -> Result<Vec<LeasedJob>, LedgerError> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let mut list = query.separated(", ");
        for lease in leases {
            list.push_bind(lease.owner.as_str());
        }
        query.push(end);
        let rows = query.build().fetch_all(&self.pool).await;
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(LedgerError::database("renew the leases of jobs"))
    }

    /// Takes back the jobs whose leases ran out, but for those that the caller holds: their
    /// attempts ended with their process. Returns how many.
    ///
    /// # Errors
    /// `Database`.
    pub async fn take_back_jobs(&self, own: &[Lease]) -> Result<usize, LedgerError> {
        let now = self.clock.now();
        let too_late = now + millis(LONGEST_LEASE);
        let held: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT id, lease_owner, lease_until FROM jobs WHERE state = 'running' ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("look for jobs without process"))?;
        let lost = held.into_iter().filter(|(_, owner, until)| {
            (*until <= now || *until > too_late) && own.iter().all(|lease| lease.owner != *owner)
        });
        let leases: Vec<Lease> =
            lost.map(|(id, owner, _)| Lease { job: JobId::new(id), owner }).collect();
        self.take_back_all(&leases).await
    }

    /// Takes back every job that is said to run. For the start of a process that is the only one
    /// with this ledger: no attempt can have outlived the one before.
    ///
    /// # Errors
    /// `Database`.
    pub async fn take_back_every_job(&self) -> Result<usize, LedgerError> {
        let held: Vec<(String, String)> =
            sqlx::query_as("SELECT id, lease_owner FROM jobs WHERE state = 'running' ORDER BY id")
                .fetch_all(&self.pool)
                .await
                .map_err(LedgerError::database("look for jobs without process"))?;
        let leases: Vec<Lease> =
            held.into_iter().map(|(id, owner)| Lease { job: JobId::new(id), owner }).collect();
        self.take_back_all(&leases).await
    }

    async fn take_back_all(&self, leases: &[Lease]) -> Result<usize, LedgerError> {
        const OPERATION: &str = "take back a job";
        let mut taken = 0;
        for lease in leases {
            let mut transaction = self.begin_write(OPERATION).await?;
            if take_back(&mut transaction, lease, self.clock.now()).await? {
                taken += 1;
                self.emit_job(&mut transaction, &lease.job).await?;
            }
            transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        }
        if taken > 0 {
            self.jobs_changed.notify_one();
            self.announce();
        }
        Ok(taken)
    }

    /// Notes how far a job is, for kinds that count by themselves. One that got on has all its
    /// attempts again.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn note_progress(
        &self,
        lease: &Lease,
        progress: JobProgress,
    ) -> Result<(), LedgerError> {
        let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let noted = sqlx::query(
            "UPDATE jobs SET total = $3, done = $4, failed = $5, \
             attempts = CASE WHEN $4 + $5 > done + failed THEN 0 ELSE attempts END, \
             losses = CASE WHEN $4 + $5 > done + failed THEN 0 ELSE losses END \
             WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
        )
        .bind(lease.job.as_str())
        .bind(&lease.owner)
        .bind(progress.total.map(count))
        .bind(count(progress.done))
        .bind(count(progress.failed))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("note how far a job is"))?;
        held(lease, noted.rows_affected())
    }
}

/// Whether a statement that asks for the lease found it.
pub(super) fn held(lease: &Lease, changed: u64) -> Result<(), LedgerError> {
    if changed > 0 {
        return Ok(());
    }
    Err(LedgerError::LeaseLost { job: lease.job.to_string() })
}

/// Whether an attempt still has its job, for what it writes in this transaction.
pub(crate) async fn holds(
    connection: &mut sqlx::SqliteConnection,
    lease: &Lease,
) -> Result<(), LedgerError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM jobs WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
    )
    .bind(lease.job.as_str())
    .bind(&lease.owner)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("look at a lease"))?;
    held(lease, u64::from(found.is_some()))
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

fn read(row: &SqliteRow) -> Result<LeasedJob, sqlx::Error> {
    let lease = Lease {
        job: JobId::new(row.try_get::<String, _>("id")?),
        owner: row.try_get("lease_owner")?,
    };
    let priority = priority(row.try_get("priority")?)?;
    Ok(LeasedJob { lease, wanted: wish(row.try_get("wanted")?)?, priority })
}

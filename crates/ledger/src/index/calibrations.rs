//! Keeps from where on a judgement counts.

use intramuros_types::KnowledgeBaseId;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite};

use crate::job::finish;
use crate::moment::from_millis;
use crate::{Calibration, Lease, Ledger, LedgerError, validate};

const MAX_JUDGE_CHARS: usize = 300;

impl Ledger {
    /// The calibration of a knowledge base, if it has one.
    ///
    /// # Errors
    /// `Database`.
    pub async fn calibration(
        &self,
        base: &KnowledgeBaseId,
    ) -> Result<Option<Calibration>, LedgerError> {
        const OPERATION: &str = "read a calibration";
        sqlx::query("SELECT * FROM calibrations WHERE knowledge_base = $1")
            .bind(base.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?
            .map(|row| read(&row).map_err(LedgerError::database(OPERATION)))
            .transpose()
    }

    /// Ends the job that calibrated `base`: `result` takes the place of the one before, its
    /// `measured` is set. One transaction, so that no attempt that lost its lease stores anything.
    ///
    /// # Errors
    /// `Invalid` for an empty or too long judge; `LeaseLost`; `Database`.
    pub async fn finish_calibration(
        &self,
        lease: &Lease,
        base: &KnowledgeBaseId,
        result: &Calibration,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "end a calibration";
        validate::text("judge", &result.judge, MAX_JUDGE_CHARS)?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        finish(&mut transaction, lease, now).await?;
        store(base, result, now)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        self.emit_job(&mut transaction, &lease.job).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(())
    }
}

fn store<'q>(
    base: &'q KnowledgeBaseId,
    calibration: &'q Calibration,
    now: i64,
) -> Query<'q, Sqlite, SqliteArguments> {
    sqlx::query(
        "INSERT INTO calibrations (knowledge_base, judge, threshold, kept, answerable, \
         answerable_kept, not_found, unanswerable, unanswerable_kept, measured) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (knowledge_base) DO UPDATE SET judge = excluded.judge, \
         threshold = excluded.threshold, kept = excluded.kept, \
         answerable = excluded.answerable, answerable_kept = excluded.answerable_kept, \
         not_found = excluded.not_found, unanswerable = excluded.unanswerable, \
         unanswerable_kept = excluded.unanswerable_kept, measured = excluded.measured",
    )
    .bind(base.as_str())
    .bind(&calibration.judge)
    .bind(f64::from(calibration.threshold))
    .bind(f64::from(calibration.kept))
    .bind(calibration.answerable)
    .bind(calibration.answerable_kept)
    .bind(calibration.not_found)
    .bind(calibration.unanswerable)
    .bind(calibration.unanswerable_kept)
    .bind(now)
}

fn read(row: &SqliteRow) -> Result<Calibration, sqlx::Error> {
    let share = |name: &str| row.try_get::<f64, _>(name).map(|value| value as f32);
    Ok(Calibration {
        judge: row.try_get("judge")?,
        threshold: share("threshold")?,
        kept: share("kept")?,
        answerable: row.try_get("answerable")?,
        answerable_kept: row.try_get("answerable_kept")?,
        not_found: row.try_get("not_found")?,
        unanswerable: row.try_get("unanswerable")?,
        unanswerable_kept: row.try_get("unanswerable_kept")?,
        measured: from_millis(row.try_get("measured")?),
    })
}

//! Gives reviews to people, for a time each.
//!
//! One row has one claim, changed only within a transaction that is the writer from its first
//! statement, so that of two who ask at once one gets it. How long a claim lasted is added up when it
//! ends, and bounded by how long it held.

use std::time::Duration;

use intramuros_types::ReviewId;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use time::format_description::well_known::Rfc3339;

use super::file::open;
use super::records::{conflict, visible, whole};
use super::reviewer::{Sight, why_not};
use super::{Claim, NextReview, ReviewRecord, Reviewer};
use crate::moment::from_millis;
use crate::{Ledger, LedgerError};

/// Reviews that one caller may have at the same time.
const MAX_CLAIMS: i64 = 200;
/// A time that no review is due at: those without come after those with.
const NEVER: i64 = i64::MAX;

impl Ledger {
    /// Gives a review to `reviewer` for `time` from now on; prolongs the claim that they have.
    ///
    /// # Errors
    /// `NotFound`, also for one that they may not see; `Conflict` when it is not open, when somebody
    /// else has it, when it is not theirs to decide, or when they have 200; `Database`.
    pub async fn claim_review(
        &self,
        id: &ReviewId,
        reviewer: &Reviewer,
        time: Duration,
    ) -> Result<ReviewRecord, LedgerError> {
        const OPERATION: &str = "claim a review";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = visible(&mut transaction, id, reviewer, now).await?;
        open(&old)?;
        if let Some(reason) = why_not(&mut transaction, reviewer, &old).await? {
            return Err(conflict(id, reason));
        }
        match &old.claim {
            Some(claim) if claim.by != reviewer.who => return Err(claimed(id, claim)),
            Some(_) => prolong(&mut transaction, id, until(now, time)).await?,
            None => take(&mut transaction, id, reviewer, (now, until(now, time))).await?,
        }
        let review = whole(&mut transaction, id, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(review)
    }

    /// Gives `reviewer` the most urgent review that nobody has and that they may decide: what is
    /// overdue, then by priority, by due time, by age. `None` when there is none.
    ///
    /// # Errors
    /// `Conflict` when they have 200; `Database`.
    pub async fn next_review(
        &self,
        next: &NextReview,
        reviewer: &Reviewer,
        time: Duration,
    ) -> Result<Option<ReviewRecord>, LedgerError> {
        const OPERATION: &str = "claim the next review";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let sight = Sight::of(&mut transaction, reviewer).await?;
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT reviews.id FROM reviews WHERE 1 = 1");
        sight.push_decidable(&mut query, now);
        if let Some(kind) = &next.kind {
            query.push(" AND reviews.kind = ").push_bind(kind.clone());
        }
        if let Some(team) = &next.team {
            query.push(" AND reviews.team = ").push_bind(team.to_string());
        }
        query.push(" ORDER BY CASE WHEN reviews.due < ").push_bind(now);
        query.push(" THEN 0 ELSE 1 END, reviews.priority, COALESCE(reviews.due, ").push_bind(NEVER);
        query.push("), reviews.id LIMIT 1");
        let found: Option<String> = query
            .build_query_scalar()
            .fetch_optional(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let Some(id) = found.map(ReviewId::new) else { return Ok(None) };
        take(&mut transaction, &id, reviewer, (now, until(now, time))).await?;
        let review = whole(&mut transaction, &id, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(Some(review))
    }

    /// Lets a review go that `reviewer` has, or as an administrator anybody.
    ///
    /// # Errors
    /// `NotFound`, also for one that they may not see; `Conflict` when nobody has it, or somebody
    /// else; `Database`.
    pub async fn release_review(
        &self,
        id: &ReviewId,
        reviewer: &Reviewer,
    ) -> Result<ReviewRecord, LedgerError> {
        const OPERATION: &str = "release a review";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = visible(&mut transaction, id, reviewer, now).await?;
        open(&old)?;
        match &old.claim {
            None => return Err(conflict(id, "is not claimed by anybody")),
            Some(claim) if claim.by != reviewer.who && !reviewer.is_admin() => {
                return Err(claimed(id, claim));
            }
            Some(_) => drop_claim(&mut transaction, id, now).await?,
        }
        let review = whole(&mut transaction, id, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(review)
    }
}

pub(super) fn claimed(id: &ReviewId, claim: &Claim) -> LedgerError {
    let until = claim.until.format(&Rfc3339).unwrap_or_default();
    conflict(id, format!("is claimed by {} until {until}", claim.by))
}

fn until(now: i64, time: Duration) -> i64 {
    now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

async fn prolong(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    until: i64,
) -> Result<(), LedgerError> {
    sqlx::query("UPDATE reviews SET claimed_until = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(until)
        .execute(connection)
        .await
        .map_err(LedgerError::database("claim a review"))?;
    Ok(())
}

/// Begins a claim; the one before, if any, has run out.
async fn take(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    reviewer: &Reviewer,
    (now, until): (i64, i64),
) -> Result<(), LedgerError> {
    const OPERATION: &str = "claim a review";
    let held: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM reviews WHERE claimed_by = $1 AND claimed_until > $2 \
         AND state = 'open'",
    )
    .bind(&reviewer.who)
    .bind(now)
    .fetch_one(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    if held >= MAX_CLAIMS {
        let reason = format!("is one more than {MAX_CLAIMS}, which you have; release some first");
        return Err(conflict(id, reason));
    }
    drop_claim(&mut *connection, id, now).await?;
    sqlx::query(
        "UPDATE reviews SET claimed_by = $2, claimed_since = $3, claimed_until = $4 WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(&reviewer.who)
    .bind(now)
    .bind(until)
    .execute(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}

/// Ends the claim of a review, if there is one, and adds up how long it lasted: up to now, or to
/// where it ran out.
pub(super) async fn drop_claim(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    now: i64,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "end the claim of a review";
    for statement in [
        // Of a clock that was set back nothing is counted.
        "INSERT INTO review_work (review, reviewer, claimed, worked) \
         SELECT id, claimed_by, claimed_since, CASE WHEN $2 < claimed_since THEN 0 \
         WHEN $2 < claimed_until THEN $2 - claimed_since ELSE claimed_until - claimed_since END \
         FROM reviews WHERE id = $1 AND claimed_by IS NOT NULL \
         ON CONFLICT (review, reviewer) DO UPDATE SET worked = review_work.worked + excluded.worked",
        "UPDATE reviews SET claimed_by = NULL, claimed_since = NULL, claimed_until = NULL \
         WHERE id = $1 AND $2 = $2",
    ] {
        sqlx::query(statement)
            .bind(id.as_str())
            .bind(now)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(())
}

/// How long `reviewer` had a review until now, and since when; both go from where they are kept.
pub(super) async fn take_work(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    reviewer: &Reviewer,
) -> Result<Option<(i64, i64)>, LedgerError> {
    sqlx::query_as(
        "DELETE FROM review_work WHERE review = $1 AND reviewer = $2 RETURNING claimed, worked",
    )
    .bind(id.as_str())
    .bind(&reviewer.who)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("read how long a review was worked on"))
}

impl Claim {
    /// The claim of these columns.
    pub(super) fn of(by: String, since: i64, until: i64) -> Self {
        Self { by, since: from_millis(since), until: from_millis(until) }
    }
}

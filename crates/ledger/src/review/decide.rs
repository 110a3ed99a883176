//! Writes decisions down, and tells those who wait for them.

use intramuros_types::ReviewId;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

use super::check::{self, invalid};
use super::claims::{claimed, drop_claim, take_work};
use super::file::{event, open};
use super::records::{conflict, visible, whole};
use super::reviewer::why_not;
use super::{
    Decision, DecisionRecord, NewDecision, ReviewRecord, ReviewSummary, Reviewer, Verdict, diff,
    review_job_kind,
};
use crate::job::enqueue;
use crate::{EventKind, Ledger, LedgerError, NewJob};

/// Attempts of the job that brings a decision to its use case.
const MAX_ATTEMPTS: u32 = 10;

/// What is stored of a correction.
struct Correction {
    value: String,
    patch: String,
}

impl Ledger {
    /// Decides a review, or gives the first of two opinions about it. Once it is decided, webhooks
    /// are told (`review.decided`) and the use case has its job, in the same transaction.
    ///
    /// A claim is not needed, only that nobody else has one: who decides after theirs ran out loses
    /// nothing.
    ///
    /// # Errors
    /// `NotFound`, also for one that `reviewer` may not see; `Conflict` when it is not open, was
    /// decided by somebody else since the version that they saw, when somebody else has it, or when
    /// it is not theirs to decide; `Invalid` for a correction that is what was proposed, breaks the
    /// schema or the limits, and for the approval of a proposal that breaks the schema; `Database`.
    pub async fn decide_review(
        &self,
        id: &ReviewId,
        new: NewDecision,
        reviewer: &Reviewer,
    ) -> Result<ReviewRecord, LedgerError> {
        const OPERATION: &str = "decide a review";
        check::comment(&new.comment)?;
        let seen = self.get_review(id, reviewer).await?;
        may_decide(&seen.summary, new.version, reviewer)?;
        // A proposal never changes, so what is found of it now holds in the transaction.
        let work = move || correction(&seen, &new.decision).map(|found| (new, found));
        let checked = tokio::task::spawn_blocking(work).await;
        let (new, correction) = checked.map_err(|_| LedgerError::Interrupted)??;

        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = visible(&mut transaction, id, reviewer, now).await?;
        may_decide(&old, new.version, reviewer)?;
        if let Some(reason) = why_not(&mut transaction, reviewer, &old).await? {
            return Err(conflict(id, reason));
        }
        let before = whole(&mut transaction, id, now).await?.decisions;
        let is_final = !old.four_eyes || settles(&before, &new.decision);
        drop_claim(&mut transaction, id, now).await?;
        let row = Row { reviewer, new: &new, correction, is_final, ordinal: before.len(), now };
        insert(&mut transaction, id, row).await?;
        let verdict = new.decision.verdict();
        advance(&mut transaction, id, is_final.then_some(verdict), now).await?;
        if is_final {
            self.tell(&mut transaction, &old, verdict, reviewer).await?;
        }
        let review = whole(&mut transaction, id, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        if is_final {
            self.announce();
            self.jobs_changed.notify_one();
        }
        Ok(review)
    }

    /// Writes the event and the job of a decision into its transaction.
    async fn tell(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        review: &ReviewSummary,
        verdict: Verdict,
        reviewer: &Reviewer,
    ) -> Result<(), LedgerError> {
        let ReviewSummary { id, kind, external_id, .. } = review;
        let mut event = event(EventKind::ReviewDecided, id, kind, external_id.as_deref());
        event.payload.insert("verdict".to_owned(), json!(verdict.as_str()));
        self.emit_within(transaction, &event).await?;
        let queues_job: i64 = sqlx::query_scalar("SELECT queues_job FROM reviews WHERE id = $1")
            .bind(id.as_str())
            .fetch_one(&mut **transaction)
            .await
            .map_err(LedgerError::database("decide a review"))?;
        if queues_job == 0 {
            return Ok(());
        }
        let params = json!({"review": id.as_str()});
        let job = NewJob {
            created_by: reviewer.who.clone(),
            max_attempts: Some(MAX_ATTEMPTS),
            unique_key: Some(id.to_string()),
            ..NewJob::new(&review_job_kind(kind), format!("decision about {id}"), params)
        };
        enqueue(transaction, self.clock.now(), &job, &[]).await.map(drop)
    }
}

/// What can be said without looking further.
fn may_decide(
    review: &ReviewSummary,
    version: u32,
    reviewer: &Reviewer,
) -> Result<(), LedgerError> {
    open(review)?;
    if review.version != version {
        let reason = format!(
            "is at version {}, you saw {version}: somebody else decided meanwhile; look at it again",
            review.version
        );
        return Err(conflict(&review.id, reason));
    }
    match &review.claim {
        Some(claim) if claim.by != reviewer.who => Err(claimed(&review.id, claim)),
        Some(_) | None => Ok(()),
    }
}

/// Checks what is decided against the proposal and its schema; takes a while for large ones.
fn correction(seen: &ReviewRecord, decision: &Decision) -> Result<Option<Correction>, LedgerError> {
    let right = match decision {
        Decision::Approve => &seen.proposal,
        Decision::Correct(value) => value,
        Decision::Reject => return Ok(None),
    };
    let mut correction = None;
    if let Decision::Correct(value) = decision {
        let text = check::correction(value)?;
        if *value == seen.proposal {
            return invalid("value", "is what was proposed; approve it instead".to_owned());
        }
        let patch = diff::patch(&seen.proposal, value).to_string();
        correction = Some(Correction { value: text, patch });
    }
    if let Some(schema) = &seen.value_schema {
        check::against(schema, right)?;
    }
    Ok(correction)
}

/// Whether a decision ends a review with four eyes: the second when it agrees with the first, else
/// the third.
fn settles(before: &[DecisionRecord], decision: &Decision) -> bool {
    match before {
        [] => false,
        [first] => match decision {
            Decision::Correct(value) => {
                first.verdict == Verdict::Corrected && first.value.as_ref() == Some(value)
            }
            Decision::Approve | Decision::Reject => first.verdict == decision.verdict(),
        },
        [..] => true,
    }
}

/// A decision as it is inserted.
struct Row<'a> {
    reviewer: &'a Reviewer,
    new: &'a NewDecision,
    correction: Option<Correction>,
    is_final: bool,
    ordinal: usize,
    now: i64,
}

async fn insert(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    row: Row<'_>,
) -> Result<(), LedgerError> {
    let work = take_work(&mut *connection, id, row.reviewer).await?;
    let (value, patch) = row.correction.map(|found| (found.value, found.patch)).unzip();
    sqlx::query(
        "INSERT INTO review_decisions (review, ordinal, reviewer, verdict, final, version, claimed, \
         decided, worked, value, patch, comment) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(id.as_str())
    .bind(row.ordinal as i64)
    .bind(&row.reviewer.who)
    .bind(row.new.decision.verdict().as_str())
    .bind(i64::from(row.is_final))
    .bind(row.new.version)
    .bind(work.map(|(claimed, _)| claimed))
    .bind(row.now)
    .bind(work.map(|(_, worked)| worked))
    .bind(value)
    .bind(patch)
    .bind(&row.new.comment)
    .execute(connection)
    .await
    .map_err(LedgerError::database("decide a review"))?;
    Ok(())
}

/// Counts an opinion, and ends the review where it was the last one.
async fn advance(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    verdict: Option<Verdict>,
    now: i64,
) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE reviews SET version = version + 1, opinions = opinions + 1, updated = $3, \
         verdict = $2, state = CASE WHEN $2 IS NULL THEN state ELSE 'decided' END, \
         ended = CASE WHEN $2 IS NULL THEN ended ELSE $3 END WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(verdict.map(Verdict::as_str))
    .bind(now)
    .execute(connection)
    .await
    .map_err(LedgerError::database("decide a review"))?;
    Ok(())
}

//! Reads reviews.

use std::time::Duration;

use intramuros_types::{DocumentId, GroupId, KnowledgeBaseId, ReviewId, Span, UserId, UserRole};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};

use super::reviewer::Sight;
use super::{
    Claim, DecisionRecord, Evidence, ReviewRecord, ReviewState, ReviewSummary, Reviewer, Verdict,
};
use crate::document::from_json;
use crate::job::priority;
use crate::moment::from_millis;
use crate::{FailureReason, Ledger, LedgerError};

const OPERATION: &str = "read a review";

/// The columns of lists, without contents but the title.
pub(super) const SUMMARY: &str = "reviews.id, reviews.kind, reviews.external_id, reviews.state, \
    reviews.version, reviews.priority, reviews.due, reviews.confidence, reviews.labels, \
    reviews.team, reviews.role, reviews.assignee, reviews.four_eyes, reviews.filed_by, \
    reviews.created, reviews.opinions, reviews.verdict, reviews.ended, reviews.erased, \
    reviews.claimed_by, reviews.claimed_since, reviews.claimed_until, reviews.reason_code, \
    reviews.title, reviews.reason_text";

impl Ledger {
    /// A review that `reviewer` may see.
    ///
    /// # Errors
    /// `NotFound`, also for one that they may not see; `Database`.
    pub async fn get_review(
        &self,
        id: &ReviewId,
        reviewer: &Reviewer,
    ) -> Result<ReviewRecord, LedgerError> {
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        visible(&mut transaction, id, reviewer, self.clock.now()).await?;
        whole(&mut transaction, id, self.clock.now()).await
    }

    /// A review, whoever may see it: for the use case that it belongs to.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn review(&self, id: &ReviewId) -> Result<ReviewRecord, LedgerError> {
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        whole(&mut transaction, id, self.clock.now()).await
    }
}

/// What lists show of a review, if `reviewer` may see it.
pub(super) async fn visible(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    reviewer: &Reviewer,
    now: i64,
) -> Result<ReviewSummary, LedgerError> {
    let sight = Sight::of(&mut *connection, reviewer).await?;
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT ");
    query.push(SUMMARY).push(" FROM reviews WHERE reviews.id = ").push_bind(id.to_string());
    sight.push(&mut query);
    let row =
        query.build().fetch_optional(connection).await.map_err(LedgerError::database(OPERATION))?;
    let row = row.ok_or_else(|| not_found(id))?;
    summary(&row, now)
}

/// A review with its contents.
pub(super) async fn whole(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    now: i64,
) -> Result<ReviewRecord, LedgerError> {
    let row = sqlx::query("SELECT * FROM reviews WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let row = row.ok_or_else(|| not_found(id))?;
    let (proposal, value_schema) = contents(&row).map_err(LedgerError::database(OPERATION))?;
    let shown = sqlx::query("SELECT * FROM review_evidence WHERE review = $1 ORDER BY ordinal")
        .bind(id.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let evidence = shown.iter().map(evidence).collect::<Result<_, _>>();
    let decided = sqlx::query("SELECT * FROM review_decisions WHERE review = $1 ORDER BY ordinal")
        .bind(id.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(ReviewRecord {
        summary: summary(&row, now)?,
        proposal,
        value_schema,
        evidence: evidence.map_err(LedgerError::database(OPERATION))?,
        decisions: decided.iter().map(decision).collect::<Result<_, _>>()?,
    })
}

/// What a row with the columns of [`SUMMARY`] says at `now`.
pub(super) fn summary(row: &SqliteRow, now: i64) -> Result<ReviewSummary, LedgerError> {
    read_summary(row, now).map_err(LedgerError::database(OPERATION))
}

fn read_summary(row: &SqliteRow, now: i64) -> Result<ReviewSummary, sqlx::Error> {
    let moment = |name: &str| row.try_get::<Option<i64>, _>(name);
    let text = |name: &str| row.try_get::<Option<String>, _>(name);
    let stored: String = row.try_get("state")?;
    let claim = match (text("claimed_by")?, moment("claimed_since")?, moment("claimed_until")?) {
        (Some(by), Some(since), Some(until)) if until > now && stored == "open" => {
            Some(Claim::of(by, since, until))
        }
        _ => None,
    };
    // The schema allows these three only.
    let state = match stored.as_str() {
        "decided" => ReviewState::Decided,
        "withdrawn" => ReviewState::Withdrawn,
        _ if claim.is_some() => ReviewState::Claimed,
        _ => ReviewState::Open,
    };
    let due = moment("due")?;
    let role: String = row.try_get("role")?;
    let role: UserRole = role.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(ReviewSummary {
        id: ReviewId::new(row.try_get::<String, _>("id")?),
        kind: row.try_get("kind")?,
        external_id: text("external_id")?,
        title: row.try_get("title")?,
        reason: FailureReason {
            code: row.try_get("reason_code")?,
            text: row.try_get("reason_text")?,
        },
        state,
        version: row.try_get("version")?,
        priority: priority(row.try_get("priority")?)?,
        due: due.map(from_millis),
        is_overdue: stored == "open" && due.is_some_and(|due| due < now),
        confidence: row.try_get("confidence")?,
        labels: from_json(row.try_get("labels")?)?,
        team: text("team")?.map(GroupId::new),
        role,
        assignee: text("assignee")?.map(UserId::new),
        four_eyes: row.try_get::<i64, _>("four_eyes")? != 0,
        opinions: row.try_get("opinions")?,
        claim,
        verdict: text("verdict")?.as_deref().map(verdict).transpose()?,
        filed_by: row.try_get("filed_by")?,
        created: from_millis(row.try_get("created")?),
        ended: moment("ended")?.map(from_millis),
        erased: moment("erased")?.map(from_millis),
    })
}

fn contents(row: &SqliteRow) -> Result<(Value, Option<Value>), sqlx::Error> {
    let proposal: String = row.try_get("proposal")?;
    let schema: Option<String> = row.try_get("value_schema")?;
    Ok((from_json(&proposal)?, schema.as_deref().map(from_json).transpose()?))
}

fn evidence(row: &SqliteRow) -> Result<Evidence, sqlx::Error> {
    let text = |name: &str| row.try_get::<Option<String>, _>(name);
    let start: Option<u32> = row.try_get("span_start")?;
    let end: Option<u32> = row.try_get("span_end")?;
    Ok(Evidence {
        knowledge_base: text("knowledge_base")?.map(KnowledgeBaseId::new),
        document: text("document")?.map(DocumentId::new),
        page: row.try_get("page")?,
        span: start.zip(end).map(|(start, end)| Span::new(start, end)),
        quote: row.try_get("quote")?,
    })
}

pub(super) fn decision(row: &SqliteRow) -> Result<DecisionRecord, LedgerError> {
    read_decision(row).map_err(LedgerError::database("read a decision"))
}

fn read_decision(row: &SqliteRow) -> Result<DecisionRecord, sqlx::Error> {
    let json = |name: &str| -> Result<Option<Value>, sqlx::Error> {
        row.try_get::<Option<&str>, _>(name)?.map(from_json).transpose()
    };
    let worked: Option<i64> = row.try_get("worked")?;
    Ok(DecisionRecord {
        review: ReviewId::new(row.try_get::<String, _>("review")?),
        reviewer: row.try_get("reviewer")?,
        verdict: verdict(row.try_get("verdict")?)?,
        is_final: row.try_get::<i64, _>("final")? != 0,
        version: row.try_get("version")?,
        claimed: row.try_get::<Option<i64>, _>("claimed")?.map(from_millis),
        decided: from_millis(row.try_get("decided")?),
        worked: worked.map(|millis| Duration::from_millis(millis.unsigned_abs())),
        value: json("value")?,
        patch: json("patch")?,
        comment: row.try_get("comment")?,
    })
}

pub(super) fn verdict(name: &str) -> Result<Verdict, sqlx::Error> {
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.as_str() == name)
        .ok_or_else(|| sqlx::Error::Decode(format!("unknown verdict `{name}`").into()))
}

pub(super) fn not_found(id: &ReviewId) -> LedgerError {
    LedgerError::NotFound { what: "review", id: id.to_string() }
}

pub(super) fn conflict(id: &ReviewId, reason: impl Into<String>) -> LedgerError {
    LedgerError::Conflict { what: "review", id: id.to_string(), reason: reason.into() }
}

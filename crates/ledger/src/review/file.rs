//! Files, changes and withdraws reviews.

use intramuros_types::{DocumentId, GroupId, ReviewId, UserId};
use serde_json::{Map, Value, json};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::check::{self, invalid};
use super::records::{conflict, visible, whole};
use super::{
    Evidence, Filed, Filer, NewReview, ReviewChanges, ReviewRecord, ReviewState, ReviewSummary,
    Reviewer,
};
use crate::document::from_json;
use crate::moment::to_millis;
use crate::{EventKind, Ledger, LedgerError, NewEvent};

/// Reviews that may wait. Beyond, nobody decides them any more, and they only fill the disk.
const MAX_OPEN: i64 = 100_000;

impl Ledger {
    /// Files a review, unless an open one of the same filer, kind and external id is there. Webhooks
    /// are told of a new one (`review.created`).
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits, an unknown team, an assignee who could not decide it,
    /// labels that the filer does not hold, evidence that is not there or that they may not read;
    /// `Conflict` when 100,000 wait; `Database`.
    pub async fn file_review(
        &self,
        new: NewReview,
        filer: Filer<'_>,
    ) -> Result<Filed, LedgerError> {
        const OPERATION: &str = "file a review";
        let filed_by = match filer {
            Filer::Server(use_case) => format!("server:{use_case}"),
            Filer::Caller(reviewer) => reviewer.who.clone(),
        };
        let (new, texts) = checked(new).await?;
        if let Filer::Caller(reviewer) = filer
            && !reviewer.access.holds(&new.labels)
        {
            return invalid("labels", "names labels that you do not hold".to_owned());
        }
        if let Some(team) = &new.team {
            self.check_team(team).await?;
        }
        if let Some(assignee) = &new.assignee {
            self.check_assignee(assignee, &Wanted::of_new(&new, &filed_by)).await?;
        }
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        if let Some(id) = open_one(&mut transaction, &filed_by, &new).await? {
            if let Filer::Caller(reviewer) = filer
                && visible(&mut transaction, &id, reviewer, now).await.is_err()
            {
                // They held its labels when they filed it, and do no more.
                let reason = "names an open review that you may not see any more".to_owned();
                return invalid("external_id", reason);
            }
            return Ok(Filed::Existing(whole(&mut transaction, &id, now).await?));
        }
        for one in &new.evidence {
            check_evidence(&mut transaction, one, filer).await?;
        }
        let id = self.add(&mut transaction, (&new, &texts), &filed_by, now).await?;
        let review = whole(&mut transaction, &id, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(Filed::New(review))
    }

    /// Files a review of a use case of this server in the transaction of its cause, which then calls
    /// [`Ledger::announce`]. The use case answers for its team and its evidence.
    pub(crate) async fn file_within(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        use_case: &str,
        (new, texts): &(NewReview, check::Texts),
    ) -> Result<ReviewId, LedgerError> {
        let filed_by = format!("server:{use_case}");
        self.add(transaction, (new, texts), &filed_by, self.clock.now()).await
    }

    async fn add(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        (new, texts): (&NewReview, &check::Texts),
        filed_by: &str,
        now: i64,
    ) -> Result<ReviewId, LedgerError> {
        check_room(transaction).await?;
        let id = ReviewId::new(format!("rev_{}", Uuid::now_v7().simple()));
        insert(transaction, &id, new, texts, (filed_by, now)).await?;
        let event = event(EventKind::ReviewCreated, &id, &new.kind, new.external_id.as_deref());
        self.emit_within(transaction, &event).await?;
        Ok(id)
    }

    /// Changes whom and when an open review is for. Who has it keeps it.
    ///
    /// # Errors
    /// `NotFound`, also for one that `reviewer` may not see; `Conflict` for one that is not open;
    /// `Invalid` as in [`Ledger::file_review`]; `Database`.
    pub async fn update_review(
        &self,
        id: &ReviewId,
        changes: ReviewChanges,
        reviewer: &Reviewer,
    ) -> Result<ReviewRecord, LedgerError> {
        const OPERATION: &str = "change a review";
        let old = self.get_review(id, reviewer).await?.summary;
        let team = changes.team.clone().unwrap_or_else(|| old.team.clone());
        let assignee = changes.assignee.clone().unwrap_or_else(|| old.assignee.clone());
        if changes.team.is_some()
            && let Some(team) = &team
        {
            self.check_team(team).await?;
        }
        if let Some(assignee) = &assignee {
            let wanted = Wanted { team: team.as_ref(), ..Wanted::of_old(&old) };
            self.check_assignee(assignee, &wanted).await?;
        }
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = visible(&mut transaction, id, reviewer, now).await?;
        open(&old)?;
        sqlx::query(
            "UPDATE reviews SET priority = $2, due = $3, team = $4, assignee = $5, updated = $6 \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(changes.priority.unwrap_or(old.priority) as i64)
        .bind(changes.due.unwrap_or(old.due).map(to_millis))
        .bind(team.as_ref().map(GroupId::as_str))
        .bind(assignee.as_ref().map(UserId::as_str))
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let review = whole(&mut transaction, id, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(review)
    }

    /// Takes a review back that is not wanted any more, also from who has it; what people decided of
    /// it so far stays.
    ///
    /// # Errors
    /// `NotFound`, also for one that `reviewer` may not see; `Conflict` for one that is not open, or
    /// that somebody else filed, unless `reviewer` is an administrator; `Database`.
    pub async fn withdraw_review(
        &self,
        id: &ReviewId,
        reviewer: &Reviewer,
    ) -> Result<ReviewRecord, LedgerError> {
        const OPERATION: &str = "withdraw a review";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = visible(&mut transaction, id, reviewer, now).await?;
        open(&old)?;
        if old.filed_by != reviewer.who && !reviewer.is_admin() {
            let reason = format!("can be withdrawn by {} and by administrators", old.filed_by);
            return Err(conflict(id, reason));
        }
        withdraw_within(&mut transaction, id, now).await?;
        let review = whole(&mut transaction, id, now).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(review)
    }

    async fn check_team(&self, team: &GroupId) -> Result<(), LedgerError> {
        match self.get_group(team).await {
            Err(LedgerError::NotFound { .. }) => {
                invalid("team", format!("is `{team}`, and there is no such group"))
            }
            found => found.map(drop),
        }
    }

    /// An assignee who could not decide the review would be its end.
    async fn check_assignee(
        &self,
        assignee: &UserId,
        wanted: &Wanted<'_>,
    ) -> Result<(), LedgerError> {
        let user = match self.get_user(assignee).await {
            Err(LedgerError::NotFound { .. }) => {
                return invalid("assignee", format!("is `{assignee}`, and there is no such user"));
            }
            found => found?,
        };
        let reviewer = self.reviewer_of_user(&user).await?;
        let reason = if user.disabled.is_some() {
            "is disabled"
        } else if reviewer.role < wanted.role {
            "has not the role that it asks for"
        } else if !reviewer.is_in(wanted.team) {
            "is not in its team"
        } else if !reviewer.access.allows(wanted.labels) {
            "may not read what has its labels"
        } else if wanted.four_eyes && wanted.filed_by == reviewer.who {
            "filed it, and it needs two others"
        } else {
            return Ok(());
        };
        invalid("assignee", format!("is `{assignee}`, who {reason}"))
    }
}

/// Checks a review without the ledger; a schema takes a while to compile.
pub(crate) async fn checked(new: NewReview) -> Result<(NewReview, check::Texts), LedgerError> {
    tokio::task::spawn_blocking(move || check::review(&new).map(|texts| (new, texts)))
        .await
        .map_err(|_| LedgerError::Interrupted)?
}

/// Takes a review back, if it is open, also from who has it.
pub(crate) async fn withdraw_within(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    now: i64,
) -> Result<(), LedgerError> {
    super::claims::drop_claim(&mut *connection, id, now).await?;
    sqlx::query(
        "UPDATE reviews SET state = 'withdrawn', ended = $2, updated = $2, \
         version = version + 1 WHERE id = $1 AND state = 'open'",
    )
    .bind(id.as_str())
    .bind(now)
    .execute(connection)
    .await
    .map_err(LedgerError::database("withdraw a review"))?;
    Ok(())
}

/// What a review asks of who decides it.
struct Wanted<'a> {
    role: intramuros_types::UserRole,
    team: Option<&'a GroupId>,
    labels: &'a [String],
    four_eyes: bool,
    filed_by: &'a str,
}

impl<'a> Wanted<'a> {
    fn of_new(new: &'a NewReview, filed_by: &'a str) -> Self {
        let (team, four_eyes) = (new.team.as_ref(), new.four_eyes);
        Self { role: new.role, team, labels: &new.labels, four_eyes, filed_by }
    }

    fn of_old(old: &'a ReviewSummary) -> Self {
        let (team, filed_by) = (old.team.as_ref(), old.filed_by.as_str());
        Self { role: old.role, team, labels: &old.labels, four_eyes: old.four_eyes, filed_by }
    }
}

/// Refuses a review that does not wait for a decision.
pub(super) fn open(review: &ReviewSummary) -> Result<(), LedgerError> {
    match review.state {
        ReviewState::Open | ReviewState::Claimed => Ok(()),
        ReviewState::Decided | ReviewState::Withdrawn => {
            Err(conflict(&review.id, format!("is {} already", review.state.as_str())))
        }
    }
}

/// What webhooks are told of a review: ids, no contents.
pub(super) fn event(
    kind: EventKind,
    id: &ReviewId,
    review_kind: &str,
    external_id: Option<&str>,
) -> NewEvent {
    let mut payload = Map::new();
    payload.insert("review".to_owned(), json!(id.as_str()));
    payload.insert("kind".to_owned(), json!(review_kind));
    if let Some(external_id) = external_id {
        payload.insert("external_id".to_owned(), Value::from(external_id));
    }
    NewEvent { kind, payload }
}

async fn open_one(
    connection: &mut SqliteConnection,
    filed_by: &str,
    new: &NewReview,
) -> Result<Option<ReviewId>, LedgerError> {
    let Some(external_id) = &new.external_id else { return Ok(None) };
    let found: Option<String> = sqlx::query_scalar(
        "SELECT id FROM reviews WHERE filed_by = $1 AND kind = $2 AND external_id = $3 \
         AND state = 'open'",
    )
    .bind(filed_by)
    .bind(&new.kind)
    .bind(external_id)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("look for the same review"))?;
    Ok(found.map(ReviewId::new))
}

async fn check_room(connection: &mut SqliteConnection) -> Result<(), LedgerError> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM (SELECT 1 FROM reviews WHERE state = 'open' LIMIT $1) AS waiting",
    )
    .bind(MAX_OPEN)
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database("count the reviews that wait"))?;
    if waiting < MAX_OPEN {
        return Ok(());
    }
    let reason = format!("is full: {MAX_OPEN} reviews wait; decide or withdraw some first");
    Err(LedgerError::Conflict { what: "queue", id: "reviews".to_owned(), reason })
}

/// Evidence names documents that are there and that the filer may read, so that nobody quotes what
/// was erased, or finds out what there is.
async fn check_evidence(
    connection: &mut SqliteConnection,
    one: &Evidence,
    filer: Filer<'_>,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "read a document";
    let (Some(base), Some(document)) = (&one.knowledge_base, &one.document) else { return Ok(()) };
    let labels: Option<String> = sqlx::query_scalar(
        "SELECT labels FROM documents WHERE id = $1 AND knowledge_base = $2 \
         AND state <> 'deleting'",
    )
    .bind(document.as_str())
    .bind(base.as_str())
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    let is_readable = match (labels, filer) {
        (None, _) => false,
        (Some(_), Filer::Server(_)) => true,
        (Some(labels), Filer::Caller(reviewer)) => {
            let labels: Vec<String> =
                from_json(&labels).map_err(LedgerError::database(OPERATION))?;
            reviewer.access.allows(&labels)
        }
    };
    if is_readable {
        return Ok(());
    }
    let reason = format!("names the document `{document}`, which `{base}` does not have");
    invalid("evidence", reason)
}

async fn insert(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    new: &NewReview,
    texts: &check::Texts,
    (filed_by, now): (&str, i64),
) -> Result<(), LedgerError> {
    const OPERATION: &str = "file a review";
    sqlx::query(
        "INSERT INTO reviews (id, kind, external_id, state, version, priority, due, confidence, \
         labels, team, role, assignee, four_eyes, queues_job, filed_by, created, updated, opinions, \
         reason_code, title, reason_text, proposal, value_schema) VALUES ($1, $2, $3, 'open', 1, \
         $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, 0, $15, $16, $17, $18, $19)",
    )
    .bind(id.as_str())
    .bind(&new.kind)
    .bind(&new.external_id)
    .bind(new.priority as i64)
    .bind(new.due.map(to_millis))
    .bind(new.confidence)
    .bind(&texts.labels)
    .bind(new.team.as_ref().map(GroupId::as_str))
    .bind(new.role.as_str())
    .bind(new.assignee.as_ref().map(UserId::as_str))
    .bind(i64::from(new.four_eyes))
    .bind(i64::from(new.queues_job))
    .bind(filed_by)
    .bind(now)
    .bind(&new.reason.code)
    .bind(&new.title)
    .bind(&new.reason.text)
    .bind(&texts.proposal)
    .bind(&texts.schema)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    for (ordinal, one) in new.evidence.iter().enumerate() {
        sqlx::query(
            "INSERT INTO review_evidence (review, ordinal, knowledge_base, document, page, \
             span_start, span_end, quote) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id.as_str())
        .bind(ordinal as i64)
        .bind(one.knowledge_base.as_ref().map(|base| base.as_str()))
        .bind(one.document.as_ref().map(DocumentId::as_str))
        .bind(one.page)
        .bind(one.span.map(|span| span.start))
        .bind(one.span.map(|span| span.end))
        .bind(&one.quote)
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    }
    Ok(())
}

//! Keeps texts whose labels are known.

use intramuros_types::{TicketId, TriageExampleId, TriagePolicyId};
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::policies::{get as policy, learn};
use super::{
    ExampleRecord, ExampleSource, ExamplesAdded, NewExample, TicketLabels, TriagePolicyRecord,
    check, readings, records,
};
use crate::{Ledger, LedgerError};

const WHAT: &str = "example";
/// Examples of one policy: more do not make it better, and each costs memory when it is learnt from.
const MAX_EXAMPLES: i64 = 20_000;
/// Examples that one import may bring.
const MAX_AT_ONCE: usize = 20_000;

/// Where an example comes from, as it is stored.
pub(super) struct Origin<'a> {
    pub(super) ticket: Option<&'a TicketId>,
    pub(super) source: ExampleSource,
    pub(super) by: &'a str,
    pub(super) now: i64,
}

impl Ledger {
    /// Adds examples, all or none. A text that is there gets the labels that it has here.
    ///
    /// # Errors
    /// `Invalid` for an empty text, one beyond 8,000 characters, one without labels, or more than
    /// 20,000 examples; `NotFound`; `Conflict` when the policy would have more than 20,000;
    /// `Database`.
    pub async fn add_triage_examples(
        &self,
        id: &TriagePolicyId,
        examples: &[NewExample],
        by: &str,
    ) -> Result<ExamplesAdded, LedgerError> {
        const OPERATION: &str = "add examples";
        if examples.len() > MAX_AT_ONCE {
            let count = examples.len();
            return check::invalid("examples", format!("are {count}, the limit is {MAX_AT_ONCE}"));
        }
        examples.iter().try_for_each(check::example)?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        policy(&mut transaction, id).await?;
        let mut done = ExamplesAdded::default();
        for example in examples {
            let origin = Origin { ticket: None, source: ExampleSource::Imported, by, now };
            match put(&mut transaction, id, example, origin).await?.1 {
                Put::New => done.added += 1,
                Put::Changed => done.changed += 1,
                Put::Same => done.unchanged += 1,
            }
        }
        if done.added + done.changed > 0 {
            learn(&mut transaction, id).await?;
        }
        check_room(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(done)
    }

    /// All that can be learnt from, oldest first, and the policy as it was when they were read.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn triage_examples(
        &self,
        id: &TriagePolicyId,
    ) -> Result<(TriagePolicyRecord, Vec<ExampleRecord>), LedgerError> {
        const OPERATION: &str = "read the examples";
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        let policy = policy(&mut transaction, id).await?;
        let examples = sqlx::query("SELECT * FROM triage_examples WHERE policy = $1 ORDER BY id")
            .bind(id.as_str())
            .fetch_all(&mut *transaction)
            .await
            .and_then(|rows| rows.iter().map(records::example).collect())
            .map_err(LedgerError::database(OPERATION))?;
        Ok((policy, examples))
    }

    /// A page of examples, newest first; with it what to pass as `after` to go on.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a limit of 0 or beyond 1,000; `Database`.
    pub async fn list_triage_examples(
        &self,
        id: &TriagePolicyId,
        after: Option<&TriageExampleId>,
        limit: u32,
    ) -> Result<(Vec<ExampleRecord>, Option<TriageExampleId>), LedgerError> {
        if !(1..=1_000).contains(&limit) {
            return check::invalid("limit", format!("is {limit}, it must be 1 to 1000"));
        }
        self.get_triage_policy(id).await?;
        let mut examples: Vec<ExampleRecord> = sqlx::query(
            "SELECT * FROM triage_examples WHERE policy = $1 AND ($2 IS NULL OR id < $2) \
             ORDER BY id DESC LIMIT $3",
        )
        .bind(id.as_str())
        .bind(after.map(TriageExampleId::as_str))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(records::example).collect())
        .map_err(LedgerError::database("list the examples"))?;
        let more = examples.len() > limit as usize;
        examples.truncate(limit as usize);
        let next = examples.last().filter(|_| more).map(|last| last.id.clone());
        Ok((examples, next))
    }

    /// Removes one example, or all of a policy; how many went.
    ///
    /// # Errors
    /// `NotFound`, also for an example that is not this policy's; `Database`.
    pub async fn delete_triage_examples(
        &self,
        id: &TriagePolicyId,
        example: Option<&TriageExampleId>,
    ) -> Result<u64, LedgerError> {
        const OPERATION: &str = "remove examples";
        let mut transaction = self.begin_write(OPERATION).await?;
        policy(&mut transaction, id).await?;
        let gone: Vec<String> = sqlx::query_scalar(
            "DELETE FROM triage_examples WHERE policy = $1 AND ($2 IS NULL OR id = $2) RETURNING id",
        )
        .bind(id.as_str())
        .bind(example.map(TriageExampleId::as_str))
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if let Some(example) = example
            && gone.is_empty()
        {
            return Err(LedgerError::NotFound { what: WHAT, id: example.to_string() });
        }
        for owner in &gone {
            readings::forget(&mut transaction, owner).await?;
        }
        learn(&mut transaction, id).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(gone.len() as u64)
    }
}

/// What became of an example.
pub(super) enum Put {
    New,
    Changed,
    Same,
}

/// Stores an example, or the labels of one that is there.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    policy: &TriagePolicyId,
    example: &NewExample,
    origin: Origin<'_>,
) -> Result<(TriageExampleId, Put), LedgerError> {
    const OPERATION: &str = "add an example";
    let digest = hex::encode(Sha256::digest(example.text.trim()));
    let found = sqlx::query("SELECT * FROM triage_examples WHERE policy = $1 AND digest = $2")
        .bind(policy.as_str())
        .bind(&digest)
        .fetch_optional(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    if let Some(row) = found {
        let old = records::example(&row).map_err(LedgerError::database(OPERATION))?;
        // Who settles a ticket says what is right of some of it; the rest stays.
        let labels = match origin.ticket {
            Some(_) => merged(&example.labels, &old.labels),
            None => example.labels.clone(),
        };
        if old.labels == labels {
            return Ok((old.id, Put::Same));
        }
        relabel(connection, &old.id, &labels, &origin).await?;
        return Ok((old.id, Put::Changed));
    }
    let id = TriageExampleId::new(format!("exa_{}", Uuid::now_v7().simple()));
    let TicketLabels { category, urgency, team, alert } = &example.labels;
    sqlx::query(
        "INSERT INTO triage_examples (id, policy, ticket, digest, category, urgency, team, alert, \
         source, created, created_by, text) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(id.as_str())
    .bind(policy.as_str())
    .bind(origin.ticket.map(TicketId::as_str))
    .bind(&digest)
    .bind(category)
    .bind(urgency)
    .bind(team)
    .bind(alert.map(i64::from))
    .bind(origin.source.as_str())
    .bind(origin.now)
    .bind(origin.by)
    .bind(example.text.trim())
    .execute(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    Ok((id, Put::New))
}

/// The labels of `new`, and those of `old` that it does not give.
fn merged(new: &TicketLabels, old: &TicketLabels) -> TicketLabels {
    let (new, old) = (new.clone(), old.clone());
    TicketLabels {
        category: new.category.or(old.category),
        urgency: new.urgency.or(old.urgency),
        team: new.team.or(old.team),
        alert: new.alert.or(old.alert),
    }
}

async fn relabel(
    connection: &mut SqliteConnection,
    id: &TriageExampleId,
    labels: &TicketLabels,
    origin: &Origin<'_>,
) -> Result<(), LedgerError> {
    let TicketLabels { category, urgency, team, alert } = labels;
    sqlx::query(
        "UPDATE triage_examples SET category = $2, urgency = $3, team = $4, alert = $5, \
         source = $6, created = $7, created_by = $8, ticket = COALESCE($9, ticket) WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(category)
    .bind(urgency)
    .bind(team)
    .bind(alert.map(i64::from))
    .bind(origin.source.as_str())
    .bind(origin.now)
    .bind(origin.by)
    .bind(origin.ticket.map(TicketId::as_str))
    .execute(connection)
    .await
    .map_err(LedgerError::database("change an example"))?;
    Ok(())
}

impl Ledger {
    /// How many examples a policy has.
    ///
    /// # Errors
    /// `Database`.
    pub async fn triage_examples_count(&self, id: &TriagePolicyId) -> Result<u64, LedgerError> {
        let mut connection =
            self.pool.acquire().await.map_err(LedgerError::database("count the examples"))?;
        Ok(count(&mut connection, id).await?.unsigned_abs())
    }
}

async fn count(connection: &mut SqliteConnection, id: &TriagePolicyId) -> Result<i64, LedgerError> {
    sqlx::query_scalar("SELECT COUNT(*) FROM triage_examples WHERE policy = $1")
        .bind(id.as_str())
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database("count the examples"))
}

/// Settled tickets make room by the oldest of their kind; an import does not push anything out.
pub(super) async fn check_room(
    connection: &mut SqliteConnection,
    id: &TriagePolicyId,
) -> Result<(), LedgerError> {
    let count = count(connection, id).await?;
    if count <= MAX_EXAMPLES {
        return Ok(());
    }
    let reason = format!("would have {count} examples, the limit is {MAX_EXAMPLES}; remove some");
    Err(LedgerError::Conflict { what: "triage policy", id: id.to_string(), reason })
}

/// Removes the oldest examples that tickets became, down to the limit.
pub(super) async fn make_room(
    connection: &mut SqliteConnection,
    id: &TriagePolicyId,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "make room for an example";
    let old: Vec<String> = sqlx::query_scalar(
        "DELETE FROM triage_examples WHERE id IN (SELECT id FROM triage_examples WHERE policy = $1 \
         AND source <> 'imported' ORDER BY id LIMIT MAX(0, (SELECT COUNT(*) FROM triage_examples \
         WHERE policy = $1) - $2)) RETURNING id",
    )
    .bind(id.as_str())
    .bind(MAX_EXAMPLES)
    .fetch_all(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    for owner in &old {
        readings::forget(connection, owner).await?;
    }
    Ok(())
}

//! Erases what the ledger holds about somebody beside documents: questions, results of jobs,
//! labelled sets and their runs, reviews, conversations, tickets, e-mails, names in consumption.

use intramuros_types::ErasureId;
use serde::Serialize;
use sqlx::sqlite::SqliteConnection;

use super::records::count;
use super::user::{pseudonym, rename_usage};
use crate::job::holds;
use crate::review::erase_one;
use crate::triage::{erase_example, erase_ticket};
use crate::{Lease, Ledger, LedgerError};

/// Rows that are looked at together.
const PAGE: i64 = 500;

/// Reviews that are looked at together: each may have a megabyte.
const PAGE_OF_REVIEWS: i64 = 50;

/// Whether a text is about what is erased.
pub type TextMatch<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// What is about somebody and cannot, or must not, be erased by a search for texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Leftovers {
    /// Entries of the audit trail whose target or details have one of the texts. They are chained
    /// and go with their retention.
    pub audit_entries: u64,
    /// Users who are called so.
    pub users: Vec<String>,
    /// Keys that are called so.
    pub keys: Vec<String>,
    /// Assistants that say so, in their draft or in a version: they are the company's own words.
    pub assistants: Vec<String>,
}

/// A table in which contents may stand: two columns that tell a row apart, and its text.
struct Place {
    name: &'static str,
    select: &'static str,
    changes: &'static [&'static str],
}

/// Results of jobs lose what they say; everything else goes.
const PLACES: &[Place] = &[
    Place {
        name: "unanswered_questions",
        select: "SELECT knowledge_base, id, question FROM unanswered \
                 WHERE (knowledge_base, id) > ($1, $2) ORDER BY knowledge_base, id LIMIT $3",
        changes: &["DELETE FROM unanswered WHERE knowledge_base = $1 AND id = $2"],
    },
    Place {
        name: "test_questions",
        select: "SELECT knowledge_base, id, query || ' | ' || relevant FROM test_questions \
                 WHERE (knowledge_base, id) > ($1, $2) ORDER BY knowledge_base, id LIMIT $3",
        changes: &["DELETE FROM test_questions WHERE knowledge_base = $1 AND id = $2"],
    },
    Place {
        name: "pilot_items",
        select: "SELECT pilot_set, id, id || ' | ' || item FROM pilot_set_items \
                 WHERE (pilot_set, id) > ($1, $2) AND item <> 'null' ORDER BY pilot_set, id LIMIT $3",
        changes: &[
            "UPDATE pilot_run_items SET result = 'null' WHERE run IN (SELECT id FROM pilot_runs \
             WHERE pilot_set = $1) AND ordinal = (SELECT ordinal FROM pilot_set_items \
             WHERE pilot_set = $1 AND id = $2)",
            // No item's own name has a tab.
            "UPDATE pilot_set_items SET item = 'null', id = 'erased' || char(9) || \
             CAST(ordinal AS TEXT) WHERE pilot_set = $1 AND id = $2",
        ],
    },
    Place {
        name: "pilot_results",
        select: "SELECT run, CAST(ordinal AS TEXT), result FROM pilot_run_items WHERE \
                 (run, ordinal) > ($1, CAST($2 AS INTEGER)) AND result <> 'null' \
                 ORDER BY run, ordinal LIMIT $3",
        changes: &["UPDATE pilot_run_items SET result = 'null' WHERE run = $1 \
                    AND ordinal = CAST($2 AS INTEGER)"],
    },
    Place {
        name: "pilot_sets",
        select: "SELECT id, '', name FROM pilot_sets WHERE (id, '') > ($1, $2) ORDER BY id LIMIT $3",
        changes: &["UPDATE pilot_sets SET name = id WHERE id = $1 AND $2 = $2"],
    },
    Place {
        name: "pilot_runs",
        select: "SELECT id, '', meta || ' | ' || COALESCE(error_text, '') FROM pilot_runs \
                 WHERE (id, '') > ($1, $2) ORDER BY id LIMIT $3",
        changes: &["UPDATE pilot_runs SET meta = 'null', error_text = NULL \
                    WHERE id = $1 AND $2 = $2"],
    },
    Place {
        name: "job_items",
        select: "SELECT job, key, key || ' | ' || payload || ' | ' || COALESCE(result, '') || ' | ' \
                 || COALESCE(error_text, '') FROM job_items WHERE (job, key) > ($1, $2) \
                 AND state IN ('done', 'failed') ORDER BY job, key LIMIT $3",
        changes: &["UPDATE job_items SET key = 'erased ' || CAST(ordinal AS TEXT), \
                    payload = 'null', result = NULL, error_text = NULL \
                    WHERE job = $1 AND key = $2"],
    },
    Place {
        name: "jobs",
        select: "SELECT id, '', title || ' | ' || params || ' | ' || COALESCE(error_text, '') \
                 FROM jobs WHERE (id, '') > ($1, $2) AND finished IS NOT NULL ORDER BY id LIMIT $3",
        changes: &["UPDATE jobs SET title = kind, params = 'null', error_text = NULL \
                    WHERE id = $1 AND $2 = $2"],
    },
    Place {
        name: "mails",
        select: "SELECT id, '', recipient || ' | ' || subject || ' | ' || text || ' | ' || \
                 COALESCE(html, '') || ' | ' || COALESCE(error, '') FROM mails \
                 WHERE (id, '') > ($1, $2) ORDER BY id LIMIT $3",
        changes: &["DELETE FROM mails WHERE id = $1 AND $2 = $2"],
    },
    Place {
        name: "events",
        select: "SELECT id, '', payload FROM events WHERE (id, '') > ($1, $2) ORDER BY id LIMIT $3",
        changes: &[
            "DELETE FROM webhook_deliveries WHERE event = $1 AND $2 = $2",
            "DELETE FROM events WHERE id = $1 AND $2 = $2",
        ],
    },
    Place {
        name: "webhook_answers",
        select: "SELECT id, '', error FROM webhook_deliveries WHERE (id, '') > ($1, $2) \
                 AND error IS NOT NULL ORDER BY id LIMIT $3",
        changes: &["UPDATE webhook_deliveries SET error = NULL WHERE id = $1 AND $2 = $2"],
    },
];

/// Reviews with what was proposed.
const REVIEWS: &str = "SELECT id, '', title || ' | ' || COALESCE(external_id, '') || ' | ' || \
    reason_text || ' | ' || proposal || ' | ' || COALESCE(value_schema, '') FROM reviews \
    WHERE (id, '') > ($1, $2) AND erased IS NULL ORDER BY id LIMIT $3";
/// What else one says: its evidence and its decisions.
const OF_REVIEW: &str = "SELECT quote FROM review_evidence WHERE review = $1 UNION ALL \
    SELECT COALESCE(value, '') || ' | ' || comment FROM review_decisions WHERE review = $1";

/// Tickets with what they say.
const TICKETS: Whole = (
    "tickets",
    "SELECT id, '', subject || ' | ' || sender || ' | ' || COALESCE(external_id, '') || ' | ' || \
     body || ' | ' || decision || ' | ' || COALESCE((SELECT comment FROM triage_alerts WHERE \
     ticket = triage_tickets.id), '') FROM triage_tickets WHERE (id, '') > ($1, $2) \
     AND erased IS NULL ORDER BY id LIMIT $3",
);
/// Examples that triage learns from.
const EXAMPLES: Whole = (
    "triage_examples",
    "SELECT id, '', text FROM triage_examples WHERE (id, '') > ($1, $2) ORDER BY id LIMIT $3",
);

/// What goes as a whole when its text is about what is erased: what it is called in reports, and how
/// its texts are read.
type Whole = (&'static str, &'static str);

type Row = (String, String, String);

impl Ledger {
    /// Erases what `matches` and stands elsewhere than in documents, some rows at a time, and counts
    /// it. Can be interrupted and begun anew.
    ///
    /// # Errors
    /// `LeaseLost`; `Database`.
    pub async fn erase_traces(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        matches: TextMatch<'_>,
    ) -> Result<(), LedgerError> {
        for place in PLACES {
            let mut at = (String::new(), String::new());
            loop {
                let rows: Vec<Row> = self.page(place.select, &at, PAGE).await?;
                let Some((first, second, _)) = rows.last() else { break };
                at = (first.clone(), second.clone());
                let found: Vec<&Row> = rows.iter().filter(|row| matches(&row.2)).collect();
                if !found.is_empty() {
                    self.change(lease, erasure, place, &found).await?;
                }
                tokio::task::yield_now().await;
            }
        }
        self.erase_reviews(lease, erasure, matches).await?;
        self.erase_whole(lease, erasure, TICKETS, matches).await?;
        self.erase_whole(lease, erasure, EXAMPLES, matches).await?;
        self.erase_conversations(lease, erasure, matches).await?;
        self.rename_users(lease, erasure, matches).await?;
        self.forget_erased().await;
        Ok(())
    }

    /// What is about somebody and stays.
    ///
    /// # Errors
    /// `Database`.
    pub async fn leftovers(&self, matches: TextMatch<'_>) -> Result<Leftovers, LedgerError> {
        const OPERATION: &str = "look for what stays";
        let mut left = Leftovers::default();
        let mut after = 0_i64;
        loop {
            let rows: Vec<(i64, String)> = sqlx::query_as(
                "SELECT seq, target || ' | ' || details FROM audit WHERE seq > $1 \
                 ORDER BY seq LIMIT $2",
            )
            .bind(after)
            .bind(PAGE)
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            left.audit_entries += rows.iter().filter(|(_, text)| matches(text)).count() as u64;
            tokio::task::yield_now().await;
        }
        for (names, statement) in [
            (&mut left.users, "SELECT id, name || ' | ' || full_name FROM users ORDER BY id"),
            (&mut left.keys, "SELECT id, name FROM api_keys ORDER BY id"),
            (
                &mut left.assistants,
                "SELECT id, name || ' | ' || draft AS said FROM assistants UNION \
                 SELECT assistant, config || ' | ' || note FROM assistant_versions ORDER BY 1, 2",
            ),
        ] {
            let rows: Vec<(String, String)> = sqlx::query_as(statement)
                .fetch_all(&self.pool)
                .await
                .map_err(LedgerError::database(OPERATION))?;
            names.extend(rows.into_iter().filter(|(_, text)| matches(text)).map(|(id, _)| id));
            names.dedup();
        }
        Ok(left)
    }

    async fn page(
        &self,
        select: &'static str,
        after: &(String, String),
        rows: i64,
    ) -> Result<Vec<Row>, LedgerError> {
        sqlx::query_as(select)
            .bind(&after.0)
            .bind(&after.1)
            .bind(rows)
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("look for what is to be erased"))
    }

    async fn change(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        place: &Place,
        rows: &[&Row],
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "erase what was found";
        let mut transaction = self.begin_write(OPERATION).await?;
        holds(&mut transaction, lease).await?;
        let mut changed = 0;
        for (first, second, _) in rows {
            for (step, statement) in place.changes.iter().enumerate() {
                let done = sqlx::query(*statement)
                    .bind(first)
                    .bind(second)
                    .execute(&mut *transaction)
                    .await
                    .map_err(LedgerError::database(OPERATION))?;
                if step + 1 == place.changes.len() {
                    changed += done.rows_affected();
                }
            }
        }
        count(&mut transaction, erasure, place.name, changed).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// A review loses all that it says: who is named in its proposal is in its corrections too.
    async fn erase_reviews(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        matches: TextMatch<'_>,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "erase reviews";
        let mut at = (String::new(), String::new());
        loop {
            let rows: Vec<Row> = self.page(REVIEWS, &at, PAGE_OF_REVIEWS).await?;
            let Some((last, _, _)) = rows.last() else { return Ok(()) };
            at = (last.clone(), String::new());
            let mut found = Vec::new();
            for (id, _, text) in &rows {
                if matches(text) || self.more_of_review(id).await?.iter().any(|text| matches(text))
                {
                    found.push(id);
                }
            }
            if !found.is_empty() {
                let mut transaction = self.begin_write(OPERATION).await?;
                holds(&mut transaction, lease).await?;
                let (mut erased, now) = (0, self.clock.now());
                for id in found {
                    erased += erase_one(&mut transaction, id, now).await?;
                }
                count(&mut transaction, erasure, "reviews", erased).await?;
                transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Tickets and examples lose all that they say.
    async fn erase_whole(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        (name, select): Whole,
        matches: TextMatch<'_>,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "erase tickets";
        let mut at = (String::new(), String::new());
        loop {
            let rows: Vec<Row> = self.page(select, &at, PAGE_OF_REVIEWS).await?;
            let Some((last, _, _)) = rows.last() else { return Ok(()) };
            at = (last.clone(), String::new());
            let found: Vec<&Row> = rows.iter().filter(|(_, _, text)| matches(text)).collect();
            if !found.is_empty() {
                let mut transaction = self.begin_write(OPERATION).await?;
                holds(&mut transaction, lease).await?;
                let (mut erased, now) = (0, self.clock.now());
                for (id, _, _) in found {
                    erased += if name == TICKETS.0 {
                        erase_ticket(&mut transaction, id, now).await?
                    } else {
                        erase_example(&mut transaction, id).await?
                    };
                }
                count(&mut transaction, erasure, name, erased).await?;
                transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn more_of_review(&self, id: &str) -> Result<Vec<String>, LedgerError> {
        sqlx::query_scalar(OF_REVIEW)
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("look for what is to be erased"))
    }

    /// Applications may name the people whom they ask for by anything.
    async fn rename_users(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        matches: TextMatch<'_>,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "give consumption a pseudonym";
        let names: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT user_id FROM usage WHERE user_id <> ''")
                .fetch_all(&self.pool)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        for name in names.iter().filter(|name| matches(name)) {
            let mut transaction = self.begin_write(OPERATION).await?;
            holds(&mut transaction, lease).await?;
            let connection: &mut SqliteConnection = &mut transaction;
            let pseudonym = pseudonym(connection, name).await?;
            rename_usage(connection, erasure, name, &pseudonym).await?;
            transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        }
        Ok(())
    }
}

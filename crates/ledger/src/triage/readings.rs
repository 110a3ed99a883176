//! Keeps what models made of texts, so that no text is read twice by the same model.

use std::collections::HashMap;

use intramuros_types::{TriageExampleId, TriagePolicyId};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use time::OffsetDateTime;

use super::{ExampleRecord, Reading};
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// What `reader` made of the examples of a policy, as far as it has read them.
    ///
    /// # Errors
    /// `Database`.
    pub async fn triage_readings(
        &self,
        policy: &TriagePolicyId,
        reader: &str,
    ) -> Result<HashMap<TriageExampleId, Vec<f32>>, LedgerError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT owner, vector FROM triage_readings WHERE policy = $1 AND reader = $2",
        )
        .bind(policy.as_str())
        .bind(reader)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("read what a model made of examples"))?;
        let read =
            |(owner, bytes): (String, Vec<u8>)| (TriageExampleId::new(owner), vector(&bytes));
        Ok(rows.into_iter().map(read).collect())
    }

    /// Up to `limit` examples that `reader` has not read, newest first, of the `newest` ones.
    ///
    /// # Errors
    /// `Database`.
    pub async fn triage_unread(
        &self,
        policy: &TriagePolicyId,
        reader: &str,
        newest: u32,
        limit: u32,
    ) -> Result<Vec<ExampleRecord>, LedgerError> {
        sqlx::query(
            "SELECT * FROM triage_examples WHERE policy = $1 AND NOT EXISTS (SELECT 1 FROM \
             triage_readings WHERE owner = triage_examples.id AND reader = $2) \
             AND id IN (SELECT id FROM triage_examples WHERE policy = $1 ORDER BY id DESC LIMIT $4) \
             ORDER BY id DESC LIMIT $3",
        )
        .bind(policy.as_str())
        .bind(reader)
        .bind(limit)
        .bind(newest)
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(super::records::example).collect())
        .map_err(LedgerError::database("list examples that no model has read"))
    }

    /// The newest `limit` examples that were made or changed at or after `since`, oldest first, with
    /// what models made of them.
    ///
    /// # Errors
    /// `Database`.
    pub async fn triage_changed(
        &self,
        policy: &TriagePolicyId,
        since: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<(ExampleRecord, Vec<Reading>)>, LedgerError> {
        const OPERATION: &str = "list changed examples";
        let rows = sqlx::query(
            "SELECT * FROM triage_examples WHERE policy = $1 AND created >= $2 \
             ORDER BY created DESC, id DESC LIMIT $3",
        )
        .bind(policy.as_str())
        .bind(to_millis(since))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let mut changed = Vec::with_capacity(rows.len());
        for row in rows.iter().rev() {
            let example = super::records::example(row).map_err(LedgerError::database(OPERATION))?;
            let read: Vec<(String, Vec<u8>)> =
                sqlx::query_as("SELECT reader, vector FROM triage_readings WHERE owner = $1")
                    .bind(example.id.as_str())
                    .fetch_all(&self.pool)
                    .await
                    .map_err(LedgerError::database(OPERATION))?;
            let reading =
                |(reader, bytes): (String, Vec<u8>)| Reading { reader, vector: vector(&bytes) };
            changed.push((example, read.into_iter().map(reading).collect()));
        }
        Ok(changed)
    }

    /// Keeps what `reader` made of examples; those that are gone are left out.
    ///
    /// # Errors
    /// `Database`.
    pub async fn keep_triage_readings(
        &self,
        policy: &TriagePolicyId,
        reader: &str,
        readings: &[(TriageExampleId, Vec<f32>)],
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "keep what a model made of examples";
        let mut transaction = self.begin_write(OPERATION).await?;
        for (id, vector) in readings {
            sqlx::query(
                "INSERT INTO triage_readings (policy, owner, reader, vector) \
                 SELECT $1, id, $3, $4 FROM triage_examples WHERE id = $2 AND policy = $1 \
                 ON CONFLICT (owner, reader) DO UPDATE SET vector = excluded.vector",
            )
            .bind(policy.as_str())
            .bind(id.as_str())
            .bind(reader)
            .bind(bytes(vector))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Forgets what readers other than `kept` made of the texts of a policy: models that were
    /// exchanged. How many readings went.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_triage_readers(
        &self,
        policy: &TriagePolicyId,
        kept: &[String],
    ) -> Result<u64, LedgerError> {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("DELETE FROM triage_readings WHERE policy = ");
        query.push_bind(policy.as_str());
        for reader in kept {
            query.push(" AND reader <> ").push_bind(reader);
        }
        let done = query.build().execute(&self.pool).await;
        let done = done.map_err(LedgerError::database("forget what a model made of examples"))?;
        Ok(done.rows_affected())
    }
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    policy: &TriagePolicyId,
    owner: &str,
    readings: &[Reading],
) -> Result<(), LedgerError> {
    for reading in readings {
        sqlx::query(
            "INSERT INTO triage_readings (policy, owner, reader, vector) VALUES ($1, $2, $3, $4)",
        )
        .bind(policy.as_str())
        .bind(owner)
        .bind(&reading.reader)
        .bind(bytes(&reading.vector))
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database("keep what a model made of a ticket"))?;
    }
    Ok(())
}

/// Gives an example what was made of the ticket that it was.
pub(super) async fn copy(
    connection: &mut SqliteConnection,
    from: &str,
    to: &str,
) -> Result<(), LedgerError> {
    sqlx::query(
        "INSERT INTO triage_readings (policy, owner, reader, vector) SELECT policy, $2, reader, \
         vector FROM triage_readings WHERE owner = $1 \
         ON CONFLICT (owner, reader) DO UPDATE SET vector = excluded.vector",
    )
    .bind(from)
    .bind(to)
    .execute(connection)
    .await
    .map_err(LedgerError::database("keep what a model made of a ticket"))?;
    Ok(())
}

pub(super) async fn forget(
    connection: &mut SqliteConnection,
    owner: &str,
) -> Result<(), LedgerError> {
    sqlx::query("DELETE FROM triage_readings WHERE owner = $1")
        .bind(owner)
        .execute(connection)
        .await
        .map_err(LedgerError::database("forget what a model made of a text"))?;
    Ok(())
}

fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(super) fn vector(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks::<4>().0;
    values.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

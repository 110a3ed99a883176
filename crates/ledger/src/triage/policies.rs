//! Creates, changes, lists and removes policies.

use intramuros_types::TriagePolicyId;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{TriagePolicyRecord, TriageVersion, check};
use crate::document::{checked_labels, from_json, to_json};
use crate::moment::from_millis;
use crate::{Ledger, LedgerError, validate};

const WHAT: &str = "triage policy";
/// Configurations of one policy that are kept.
const MAX_VERSIONS: i64 = 200;

impl Ledger {
    /// Creates a policy with its first configuration.
    ///
    /// # Errors
    /// `Invalid` for an id that is no slug, wrong labels, a configuration beyond 512 KiB; `Conflict`
    /// for an id in use; `Database`.
    pub async fn create_triage_policy(
        &self,
        id: &TriagePolicyId,
        labels: Vec<String>,
        config: &Value,
        by: &str,
    ) -> Result<TriagePolicyRecord, LedgerError> {
        const OPERATION: &str = "create a triage policy";
        validate::slug("id", id.as_str())?;
        let (labels, config) = (checked_labels(labels)?, check::config(config)?);
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let row = sqlx::query(
            "INSERT INTO triage_policies (id, version, labels, learnt, created, updated) \
             VALUES ($1, 1, $2, 0, $3, $3) ON CONFLICT (id) DO NOTHING RETURNING *",
        )
        .bind(id.as_str())
        .bind(to_json(&labels))
        .bind(now)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let Some(row) = row else { return Err(conflict(id, "already exists")) };
        insert_version(&mut transaction, id, 1, (&config, by, now)).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        policy(&row)
    }

    /// Puts another configuration, or other readers, in the place of a policy's. `seen` is the version
    /// that the caller changed.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it has another version by now; `Invalid` as in
    /// [`Ledger::create_triage_policy`]; `Database`.
    pub async fn update_triage_policy(
        &self,
        id: &TriagePolicyId,
        seen: u32,
        labels: Option<Vec<String>>,
        config: Option<&Value>,
        by: &str,
    ) -> Result<TriagePolicyRecord, LedgerError> {
        const OPERATION: &str = "change a triage policy";
        let labels = labels.map(checked_labels).transpose()?;
        let config = config.map(check::config).transpose()?;
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let old = get(&mut transaction, id).await?;
        if old.version != seen {
            let reason = format!(
                "is at version {}, you changed {seen}: somebody else changed it meanwhile; read it again",
                old.version
            );
            return Err(conflict(id, reason));
        }
        let labels = labels.filter(|labels| *labels != old.labels);
        // Other readers are a version too, so that of two changes at once one is refused.
        let version = old.version + u32::from(config.is_some() || labels.is_some());
        if version > old.version {
            let config = match config {
                Some(config) => config,
                None => config_of(&mut transaction, id, old.version).await?,
            };
            insert_version(&mut transaction, id, version, (&config, by, now)).await?;
        }
        if let Some(labels) = &labels {
            // Who may not read the tickets any more does not read their reviews either.
            sqlx::query(
                "UPDATE reviews SET labels = $2, updated = $3, version = version + 1 WHERE id IN \
                 (SELECT review FROM triage_tickets WHERE policy = $1 AND review IS NOT NULL)",
            )
            .bind(id.as_str())
            .bind(to_json(labels))
            .bind(now)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        }
        let row = sqlx::query(
            "UPDATE triage_policies SET version = $2, labels = $3, updated = $4 WHERE id = $1 \
             RETURNING *",
        )
        .bind(id.as_str())
        .bind(version)
        .bind(to_json(&labels.unwrap_or(old.labels)))
        .bind(now)
        .fetch_one(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        policy(&row)
    }

    /// The policy `id`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_triage_policy(
        &self,
        id: &TriagePolicyId,
    ) -> Result<TriagePolicyRecord, LedgerError> {
        let mut connection =
            self.pool.acquire().await.map_err(LedgerError::database("read a triage policy"))?;
        get(&mut connection, id).await
    }

    /// Every policy, by id.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_triage_policies(&self) -> Result<Vec<TriagePolicyRecord>, LedgerError> {
        sqlx::query("SELECT * FROM triage_policies ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the triage policies"))?
            .iter()
            .map(policy)
            .collect()
    }

    /// One configuration of a policy; `None` for the one in force.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn triage_version(
        &self,
        id: &TriagePolicyId,
        version: Option<u32>,
    ) -> Result<TriageVersion, LedgerError> {
        const OPERATION: &str = "read a version of a triage policy";
        let row = sqlx::query(
            "SELECT * FROM triage_versions WHERE policy = $1 AND version = COALESCE($2, \
             (SELECT version FROM triage_policies WHERE id = $1))",
        )
        .bind(id.as_str())
        .bind(version)
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let Some(row) = row else {
            let id = version.map_or(id.to_string(), |version| format!("{id}, version {version}"));
            return Err(LedgerError::NotFound { what: WHAT, id });
        };
        self::version(&row).map_err(LedgerError::database(OPERATION))
    }

    /// The configurations of a policy, newest first.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn triage_versions(
        &self,
        id: &TriagePolicyId,
    ) -> Result<Vec<TriageVersion>, LedgerError> {
        const OPERATION: &str = "list the versions of a triage policy";
        self.get_triage_policy(id).await?;
        sqlx::query("SELECT * FROM triage_versions WHERE policy = $1 ORDER BY version DESC")
            .bind(id.as_str())
            .fetch_all(&self.pool)
            .await
            .and_then(|rows| rows.iter().map(version).collect())
            .map_err(LedgerError::database(OPERATION))
    }

    /// Removes a policy with its tickets, examples and alerts, and what the reviews of its tickets
    /// say.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn delete_triage_policy(&self, id: &TriagePolicyId) -> Result<(), LedgerError> {
        const OPERATION: &str = "remove a triage policy";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        get(&mut transaction, id).await?;
        let reviews: Vec<String> = sqlx::query_scalar(
            "SELECT review FROM triage_tickets WHERE policy = $1 AND review IS NOT NULL",
        )
        .bind(id.as_str())
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        for review in reviews {
            crate::review::erase_one(&mut transaction, &review, now).await?;
        }
        crate::pilot::end_thresholds(&mut transaction, "triage", id.as_str(), now).await?;
        sqlx::query("DELETE FROM triage_policies WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }
}

pub(super) async fn get(
    connection: &mut SqliteConnection,
    id: &TriagePolicyId,
) -> Result<TriagePolicyRecord, LedgerError> {
    let row = sqlx::query("SELECT * FROM triage_policies WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::database("read a triage policy"))?;
    let not_found = || LedgerError::NotFound { what: WHAT, id: id.to_string() };
    row.as_ref().map_or_else(|| Err(not_found()), policy)
}

/// Counts a change of the examples of a policy.
pub(super) async fn learn(
    connection: &mut SqliteConnection,
    id: &TriagePolicyId,
) -> Result<(), LedgerError> {
    sqlx::query("UPDATE triage_policies SET learnt = learnt + 1 WHERE id = $1")
        .bind(id.as_str())
        .execute(connection)
        .await
        .map_err(LedgerError::database("count a change of examples"))?;
    Ok(())
}

/// The configuration of a version, as it is stored.
async fn config_of(
    connection: &mut SqliteConnection,
    id: &TriagePolicyId,
    version: u32,
) -> Result<String, LedgerError> {
    sqlx::query_scalar("SELECT config FROM triage_versions WHERE policy = $1 AND version = $2")
        .bind(id.as_str())
        .bind(version)
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database("read a version of a triage policy"))
}

async fn insert_version(
    connection: &mut SqliteConnection,
    id: &TriagePolicyId,
    version: u32,
    (config, by, now): (&str, &str, i64),
) -> Result<(), LedgerError> {
    const OPERATION: &str = "store a version of a triage policy";
    sqlx::query(
        "INSERT INTO triage_versions (policy, version, created, created_by, config) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.as_str())
    .bind(version)
    .bind(now)
    .bind(by)
    .bind(config)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    sqlx::query("DELETE FROM triage_versions WHERE policy = $1 AND version <= $2")
        .bind(id.as_str())
        .bind(i64::from(version) - MAX_VERSIONS)
        .execute(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    Ok(())
}

fn policy(row: &SqliteRow) -> Result<TriagePolicyRecord, LedgerError> {
    let read = || -> Result<TriagePolicyRecord, sqlx::Error> {
        Ok(TriagePolicyRecord {
            id: TriagePolicyId::new(row.try_get::<String, _>("id")?),
            version: row.try_get("version")?,
            labels: from_json(row.try_get("labels")?)?,
            learnt: row.try_get::<i64, _>("learnt")?.unsigned_abs(),
            created: from_millis(row.try_get("created")?),
            updated: from_millis(row.try_get("updated")?),
        })
    };
    read().map_err(LedgerError::database("read a triage policy"))
}

fn version(row: &SqliteRow) -> Result<TriageVersion, sqlx::Error> {
    Ok(TriageVersion {
        version: row.try_get("version")?,
        created: from_millis(row.try_get("created")?),
        created_by: row.try_get("created_by")?,
        config: from_json(row.try_get("config")?)?,
    })
}

fn conflict(id: &TriagePolicyId, reason: impl Into<String>) -> LedgerError {
    LedgerError::Conflict { what: WHAT, id: id.to_string(), reason: reason.into() }
}

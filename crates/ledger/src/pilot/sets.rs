//! Files, lists and deletes labelled sets.

use intramuros_types::{Access, PilotRunId, PilotSetId};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use super::records::{self, SET, Sight, no_set, signed, visible_set};
use super::runs::delete_run;
use super::{
    NewPilotSet, PilotItem, PilotItemPage, PilotSetFiled, PilotSetPage, PilotSetRecord, check,
};
use crate::document::to_json;
use crate::{Ledger, LedgerError};

/// Rows of one statement.
const ROWS: usize = 1_000;

impl Ledger {
    /// Files a set, unless the same version of it is there: same name, job and SHA-256, and nothing
    /// of it erased.
    ///
    /// # Errors
    /// `Invalid` for a field beyond its limits, and for labels that the caller does not hold;
    /// `Conflict` where the same is there and the caller may not see it; `Database`.
    pub async fn create_pilot_set(
        &self,
        mut new: NewPilotSet,
        access: &Access,
    ) -> Result<PilotSetFiled, LedgerError> {
        const OPERATION: &str = "file a set";
        if !access.holds(&new.labels) {
            return check::invalid("labels", "names labels that you do not hold");
        }
        // Many items take a while to write as JSON.
        let (new, texts) =
            tokio::task::spawn_blocking(move || check::set(&mut new).map(|texts| (new, texts)))
                .await
                .map_err(|_| LedgerError::Interrupted)??;
        let mut transaction = self.begin_write(OPERATION).await?;
        if let Some(id) = same(&mut transaction, &new).await? {
            return match visible_set(&mut transaction, &id, access).await {
                Ok(set) => Ok(PilotSetFiled::Existing(set)),
                Err(LedgerError::NotFound { .. }) => Err(LedgerError::Conflict {
                    what: "set",
                    id: new.name,
                    reason: "is there with labels that you do not hold".to_owned(),
                }),
                Err(error) => Err(error),
            };
        }
        let id = PilotSetId::new(format!("pls_{}", Uuid::now_v7().simple()));
        sqlx::query(
            "INSERT INTO pilot_sets (id, name, job, sha256, items, labels, created_by, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id.as_str())
        .bind(&new.name)
        .bind(&new.job)
        .bind(&new.sha256)
        .bind(signed(new.items.len() as u64))
        .bind(to_json(&new.labels))
        .bind(&new.created_by)
        .bind(self.clock.now())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        insert_items(&mut transaction, &id, &new, &texts).await?;
        let set = visible_set(&mut transaction, &id, &Access::EVERYTHING).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(PilotSetFiled::New(set))
    }

    /// A page of the sets that may be read, newest first; with it what to pass as
    /// [`PilotSetPage::after`] to go on.
    ///
    /// # Errors
    /// `Invalid` for a limit of 0 or beyond [`PilotSetPage::MAX_LIMIT`]; `Database`.
    pub async fn list_pilot_sets(
        &self,
        page: &PilotSetPage,
        access: &Access,
    ) -> Result<(Vec<PilotSetRecord>, Option<PilotSetId>), LedgerError> {
        const OPERATION: &str = "list the sets";
        check::limit(page.limit, PilotSetPage::MAX_LIMIT)?;
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        let sight = Sight::of(&mut connection, access).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(SET);
        if let Some(job) = &page.job {
            query.push(" AND pilot_sets.job = ").push_bind(job.clone());
        }
        if let Some(name) = &page.name {
            query.push(" AND pilot_sets.name = ").push_bind(name.clone());
        }
        if let Some(after) = &page.after {
            query.push(" AND pilot_sets.id < ").push_bind(after.to_string());
        }
        sight.push_sets(&mut query);
        // One more than asked for tells whether there is a next page.
        query.push(" ORDER BY pilot_sets.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows = query
            .build()
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let mut sets = rows.iter().map(records::set).collect::<Result<Vec<_>, _>>()?;
        let more = sets.len() > page.limit as usize;
        sets.truncate(page.limit as usize);
        let next = sets.last().filter(|_| more).map(|last| last.id.clone());
        Ok((sets, next))
    }

    /// A set without its items.
    ///
    /// # Errors
    /// `NotFound`, also for one that may not be read; `Database`.
    pub async fn get_pilot_set(
        &self,
        id: &PilotSetId,
        access: &Access,
    ) -> Result<PilotSetRecord, LedgerError> {
        let mut connection =
            self.pool.acquire().await.map_err(LedgerError::database("read a set"))?;
        visible_set(&mut connection, id, access).await
    }

    /// Items of a set, in its order, the erased ones among them.
    ///
    /// # Errors
    /// `NotFound`, also for one that may not be read; `Invalid` for the limit; `Database`.
    pub async fn pilot_set_items(
        &self,
        id: &PilotSetId,
        page: &PilotItemPage,
        access: &Access,
    ) -> Result<Vec<PilotItem>, LedgerError> {
        const OPERATION: &str = "list the items of a set";
        check::limit(page.limit, PilotItemPage::MAX_LIMIT)?;
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        visible_set(&mut transaction, id, access).await?;
        sqlx::query(
            "SELECT ordinal, id, item FROM pilot_set_items WHERE pilot_set = $1 AND ordinal > $2 \
             ORDER BY ordinal LIMIT $3",
        )
        .bind(id.as_str())
        .bind(page.after.map_or(-1, signed))
        .bind(page.limit)
        .fetch_all(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?
        .iter()
        .map(records::item)
        .collect()
    }

    /// Deletes a set with its runs, one after another, so that nobody waits long for the ledger: what
    /// a crash leaves is a set with fewer runs.
    ///
    /// # Errors
    /// `NotFound`, also for one that may not be read; `Conflict` while one of its runs is running,
    /// vouches for a threshold that is in force, or may not be read by the caller; `Database`.
    pub async fn delete_pilot_set(
        &self,
        id: &PilotSetId,
        access: &Access,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "delete a set";
        let conflict = |reason: &str| LedgerError::Conflict {
            what: "set",
            id: id.to_string(),
            reason: reason.to_owned(),
        };
        self.get_pilot_set(id, access).await?;
        let runs: Vec<String> =
            sqlx::query_scalar("SELECT id FROM pilot_runs WHERE pilot_set = $1 ORDER BY id")
                .bind(id.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        for run in runs.into_iter().map(PilotRunId::new) {
            let mut transaction = self.begin_write(OPERATION).await?;
            match delete_run(&mut transaction, &run, access).await {
                // Somebody else deleted it, unless it is hidden: then the set itself cannot go.
                Ok(()) | Err(LedgerError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        }
        let mut transaction = self.begin_write(OPERATION).await?;
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pilot_runs WHERE pilot_set = $1")
            .bind(id.as_str())
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if left > 0 {
            return Err(conflict("has runs that you may not see"));
        }
        // What hangs on it goes with it.
        let done = sqlx::query("DELETE FROM pilot_sets WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() == 0 {
            return Err(no_set(id));
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }
}

/// The same version of the same set, whole.
async fn same(
    connection: &mut SqliteConnection,
    new: &NewPilotSet,
) -> Result<Option<PilotSetId>, LedgerError> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT id FROM pilot_sets WHERE name = $1 AND job = $2 AND sha256 = $3 AND NOT EXISTS \
         (SELECT 1 FROM pilot_set_items WHERE pilot_set = pilot_sets.id AND item = 'null')",
    )
    .bind(&new.name)
    .bind(&new.job)
    .bind(&new.sha256)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("look for a set"))?;
    Ok(found.map(PilotSetId::new))
}

async fn insert_items(
    connection: &mut SqliteConnection,
    id: &PilotSetId,
    new: &NewPilotSet,
    texts: &[String],
) -> Result<(), LedgerError> {
    let rows: Vec<(i64, &str, &str)> = (0_i64..)
        .zip(new.items.iter().zip(texts))
        .map(|(ordinal, (item, text))| (ordinal, item.id.as_str(), text.as_str()))
        .collect();
    for some in rows.chunks(ROWS) {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO pilot_set_items (pilot_set, ordinal, id, item) ");
        query.push_values(some, |mut row, (ordinal, name, text)| {
            row.push_bind(id.to_string());
            row.push_bind(*ordinal);
            row.push_bind((*name).to_owned());
            row.push_bind((*text).to_owned());
        });
        query
            .build()
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database("file the items of a set"))?;
    }
    Ok(())
}

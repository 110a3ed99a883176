//! Reads what the ledger holds about one user, for an export of their data.

use intramuros_types::{JobId, UserId};
use sqlx::Row;
use time::OffsetDateTime;

use crate::job::job;
use crate::moment::from_millis;
use crate::{GroupRecord, JobRecord, KeyRecord, Ledger, LedgerError};

/// A session without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRecord {
    /// When it began.
    pub created: OffsetDateTime,
    /// When it ends unless it is used.
    pub expires: OffsetDateTime,
    /// When it ends in any case.
    pub ends: OffsetDateTime,
}

impl Ledger {
    /// The sessions of a user, oldest first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<SessionRecord>, LedgerError> {
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(SessionRecord {
                created: from_millis(row.try_get("created")?),
                expires: from_millis(row.try_get("expires")?),
                ends: from_millis(row.try_get("ends")?),
            })
        };
        sqlx::query(
            "SELECT created, expires, ends FROM sessions WHERE user_id = $1 ORDER BY created",
        )
        .bind(user.as_str())
        .fetch_all(&self.pool)
        .await
        .and_then(|rows| rows.iter().map(read).collect())
        .map_err(LedgerError::database("list the sessions of a user"))
    }

    /// The keys of a user, oldest first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn keys_of(&self, user: &UserId) -> Result<Vec<KeyRecord>, LedgerError> {
        let mut keys = self.list_keys().await?;
        keys.retain(|key| key.owner.as_ref() == Some(user));
        Ok(keys)
    }

    /// The groups of which one of `members`, users or families of keys, is a member.
    ///
    /// # Errors
    /// `Database`.
    pub async fn groups_of(&self, members: &[String]) -> Result<Vec<GroupRecord>, LedgerError> {
        let mut groups = Vec::new();
        for group in self.list_groups().await? {
            let members_of_it = self.get_group(&group.id).await?.members;
            if members_of_it.iter().any(|member| members.iter().any(|one| one == member.as_str())) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// Up to `limit` jobs that `actor` began, newest first, those before `after`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn jobs_begun_by(
        &self,
        actor: &str,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<Vec<JobRecord>, LedgerError> {
        let now = self.clock.now();
        sqlx::query(
            "SELECT * FROM jobs WHERE created_by = $1 AND ($2 = '' OR id < $2) \
             ORDER BY id DESC LIMIT $3",
        )
        .bind(actor)
        .bind(after.map_or("", JobId::as_str))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list the jobs that somebody began"))?
        .iter()
        .map(|row| job(row, now))
        .collect()
    }
}

//! Creates, changes, lists and removes groups.

use intramuros_types::GroupId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Member;
use crate::document::{from_json, to_json};
use crate::moment::from_millis;
use crate::{GroupChanges, GroupRecord, GroupRequest, Ledger, LedgerError, validate};

const MAX_TITLE_CHARS: usize = 200;
/// The most groups there are.
const MAX_GROUPS: i64 = 1_000;
/// The most members of a group.
const MAX_MEMBERS: i64 = 10_000;

impl Ledger {
    /// Makes a group without members.
    ///
    /// # Errors
    /// `Invalid` for a bad id, title or label, or when there are too many; `Conflict` when the id
    /// is taken; `Database`.
    pub async fn create_group(&self, request: GroupRequest) -> Result<GroupRecord, LedgerError> {
        const OPERATION: &str = "create a group";
        let request = checked(request)?;
        let GroupRequest { id, title, labels, denied } = &request;
        validate::slug("id", id.as_str())?;
        let mut transaction = self.begin_write(OPERATION).await?;
        let groups: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM user_groups")
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if groups >= MAX_GROUPS {
            let reason = format!("would be one more than {MAX_GROUPS}; remove one first");
            return Err(LedgerError::Invalid { name: "group", reason });
        }
        let done = sqlx::query(
            "INSERT INTO user_groups (id, title, labels, denied, created) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(title)
        .bind(to_json(labels))
        .bind(to_json(denied))
        .bind(self.clock.now())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() == 0 {
            let reason = "already exists".to_owned();
            return Err(LedgerError::Conflict { what: "group", id: id.to_string(), reason });
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.get_group(id).await
    }

    /// The group `id` with its members.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_group(&self, id: &GroupId) -> Result<GroupRecord, LedgerError> {
        const OPERATION: &str = "read a group";
        let row = sqlx::query("SELECT * FROM user_groups WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let mut group =
            record(&row.ok_or_else(|| not_found(id))?).map_err(LedgerError::database(OPERATION))?;
        let members: Vec<String> = sqlx::query_scalar(
            "SELECT member FROM group_members WHERE user_group = $1 ORDER BY member",
        )
        .bind(id.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        group.members = members.into_iter().map(Member::of).collect();
        Ok(group)
    }

    /// Every group by its id, without the members.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_groups(&self) -> Result<Vec<GroupRecord>, LedgerError> {
        sqlx::query("SELECT * FROM user_groups ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the groups"))?
            .iter()
            .map(|row| record(row).map_err(LedgerError::database("read a group")))
            .collect()
    }

    /// Changes what is said about a group.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`, `Database`.
    pub async fn update_group(
        &self,
        id: &GroupId,
        changes: GroupChanges,
    ) -> Result<GroupRecord, LedgerError> {
        let old = self.get_group(id).await?;
        let GroupRequest { title, labels, denied, .. } = checked(GroupRequest {
            id: id.clone(),
            title: changes.title.unwrap_or(old.title),
            labels: changes.labels.unwrap_or(old.labels),
            denied: changes.denied.unwrap_or(old.denied),
        })?;
        sqlx::query("UPDATE user_groups SET title = $2, labels = $3, denied = $4 WHERE id = $1")
            .bind(id.as_str())
            .bind(title)
            .bind(to_json(&labels))
            .bind(to_json(&denied))
            .execute(&self.pool)
            .await
            .map_err(LedgerError::database("change a group"))?;
        self.get_group(id).await
    }

    /// Removes a group; its members lose what it gave and what it denied.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn delete_group(&self, id: &GroupId) -> Result<(), LedgerError> {
        let done = sqlx::query("DELETE FROM user_groups WHERE id = $1")
            .bind(id.as_str())
            .execute(&self.pool)
            .await
            .map_err(LedgerError::database("remove a group"))?;
        if done.rows_affected() == 0 { Err(not_found(id)) } else { Ok(()) }
    }

    /// Takes a user or a key into a group; once is as good as twice.
    ///
    /// # Errors
    /// `NotFound` for the group or the member; `Invalid` when it has too many; `Database`.
    pub async fn add_member(&self, id: &GroupId, member: &Member) -> Result<(), LedgerError> {
        const OPERATION: &str = "add a member to a group";
        let group = self.get_group(id).await?;
        if i64::try_from(group.members.len()).unwrap_or(i64::MAX) >= MAX_MEMBERS {
            let reason = format!("has {MAX_MEMBERS} members, which is the limit");
            return Err(LedgerError::Invalid { name: "group", reason });
        }
        let stored = match member {
            Member::User(user) => self.get_user(user).await?.id.to_string(),
            Member::Key(key) => self.get_key(key).await?.family.to_string(),
        };
        sqlx::query(
            "INSERT INTO group_members (user_group, member) VALUES ($1, $2) \
             ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(stored)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        Ok(())
    }

    /// Takes a user or a key out of a group.
    ///
    /// # Errors
    /// `NotFound` when it is not in it; `Database`.
    pub async fn remove_member(&self, id: &GroupId, member: &Member) -> Result<(), LedgerError> {
        let stored = match member {
            Member::User(user) => user.to_string(),
            Member::Key(key) => self.get_key(key).await?.family.to_string(),
        };
        let done = sqlx::query("DELETE FROM group_members WHERE user_group = $1 AND member = $2")
            .bind(id.as_str())
            .bind(&stored)
            .execute(&self.pool)
            .await
            .map_err(LedgerError::database("remove a member of a group"))?;
        if done.rows_affected() == 0 {
            return Err(LedgerError::NotFound { what: "member", id: stored });
        }
        Ok(())
    }
}

fn checked(mut request: GroupRequest) -> Result<GroupRequest, LedgerError> {
    validate::text("title", &request.title, MAX_TITLE_CHARS)?;
    validate::labels("labels", &mut request.labels)?;
    validate::denied(&mut request.denied)?;
    Ok(request)
}

fn record(row: &SqliteRow) -> Result<GroupRecord, sqlx::Error> {
    Ok(GroupRecord {
        id: GroupId::new(row.try_get::<String, _>("id")?),
        title: row.try_get("title")?,
        labels: from_json(row.try_get("labels")?)?,
        denied: from_json(row.try_get("denied")?)?,
        created: from_millis(row.try_get("created")?),
        members: Vec::new(),
    })
}

fn not_found(id: &GroupId) -> LedgerError {
    LedgerError::NotFound { what: "group", id: id.to_string() }
}

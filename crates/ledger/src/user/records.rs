//! Creates, changes, lists and removes users.

use intramuros_types::{UserId, UserRole};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::Password;
use crate::document::{from_json, to_json};
use crate::erasure::check_erasable;
use crate::key::secret;
use crate::moment::from_millis;
use crate::{Ledger, LedgerError, UserChanges, UserRecord, UserRequest, validate};

const MAX_NAME_CHARS: usize = 100;
const MAX_FULL_NAME_CHARS: usize = 200;
/// The most users there are.
const MAX_USERS: i64 = 100_000;

impl Ledger {
    /// Makes a user.
    ///
    /// # Errors
    /// `Invalid` for a bad name, label or password, or when there are too many; `Conflict` when the
    /// name is taken; `Entropy`; `Database`.
    pub async fn create_user(&self, request: UserRequest) -> Result<UserRecord, LedgerError> {
        const OPERATION: &str = "create a user";
        let UserRequest { name, full_name, role, mut labels, mut denied, password, must_change } =
            request;
        let name = sign_in_name(&name)?;
        validate::text("full_name", &full_name, MAX_FULL_NAME_CHARS)?;
        validate::labels("labels", &mut labels)?;
        validate::denied(&mut denied)?;
        password.check(&name)?;
        let hash = self.hash(password).await?;
        let id = UserId::new(format!("usr_{}", Uuid::now_v7().simple()));
        let mut transaction = self.begin_write(OPERATION).await?;
        let users: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users")
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if users >= MAX_USERS {
            let reason = format!("would be one more than {MAX_USERS}; remove one first");
            return Err(LedgerError::Invalid { name: "user", reason });
        }
        let done = sqlx::query(
            "INSERT INTO users (id, name, full_name, role, labels, denied, password, must_change, \
             created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(&name)
        .bind(&full_name)
        .bind(role.as_str())
        .bind(to_json(&labels))
        .bind(to_json(&denied))
        .bind(hash)
        .bind(i64::from(must_change))
        .bind(self.clock.now())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() == 0 {
            let reason = "already exists".to_owned();
            return Err(LedgerError::Conflict { what: "user", id: name, reason });
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.get_user(&id).await
    }

    /// The user `id`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_user(&self, id: &UserId) -> Result<UserRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM users WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a user"))?;
        let row = row.ok_or_else(|| not_found(id.as_str()))?;
        record(&row).map_err(LedgerError::database("read a user"))
    }

    /// The user who signs in with `name`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn user_named(&self, name: &str) -> Result<UserRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM users WHERE name = $1")
            .bind(folded(name))
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a user"))?;
        let row = row.ok_or_else(|| not_found(name))?;
        record(&row).map_err(LedgerError::database("read a user"))
    }

    /// Up to `limit` users by name, those after the name `after`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_users(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<UserRecord>, LedgerError> {
        sqlx::query("SELECT * FROM users WHERE name > $1 ORDER BY name LIMIT $2")
            .bind(after.unwrap_or(""))
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the users"))?
            .iter()
            .map(|row| record(row).map_err(LedgerError::database("read a user")))
            .collect()
    }

    /// Changes what is said about a user. Who is disabled is signed out, and their keys are refused
    /// until they are enabled again.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`, `Conflict` for the last administrator who would be none any more,
    /// `Database`.
    pub async fn update_user(
        &self,
        id: &UserId,
        changes: UserChanges,
    ) -> Result<UserRecord, LedgerError> {
        const OPERATION: &str = "change a user";
        let old = self.get_user(id).await?;
        let full_name = changes.full_name.unwrap_or(old.full_name);
        let mut labels = changes.labels.unwrap_or(old.labels);
        let mut denied = changes.denied.unwrap_or(old.denied);
        validate::text("full_name", &full_name, MAX_FULL_NAME_CHARS)?;
        validate::labels("labels", &mut labels)?;
        validate::denied(&mut denied)?;
        let disabled = changes.disabled.unwrap_or(old.disabled.is_some());
        let role = changes.role.unwrap_or(old.role);
        let mut transaction = self.begin_write(OPERATION).await?;
        if disabled || role != UserRole::Admin {
            check_erasable(&mut transaction, id).await?;
        }
        sqlx::query(
            "UPDATE users SET full_name = $2, role = $3, labels = $4, denied = $5, \
             disabled = CASE WHEN $6 = 0 THEN NULL ELSE COALESCE(disabled, $7) END WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(full_name)
        .bind(role.as_str())
        .bind(to_json(&labels))
        .bind(to_json(&denied))
        .bind(i64::from(disabled))
        .bind(self.clock.now())
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        if disabled {
            sqlx::query("DELETE FROM sessions WHERE user_id = $1")
                .bind(id.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.get_user(id).await
    }

    /// Gives a user another password, ends their sessions and forgets who guessed at the old one.
    ///
    /// # Errors
    /// `Invalid` for the password; `NotFound`; `Entropy`; `Database`.
    pub async fn set_password(
        &self,
        id: &UserId,
        password: Password,
        must_change: bool,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "set a password";
        let user = self.get_user(id).await?;
        password.check(&user.name)?;
        let hash = self.hash(password).await?;
        let mut transaction = self.begin_write(OPERATION).await?;
        sqlx::query("UPDATE users SET password = $2, must_change = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(hash)
            .bind(i64::from(must_change))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        sqlx::query("DELETE FROM sessions WHERE user_id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        sqlx::query("DELETE FROM sign_in_failures WHERE subject = $1")
            .bind(secret::digest(&user.name))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Removes a user with their sessions, memberships and claims on reviews; their keys are revoked
    /// and lose their owner.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for the last administrator; `Database`.
    pub async fn delete_user(&self, id: &UserId) -> Result<(), LedgerError> {
        const OPERATION: &str = "remove a user";
        let mut transaction = self.begin_write(OPERATION).await?;
        check_erasable(&mut transaction, id).await?;
        for statement in [
            "UPDATE api_keys SET revoked = COALESCE(revoked, $2), owner = NULL WHERE owner = $1",
            "DELETE FROM group_members WHERE member = $1 AND $2 = $2",
            // What they had or were to decide is for others.
            "UPDATE reviews SET claimed_until = $2 WHERE claimed_by = $1 AND claimed_until > $2",
            "UPDATE reviews SET assignee = NULL WHERE assignee = $1 AND state = 'open' AND $2 = $2",
        ] {
            sqlx::query(statement)
                .bind(id.as_str())
                .bind(self.clock.now())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        }
        let done = sqlx::query("DELETE FROM users WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if done.rows_affected() == 0 {
            return Err(not_found(id.as_str()));
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }
}

/// A name in lower case, its letters in their plain form: full-width ones and ligatures are others
/// to a computer and the same to people.
pub(super) fn folded(name: &str) -> String {
    name.trim().nfkc().collect::<String>().to_lowercase()
}

/// What a user signs in with, as it is stored.
fn sign_in_name(name: &str) -> Result<String, LedgerError> {
    let name = folded(name);
    validate::text("name", &name, MAX_NAME_CHARS)?;
    let is_hidden = |letter: char| !letter.is_alphanumeric() && !letter.is_ascii_punctuation();
    if name.chars().count() < 2 || name.chars().any(is_hidden) {
        let reason =
            "must be 2 to 100 letters, digits and signs without spaces, such as `m.martin`";
        let reason = reason.to_owned();
        return Err(LedgerError::Invalid { name: "name", reason });
    }
    Ok(name)
}

pub(super) fn record(row: &SqliteRow) -> Result<UserRecord, sqlx::Error> {
    let role: String = row.try_get("role")?;
    let role: UserRole = role.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(UserRecord {
        id: UserId::new(row.try_get::<String, _>("id")?),
        name: row.try_get("name")?,
        full_name: row.try_get("full_name")?,
        role,
        labels: from_json(row.try_get("labels")?)?,
        denied: from_json(row.try_get("denied")?)?,
        must_change: row.try_get::<i64, _>("must_change")? != 0,
        created: from_millis(row.try_get("created")?),
        disabled: row.try_get::<Option<i64>, _>("disabled")?.map(from_millis),
        last_sign_in: row.try_get::<Option<i64>, _>("last_sign_in")?.map(from_millis),
    })
}

fn not_found(id: &str) -> LedgerError {
    LedgerError::NotFound { what: "user", id: id.to_owned() }
}

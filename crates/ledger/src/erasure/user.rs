//! Erases a user of this server.

use intramuros_types::{ErasureId, UserId};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

use super::records::{count, fingerprint, key};
use crate::conversation;
use crate::job::holds;
use crate::key::secret;
use crate::pilot;
use crate::review::forget_reviewer;
use crate::triage::forget_settler;
use crate::{Lease, Ledger, LedgerError};

/// What the keys of a user are called afterwards.
const NAME_OF_KEYS: &str = "erased";

impl Ledger {
    /// Whether a user can be erased.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for the last administrator who can sign in; `Database`.
    pub async fn check_erasable(&self, user: &UserId) -> Result<(), LedgerError> {
        const OPERATION: &str = "read a user";
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        check_erasable(&mut connection, user).await
    }

    /// Erases a user with their sessions, memberships and failures to sign in; their keys are
    /// revoked and lose owner and name; what they consumed, decided and answered stays under a
    /// pseudonym, what they asked assistants goes; the contents of their entries of the audit trail go,
    /// and the entries, which hold ids only, stay. Counts what went. One that is gone is erased.
    ///
    /// # Errors
    /// `LeaseLost`; `Conflict` for the last administrator; `Database`.
    pub async fn erase_user(
        &self,
        lease: &Lease,
        erasure: &ErasureId,
        user: &UserId,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "erase a user";
        let failed = LedgerError::database;
        let mut transaction = self.begin_write(OPERATION).await?;
        holds(&mut transaction, lease).await?;
        let name: Option<String> = sqlx::query_scalar("SELECT name FROM users WHERE id = $1")
            .bind(user.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed(OPERATION))?;
        let Some(name) = name else { return Ok(()) };
        check_erasable(&mut transaction, user).await?;
        let keys: Vec<String> = sqlx::query_scalar("SELECT id FROM api_keys WHERE owner = $1")
            .bind(user.as_str())
            .fetch_all(&mut *transaction)
            .await
            .map_err(failed(OPERATION))?;
        for key in &keys {
            let steps = [
                (
                    "audit_contents",
                    "DELETE FROM audit_contents WHERE seq IN \
                     (SELECT seq FROM audit WHERE actor = 'key:' || $1)",
                ),
                ("group_memberships", "DELETE FROM group_members WHERE member = $1"),
                (
                    "jobs_begun",
                    "UPDATE jobs SET created_by = 'erased' WHERE created_by = 'key:' || $1",
                ),
            ];
            run(&mut transaction, erasure, key, &steps).await?;
        }
        let subject = secret::digest(&name);
        run(
            &mut transaction,
            erasure,
            &subject,
            &[("sign_in_failures", "DELETE FROM sign_in_failures WHERE subject = $1")],
        )
        .await?;
        let pseudonym = pseudonym(&mut transaction, user.as_str()).await?;
        rename_usage(&mut transaction, erasure, user.as_str(), &pseudonym).await?;
        let names = (user, pseudonym.as_str());
        put_pseudonyms(&mut transaction, erasure, names, self.clock.now()).await?;
        let revoked = sqlx::query(
            "UPDATE api_keys SET revoked = COALESCE(revoked, $2), owner = NULL, name = $3 \
             WHERE owner = $1",
        )
        .bind(user.as_str())
        .bind(self.clock.now())
        .bind(NAME_OF_KEYS)
        .execute(&mut *transaction)
        .await
        .map_err(failed(OPERATION))?;
        count(&mut transaction, erasure, "keys", revoked.rows_affected()).await?;
        let steps = [
            (
                "audit_contents",
                "DELETE FROM audit_contents WHERE seq IN \
                 (SELECT seq FROM audit WHERE actor = 'user:' || $1)",
            ),
            ("group_memberships", "DELETE FROM group_members WHERE member = $1"),
            (
                "jobs_begun",
                "UPDATE jobs SET created_by = 'erased' WHERE created_by = 'user:' || $1",
            ),
            ("sessions", "DELETE FROM sessions WHERE user_id = $1"),
            ("users", "DELETE FROM users WHERE id = $1"),
        ];
        run(&mut transaction, erasure, user.as_str(), &steps).await?;
        transaction.commit().await.map_err(failed(OPERATION))?;
        self.forget_erased().await;
        Ok(())
    }
}

/// Puts a pseudonym in the place of a user wherever they decided or wrote something that stays.
async fn put_pseudonyms(
    transaction: &mut Transaction<'_, Sqlite>,
    erasure: &ErasureId,
    (user, pseudonym): (&UserId, &str),
    now: i64,
) -> Result<(), LedgerError> {
    let named = forget_reviewer(transaction, user, pseudonym).await?;
    count(transaction, erasure, "reviews_under_a_pseudonym", named).await?;
    let named = forget_settler(transaction, user, pseudonym).await?;
    count(transaction, erasure, "triage_under_a_pseudonym", named).await?;
    let named = pilot::forget_person(transaction, user, pseudonym).await?;
    count(transaction, erasure, "pilots_under_a_pseudonym", named).await?;
    let named = conversation::forget_person(transaction, user, pseudonym, now).await?;
    count(transaction, erasure, "conversations_under_a_pseudonym", named).await
}

/// Runs statements about `$1` and counts what each changed.
async fn run(
    connection: &mut SqliteConnection,
    erasure: &ErasureId,
    about: &str,
    steps: &[(&'static str, &'static str)],
) -> Result<(), LedgerError> {
    for (place, statement) in steps {
        let done = sqlx::query(*statement)
            .bind(about)
            .execute(&mut *connection)
            .await
            .map_err(LedgerError::database("erase a user"))?;
        count(connection, erasure, place, done.rows_affected()).await?;
    }
    Ok(())
}

/// What consumption is kept under: the same for the same name, and of no use without the key.
pub(super) async fn pseudonym(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<String, LedgerError> {
    let key = key(connection).await?;
    let fingerprint = fingerprint(&key, name);
    Ok(format!("erased-{}", &fingerprint[..16]))
}

/// Moves what somebody consumed to their pseudonym, so that the sums stay.
pub(super) async fn rename_usage(
    connection: &mut SqliteConnection,
    erasure: &ErasureId,
    name: &str,
    pseudonym: &str,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "give consumption a pseudonym";
    // Somebody may have consumed again on the day of an earlier erasure.
    sqlx::query(
        "INSERT INTO usage (day, key_id, user_id, model, use_case, requests, prompt_tokens, \
         cached_tokens, completion_tokens, compute_micros) SELECT day, key_id, $2, model, \
         use_case, requests, prompt_tokens, cached_tokens, completion_tokens, compute_micros \
         FROM usage AS old WHERE old.user_id = $1 \
         ON CONFLICT (day, key_id, user_id, model, use_case) DO UPDATE SET \
         requests = usage.requests + excluded.requests, \
         prompt_tokens = usage.prompt_tokens + excluded.prompt_tokens, \
         cached_tokens = usage.cached_tokens + excluded.cached_tokens, \
         completion_tokens = usage.completion_tokens + excluded.completion_tokens, \
         compute_micros = usage.compute_micros + excluded.compute_micros",
    )
    .bind(name)
    .bind(pseudonym)
    .execute(&mut *connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    let moved = sqlx::query("DELETE FROM usage WHERE user_id = $1")
        .bind(name)
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    count(connection, erasure, "usage_lines_under_a_pseudonym", moved.rows_affected()).await
}

/// Refuses to lose the last administrator who can sign in.
pub(crate) async fn check_erasable(
    connection: &mut SqliteConnection,
    user: &UserId,
) -> Result<(), LedgerError> {
    const OPERATION: &str = "read a user";
    let found: Option<(String, Option<i64>)> =
        sqlx::query_as("SELECT role, disabled FROM users WHERE id = $1")
            .bind(user.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
    let id = user.to_string();
    let Some((role, disabled)) = found else {
        return Err(LedgerError::NotFound { what: "user", id });
    };
    let others: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled IS NULL AND id <> $1",
    )
    .bind(user.as_str())
    .fetch_one(connection)
    .await
    .map_err(LedgerError::database(OPERATION))?;
    if role == "admin" && disabled.is_none() && others == 0 {
        let reason = "is the last administrator; make another one first".to_owned();
        return Err(LedgerError::Conflict { what: "user", id, reason });
    }
    Ok(())
}

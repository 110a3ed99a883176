//! Creates, checks, lists and revokes API keys.

use std::time::Duration;

use intramuros_types::{KeyId, Limits, Scope, UserId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;

use super::secret;
use crate::document::{from_json, to_json};
use crate::moment::{from_millis, to_millis};
use crate::{
    Authentication, KeyChanges, KeyRecord, KeyRequest, Ledger, LedgerError, NewKey, validate,
};

const MAX_NAME_CHARS: usize = 200;
/// `last_used` is written at most this often, so that a busy key is not a disk sync per request.
const LAST_USED_STEP_MILLIS: u64 = 60_000;
/// The end of the year 9999, the last moment that is stored.
const LATEST: i64 = 253_402_300_799_999;

impl Ledger {
    /// Makes a key.
    ///
    /// # Errors
    /// `Invalid` for an empty or too long name, no scope, a bad label or limit, or an expiry that
    /// has passed; `NotFound` for the owner; `Entropy`; `Database`.
    pub async fn create_key(&self, request: KeyRequest) -> Result<NewKey, LedgerError> {
        let request = self.checked(request)?;
        if let Some(owner) = &request.owner {
            self.get_user(owner).await?;
        }
        self.insert_key(request, None).await
    }

    /// Makes a key that is like `id` but for its secret, and lets that one expire after `grace`,
    /// unless it does so earlier. Limits and consumption go on.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for a key that was revoked or has expired; `Entropy`; `Database`.
    pub async fn rotate_key(&self, id: &KeyId, grace: Duration) -> Result<NewKey, LedgerError> {
        let old = self.get_key(id).await?;
        let now = self.clock.now();
        let expired = old.expires.is_some_and(|expires| to_millis(expires) <= now);
        if old.revoked.is_some() || expired {
            let reason = "is no longer accepted; make a new one".to_owned();
            return Err(LedgerError::Conflict { what: "key", id: id.to_string(), reason });
        }
        let request = KeyRequest {
            name: old.name,
            scopes: old.scopes,
            labels: old.labels,
            denied: old.denied,
            owner: old.owner,
            limits: old.limits,
            expires: old.expires,
        };
        let new = self.insert_key(request, Some(old.family)).await?;
        let ends = now.saturating_add(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX));
        sqlx::query(
            "UPDATE api_keys SET expires = $2 WHERE id = $1 AND (expires IS NULL OR expires > $2)",
        )
        .bind(id.as_str())
        .bind(ends.min(LATEST))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("let a key expire"))?;
        Ok(new)
    }

    /// Changes what is said about a key; its secret stays.
    ///
    /// # Errors
    /// Those of [`create_key`](Self::create_key) but `Entropy`; `NotFound` for the key.
    pub async fn update_key(
        &self,
        id: &KeyId,
        changes: KeyChanges,
    ) -> Result<KeyRecord, LedgerError> {
        let old = self.get_key(id).await?;
        let KeyChanges { name, scopes, labels, denied, limits, expires } = changes;
        let request = self.checked(KeyRequest {
            name: name.unwrap_or(old.name),
            scopes: scopes.unwrap_or(old.scopes),
            labels: labels.unwrap_or(old.labels),
            denied: denied.unwrap_or(old.denied),
            owner: old.owner,
            limits: limits.unwrap_or(old.limits),
            // One that has passed may stay.
            expires: expires.flatten(),
        })?;
        let expires = if expires.is_some() { request.expires } else { old.expires };
        sqlx::query(
            "UPDATE api_keys SET name = $2, scopes = $3, labels = $4, denied = $5, expires = $6, \
             requests_per_minute = $7, tokens_per_minute = $8, concurrent_requests = $9, \
             monthly_tokens = $10 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(&request.name)
        .bind(join_scopes(&request.scopes))
        .bind(to_json(&request.labels))
        .bind(to_json(&request.denied))
        .bind(expires.map(to_millis))
        .bind(request.limits.requests_per_minute)
        .bind(request.limits.tokens_per_minute)
        .bind(request.limits.concurrent_requests)
        .bind(request.limits.monthly_tokens.map(as_stored))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("change a key"))?;
        self.get_key(id).await
    }

    /// Checks what a key is to be, and puts its lists in order.
    fn checked(&self, mut request: KeyRequest) -> Result<KeyRequest, LedgerError> {
        validate::text("name", &request.name, MAX_NAME_CHARS)?;
        validate::labels("labels", &mut request.labels)?;
        validate::denied(&mut request.denied)?;
        validate::limits(&request.limits)?;
        if request.scopes.is_empty() {
            let reason = "is empty; a key needs at least one scope".to_owned();
            return Err(LedgerError::Invalid { name: "scopes", reason });
        }
        let now = self.clock.now();
        if request.expires.is_some_and(|expires| to_millis(expires) <= now) {
            let reason = "is not in the future".to_owned();
            return Err(LedgerError::Invalid { name: "expires", reason });
        }
        request.scopes.sort_unstable();
        request.scopes.dedup();
        Ok(request)
    }

    async fn insert_key(
        &self,
        request: KeyRequest,
        family: Option<KeyId>,
    ) -> Result<NewKey, LedgerError> {
        let KeyRequest { name, scopes, labels, denied, owner, limits, expires } = request;
        let now = self.clock.now();
        let secret = secret::generate(secret::KEY)?;
        let id = secret::visible_prefix(&secret).expect("generate() makes a whole secret");
        let family = family.unwrap_or_else(|| KeyId::new(id));
        // Two keys share a prefix once in 2^48; the primary key then refuses the second one.
        sqlx::query(
            "INSERT INTO api_keys (id, name, digest, scopes, created, expires, labels, denied, \
             owner, family, requests_per_minute, tokens_per_minute, concurrent_requests, \
             monthly_tokens) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(id)
        .bind(&name)
        .bind(secret::digest(&secret))
        .bind(join_scopes(&scopes))
        .bind(now)
        .bind(expires.map(to_millis))
        .bind(to_json(&labels))
        .bind(to_json(&denied))
        .bind(owner.as_ref().map(UserId::as_str))
        .bind(family.as_str())
        .bind(limits.requests_per_minute)
        .bind(limits.tokens_per_minute)
        .bind(limits.concurrent_requests)
        .bind(limits.monthly_tokens.map(as_stored))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("create a key"))?;
        let record = KeyRecord {
            id: KeyId::new(id),
            name,
            scopes,
            labels,
            denied,
            owner,
            family,
            limits,
            created: from_millis(now),
            expires: expires.map(|expires| from_millis(to_millis(expires))),
            revoked: None,
            last_used: None,
        };
        Ok(NewKey { secret, record })
    }

    /// Says what `secret`, of a key or a session, is worth now. Anything may be passed; what is
    /// neither is `Unknown`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn authenticate(&self, secret: &str) -> Result<Authentication, LedgerError> {
        if secret::is_session(secret) {
            return self.authenticate_session(secret).await;
        }
        let Some(id) = secret::visible_prefix(secret) else {
            return Ok(Authentication::Unknown);
        };
        let row = sqlx::query("SELECT * FROM api_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a key"))?;
        let Some(row) = row else { return Ok(Authentication::Unknown) };

        let stored: String = column(&row, "digest")?;
        let same: bool = stored.as_bytes().ct_eq(secret::digest(secret).as_bytes()).into();
        if !same {
            return Ok(Authentication::Unknown);
        }
        let record = record(&row)?;
        let now = self.clock.now();
        if record.revoked.is_some() {
            return Ok(Authentication::Revoked);
        }
        if record.expires.is_some_and(|expires| to_millis(expires) <= now) {
            return Ok(Authentication::Expired);
        }
        let Some(principal) = self.principal_of_key(&record).await? else {
            return Ok(Authentication::Disabled);
        };
        // Also when the clock was set back.
        let is_old = |used: OffsetDateTime| now.abs_diff(to_millis(used)) >= LAST_USED_STEP_MILLIS;
        if record.last_used.is_none_or(is_old) {
            self.note_use(id, now).await;
        }
        Ok(Authentication::Accepted(Box::new(principal)))
    }

    /// The key `id`, whatever became of it.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_key(&self, id: &KeyId) -> Result<KeyRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM api_keys WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read a key"))?;
        let not_found = || LedgerError::NotFound { what: "key", id: id.to_string() };
        record(&row.ok_or_else(not_found)?)
    }

    /// Every key, oldest first, revoked and expired ones included.
    ///
    /// # Errors
    /// `Database`.
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, LedgerError> {
        sqlx::query("SELECT * FROM api_keys ORDER BY created, id")
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the keys"))?
            .iter()
            .map(record)
            .collect()
    }

    /// Refuses the key from now on. Revoking twice keeps the first date.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn revoke_key(&self, id: &KeyId) -> Result<(), LedgerError> {
        let changed =
            sqlx::query("UPDATE api_keys SET revoked = COALESCE(revoked, $2) WHERE id = $1")
                .bind(id.as_str())
                .bind(self.clock.now())
                .execute(&self.pool)
                .await
                .map_err(LedgerError::database("revoke a key"))?;
        if changed.rows_affected() == 0 {
            return Err(LedgerError::NotFound { what: "key", id: id.to_string() });
        }
        Ok(())
    }

    /// Notes that a key was accepted. A failure is logged and not passed on: it must not refuse a
    /// good key, for example on a full disk.
    async fn note_use(&self, id: &str, now: i64) {
        let done = sqlx::query("UPDATE api_keys SET last_used = $2 WHERE id = $1")
            .bind(id)
            .bind(now)
            .execute(&self.pool)
            .await;
        if let Err(error) = done {
            tracing::warn!(key = id, %error, "the last use of a key could not be noted");
        }
    }
}

fn column<'r, T>(row: &'r SqliteRow, name: &str) -> Result<T, LedgerError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(name).map_err(LedgerError::database("read a key"))
}

fn record(row: &SqliteRow) -> Result<KeyRecord, LedgerError> {
    let scopes: String = column(row, "scopes")?;
    let labels: String = column(row, "labels")?;
    let denied: String = column(row, "denied")?;
    Ok(KeyRecord {
        id: KeyId::new(column::<String>(row, "id")?),
        name: column(row, "name")?,
        scopes: read_scopes(&scopes)?,
        labels: from_json(&labels).map_err(LedgerError::database("read a key's labels"))?,
        denied: from_json(&denied).map_err(LedgerError::database("read a key's labels"))?,
        owner: column::<Option<String>>(row, "owner")?.map(UserId::new),
        family: KeyId::new(column::<String>(row, "family")?),
        limits: Limits {
            requests_per_minute: column(row, "requests_per_minute")?,
            tokens_per_minute: column(row, "tokens_per_minute")?,
            concurrent_requests: column(row, "concurrent_requests")?,
            monthly_tokens: column::<Option<i64>>(row, "monthly_tokens")?.map(i64::unsigned_abs),
        },
        created: from_millis(column(row, "created")?),
        expires: column::<Option<i64>>(row, "expires")?.map(from_millis),
        revoked: column::<Option<i64>>(row, "revoked")?.map(from_millis),
        last_used: column::<Option<i64>>(row, "last_used")?.map(from_millis),
    })
}

/// Scopes by their names; one that a file of another version has is an error, never ignored.
fn read_scopes(names: &str) -> Result<Vec<Scope>, LedgerError> {
    let scope = |name: &str| {
        name.parse().map_err(|unknown| {
            let error: sqlx::Error =
                sqlx::Error::Decode(Box::<intramuros_types::UnknownName>::new(unknown));
            LedgerError::Database { operation: "read a key's scopes", source: error }
        })
    };
    names.split(' ').map(scope).collect()
}

fn as_stored(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn join_scopes(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

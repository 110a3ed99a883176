//! Creates, checks, lists and revokes API keys.

use intramuros_types::KeyId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use subtle::ConstantTimeEq;

use super::secret;
use crate::document::{from_json, to_json};
use crate::moment::{from_millis, to_millis};
use crate::{Authentication, KeyRecord, KeyRequest, Ledger, LedgerError, NewKey, Scope, validate};

const MAX_NAME_CHARS: usize = 200;
/// `last_used` is written at most this often, so that a busy key is not a disk sync per request.
const LAST_USED_STEP_MILLIS: i64 = 60_000;

impl Ledger {
    /// Makes a key.
    ///
    /// # Errors
    /// `Invalid` for an empty or too long name, no scope, a bad label, or an expiry that has
    /// passed; `Entropy`; `Database`.
    pub async fn create_key(&self, request: KeyRequest) -> Result<NewKey, LedgerError> {
        let KeyRequest { name, mut scopes, mut labels, expires } = request;
        validate::text("name", &name, MAX_NAME_CHARS)?;
        labels.iter().try_for_each(|label| validate::label("labels", label))?;
        labels.sort_unstable();
        labels.dedup();
        let now = self.clock.now();
        let expires = expires.map(to_millis);
        if scopes.is_empty() {
            let reason = "is empty; a key needs at least one scope".to_owned();
            return Err(LedgerError::Invalid { name: "scopes", reason });
        }
        if expires.is_some_and(|expires| expires <= now) {
            let reason = "is not in the future".to_owned();
            return Err(LedgerError::Invalid { name: "expires", reason });
        }
        scopes.sort_unstable();
        scopes.dedup();

        let secret = secret::generate()?;
        let id = secret::visible_prefix(&secret).expect("generate() makes a whole secret");
        // Two keys share a prefix once in 2^48; the primary key then refuses the second one.
        sqlx::query(
            "INSERT INTO api_keys (id, name, digest, scopes, created, expires, labels) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id)
        .bind(&name)
        .bind(secret::digest(&secret))
        .bind(join_scopes(&scopes))
        .bind(now)
        .bind(expires)
        .bind(to_json(&labels))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("create a key"))?;

        let record = KeyRecord {
            id: KeyId::new(id),
            name,
            scopes,
            labels,
            created: from_millis(now),
            expires: expires.map(from_millis),
            revoked: None,
            last_used: None,
        };
        Ok(NewKey { secret, record })
    }

    /// Says what `secret` is worth now. Anything may be passed; what is not a key is `Unknown`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn authenticate(&self, secret: &str) -> Result<Authentication, LedgerError> {
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
        let mut record = record(&row)?;
        let now = self.clock.now();
        if record.revoked.is_some() {
            return Ok(Authentication::Revoked);
        }
        if record.expires.is_some_and(|expires| to_millis(expires) <= now) {
            return Ok(Authentication::Expired);
        }
        // Either way: the clock may have been set back.
        let apart = |used| (now - to_millis(used)).abs();
        if record.last_used.is_none_or(|used| apart(used) >= LAST_USED_STEP_MILLIS) {
            self.note_use(id, now).await;
            record.last_used = Some(from_millis(now));
        }
        Ok(Authentication::Accepted(record))
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
    Ok(KeyRecord {
        id: KeyId::new(column::<String>(row, "id")?),
        name: column(row, "name")?,
        scopes: scopes.split(' ').map(str::parse).collect::<Result<_, _>>()?,
        labels: from_json(&labels).map_err(LedgerError::database("read a key's labels"))?,
        created: from_millis(column(row, "created")?),
        expires: column::<Option<i64>>(row, "expires")?.map(from_millis),
        revoked: column::<Option<i64>>(row, "revoked")?.map(from_millis),
        last_used: column::<Option<i64>>(row, "last_used")?.map(from_millis),
    })
}

fn join_scopes(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

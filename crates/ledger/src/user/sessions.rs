//! Signs users in and out, slowly for those who guess.

use std::time::Duration;

use intramuros_types::UserId;
use sqlx::Row;

use super::Password;
use super::records::{folded, record};
use crate::key::secret;
use crate::{Authentication, Ledger, LedgerError, UserRecord};

/// Attempts that are answered at once.
const FREE_FAILURES: i64 = 5;
/// The wait after those; doubles with each further one.
const FIRST_WAIT_MILLIS: i64 = 30_000;
/// Longer waits would let a stranger lock somebody out for good.
const LONGEST_WAIT_MILLIS: i64 = 900_000;
/// Failures are forgotten a day after the last one.
const REMEMBERED_MILLIS: i64 = 86_400_000;
/// Names with failures that are remembered; more are a flood, and the oldest go.
const MAX_SUBJECTS: i64 = 10_000;
/// A session's expiry moves on at most this often.
const STEP_MILLIS: i64 = 60_000;

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// Without being used.
    pub idle: Duration,
    /// In any case.
    pub longest: Duration,
}

/// What a name and a password lead to.
#[derive(Clone)]
pub enum SignIn {
    /// They fit: a session began.
    Accepted {
        /// `ims_` and 32 random bytes in base64url; stored nowhere.
        secret: String,
        /// Whose it is.
        user: UserRecord,
    },
    /// They do not fit; which of the two is not for who tries.
    Refused {
        /// Whose name it is, where it is somebody's.
        user: Option<UserId>,
    },
    /// Too many did not fit: none is tried before this time has passed.
    Wait(Duration),
    /// They fit, and the user is disabled.
    Disabled {
        /// Who it is.
        user: UserId,
    },
}

impl Ledger {
    /// Begins a session for who signs in with `name` and `password`.
    ///
    /// # Errors
    /// `Entropy`, `Database`.
    pub async fn sign_in(
        &self,
        name: &str,
        password: Password,
        rules: SessionRules,
    ) -> Result<SignIn, LedgerError> {
        const OPERATION: &str = "sign a user in";
        let name = folded(name);
        let subject = secret::digest(&name);
        if let Some(wait) = self.note_attempt(&subject).await? {
            return Ok(SignIn::Wait(wait));
        }
        let row = sqlx::query("SELECT * FROM users WHERE name = $1")
            .bind(&name)
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let known = match &row {
            Some(row) => {
                let stored = row.try_get("password").map_err(LedgerError::database(OPERATION))?;
                Some((stored, record(row).map_err(LedgerError::database(OPERATION))?))
            }
            None => None,
        };
        let (stored, user) = known.unzip();
        let fits = self.verify(password, stored).await?;
        let user = match user {
            Some(user) if fits => user,
            other => return Ok(SignIn::Refused { user: other.map(|user| user.id) }),
        };
        if user.disabled.is_some() {
            return Ok(SignIn::Disabled { user: user.id });
        }
        let secret = self.begin_session(&user.id, &subject, rules).await?;
        Ok(SignIn::Accepted { secret, user })
    }

    /// Counts an attempt before it is tried, so that many at the same time gain nothing; the wait
    /// where there were too many.
    async fn note_attempt(&self, subject: &str) -> Result<Option<Duration>, LedgerError> {
        const OPERATION: &str = "count an attempt to sign in";
        let now = self.clock.now();
        let mut transaction = self.begin_write(OPERATION).await?;
        let known: Option<(i64, i64)> =
            sqlx::query_as("SELECT failures, last FROM sign_in_failures WHERE subject = $1")
                .bind(subject)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(LedgerError::database(OPERATION))?;
        // A clock that was set back must not make anybody wait for it.
        let known = known.filter(|(_, last)| (0..REMEMBERED_MILLIS).contains(&(now - last)));
        let (failures, last) = known.unwrap_or((0, now));
        if let Some(wait) = wait(failures).map(|wait| last + wait - now).filter(|left| *left > 0) {
            return Ok(Some(Duration::from_millis(wait.unsigned_abs())));
        }
        sqlx::query(
            "INSERT INTO sign_in_failures (subject, failures, last) VALUES ($1, $2, $3) \
             ON CONFLICT (subject) DO UPDATE SET failures = $2, last = $3",
        )
        .bind(subject)
        .bind(failures + 1)
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        sqlx::query(
            "DELETE FROM sign_in_failures WHERE last < $1 OR last < (SELECT MIN(newest.last) FROM \
             (SELECT last FROM sign_in_failures ORDER BY last DESC LIMIT $2) AS newest)",
        )
        .bind(now - REMEMBERED_MILLIS)
        .bind(MAX_SUBJECTS)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(None)
    }

    async fn begin_session(
        &self,
        user: &UserId,
        subject: &str,
        rules: SessionRules,
    ) -> Result<String, LedgerError> {
        const OPERATION: &str = "begin a session";
        let secret = secret::generate(secret::SESSION)?;
        let now = self.clock.now();
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let ends = now.saturating_add(millis(rules.longest));
        let mut transaction = self.begin_write(OPERATION).await?;
        sqlx::query("DELETE FROM sign_in_failures WHERE subject = $1")
            .bind(subject)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        sqlx::query("DELETE FROM sessions WHERE expires <= $1")
            .bind(now)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        sqlx::query("UPDATE users SET last_sign_in = $2 WHERE id = $1")
            .bind(user.as_str())
            .bind(now)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        sqlx::query(
            "INSERT INTO sessions (digest, user_id, created, expires, idle, ends) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(secret::digest(&secret))
        .bind(user.as_str())
        .bind(now)
        .bind(now.saturating_add(millis(rules.idle)).min(ends))
        .bind(millis(rules.idle))
        .bind(ends)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        Ok(secret)
    }

    /// Says what the secret of a session is worth now.
    pub(crate) async fn authenticate_session(
        &self,
        secret: &str,
    ) -> Result<Authentication, LedgerError> {
        const OPERATION: &str = "read a session";
        let digest = secret::digest(secret);
        // Equality within the database tells nothing by its time: who does not know the secret does
        // not know its digest.
        let row = sqlx::query(
            "SELECT sessions.expires AS session_expires, sessions.idle AS session_idle, \
             sessions.ends AS session_ends, users.* FROM sessions JOIN users \
             ON users.id = sessions.user_id WHERE sessions.digest = $1",
        )
        .bind(&digest)
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        let Some(row) = row else { return Ok(Authentication::Unknown) };
        let column = |name| row.try_get::<i64, _>(name).map_err(LedgerError::database(OPERATION));
        let now = self.clock.now();
        let expires = column("session_expires")?;
        if expires <= now {
            return Ok(Authentication::Expired);
        }
        let user = record(&row).map_err(LedgerError::database(OPERATION))?;
        if user.disabled.is_some() {
            return Ok(Authentication::Disabled);
        }
        let moved = now.saturating_add(column("session_idle")?).min(column("session_ends")?);
        if moved - expires >= STEP_MILLIS {
            self.prolong(&digest, moved).await;
        }
        let mut principal = self.principal_of_user(&user).await?;
        if user.must_change {
            // Nothing but the change itself, which needs no scope.
            principal.scopes.clear();
        }
        Ok(Authentication::Accepted(Box::new(principal)))
    }

    /// A failure is logged and not passed on: it must not refuse a good session.
    async fn prolong(&self, digest: &str, expires: i64) {
        let done = sqlx::query("UPDATE sessions SET expires = $2 WHERE digest = $1")
            .bind(digest)
            .bind(expires)
            .execute(&self.pool)
            .await;
        if let Err(error) = done {
            tracing::warn!(%error, "a session was not prolonged");
        }
    }

    /// Ends the session of `secret`; one that is not there is ended already.
    ///
    /// # Errors
    /// `Database`.
    pub async fn sign_out(&self, secret: &str) -> Result<(), LedgerError> {
        sqlx::query("DELETE FROM sessions WHERE digest = $1")
            .bind(secret::digest(secret))
            .execute(&self.pool)
            .await
            .map_err(LedgerError::database("end a session"))?;
        Ok(())
    }

    /// Whether `password` is the user's. Counted like an attempt to sign in.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn confirm(
        &self,
        user: &UserId,
        password: Password,
    ) -> Result<Result<(), Option<Duration>>, LedgerError> {
        const OPERATION: &str = "confirm a password";
        let user = self.get_user(user).await?;
        let subject = secret::digest(&user.name);
        if let Some(wait) = self.note_attempt(&subject).await? {
            return Ok(Err(Some(wait)));
        }
        let stored: String = sqlx::query_scalar("SELECT password FROM users WHERE id = $1")
            .bind(user.id.as_str())
            .fetch_one(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if !self.verify(password, Some(stored)).await? {
            return Ok(Err(None));
        }
        sqlx::query("DELETE FROM sign_in_failures WHERE subject = $1")
            .bind(subject)
            .execute(&self.pool)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        Ok(Ok(()))
    }

    /// Hashes on a blocking thread, a few at a time: each takes 19 MiB and a core.
    pub(super) async fn hash(&self, password: Password) -> Result<String, LedgerError> {
        self.hashing(move || password.hash()).await?
    }

    async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<bool, LedgerError> {
        self.hashing(move || password.verify(stored.as_deref())).await
    }

    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LedgerError> {
        let failed = |_| LedgerError::Interrupted;
        let place =
            self.hashing.clone().acquire_owned().await.map_err(|_| LedgerError::Interrupted)?;
        let task = move || {
            let done = work();
            // Not before: a client that leaves ends nothing here.
            drop(place);
            done
        };
        tokio::task::spawn_blocking(task).await.map_err(failed)
    }
}

/// How long to wait after so many attempts in a row that failed.
fn wait(failures: i64) -> Option<i64> {
    let beyond = failures.checked_sub(FREE_FAILURES).filter(|beyond| *beyond >= 0)?;
    let doubled = FIRST_WAIT_MILLIS << beyond.min(10);
    Some(doubled.min(LONGEST_WAIT_MILLIS))
}

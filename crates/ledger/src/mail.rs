//! Keeps e-mails until they are sent.

use std::fmt;
use std::time::Duration;

use intramuros_types::MailId;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::moment::{from_millis, to_millis};
use crate::outbox::{OutcomeRow, claim_end};
use crate::{Ledger, LedgerError, OutboxPage, OutboxState, Outcome, validate};

const WHAT: &str = "e-mail";
const MAX_RECIPIENT_CHARS: usize = 320;
const MAX_SUBJECT_CHARS: usize = 200;
/// Of the plain text, and of the HTML.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// E-mails that may wait: a server that is away must not fill the disk.
const MAX_PENDING: i64 = 10_000;

/// An e-mail to send. Whether the recipient may get it is for the caller to check.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMail {
    /// One address. Several people get an e-mail each.
    pub to: String,
    /// One line, 1 to 200 characters.
    pub subject: String,
    /// Plain text, up to 256 KiB.
    pub text: String,
    /// The same as HTML, up to 256 KiB.
    pub html: Option<String>,
}

/// Leaves out what it says.
impl fmt::Debug for NewMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMail").field("to", &self.to).finish_non_exhaustive()
    }
}

/// What the ledger tells of an e-mail; its text is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    /// `eml_…`
    pub id: MailId,
    /// Whom it is for.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// How far it is.
    pub state: OutboxState,
    /// Attempts that were begun, since it was queued or retried by hand.
    pub attempts: u32,
    /// When it is tried next, while it is pending.
    pub next_attempt: Option<OffsetDateTime>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was queued.
    pub created: OffsetDateTime,
    /// When something last happened to it.
    pub updated: OffsetDateTime,
}

/// A page of e-mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPage {
    /// The newest first.
    pub mails: Vec<MailRecord>,
    /// `before` of the next page.
    pub next: Option<MailId>,
}

/// An e-mail that the caller has for a time, to send it.
#[derive(Debug, Clone)]
pub struct ClaimedMail {
    /// Which.
    pub id: MailId,
    /// What to send.
    pub mail: NewMail,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it was queued.
    pub created: OffsetDateTime,
    claimed_until: i64,
}

impl Ledger {
    /// Puts an e-mail into the queue.
    ///
    /// # Errors
    /// `Invalid` for an empty or too long field, or one with a line break where it has one line;
    /// `Conflict` when 10,000 wait already; `Database`.
    pub async fn queue_mail(&self, mail: &NewMail) -> Result<MailRecord, LedgerError> {
        const OPERATION: &str = "queue an e-mail";
        let mut transaction = self.begin_write(OPERATION).await?;
        let queued = self.queue_within(&mut transaction, mail).await?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
        self.announce();
        Ok(queued)
    }

    /// Puts an e-mail into the queue in the transaction of its cause; the caller calls
    /// [`Ledger::announce`] after the commit.
    ///
    /// # Errors
    /// As [`Ledger::queue_mail`].
    pub(crate) async fn queue_within(
        &self,
        connection: &mut SqliteConnection,
        mail: &NewMail,
    ) -> Result<MailRecord, LedgerError> {
        const OPERATION: &str = "queue an e-mail";
        check(mail)?;
        let id = MailId::new(format!("eml_{}", Uuid::now_v7().simple()));
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM mails WHERE state = 'pending'")
            .fetch_one(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        if waiting >= MAX_PENDING {
            let reason = format!("cannot be queued: {waiting} wait, the limit");
            return Err(LedgerError::Conflict { what: WHAT, id: mail.to.clone(), reason });
        }
        let row = sqlx::query(
            "INSERT INTO mails (id, recipient, subject, text, html, state, attempts, \
             next_attempt, claimed_until, created, updated) \
             VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, 0, $6, $6) RETURNING *",
        )
        .bind(id.as_str())
        .bind(&mail.to)
        .bind(&mail.subject)
        .bind(&mail.text)
        .bind(&mail.html)
        .bind(self.clock.now())
        .fetch_one(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        record(&row)
    }

    /// Takes the e-mail that is due longest at `now` for an attempt; nobody else gets it before
    /// `lease` is over.
    ///
    /// # Errors
    /// `Database`.
    pub async fn claim_mail(
        &self,
        now: OffsetDateTime,
        lease: Duration,
    ) -> Result<Option<ClaimedMail>, LedgerError> {
        // Most looks find nothing, and need not be a writer for it.
        if self.next_mail(now).await?.is_none_or(|due| due > now) {
            return Ok(None);
        }
        let row = sqlx::query(
            "UPDATE mails SET claimed_until = $2, attempts = attempts + 1, updated = $1 WHERE id = \
             (SELECT id FROM mails WHERE state = 'pending' AND next_attempt <= $1 \
             AND claimed_until <= $1 ORDER BY next_attempt, id LIMIT 1) AND state = 'pending' \
             RETURNING *",
        )
        .bind(to_millis(now))
        .bind(claim_end(now, lease))
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("claim an e-mail"))?;
        let claimed = row.as_ref().map(read_claimed).transpose();
        claimed.map_err(LedgerError::database("read an e-mail"))
    }

    /// When the next e-mail is due, of those that nobody is at by `now`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn next_mail(
        &self,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, LedgerError> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT next_attempt FROM mails WHERE state = 'pending' AND claimed_until <= $1 \
             ORDER BY next_attempt LIMIT 1",
        )
        .bind(to_millis(now))
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("find the next e-mail"))?;
        Ok(next.map(from_millis))
    }

    /// Notes how the attempt of a claim went; what a delivered e-mail said is forgotten. Does nothing
    /// when the claim is over.
    ///
    /// # Errors
    /// `Database`.
    pub async fn finish_mail(
        &self,
        claim: &ClaimedMail,
        now: OffsetDateTime,
        outcome: &Outcome,
    ) -> Result<(), LedgerError> {
        let OutcomeRow { state, next_attempt, status: _, error } = outcome.into();
        sqlx::query(
            "UPDATE mails SET state = $3, next_attempt = COALESCE($4, next_attempt), \
             claimed_until = 0, error = $5, updated = $6, \
             text = CASE WHEN $3 = 'delivered' THEN '' ELSE text END, \
             html = CASE WHEN $3 = 'delivered' THEN NULL ELSE html END \
             WHERE id = $1 AND claimed_until = $2 AND state = 'pending'",
        )
        .bind(claim.id.as_str())
        .bind(claim.claimed_until)
        .bind(state.as_str())
        .bind(next_attempt)
        .bind(error)
        .bind(to_millis(now))
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("note an e-mail's attempt"))?;
        Ok(())
    }

    /// A page of e-mails, the newest first.
    ///
    /// # Errors
    /// `Invalid` for a wrong limit; `Database`.
    pub async fn list_mails(&self, page: OutboxPage) -> Result<MailPage, LedgerError> {
        page.check()?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT * FROM mails WHERE 1 = 1");
        if let Some(state) = page.state {
            query.push(" AND state = ").push_bind(state.as_str());
        }
        if let Some(before) = &page.before {
            query.push(" AND id < ").push_bind(before);
        }
        // One more than asked for tells whether there is a next page.
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows = query.build().fetch_all(&self.pool).await;
        let rows = rows.map_err(LedgerError::database("list the e-mails"))?;
        let mut mails = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let more = mails.len() > page.limit as usize;
        mails.truncate(page.limit as usize);
        let next = mails.last().filter(|_| more).map(|last| last.id.clone());
        Ok(MailPage { mails, next })
    }

    /// The e-mail `id`.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn get_mail(&self, id: &MailId) -> Result<MailRecord, LedgerError> {
        let row = sqlx::query("SELECT * FROM mails WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(LedgerError::database("read an e-mail"))?;
        row.as_ref().map_or_else(|| Err(not_found(id)), record)
    }

    /// Lets an e-mail that is dead, or waits, be tried now, with all attempts before it again.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it was delivered; `Database`.
    pub async fn retry_mail(&self, id: &MailId) -> Result<MailRecord, LedgerError> {
        let row = sqlx::query(
            "UPDATE mails SET state = 'pending', attempts = 0, next_attempt = $2, updated = $2 \
             WHERE id = $1 AND state <> 'delivered' RETURNING *",
        )
        .bind(id.as_str())
        .bind(self.clock.now())
        .fetch_optional(&self.pool)
        .await
        .map_err(LedgerError::database("retry an e-mail"))?;
        let Some(row) = row else {
            self.get_mail(id).await?;
            let reason = "was delivered already".to_owned();
            return Err(LedgerError::Conflict { what: WHAT, id: id.to_string(), reason });
        };
        self.announce();
        record(&row)
    }
}

fn check(mail: &NewMail) -> Result<(), LedgerError> {
    validate::text("to", &mail.to, MAX_RECIPIENT_CHARS)?;
    validate::text("subject", &mail.subject, MAX_SUBJECT_CHARS)?;
    let html = mail.html.as_deref().unwrap_or_default();
    for (name, body) in [("text", mail.text.as_str()), ("html", html)] {
        let bytes = body.len();
        if bytes > MAX_BODY_BYTES {
            let reason = format!("has {bytes} bytes, the limit is {MAX_BODY_BYTES}");
            return Err(LedgerError::Invalid { name, reason });
        }
    }
    Ok(())
}

fn not_found(id: &MailId) -> LedgerError {
    LedgerError::NotFound { what: WHAT, id: id.to_string() }
}

fn record(row: &SqliteRow) -> Result<MailRecord, LedgerError> {
    read(row).map_err(LedgerError::database("read an e-mail"))
}

fn read(row: &SqliteRow) -> Result<MailRecord, sqlx::Error> {
    let state: String = row.try_get("state")?;
    let state = state.parse().map_err(|error: LedgerError| sqlx::Error::Decode(error.into()))?;
    let next_attempt = from_millis(row.try_get("next_attempt")?);
    Ok(MailRecord {
        id: MailId::new(row.try_get::<String, _>("id")?),
        to: row.try_get("recipient")?,
        subject: row.try_get("subject")?,
        state,
        attempts: attempts(row)?,
        next_attempt: Some(next_attempt).filter(|_| state == OutboxState::Pending),
        error: row.try_get("error")?,
        created: from_millis(row.try_get("created")?),
        updated: from_millis(row.try_get("updated")?),
    })
}

fn read_claimed(row: &SqliteRow) -> Result<ClaimedMail, sqlx::Error> {
    let mail = NewMail {
        to: row.try_get("recipient")?,
        subject: row.try_get("subject")?,
        text: row.try_get("text")?,
        html: row.try_get("html")?,
    };
    Ok(ClaimedMail {
        id: MailId::new(row.try_get::<String, _>("id")?),
        mail,
        attempt: attempts(row)?,
        created: from_millis(row.try_get("created")?),
        claimed_until: row.try_get("claimed_until")?,
    })
}

fn attempts(row: &SqliteRow) -> Result<u32, sqlx::Error> {
    Ok(u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;

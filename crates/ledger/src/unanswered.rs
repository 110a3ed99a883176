//! Keeps questions that the documents did not answer.

use std::time::Duration;

use intramuros_types::KnowledgeBaseId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use crate::moment::from_millis;
use crate::{Ledger, LedgerError, validate};

const MAX_ID_CHARS: usize = 64;
const MAX_QUESTION_CHARS: usize = 4_000;
/// Questions of one knowledge base; beyond, those that were asked least recently go.
const MAX_QUESTIONS: i64 = 10_000;

/// A question that the documents did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The same for questions of the same words.
    pub id: String,
    /// As it was asked last.
    pub question: String,
    /// How often it was asked.
    pub times: u64,
    /// When it was asked first.
    pub first_asked: OffsetDateTime,
    /// When it was asked last.
    pub last_asked: OffsetDateTime,
}

impl Ledger {
    /// Notes that `question` was not answered, and forgets what nobody asked for `kept`. `id` is the
    /// same for questions that mean the same.
    ///
    /// # Errors
    /// `Invalid` for an empty or too long field; `Database`, also for an unknown knowledge base.
    pub async fn note_unanswered(
        &self,
        base: &KnowledgeBaseId,
        id: &str,
        question: &str,
        kept: Duration,
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "note a question without answer";
        validate::text("id", id, MAX_ID_CHARS)?;
        if question.chars().count() > MAX_QUESTION_CHARS {
            let reason = format!("is longer than {MAX_QUESTION_CHARS} characters");
            return Err(LedgerError::Invalid { name: "question", reason });
        }
        let now = self.clock.now();
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        let mut transaction = self.begin_write(OPERATION).await?;
        sqlx::query("DELETE FROM unanswered WHERE last_asked < $1")
            .bind(now.saturating_sub(kept))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        sqlx::query(
            "INSERT INTO unanswered (knowledge_base, id, question, times, first_asked, last_asked) \
             VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (knowledge_base, id) DO UPDATE SET \
             question = excluded.question, times = unanswered.times + 1, \
             last_asked = excluded.last_asked",
        )
        .bind(base.as_str())
        .bind(id)
        .bind(question)
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        sqlx::query(
            "DELETE FROM unanswered WHERE knowledge_base = $1 AND id NOT IN (SELECT id FROM \
             unanswered WHERE knowledge_base = $1 ORDER BY last_asked DESC, id LIMIT $2)",
        )
        .bind(base.as_str())
        .bind(MAX_QUESTIONS)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::database(OPERATION))?;
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }

    /// Up to `limit` questions that were not answered within the last `kept`, the most asked first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn unanswered(
        &self,
        base: &KnowledgeBaseId,
        kept: Duration,
        limit: u32,
    ) -> Result<Vec<Unanswered>, LedgerError> {
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        sqlx::query(
            "SELECT * FROM unanswered WHERE knowledge_base = $1 AND last_asked >= $2 \
             ORDER BY times DESC, last_asked DESC, id LIMIT $3",
        )
        .bind(base.as_str())
        .bind(self.clock.now().saturating_sub(kept))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list questions without answer"))?
        .iter()
        .map(|row| read(row).map_err(LedgerError::database("read a question without answer")))
        .collect()
    }

    /// Forgets one question, or all of a knowledge base; returns how many went.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_unanswered(
        &self,
        base: &KnowledgeBaseId,
        id: Option<&str>,
    ) -> Result<u64, LedgerError> {
        let done = sqlx::query(
            "DELETE FROM unanswered WHERE knowledge_base = $1 AND ($2 IS NULL OR id = $2)",
        )
        .bind(base.as_str())
        .bind(id)
        .execute(&self.pool)
        .await
        .map_err(LedgerError::database("forget questions without answer"))?;
        self.forget_erased().await;
        Ok(done.rows_affected())
    }
}

fn read(row: &SqliteRow) -> Result<Unanswered, sqlx::Error> {
    Ok(Unanswered {
        id: row.try_get("id")?,
        question: row.try_get("question")?,
        times: row.try_get::<i64, _>("times")?.unsigned_abs(),
        first_asked: from_millis(row.try_get("first_asked")?),
        last_asked: from_millis(row.try_get("last_asked")?),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::ledger::tests::Fixture;

    const KEPT: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn what_is_asked_most_comes_first_and_what_is_old_goes() {
        let fixture = Fixture::with_base("support").await;
        let (ledger, base) = (&fixture.ledger, "support".into());
        let note = async |id: &str, question: &str| {
            ledger.note_unanswered(&base, id, question, KEPT).await.unwrap();
        };
        note("a", "Où est la clé ?").await;
        fixture.advance(time::Duration::minutes(50));
        note("b", "Combien coûte le quai ?").await;
        note("b", "le quai, combien ?").await;
        let listed = async || ledger.unanswered(&base, KEPT, 10).await.unwrap();
        let all = listed().await;
        let shown: Vec<_> = all.iter().map(|one| (one.question.as_str(), one.times)).collect();
        assert_eq!(shown, [("le quai, combien ?", 2), ("Où est la clé ?", 1)]);
        assert_eq!(ledger.unanswered(&base, KEPT, 1).await.unwrap().len(), 1);

        // Not shown any more, and gone with the next note.
        fixture.advance(time::Duration::minutes(20));
        assert_eq!(listed().await.len(), 1);
        note("c", "Autre chose ?").await;
        assert_eq!(ledger.unanswered(&base, Duration::MAX, 10).await.unwrap().len(), 2);
        assert_eq!(ledger.forget_unanswered(&base, Some("c")).await.unwrap(), 1);
        assert_eq!(ledger.forget_unanswered(&base, Some("c")).await.unwrap(), 0);
        assert_eq!(ledger.forget_unanswered(&base, None).await.unwrap(), 1);
        assert!(ledger.note_unanswered(&base, "", "x", KEPT).await.is_err());
        assert!(ledger.note_unanswered(&"none".into(), "a", "x", KEPT).await.is_err());
    }
}

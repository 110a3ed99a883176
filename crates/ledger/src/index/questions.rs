//! Keeps the questions that a new index must answer.

use intramuros_types::KnowledgeBaseId;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::document::{from_json, to_json};
use crate::{Ledger, LedgerError, TestQuestion, validate};

const MAX_QUESTIONS: usize = 10_000;
const MAX_ID_CHARS: usize = 100;
const MAX_QUERY_CHARS: usize = 1000;
const MAX_RELEVANT: usize = 100;
const MAX_NAME_CHARS: usize = 500;

impl Ledger {
    /// The test questions of a knowledge base, by id.
    ///
    /// # Errors
    /// `Database`.
    pub async fn test_questions(
        &self,
        id: &KnowledgeBaseId,
    ) -> Result<Vec<TestQuestion>, LedgerError> {
        sqlx::query("SELECT * FROM test_questions WHERE knowledge_base = $1 ORDER BY id")
            .bind(id.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::database("list the test questions"))?
            .iter()
            .map(|row| read(row).map_err(LedgerError::database("read a test question")))
            .collect()
    }

    /// Puts `questions` in the place of those that a knowledge base had.
    ///
    /// # Errors
    /// `NotFound` for the knowledge base; `Invalid` for too many, repeated ids, or a field that is
    /// empty or too long; `Database`.
    pub async fn set_test_questions(
        &self,
        id: &KnowledgeBaseId,
        questions: &[TestQuestion],
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "store the test questions";
        self.get_knowledge_base(id).await?;
        check(questions)?;
        let mut transaction = self.begin_write(OPERATION).await?;
        sqlx::query("DELETE FROM test_questions WHERE knowledge_base = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        for question in questions {
            let done = sqlx::query(
                "INSERT INTO test_questions (knowledge_base, id, query, relevant) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(id.as_str())
            .bind(&question.id)
            .bind(&question.query)
            .bind(to_json(&question.relevant))
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::database(OPERATION))?;
            if done.rows_affected() == 0 {
                return Err(invalid(format!("has two of the id '{}'", question.id)));
            }
        }
        transaction.commit().await.map_err(LedgerError::database(OPERATION))
    }
}

fn check(questions: &[TestQuestion]) -> Result<(), LedgerError> {
    if questions.len() > MAX_QUESTIONS {
        let count = questions.len();
        return Err(invalid(format!("has {count} entries, the limit is {MAX_QUESTIONS}")));
    }
    for question in questions {
        validate::text("id", &question.id, MAX_ID_CHARS)?;
        validate::text("query", &question.query, MAX_QUERY_CHARS)?;
        if question.relevant.len() > MAX_RELEVANT {
            let (id, count) = (&question.id, question.relevant.len());
            let reason =
                format!("has {count} relevant documents for '{id}', the limit is {MAX_RELEVANT}");
            return Err(invalid(reason));
        }
        for name in &question.relevant {
            validate::text("relevant", name, MAX_NAME_CHARS)?;
        }
    }
    Ok(())
}

fn invalid(reason: String) -> LedgerError {
    LedgerError::Invalid { name: "questions", reason }
}

fn read(row: &SqliteRow) -> Result<TestQuestion, sqlx::Error> {
    Ok(TestQuestion {
        id: row.try_get("id")?,
        query: row.try_get("query")?,
        relevant: from_json(row.try_get("relevant")?)?,
    })
}

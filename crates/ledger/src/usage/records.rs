//! Adds up what was consumed, and reports it.

use std::time::Duration;

use intramuros_types::{Consumption, KeyId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use time::Date;

use super::UsageEntry;
use crate::moment::from_millis;
use crate::{Ledger, LedgerError};

/// Longest name of a user that an application gives.
const MAX_USER_CHARS: usize = 128;
/// Users that one key may name in a day; what further ones consume is added up under `OTHERS`.
const MAX_USERS: i64 = 1_000;
const OTHERS: &str = "(others)";
/// The most rows of a report.
const MAX_ROWS: i64 = 100_000;

/// Which consumption is asked for; `None` for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// On this day or later.
    pub from: Option<Date>,
    /// On this day or earlier.
    pub to: Option<Date>,
    /// Of this key with its rotations.
    pub key: Option<KeyId>,
    /// Of this user.
    pub user: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// For this use case.
    pub use_case: Option<String>,
}

/// What a report tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageGroup {
    /// Days.
    Day,
    /// Months.
    Month,
    /// Keys, rotations together.
    Key,
    /// Users.
    User,
    /// Models.
    Model,
    /// Use cases.
    UseCase,
}

impl UsageGroup {
    /// Everything that can be told apart.
    pub const ALL: [UsageGroup; 6] = [
        UsageGroup::Day,
        UsageGroup::Month,
        UsageGroup::Key,
        UsageGroup::User,
        UsageGroup::Model,
        UsageGroup::UseCase,
    ];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            UsageGroup::Day => "day",
            UsageGroup::Month => "month",
            UsageGroup::Key => "key",
            UsageGroup::User => "user",
            UsageGroup::Model => "model",
            UsageGroup::UseCase => "use_case",
        }
    }

    /// The column or expression.
    fn sql(self) -> &'static str {
        match self {
            UsageGroup::Day => "day",
            UsageGroup::Month => "SUBSTR(day, 1, 7)",
            UsageGroup::Key => "key_id",
            UsageGroup::User => "user_id",
            UsageGroup::Model => "model",
            UsageGroup::UseCase => "use_case",
        }
    }
}

/// A line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The value of each group that was asked for, in that order; empty for none.
    pub group: Vec<String>,
    /// Requests.
    pub requests: u64,
    /// What they took.
    pub consumption: Consumption,
}

impl Ledger {
    /// Adds to what was consumed, in a transaction that writes what it was for.
    pub(crate) async fn add_usage_within(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        entries: &[UsageEntry],
    ) -> Result<(), LedgerError> {
        const OPERATION: &str = "add to what was consumed";
        let day = day(from_millis(self.clock.now()).date());
        for entry in entries {
            add(transaction, &day, entry).await.map_err(LedgerError::database(OPERATION))?;
        }
        Ok(())
    }

    /// What was consumed, told apart by `groups` and in their order.
    ///
    /// # Errors
    /// `Invalid` when there are more than 100,000 lines; `Database`.
    pub async fn usage(
        &self,
        filter: &UsageFilter,
        groups: &[UsageGroup],
    ) -> Result<Vec<UsageRow>, LedgerError> {
        const OPERATION: &str = "read what was consumed";
        let columns: String = groups.iter().map(|group| format!("{}, ", group.sql())).collect();
        let mut query = QueryBuilder::new(format!(
            "SELECT {columns} SUM(requests) AS requests, SUM(prompt_tokens) AS prompt_tokens, \
             SUM(cached_tokens) AS cached_tokens, SUM(completion_tokens) AS completion_tokens, \
             SUM(compute_micros) AS compute_micros FROM usage WHERE 1 = 1"
        ));
        push_filter(&mut query, filter);
        if !groups.is_empty() {
            let order: Vec<String> = (1..=groups.len()).map(|at| at.to_string()).collect();
            let order = order.join(", ");
            query.push(format!(" GROUP BY {order} ORDER BY {order}"));
        }
        query.push(" LIMIT ").push_bind(MAX_ROWS + 1);
        let rows =
            query.build().fetch_all(&self.pool).await.map_err(LedgerError::database(OPERATION))?;
        if rows.len() > usize::try_from(MAX_ROWS).unwrap_or(usize::MAX) {
            let reason = format!("asks for more than {MAX_ROWS} lines; ask for a shorter time");
            return Err(LedgerError::Invalid { name: "group", reason });
        }
        let read = |row: &SqliteRow| row_of(row, groups.len());
        let rows = rows.iter().filter_map(|row| read(row).transpose());
        rows.collect::<Result<_, _>>().map_err(LedgerError::database(OPERATION))
    }

    /// Tokens of prompts and answers that a key consumed, with its rotations, in the calendar month
    /// (UTC) of now; for a user without key, theirs.
    ///
    /// # Errors
    /// `Database`.
    pub async fn tokens_this_month(
        &self,
        key: Option<&KeyId>,
        user: Option<&str>,
    ) -> Result<u64, LedgerError> {
        let today = from_millis(self.clock.now()).date();
        let first = today.replace_day(1).unwrap_or(today);
        let filter = UsageFilter {
            from: Some(first),
            key: Some(key.cloned().unwrap_or_else(|| KeyId::new(""))),
            user: if key.is_some() { None } else { user.map(str::to_owned) },
            ..UsageFilter::default()
        };
        let rows = self.usage(&filter, &[]).await?;
        Ok(rows.first().map_or(0, |row| row.consumption.tokens()))
    }
}

async fn add(
    transaction: &mut Transaction<'static, Sqlite>,
    day: &str,
    entry: &UsageEntry,
) -> Result<(), sqlx::Error> {
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    let key = entry.key.as_ref().map_or("", KeyId::as_str);
    let user = user(transaction, day, key, entry.user.as_deref()).await?;
    let Consumption { prompt_tokens, cached_tokens, completion_tokens, compute } =
        entry.consumption;
    sqlx::query(
        "INSERT INTO usage (day, key_id, user_id, model, use_case, requests, prompt_tokens, \
         cached_tokens, completion_tokens, compute_micros) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (day, key_id, user_id, model, use_case) DO UPDATE SET \
         requests = usage.requests + excluded.requests, \
         prompt_tokens = usage.prompt_tokens + excluded.prompt_tokens, \
         cached_tokens = usage.cached_tokens + excluded.cached_tokens, \
         completion_tokens = usage.completion_tokens + excluded.completion_tokens, \
         compute_micros = usage.compute_micros + excluded.compute_micros",
    )
    .bind(day)
    .bind(key)
    .bind(user)
    .bind(entry.model.as_ref().map_or("", |model| model.as_str()))
    .bind(&entry.use_case)
    .bind(i64::from(entry.requests))
    .bind(count(prompt_tokens))
    .bind(count(cached_tokens))
    .bind(count(completion_tokens))
    .bind(i64::try_from(compute.as_micros()).unwrap_or(i64::MAX))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The name under which a user's consumption is kept. An application may name anything: it must not
/// fill the table.
async fn user(
    transaction: &mut Transaction<'static, Sqlite>,
    day: &str,
    key: &str,
    user: Option<&str>,
) -> Result<String, sqlx::Error> {
    let Some(user) = user else { return Ok(String::new()) };
    let user: String = user.chars().filter(|c| !c.is_control()).take(MAX_USER_CHARS).collect();
    if key.is_empty() || user.is_empty() {
        return Ok(user);
    }
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM usage WHERE day = $1 AND key_id = $2 AND user_id = $3)",
    )
    .bind(day)
    .bind(key)
    .bind(&user)
    .fetch_one(&mut **transaction)
    .await?;
    if known {
        return Ok(user);
    }
    let users: i64 = sqlx::query_scalar(
        "SELECT COUNT(DISTINCT user_id) FROM usage WHERE day = $1 AND key_id = $2",
    )
    .bind(day)
    .bind(key)
    .fetch_one(&mut **transaction)
    .await?;
    Ok(if users < MAX_USERS { user } else { OTHERS.to_owned() })
}

fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &UsageFilter) {
    if let Some(from) = filter.from {
        query.push(" AND day >= ").push_bind(day(from));
    }
    if let Some(to) = filter.to {
        query.push(" AND day <= ").push_bind(day(to));
    }
    if let Some(key) = &filter.key {
        query.push(" AND key_id = ").push_bind(key.as_str().to_owned());
    }
    for (column, value) in [
        (" AND user_id = ", &filter.user),
        (" AND model = ", &filter.model),
        (" AND use_case = ", &filter.use_case),
    ] {
        if let Some(value) = value {
            query.push(column).push_bind(value.clone());
        }
    }
}

/// A line; `None` for the sum of nothing.
fn row_of(row: &SqliteRow, groups: usize) -> Result<Option<UsageRow>, sqlx::Error> {
    let Some(requests) = row.try_get::<Option<i64>, _>("requests")? else { return Ok(None) };
    let count = |name| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    Ok(Some(UsageRow {
        group: (0..groups).map(|at| row.try_get(at)).collect::<Result<_, _>>()?,
        requests: requests.unsigned_abs(),
        consumption: Consumption {
            prompt_tokens: count("prompt_tokens")?,
            cached_tokens: count("cached_tokens")?,
            completion_tokens: count("completion_tokens")?,
            compute: Duration::from_micros(count("compute_micros")?),
        },
    }))
}

/// `YYYY-MM-DD`.
fn day(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

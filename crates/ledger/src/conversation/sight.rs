//! Says which conversations a caller sees, and which they may answer in.

use intramuros_types::{Access, ConversationId, UserRole};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::ConversationSummary;
use super::records::{SUMMARY, conflict, not_found, summary};
use crate::document::from_json;
use crate::{LedgerError, Reviewer};

const OPERATION: &str = "read a conversation";

/// The sets of labels, as conversations store them, that `access` allows to read; `None` for all.
pub(super) async fn audiences(
    connection: &mut SqliteConnection,
    access: &Access,
) -> Result<Option<Vec<String>>, LedgerError> {
    if access.is_everything() {
        return Ok(None);
    }
    let stored: Vec<String> = sqlx::query_scalar("SELECT DISTINCT labels FROM conversations")
        .fetch_all(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let mut readable = Vec::new();
    for audience in stored {
        let labels: Vec<String> = from_json(&audience).map_err(LedgerError::database(OPERATION))?;
        if access.allows(&labels) {
            readable.push(audience);
        }
    }
    Ok(Some(readable))
}

/// Leaves what `reader` may see: the labels admit it, and they opened it, or answer customers and it is
/// for their team or for all.
pub(super) fn push(
    query: &mut QueryBuilder<Sqlite>,
    reader: &Reviewer,
    audiences: Option<&Vec<String>>,
) {
    if let Some(audiences) = audiences {
        query.push(" AND conversations.labels IN (");
        push_list(query, audiences.iter().cloned());
        query.push(")");
    }
    if reader.is_admin() {
        return;
    }
    query.push(" AND (conversations.who = ").push_bind(reader.who.clone());
    if reader.role < UserRole::Reviewer {
        query.push(")");
        return;
    }
    query.push(" OR conversations.team IS NULL OR conversations.team IN (");
    push_list(query, reader.teams.iter().map(ToString::to_string));
    query.push("))");
}

/// How a conversation stands, if `reader` may see it.
pub(super) async fn visible(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    reader: &Reviewer,
) -> Result<ConversationSummary, LedgerError> {
    let audiences = audiences(&mut *connection, &reader.access).await?;
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT ");
    query.push(SUMMARY).push(" FROM conversations WHERE conversations.id = ");
    query.push_bind(id.to_string());
    push(&mut query, reader, audiences.as_ref());
    let row =
        query.build().fetch_optional(connection).await.map_err(LedgerError::database(OPERATION))?;
    let row = row.ok_or_else(|| not_found(id))?;
    summary(&row).map_err(LedgerError::database(OPERATION))
}

/// How a conversation stands that `agent` may answer in.
///
/// # Errors
/// `NotFound` for one that they may not see; `Conflict` for one that is for another team, or where they
/// are no more than the customer.
pub(super) async fn answerable(
    connection: &mut SqliteConnection,
    id: &ConversationId,
    agent: &Reviewer,
) -> Result<ConversationSummary, LedgerError> {
    let found = visible(connection, id, agent).await?;
    if agent.role < UserRole::Reviewer || !agent.is_in(found.team.as_ref()) {
        return Err(conflict(id, "was opened by you and is for others to answer"));
    }
    Ok(found)
}

/// Refuses to act on a conversation that changed since it was seen.
pub(super) fn check_seen(found: &ConversationSummary, version: u32) -> Result<(), LedgerError> {
    if found.version == version {
        return Ok(());
    }
    let reason = format!(
        "is at version {}, you saw {version}: somebody else took, released or closed it meanwhile; \
         look at it again",
        found.version
    );
    Err(conflict(&found.id, reason))
}

/// A list that may be empty: no row has the empty text that stands in its place.
fn push_list(query: &mut QueryBuilder<Sqlite>, values: impl Iterator<Item = String>) {
    let mut list = query.separated(", ");
    list.push_bind(String::new());
    for value in values {
        list.push_bind(value);
    }
}

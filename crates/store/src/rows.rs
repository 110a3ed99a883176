//! Reads the rows that satisfy a condition.

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use lancedb::Table;
use lancedb::query::{ExecutableQuery, QueryBase, Select};

use crate::schema::{self, RETURNED, TOKENS, VECTOR, from_batch};
use crate::{PassageRow, PassageText, StoreError, StoredPassage};

const OPERATION: &str = "read passages";

/// Every passage that satisfies `predicate`, in no order.
pub(crate) async fn matching(
    table: &Table,
    predicate: &str,
) -> Result<Vec<StoredPassage>, StoreError> {
    read(table, predicate, &RETURNED, from_batch).await
}

/// Every row that satisfies `predicate`, with its vectors, in no order.
pub(crate) async fn rows(table: &Table, predicate: &str) -> Result<Vec<PassageRow>, StoreError> {
    let columns: Vec<&str> = RETURNED.into_iter().chain([VECTOR, TOKENS]).collect();
    read(table, predicate, &columns, schema::rows).await
}

/// Only the texts of every row that satisfies `predicate`, in no order.
pub(crate) async fn texts(table: &Table, predicate: &str) -> Result<Vec<PassageText>, StoreError> {
    read(table, predicate, &schema::TEXTS, schema::texts).await
}

/// What `convert` makes of `columns` of the rows that satisfy `predicate`.
async fn read<T>(
    table: &Table,
    predicate: &str,
    columns: &[&str],
    convert: impl Fn(&RecordBatch) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, StoreError> {
    let batches: Vec<RecordBatch> = table
        .query()
        .only_if(predicate)
        .select(Select::columns(columns))
        .execute()
        .await
        .map_err(StoreError::database(OPERATION))?
        .try_collect()
        .await
        .map_err(StoreError::database(OPERATION))?;
    let mut found = Vec::new();
    for batch in &batches {
        let converted = convert(batch)
            .map_err(|detail| StoreError::Unreadable { table: table.name().to_owned(), detail })?;
        found.extend(converted);
    }
    Ok(found)
}

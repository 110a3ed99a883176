//! Finds passages by vector, by words and by position.

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use lancedb::index::scalar::{FtsQuery, FullTextSearchQuery, MatchQuery, Operator};
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use lancedb::{DistanceType, Table};

use crate::schema::{self, RETURNED, SEARCH_TEXT, Score, TOKENS, VECTOR, from_batch};
use crate::terms::with_references;
use crate::{Filter, PassageRow, StoreError, StoredPassage};

const MAX_K: usize = 10_000;
const MAX_QUERY_CHARS: usize = 10_000;
/// Partitions of the vector index that are always looked at; more when a filter leaves too few.
const MIN_PROBES: usize = 32;
/// Candidates per result that are compared by their exact vectors.
const REFINE_FACTOR: u32 = 10;

/// LanceDB's cosine distance is 1 - cosine.
const COSINE: Score = Score { column: "_distance", convert: |distance| 1.0 - distance };
const BM25: Score = Score { column: "_score", convert: |score| score };
const OPERATION: &str = "search";

/// The `k` passages nearest to `vector` by cosine.
pub(crate) async fn nearest(
    table: &Table,
    vector: &[f32],
    k: usize,
    filter: &Filter,
) -> Result<Vec<StoredPassage>, StoreError> {
    if asks_for_nothing(k, filter)? {
        return Ok(Vec::new());
    }
    let mut query = table
        .vector_search(vector)
        .and_then(|query| query.minimum_nprobes(MIN_PROBES))
        .and_then(|query| query.maximum_nprobes(None))
        .map_err(StoreError::database(OPERATION))?
        .column(VECTOR)
        // The index's metric; with another one LanceDB would scan everything without a word.
        .distance_type(DistanceType::Cosine)
        .refine_factor(REFINE_FACTOR)
        .limit(k)
        .select(returned_with(COSINE));
    if let Some(predicate) = filter.to_sql()? {
        query = query.only_if(predicate);
    }
    let mut found = read(table, query, Some(COSINE)).await?;
    rank(&mut found);
    Ok(found)
}

/// The `k` passages that match the words of `words` best.
pub(crate) async fn full_text(
    table: &Table,
    words: &str,
    k: usize,
    filter: &Filter,
) -> Result<Vec<StoredPassage>, StoreError> {
    let chars = words.chars().count();
    if chars > MAX_QUERY_CHARS {
        let reason = format!("has {chars} characters, the limit is {MAX_QUERY_CHARS}");
        return Err(StoreError::invalid("query", reason));
    }
    if asks_for_nothing(k, filter)? {
        return Ok(Vec::new());
    }
    // A match query is analysed into words; LanceDB's query language is never involved.
    let words = MatchQuery::new(with_references(words))
        .with_column(Some(SEARCH_TEXT.to_owned()))
        .with_operator(Operator::Or);
    let mut query = table
        .query()
        .full_text_search(FullTextSearchQuery::new_query(FtsQuery::Match(words)))
        .limit(k)
        .select(returned_with(BM25));
    if let Some(predicate) = filter.to_sql()? {
        query = query.only_if(predicate);
    }
    let mut found = read(table, query, Some(BM25)).await?;
    rank(&mut found);
    Ok(found)
}

/// Every passage that satisfies `predicate`, in no order.
pub(crate) async fn matching(
    table: &Table,
    predicate: &str,
) -> Result<Vec<StoredPassage>, StoreError> {
    read(table, table.query().only_if(predicate).select(Select::columns(&RETURNED)), None).await
}

/// Every row that satisfies `predicate`, with its vector, in no order.
pub(crate) async fn rows(table: &Table, predicate: &str) -> Result<Vec<PassageRow>, StoreError> {
    let columns: Vec<&str> = RETURNED.into_iter().chain([VECTOR]).collect();
    let query = table.query().only_if(predicate).select(Select::columns(&columns));
    collect(table, query, schema::rows).await
}

/// The token vectors of up to `limit` rows, spread evenly.
pub(crate) async fn sample_tokens(table: &Table, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = table.count_rows(None).await.map_err(StoreError::database(OPERATION))?;
    let count = limit.min(rows);
    if count == 0 {
        return Ok(Vec::new());
    }
    let offsets = (0..count).map(|at| (at * rows / count) as u64).collect();
    let query = table.take_offsets(offsets).select(Select::columns(&[TOKENS]));
    collect(table, query, schema::tokens).await
}

/// Whether the answer is empty whatever the table holds.
///
/// # Errors
/// `Invalid` for too large a `k`.
fn asks_for_nothing(k: usize, filter: &Filter) -> Result<bool, StoreError> {
    if k > MAX_K {
        return Err(StoreError::invalid("k", format!("is {k}, the limit is {MAX_K}")));
    }
    Ok(k == 0 || filter.excludes_all())
}

fn returned_with(score: Score) -> Select {
    let columns: Vec<&str> = RETURNED.into_iter().chain([score.column]).collect();
    Select::columns(&columns)
}

async fn read(
    table: &Table,
    query: impl ExecutableQuery,
    score: Option<Score>,
) -> Result<Vec<StoredPassage>, StoreError> {
    collect(table, query, |batch| from_batch(batch, score)).await
}

/// What `convert` makes of all that a query gives.
async fn collect<T>(
    table: &Table,
    query: impl ExecutableQuery,
    convert: impl Fn(&RecordBatch) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, StoreError> {
    let batches: Vec<RecordBatch> = query
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

/// Best first; equal scores by id, so that the same question has the same answer.
fn rank(found: &mut [StoredPassage]) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
}

#[cfg(test)]
mod tests;

//! Finds passages by vector and by words in a table as it is at one moment.
//!
//! A search has two steps, and what it costs is in the second: finding candidates touches indexes
//! alone, reading them touches the rows. So candidates are rows and scores; the caller reads the
//! vectors of those that it compares, and the text of those that it shows. Rows are addresses in
//! files, which compaction moves; the snapshot keeps them what they were.

use std::sync::Arc;

use arrow_array::{Float32Array, RecordBatch, UInt64Array};
use futures::TryStreamExt as _;
use lance::dataset::scanner::Scanner;
use lance::dataset::{Dataset, ProjectionRequest};
use lancedb::DistanceType;
use lancedb::index::scalar::{FtsQuery, FullTextSearchQuery, MatchQuery, Operator};
use tokio::sync::OwnedRwLockReadGuard;

use crate::schema::{self, RETURNED, SEARCH_TEXT, TOKENS, VECTOR, column, from_batch};
use crate::table::{Life, check_vector};
use crate::terms::with_references;
use crate::{Filter, StoreError, StoredPassage, TableSpec};

const MAX_K: usize = 10_000;
const MAX_QUERY_CHARS: usize = 10_000;
/// Partitions of the vector index that are always looked at; more when a filter leaves too few.
const MIN_PROBES: usize = 32;

const OPERATION: &str = "search";
const ROW: &str = "_rowid";
/// LanceDB's cosine distance is 1 - cosine.
const DISTANCE: &str = "_distance";
const BM25: &str = "_score";

/// A table as it was when [`crate::PassageTable::snapshot`] was called. Keep it for one search:
/// old files stay on disk, and maintenance waits, as long as it lives.
pub struct Snapshot {
    spec: TableSpec,
    name: String,
    dataset: Arc<Dataset>,
    _open: OwnedRwLockReadGuard<Life>,
}

/// A passage of a snapshot; means nothing in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u64);

/// A passage that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The passage.
    pub row: Row,
    /// Higher is better.
    pub score: f32,
}

impl Snapshot {
    pub(crate) fn new(
        spec: TableSpec,
        name: &str,
        dataset: Arc<Dataset>,
        open: OwnedRwLockReadGuard<Life>,
    ) -> Self {
        Self { spec, name: name.to_owned(), dataset, _open: open }
    }

    /// The table's identity.
    pub fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// Number of passages.
    ///
    /// # Errors
    /// `Database`.
    pub async fn count_rows(&self) -> Result<u64, StoreError> {
        let rows = self.dataset.count_rows(None).await;
        rows.map(|rows| rows as u64).map_err(failed)
    }

    /// The `k` passages most similar to `vector`, best first; the score is the cosine similarity.
    /// Exact up to 2,000 passages; beyond, an index finds most of them and the scores are its
    /// estimates: ask for more than are needed, and compare them by [`Snapshot::vectors`].
    ///
    /// # Errors
    /// `Invalid` for a vector of another length, not finite or all zero, a `k` beyond 10,000, or
    /// too long a filter; `Database`; `Unreadable`.
    pub async fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Found>, StoreError> {
        check_vector(&self.spec, vector)?;
        if asks_for_nothing(k, filter)? {
            return Ok(Vec::new());
        }
        let mut scanner = self.dataset.scan();
        let query = Float32Array::from(vector.to_vec());
        scanner.nearest(VECTOR, &query, k).map_err(failed)?;
        // The index's metric; with another one every vector would be scanned without a word.
        scanner.distance_metric(DistanceType::Cosine.into());
        scanner.minimum_nprobes(MIN_PROBES);
        let mut found = self.found(scanner, DISTANCE, filter).await?;
        found.iter_mut().for_each(|found| found.score = 1.0 - found.score);
        rank(&mut found);
        Ok(found)
    }

    /// The `k` passages that match the words of `query` best, best first; the score is BM25,
    /// comparable within one answer only. Title, headings and text are searched; any word may
    /// match; the query is plain words, nothing in it is syntax. A query of stop words alone finds
    /// nothing.
    ///
    /// # Errors
    /// `Invalid` for a query of more than 10,000 characters, a `k` beyond 10,000, or too long a
    /// filter; `Database`; `Unreadable`.
    pub async fn full_text(
        &self,
        query: &str,
        k: usize,
        filter: &Filter,
    ) -> Result<Vec<Found>, StoreError> {
        let chars = query.chars().count();
        if chars > MAX_QUERY_CHARS {
            let reason = format!("has {chars} characters, the limit is {MAX_QUERY_CHARS}");
            return Err(StoreError::invalid("query", reason));
        }
        if asks_for_nothing(k, filter)? {
            return Ok(Vec::new());
        }
        // A match query is analysed into words; LanceDB's query language is never involved.
        let words = MatchQuery::new(with_references(query))
            .with_column(Some(SEARCH_TEXT.to_owned()))
            .with_operator(Operator::Or);
        let mut scanner = self.dataset.scan();
        let limit = i64::try_from(k).unwrap_or(i64::MAX);
        scanner.limit(Some(limit), None).map_err(failed)?;
        let query = FullTextSearchQuery::new_query(FtsQuery::Match(words));
        scanner.full_text_search(query).map_err(failed)?;
        let mut found = self.found(scanner, BM25, filter).await?;
        rank(&mut found);
        Ok(found)
    }

    /// The embeddings of `rows`, in their order.
    ///
    /// # Errors
    /// `Database`; `Unreadable`.
    pub async fn vectors(&self, rows: &[Row]) -> Result<Vec<Vec<f32>>, StoreError> {
        let batch = self.take(rows, &[VECTOR]).await?;
        self.read(batch.as_ref(), schema::vectors)
    }

    /// The token vectors of `rows`, in their order, as in [`crate::PassageRow::tokens`].
    ///
    /// # Errors
    /// `Database`; `Unreadable`.
    pub async fn tokens(&self, rows: &[Row]) -> Result<Vec<Vec<u8>>, StoreError> {
        let batch = self.take(rows, &[TOKENS]).await?;
        self.read(batch.as_ref(), schema::tokens)
    }

    /// The passages of `rows`, in their order.
    ///
    /// # Errors
    /// `Database`; `Unreadable`.
    pub async fn passages(&self, rows: &[Row]) -> Result<Vec<StoredPassage>, StoreError> {
        let batch = self.take(rows, &RETURNED).await?;
        self.read(batch.as_ref(), from_batch)
    }

    /// The token vectors of up to `limit` passages, spread evenly over the table.
    ///
    /// # Errors
    /// `Database`; `Unreadable`.
    pub async fn sample_tokens(&self, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.dataset.count_rows(None).await.map_err(failed)?;
        let count = limit.min(rows);
        if count == 0 {
            return Ok(Vec::new());
        }
        let offsets: Vec<u64> = (0..count).map(|at| (at * rows / count) as u64).collect();
        let columns = ProjectionRequest::from_columns([TOKENS], self.dataset.schema());
        let batch = self.dataset.take(&offsets, columns).await.map_err(failed)?;
        self.read(Some(&batch), schema::tokens)
    }

    async fn found(
        &self,
        mut scanner: Scanner,
        score: &str,
        filter: &Filter,
    ) -> Result<Vec<Found>, StoreError> {
        // Before the ranking: else a filter would leave fewer than `k`, or none.
        scanner.prefilter(true);
        if let Some(predicate) = filter.to_sql()? {
            scanner.filter(&predicate).map_err(failed)?;
        }
        scanner.project(&[score]).map_err(failed)?;
        scanner.with_row_id();
        let stream = scanner.try_into_stream().await.map_err(failed)?;
        let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(failed)?;
        let mut found = Vec::new();
        for batch in &batches {
            found.extend(self.read(Some(batch), |batch| {
                let rows = column::<UInt64Array>(batch, ROW)?.values().iter();
                let scores = column::<Float32Array>(batch, score)?.values().iter();
                Ok(rows
                    .zip(scores)
                    .map(|(row, score)| Found { row: Row(*row), score: *score })
                    .collect())
            })?);
        }
        Ok(found)
    }

    /// `columns` of `rows`, in their order; `None` for no rows.
    async fn take(
        &self,
        rows: &[Row],
        columns: &[&str],
    ) -> Result<Option<RecordBatch>, StoreError> {
        if rows.is_empty() {
            return Ok(None);
        }
        let ids: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let columns = ProjectionRequest::from_columns(columns, self.dataset.schema());
        let batch = self.dataset.take_rows(&ids, columns).await.map_err(failed)?;
        if batch.num_rows() != rows.len() {
            let detail = format!("{} of {} rows are there", batch.num_rows(), rows.len());
            return Err(StoreError::Unreadable { table: self.name.clone(), detail });
        }
        Ok(Some(batch))
    }

    fn read<T>(
        &self,
        batch: Option<&RecordBatch>,
        convert: impl Fn(&RecordBatch) -> Result<Vec<T>, String>,
    ) -> Result<Vec<T>, StoreError> {
        let Some(batch) = batch else { return Ok(Vec::new()) };
        convert(batch).map_err(|detail| StoreError::Unreadable { table: self.name.clone(), detail })
    }
}

fn failed(error: lance::Error) -> StoreError {
    StoreError::database(OPERATION)(error.into())
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

/// Best first; equal scores by row, so that the same question has the same answer.
fn rank(found: &mut [Found]) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.row.cmp(&b.row)));
}

#[cfg(test)]
mod tests;

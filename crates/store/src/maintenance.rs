//! Keeps a table's indexes up to date and its folder free of what was deleted.

use lancedb::index::Index;
use lancedb::index::scalar::{BTreeIndexBuilder, FtsIndexBuilder, LabelListIndexBuilder};
use lancedb::index::vector::IvfRqIndexBuilder;
use lancedb::table::{CompactionOptions, Duration, OptimizeAction, OptimizeOptions};
use lancedb::{DistanceType, Table};

use crate::StoreError;
use crate::schema::{DOCUMENT, LABELS, METADATA, SEARCH_TEXT, VECTOR, WRITTEN};

const FULL_TEXT_INDEX: &str = "search_text_idx";
const VECTOR_INDEX: &str = "vector_idx";
/// The columns of filters, with their indexes.
const FILTER_INDEXES: [(&str, &str); 4] = [
    (DOCUMENT, "document_idx"),
    (LABELS, "labels_idx"),
    (METADATA, "metadata_idx"),
    (WRITTEN, "written_idx"),
];
const OPERATION: &str = "maintain a table";

/// When to do what.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// Up to this many passages vectors are compared one by one: 3 ms at 2,000 of 384 values, where
    /// the index takes 2. On the GIMP manual (3,500 passages) candidates by the index and by all
    /// vectors lead to the same results but for one question in 80.
    pub(crate) exact_up_to: usize,
    /// Up to this many passages a filter looks at each.
    pub(crate) filtered_one_by_one_up_to: usize,
    /// Passages per file. One deletion rewrites one file, so this bounds what it costs.
    pub(crate) rows_per_file: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { exact_up_to: 2_000, filtered_one_by_one_up_to: 1_000, rows_per_file: 100_000 }
    }
}

/// Creates the full-text index if the table lacks it; searches need it from the first row on.
pub(crate) async fn ensure_full_text_index(table: &Table) -> Result<(), StoreError> {
    if index_names(table).await?.iter().any(|name| name == FULL_TEXT_INDEX) {
        return Ok(());
    }
    build_full_text_index(table).await
}

/// Indexes and compacts. `stale_index`: the indexes may name rows that are gone.
///
/// An index keeps the words of a deleted passage, and an update of it keeps them too; only
/// building it anew leaves them out. So indexes are extended after additions and built anew after
/// removals. Compaction comes second: interrupted before it, the deletions are still marked in
/// the files, and the next run starts over.
pub(crate) async fn rewrite(
    table: &Table,
    policy: &Policy,
    stale_index: bool,
) -> Result<(), StoreError> {
    let rows = table.count_rows(None).await.map_err(StoreError::database(OPERATION))?;
    let names = index_names(table).await?;
    let has_vector_index = names.iter().any(|name| name == VECTOR_INDEX);
    if stale_index {
        build_full_text_index(table).await?;
    }
    if rows > policy.filtered_one_by_one_up_to {
        for (column, name) in FILTER_INDEXES {
            if stale_index || !names.iter().any(|known| known == name) {
                build_filter_index(table, column, name).await?;
            }
        }
    }
    if rows > policy.exact_up_to {
        if stale_index || !has_vector_index {
            build_vector_index(table, rows).await?;
        }
    } else if has_vector_index {
        table.drop_index(VECTOR_INDEX).await.map_err(StoreError::database(OPERATION))?;
    }
    compact(table, policy).await?;
    extend(table).await
}

/// Makes rows that no index knows yet known to all.
pub(crate) async fn extend(table: &Table) -> Result<(), StoreError> {
    optimize(table, OptimizeAction::Index(OptimizeOptions::default())).await
}

/// Removes the files of all versions but the newest. The caller keeps every reader and writer out.
pub(crate) async fn prune(table: &Table) -> Result<(), StoreError> {
    let action = OptimizeAction::Prune {
        older_than: Some(Duration::zero()),
        // Also what an interrupted write left. Nothing is being written: see the caller.
        delete_unverified: Some(true),
        error_if_tagged_old_versions: None,
    };
    optimize(table, action).await
}

#[cfg(test)]
pub(crate) async fn has_vector_index(table: &Table) -> Result<bool, StoreError> {
    Ok(index_names(table).await?.iter().any(|name| name == VECTOR_INDEX))
}

async fn compact(table: &Table, policy: &Policy) -> Result<(), StoreError> {
    let options = CompactionOptions {
        target_rows_per_fragment: policy.rows_per_file,
        // The default leaves up to a tenth of deleted rows in a file.
        materialize_deletions: true,
        materialize_deletions_threshold: 0.0,
        ..CompactionOptions::default()
    };
    optimize(table, OptimizeAction::Compact { options, remap_options: None }).await
}

/// Words as [`crate::terms`] describes them.
async fn build_full_text_index(table: &Table) -> Result<(), StoreError> {
    let analysis = FtsIndexBuilder::default()
        .base_tokenizer("simple".to_owned())
        .language("French")
        .map_err(|error| StoreError::database(OPERATION)(error.into()))?
        .lower_case(true)
        .stem(true)
        .remove_stop_words(true)
        .ascii_folding(true)
        .max_token_length(Some(40))
        .with_position(false);
    table
        .create_index(&[SEARCH_TEXT], Index::FTS(analysis))
        .name(FULL_TEXT_INDEX.to_owned())
        .replace(true)
        .execute()
        .await
        .map_err(StoreError::database(OPERATION))?;
    Ok(())
}

async fn build_filter_index(table: &Table, column: &str, name: &str) -> Result<(), StoreError> {
    let index = match column {
        LABELS | METADATA => Index::LabelList(LabelListIndexBuilder::default()),
        _ => Index::BTree(BTreeIndexBuilder::default()),
    };
    table
        .create_index(&[column], index)
        .name(name.to_owned())
        .replace(true)
        .execute()
        .await
        .map_err(StoreError::database(OPERATION))?;
    Ok(())
}

async fn build_vector_index(table: &Table, rows: usize) -> Result<(), StoreError> {
    // 22 partitions at 2,000 rows, 158 at 100,000, 500 at a million.
    let partitions = u32::try_from(rows.isqrt() / 2).unwrap_or(u32::MAX).clamp(16, 1024);
    let index =
        IvfRqIndexBuilder::default().distance_type(DistanceType::Cosine).num_partitions(partitions);
    table
        .create_index(&[VECTOR], Index::IvfRq(index))
        .name(VECTOR_INDEX.to_owned())
        .replace(true)
        .execute()
        .await
        .map_err(StoreError::database(OPERATION))?;
    Ok(())
}

async fn index_names(table: &Table) -> Result<Vec<String>, StoreError> {
    let indices = table.list_indices().await.map_err(StoreError::database(OPERATION))?;
    Ok(indices.into_iter().map(|index| index.name).collect())
}

async fn optimize(table: &Table, action: OptimizeAction) -> Result<(), StoreError> {
    table.optimize(action).await.map_err(StoreError::database(OPERATION))?;
    Ok(())
}

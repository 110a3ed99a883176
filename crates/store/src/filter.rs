//! Restricts a search to documents and to what a caller may read.

use intramuros_types::DocumentId;

use crate::StoreError;
use crate::schema::{DOCUMENT, LABELS, OPEN_TO_ALL};

/// The most documents or labels that a filter may list; bounds the size of the query.
const MAX_LISTED: usize = 10_000;

/// What a search may return; evaluated inside the query, before ranking. The default lets
/// everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only passages of these documents, up to 10,000; `None` for all, an empty list for nothing.
    pub documents: Option<Vec<DocumentId>>,
    /// The labels that the caller holds, up to 10,000: only passages without labels and passages
    /// that carry at least one of these. `None` for a caller who may read everything.
    pub labels: Option<Vec<String>>,
}

impl Filter {
    /// Whether nothing can pass.
    pub(crate) fn excludes_all(&self) -> bool {
        self.documents.as_ref().is_some_and(Vec::is_empty)
    }

    /// The filter as a SQL predicate; `None` when everything passes.
    ///
    /// # Errors
    /// `Invalid` for too long a list.
    pub(crate) fn to_sql(&self) -> Result<Option<String>, StoreError> {
        let mut conditions = Vec::new();
        if let Some(documents) = &self.documents {
            bounded("filter.documents", documents.len())?;
            let listed = documents.iter().map(|id| quoted(id.as_str())).collect::<Vec<_>>();
            conditions.push(format!("{DOCUMENT} IN ({})", listed.join(", ")));
        }
        if let Some(labels) = &self.labels {
            bounded("filter.labels", labels.len())?;
            let held = [OPEN_TO_ALL].into_iter().chain(labels.iter().map(String::as_str));
            let listed = held.map(quoted).collect::<Vec<_>>();
            conditions.push(format!("array_has_any({LABELS}, [{}])", listed.join(", ")));
        }
        Ok((!conditions.is_empty()).then(|| conditions.join(" AND ")))
    }
}

/// The predicate that selects one document.
pub(crate) fn of_document(id: &DocumentId) -> String {
    format!("{DOCUMENT} = {}", quoted(id.as_str()))
}

/// `value` as a SQL string literal. The quote is the only character with a meaning inside one:
/// the dialect has no backslash escapes.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn bounded(name: &'static str, len: usize) -> Result<(), StoreError> {
    if len <= MAX_LISTED {
        return Ok(());
    }
    Err(StoreError::invalid(name, format!("lists {len} values, the limit is {MAX_LISTED}")))
}

#[cfg(test)]
mod tests;

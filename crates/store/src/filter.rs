//! Restricts a search to documents, to their properties, and to what a caller may read.

use std::collections::BTreeMap;

use intramuros_types::{Access, DocumentId};

use crate::StoreError;
use crate::schema::{DOCUMENT, LABELS, METADATA, OPEN_TO_ALL, WRITTEN, entry};

/// The most documents or labels that a filter may list; bounds the size of the query.
const MAX_LISTED: usize = 10_000;

/// What a search may return; evaluated inside the query, before ranking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Only passages of these documents, up to 10,000; `None` for all, an empty list for nothing.
    pub documents: Option<Vec<DocumentId>>,
    /// For each name one of these values; up to 10,000 values in all.
    pub metadata: BTreeMap<String, Vec<String>>,
    /// Only passages of documents written in this time; one without a date is in none.
    pub written: Option<DateRange>,
    /// What the caller may read.
    pub access: Access,
}

/// Days since 1970-01-01, both ends included; `None` for no end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DateRange {
    /// The first day.
    pub from: Option<i32>,
    /// The last day.
    pub to: Option<i32>,
}

impl Filter {
    /// Lets through everything that `access` allows to read.
    pub fn readable_by(access: Access) -> Self {
        Self { documents: None, metadata: BTreeMap::new(), written: None, access }
    }

    /// Whether nothing can pass.
    pub(crate) fn excludes_all(&self) -> bool {
        self.documents.as_ref().is_some_and(Vec::is_empty)
            || self.metadata.values().any(Vec::is_empty)
    }

    /// The filter as a SQL predicate; `None` when everything passes.
    ///
    /// # Errors
    /// `Invalid` for too long a list.
    pub(crate) fn to_sql(&self) -> Result<Option<String>, StoreError> {
        let mut conditions = Vec::new();
        if let Some(documents) = &self.documents {
            bounded("filter.documents", documents.len())?;
            let listed = list(documents.iter().map(DocumentId::as_str));
            conditions.push(format!("{DOCUMENT} IN ({listed})"));
        }
        bounded("filter.metadata", self.metadata.values().map(Vec::len).sum())?;
        for (name, values) in &self.metadata {
            let entries: Vec<String> = values.iter().map(|value| entry(name, value)).collect();
            let listed = list(entries.iter().map(String::as_str));
            conditions.push(format!("array_has_any({METADATA}, [{listed}])"));
        }
        if let Some(range) = self.written {
            conditions.push(format!("{WRITTEN} IS NOT NULL"));
            conditions.extend(range.from.map(|from| format!("{WRITTEN} >= {from}")));
            conditions.extend(range.to.map(|to| format!("{WRITTEN} <= {to}")));
        }
        if let Some(held) = self.access.held() {
            bounded("filter.labels", held.len())?;
            let listed = list([OPEN_TO_ALL].into_iter().chain(held.iter().map(String::as_str)));
            conditions.push(format!("array_has_any({LABELS}, [{listed}])"));
        }
        let denied = self.access.denied();
        if !denied.is_empty() {
            bounded("filter.labels", denied.len())?;
            let listed = list(denied.iter().map(String::as_str));
            conditions.push(format!("NOT array_has_any({LABELS}, [{listed}])"));
        }
        Ok((!conditions.is_empty()).then(|| conditions.join(" AND ")))
    }
}

fn list<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.map(quoted).collect::<Vec<_>>().join(", ")
}

/// The predicate that selects one document.
pub(crate) fn of_document(id: &DocumentId) -> String {
    format!("{DOCUMENT} = {}", quoted(id.as_str()))
}

/// The condition of the passages of `documents`, of which there is at least one.
pub(crate) fn of_documents(documents: &[DocumentId]) -> String {
    let ids: Vec<String> = documents.iter().map(|id| quoted(id.as_str())).collect();
    format!("{DOCUMENT} IN ({})", ids.join(", "))
}

/// `value` as a SQL string literal. The quote is the only character with a meaning inside one:
/// the dialect has no backslash escapes.
pub(crate) fn quoted(value: &str) -> String {
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

//! Reads which documents a search or a question is about.

use std::collections::BTreeMap;

use intramuros_knowledge::Scope;
use intramuros_types::{Access, DocumentId};
use serde::Deserialize;
use utoipa::ToSchema;

/// Where to look. What the key may not read is left out in any case, within the query.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ScopeFields {
    /// Only in these documents.
    documents: Option<Vec<String>>,
    /// Only in documents whose metadata has, for each name, one of these values.
    metadata: Option<BTreeMap<String, Vec<String>>>,
    /// Only in documents written on this day (`2026-03-31`) or later, as they say themselves.
    written_from: Option<String>,
    /// Only in documents written on this day or earlier.
    written_to: Option<String>,
    /// On behalf of somebody who holds these labels: documents without labels, and those with one
    /// of these that the key holds too.
    labels: Option<Vec<String>>,
}

impl ScopeFields {
    pub(crate) const FIELDS: &'static [&'static str] =
        &["documents", "metadata", "written_from", "written_to", "labels"];

    /// As the knowledge base understands it, for a caller with `access`.
    pub(crate) fn within(self, access: &Access) -> Scope {
        let Self { documents, metadata, written_from, written_to, labels } = self;
        Scope {
            documents: documents.map(|ids| ids.into_iter().map(DocumentId::new).collect()),
            metadata: metadata.unwrap_or_default(),
            written_from,
            written_to,
            access: labels.map_or_else(|| access.clone(), |labels| access.on_behalf_of(&labels)),
        }
    }
}

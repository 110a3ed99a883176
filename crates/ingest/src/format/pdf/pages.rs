//! Checks the tree of pages before the parser walks through it: one that contains itself keeps the
//! parser busy for ever.

use std::collections::HashSet;

use pdf_oxide::document::PdfDocument;
use pdf_oxide::object::{Object, ObjectRef};

use crate::{ExtractLimits, IngestError};

/// Nodes between the root and its pages, for each page.
const MAX_NODES_PER_PAGE: usize = 4;

/// Looks at every node once. What is missing or not a dictionary is left to the parser, which can
/// repair some of it.
///
/// # Errors
/// [`IngestError::Damaged`] when a node is its own descendant or has two parents,
/// [`IngestError::LimitExceeded`] when there are too many nodes.
pub(super) fn check(document: &PdfDocument, limits: &ExtractLimits) -> Result<(), IngestError> {
    let max = limits.max_pages as usize;
    let mut seen: HashSet<ObjectRef> = HashSet::new();
    let mut pending = Vec::new();
    if let Ok(catalog) = document.catalog()
        && let Some(root) = catalog.as_dict().and_then(|catalog| catalog.get("Pages"))
    {
        pending.push(root.clone());
    }
    while let Some(node) = pending.pop() {
        if let Some(reference) = node.as_reference()
            && !seen.insert(reference)
        {
            return Err(IngestError::damaged("its tree of pages leads back to itself"));
        }
        if seen.len() + pending.len() > max.saturating_mul(MAX_NODES_PER_PAGE) {
            return Err(IngestError::LimitExceeded { what: "pages".into(), limit: max as u64 });
        }
        let Ok(node) = document.resolve_object(&node) else { continue };
        let kids = node.as_dict().and_then(|node| node.get("Kids"));
        let Some(Ok(Object::Array(kids))) = kids.map(|kids| document.resolve_object(kids)) else {
            continue;
        };
        pending.extend(kids);
    }
    Ok(())
}

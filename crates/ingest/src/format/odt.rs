//! Reads ODT: headings, paragraphs, lists, tables, notes, text boxes, page headers and footers.

use super::odf::{self, body};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{promote_bold_headings, push, push_frame};

/// Page headers, and page footers. Source: OpenDocument 1.3 part 3, 16.10 to 16.13.
const HEADERS: [&str; 3] = ["style:header", "style:header-left", "style:header-first"];
const FOOTERS: [&str; 3] = ["style:footer", "style:footer-left", "style:footer-first"];

/// Reads `bytes` into `builder`.
///
/// # Errors
/// Those of [`odf::open`], and the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let document = odf::open(bytes, builder)?;
    if document.content.contains("<office:annotation ") {
        builder.warn("comments_left_out", "its comments were not read", None);
    }
    let headers = body::read(&document.frame, &HEADERS, &document.styles, builder)?;
    let footers = body::read(&document.frame, &FOOTERS, &document.styles, builder)?;
    let mut items = body::read(&document.content, &["office:text"], &document.styles, builder)?;
    promote_bold_headings(&mut items);
    push_frame(&headers, builder)?;
    for item in items {
        push(item, builder)?;
    }
    push_frame(&footers, builder)
}

#[cfg(test)]
mod tests;

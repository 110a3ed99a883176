//! Reads DOCX: paragraphs, headings, lists, tables, notes, text boxes, headers and footers.
//!
//! Source: ECMA-376 part 1 (WordprocessingML). Tracked deletions are left out and insertions kept,
//! so the text is what the author would accept; field codes are not text, and comments are about
//! the text.

use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{promote_bold_headings, push, push_frame};
use crate::format::metadata;
use crate::format::package::Package;

mod body;
mod notes;
mod numbering;
mod styles;
mod table;

use body::Context;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Damaged`] for a broken archive or broken XML, [`IngestError::Encrypted`],
/// [`IngestError::LimitExceeded`] for what the archive decompresses to, the nesting of elements
/// and the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut package = Package::open(bytes, builder)?;
    if let Some(core) = package.part("docProps/core.xml")? {
        metadata::read_office(&core, builder)?;
    }
    let main = package.main_part("word/document.xml", builder)?;
    let Some(document) = package.part(&main)? else {
        return Err(IngestError::damaged(format!("the archive has no {main}")));
    };
    let relations = package.relations(&main, builder)?;
    let of_kind = |kind: &str| {
        let mut names: Vec<String> =
            relations.values().filter(|r| r.kind == kind).map(|r| r.target.clone()).collect();
        names.sort();
        names
    };
    let mut context = Context::default();
    // Without relations, as in the smallest of files, the usual names are tried.
    let usual = |kind: &str, name: &str| {
        let found = of_kind(kind).into_iter().next();
        found.unwrap_or_else(|| format!("word/{name}.xml"))
    };
    if let Some(part) = package.part(&usual("styles", "styles"))? {
        context.styles = styles::read(&part, builder)?;
    }
    if let Some(part) = package.part(&usual("numbering", "numbering"))? {
        context.numbering = numbering::read(&part, builder)?;
    }
    for kind in ["footnotes", "endnotes"] {
        if let Some(part) = package.part(&usual(kind, kind))? {
            notes::read(&part, builder, &mut context.notes)?;
        }
    }
    if let Some(part) = package.part(&usual("comments", "comments"))?
        && part.contains(":comment ")
    {
        builder.warn("comments_left_out", "its comments were not read", None);
    }
    let mut frame = Vec::new();
    for kind in ["header", "footer"] {
        let mut items = Vec::new();
        for name in of_kind(kind) {
            if let Some(part) = package.part(&name)? {
                items.extend(body::read(&part, builder, &mut context)?);
            }
        }
        frame.push(items);
    }
    let mut items = body::read(&document, builder, &mut context)?;
    promote_bold_headings(&mut items);
    let footer = frame.pop().unwrap_or_default();
    let header = frame.pop().unwrap_or_default();
    push_frame(&header, builder)?;
    for item in items {
        push(item, builder)?;
    }
    push_frame(&footer, builder)
}

#[cfg(test)]
mod tests;

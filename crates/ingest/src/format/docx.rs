//! Reads DOCX: paragraphs, headings, lists, tables, notes, text boxes, headers and footers.
//!
//! Source: ECMA-376 part 1 (WordprocessingML). Tracked deletions are left out and insertions kept,
//! so the text is what the author would accept; comments and field codes are not text.

use intramuros_types::BlockKind;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::table::{first_row_is_header, row_text};

mod body;
mod notes;
mod numbering;
mod package;
mod styles;
mod xml;

use body::{Context, Item, Paragraph, Row};
use package::Package;

/// The longest bold paragraph that can be a heading where nothing else is, in characters.
const MAX_BOLD_HEADING_CHARS: usize = 80;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Damaged`] for a broken archive or broken XML, [`IngestError::Encrypted`],
/// [`IngestError::LimitExceeded`] for what the archive decompresses to, the nesting of elements
/// and the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut package = Package::open(bytes, builder)?;
    if let Some(core) = package.part("docProps/core.xml")? {
        builder.title = notes::core_title(&core, builder)?;
    }
    let Some(document) = package.part("word/document.xml")? else {
        return Err(IngestError::damaged("the archive has no word/document.xml"));
    };
    let mut context = Context::default();
    if let Some(part) = package.part("word/styles.xml")? {
        context.styles = styles::read(&part, builder)?;
    }
    if let Some(part) = package.part("word/numbering.xml")? {
        context.numbering = numbering::read(&part, builder)?;
    }
    for name in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(part) = package.part(name)? {
            notes::read(&part, builder, &mut context.notes)?;
        }
    }
    let mut frame = Vec::new();
    for prefix in ["word/header", "word/footer"] {
        let mut items = Vec::new();
        for name in package.names(prefix) {
            if let Some(part) = package.part(&name)? {
                items.extend(body::read(&part, builder, &mut context)?);
            }
        }
        items.dedup();
        frame.push(items);
    }
    let mut items = body::read(&document, builder, &mut context)?;
    promote_bold_headings(&mut items);
    let footer = frame.pop().unwrap_or_default();
    let header = frame.pop().unwrap_or_default();
    for item in header.into_iter().chain(items).chain(footer) {
        push(item, builder)?;
    }
    Ok(())
}

/// Takes short bold paragraphs for headings where the author used no heading style at all.
fn promote_bold_headings(items: &mut [Item]) {
    let is_styled = |item: &Item| matches!(item, Item::Paragraph(p) if p.level.is_some());
    if items.iter().any(is_styled) {
        return;
    }
    let bold = |item: Option<&Item>| matches!(item, Some(Item::Paragraph(p)) if p.bold);
    for at in 0..items.len() {
        if bold(items.get(at + 1)) || at + 1 == items.len() {
            continue;
        }
        let Item::Paragraph(paragraph) = &mut items[at] else { continue };
        let text = paragraph.text.trim();
        if paragraph.bold
            && paragraph.marker.is_none()
            && text.chars().count() <= MAX_BOLD_HEADING_CHARS
            && !text.ends_with(['.', ',', ';', ':'])
        {
            paragraph.level = Some(2);
        }
    }
}

/// Pushes an item and all within it. Tables are nested at most `max_nesting` deep, which the
/// reader of the body enforces; a stack of items stands in for recursion all the same.
fn push(item: Item, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut pending = vec![item];
    while let Some(item) = pending.pop() {
        match item {
            Item::Paragraph(paragraph) => push_paragraph(&paragraph, builder)?,
            Item::Table(rows) if is_data(&rows) => push_rows(&rows, builder)?,
            Item::Table(rows) => {
                let cells = rows.into_iter().flat_map(|row| row.cells).flatten();
                let start = pending.len();
                pending.extend(cells);
                pending[start..].reverse();
            }
        }
    }
    Ok(())
}

fn push_paragraph(paragraph: &Paragraph, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let marker = paragraph.marker.as_deref().unwrap_or_default();
    let text = format!("{marker}{}", paragraph.text.trim_start());
    if paragraph.text.trim().is_empty() {
        return Ok(());
    }
    let kind = match paragraph.level {
        Some(level) => BlockKind::Heading(level),
        None if paragraph.marker.is_some() => BlockKind::ListItem,
        None => BlockKind::Paragraph,
    };
    builder.push(kind, &text)?;
    for note in &paragraph.notes {
        builder.push(BlockKind::Paragraph, note)?;
    }
    Ok(())
}

/// Whether a table holds data; those that place things on a page have long or structured cells.
fn is_data(rows: &[Row]) -> bool {
    const MAX_CELL_PARAGRAPHS: usize = 6;
    const MAX_CELL_BYTES: usize = 800;
    if rows.iter().all(|row| row.cells.len() <= 1) {
        return false;
    }
    rows.iter().flat_map(|row| &row.cells).all(|cell| {
        let plain = |item: &Item| matches!(item, Item::Paragraph(p) if p.level.is_none());
        cell.len() <= MAX_CELL_PARAGRAPHS
            && cell.iter().all(plain)
            && cell_text(cell).len() <= MAX_CELL_BYTES
    })
}

fn push_rows(rows: &[Row], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let texts: Vec<Vec<String>> =
        rows.iter().map(|row| row.cells.iter().map(|cell| cell_text(cell)).collect()).collect();
    let declared = rows.len() > 1 && rows[0].header;
    let bold = |row: &Row| {
        let mut filled = row.cells.iter().flatten().peekable();
        filled.peek().is_some() && filled.all(|item| matches!(item, Item::Paragraph(p) if p.bold))
    };
    let set_apart = rows.len() > 1
        && bold(&rows[0])
        && !rows[1..].iter().any(bold)
        && texts[0].len() > 1
        && texts[0].iter().all(|text| !text.trim().is_empty());
    let has_header = declared || set_apart || first_row_is_header(&texts);
    let headers: &[String] = if has_header { &texts[0] } else { &[] };
    for row in &texts[usize::from(has_header)..] {
        builder.push(BlockKind::TableRow, &row_text(headers, row))?;
    }
    for note in rows.iter().flat_map(|row| row.cells.iter().flatten()) {
        if let Item::Paragraph(paragraph) = note {
            for note in &paragraph.notes {
                builder.push(BlockKind::Paragraph, note)?;
            }
        }
    }
    Ok(())
}

/// The paragraphs of a cell on one line.
fn cell_text(cell: &[Item]) -> String {
    let mut out = String::new();
    for item in cell {
        if let Item::Paragraph(paragraph) = item
            && !paragraph.text.trim().is_empty()
        {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(paragraph.marker.as_deref().unwrap_or_default());
            out.push_str(paragraph.text.trim());
        }
    }
    out
}

#[cfg(test)]
mod tests;

//! Turns the paragraphs and tables of word processors and slides into blocks.

use intramuros_types::BlockKind;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::table::{
    columns_of_figures, first_row_is_header, is_total, row_text, total_text,
};

/// The longest bold paragraph that can be a heading where nothing else is, in characters.
const MAX_BOLD_HEADING_CHARS: usize = 80;
/// A header or footer with fewer words than this, and fewer figures than [`MIN_FRAME_FIGURES`],
/// says nothing of its own: a page number, the name of a chapter.
const MIN_FRAME_WORDS: usize = 8;
/// A SIREN has nine figures, an account number or a telephone more.
const MIN_FRAME_FIGURES: usize = 9;

/// A paragraph or a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Paragraph(Paragraph),
    Table(Vec<Row>),
}

/// A paragraph with what decides its kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Paragraph {
    pub(crate) text: String,
    /// Level of the heading that it is, from 1.
    pub(crate) level: Option<u8>,
    /// Number or bullet, with a space behind.
    pub(crate) marker: Option<String>,
    /// Whether all of its text is bold.
    pub(crate) bold: bool,
    /// Texts of the notes it refers to.
    pub(crate) notes: Vec<String>,
}

/// A row of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Vec<Item>>,
    /// Whether it is declared to hold headers.
    pub(crate) header: bool,
}

/// Takes short bold paragraphs for headings where the author used no heading style at all.
pub(crate) fn promote_bold_headings(items: &mut [Item]) {
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

/// Pushes what stands in the headers or footers as one block, since every page repeats it. Page
/// numbers and running titles are left out: as passages of a few words they would win searches
/// that they answer nothing to. A letterhead with its registration numbers is kept.
///
/// # Errors
/// The limits of [`Builder::push`].
pub(crate) fn push_frame(items: &[Item], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut lines: Vec<String> = Vec::new();
    let mut pending: Vec<&Item> = items.iter().rev().collect();
    while let Some(item) = pending.pop() {
        match item {
            Item::Paragraph(paragraph) => {
                let text = paragraph.text.trim();
                if !text.is_empty() && !lines.iter().any(|line| line == text) {
                    lines.push(text.to_owned());
                }
            }
            Item::Table(rows) => {
                pending.extend(rows.iter().flat_map(|row| &row.cells).flatten().rev());
            }
        }
    }
    let words = lines.iter().flat_map(|line| line.split_whitespace()).count();
    let figures = lines.iter().flat_map(|line| line.chars()).filter(char::is_ascii_digit).count();
    if words < MIN_FRAME_WORDS && figures < MIN_FRAME_FIGURES {
        return Ok(());
    }
    builder.push(BlockKind::Paragraph, &lines.join("\n"))
}

/// Pushes an item and all within it. Tables are nested at most `max_nesting` deep, which the
/// reader of the body enforces; a stack of items stands in for recursion all the same.
///
/// # Errors
/// The limits of [`Builder::push`].
pub(crate) fn push(item: Item, builder: &mut Builder<'_>) -> Result<(), IngestError> {
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
    let body = &texts[usize::from(has_header)..];
    let figures = columns_of_figures(body);
    for row in body {
        // A total below a table is a label and its value, whatever columns they stand in.
        let is_total = is_total(row, &figures) && headers.len() > 2;
        let text = if is_total { total_text(row) } else { row_text(headers, row) };
        builder.push(BlockKind::TableRow, &text)?;
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

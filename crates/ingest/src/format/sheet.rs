//! Turns the grid of a sheet into blocks: titles, pairs of label and value, tables with headers.
//!
//! A sheet is not one table. People put a letterhead above it, totals below it and a second table
//! beside it, so the grid is cut at blank rows, and at blank columns where that makes sense; then
//! each piece is looked at for a row of headers. Where none can be found, rows are written without
//! headers: a value under a wrong name is worse than one without a name.

use std::collections::BTreeSet;

use intramuros_types::BlockKind;

use crate::builder::Builder;
use crate::format::table::{CELL_SEPARATOR, push_cell};
use crate::{ExtractLimits, IngestError};

mod header;
mod kind;

use header::{Headers, find_headers};
pub(crate) use kind::Kind;

/// The longest text that names the value beside it, in characters.
const MAX_LABEL_CHARS: usize = 60;
/// Columns that a cell may cover.
const MAX_SPAN: u32 = 64;
/// Pieces that stand side by side at most; more are one table with blank columns.
const MAX_SIDE_BY_SIDE: usize = 4;

/// A cell with something in it.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// Its column, from 0.
    pub(crate) column: u32,
    /// Its text as a person sees it.
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// Whether it is set off as headers are: bold.
    pub(crate) bold: bool,
    /// Columns that it covers, at least one.
    pub(crate) columns: u32,
}

/// A row with at least one cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// In the order of their columns.
    pub(crate) cells: Vec<Cell>,
    /// Whether a blank row is above it.
    pub(crate) after_gap: bool,
    /// Whether the file declares that it holds headers.
    pub(crate) header: bool,
}

/// The rows of a sheet that is being read, within limits.
pub(crate) struct Sheet {
    lines: Vec<Line>,
    next_after_gap: bool,
}

/// Counts what all the sheets of a document hold.
#[derive(Debug, Default)]
pub(crate) struct CellBudget {
    cells: u64,
    bytes: u64,
}

impl CellBudget {
    /// Counts a cell with `text`.
    ///
    /// # Errors
    /// [`IngestError::LimitExceeded`]: one shared text can stand in a million cells.
    pub(crate) fn spend(&mut self, text: &str, limits: &ExtractLimits) -> Result<(), IngestError> {
        self.cells += 1;
        self.bytes += text.len() as u64;
        let limit = limits.max_cells;
        if self.cells > limit {
            return Err(IngestError::LimitExceeded { what: "cells".into(), limit });
        }
        // A character has at most four bytes.
        let limit = limits.max_text_chars;
        if self.bytes > limit.saturating_mul(4) {
            return Err(IngestError::LimitExceeded { what: "characters".into(), limit });
        }
        Ok(())
    }
}

impl Sheet {
    /// A sheet without rows.
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), next_after_gap: false }
    }

    /// Adds the next row; one without cells is blank.
    pub(crate) fn push(&mut self, mut line: Line) {
        line.cells.retain(|cell| !cell.text.trim().is_empty());
        line.cells.sort_by_key(|cell| cell.column);
        line.cells.dedup_by_key(|cell| cell.column);
        for at in 0..line.cells.len() {
            let room = line.cells.get(at + 1).map_or(u32::MAX, |next| next.column);
            let cell = &mut line.cells[at];
            cell.columns = cell.columns.min(room - cell.column.min(room)).clamp(1, MAX_SPAN);
        }
        if line.cells.is_empty() {
            self.next_after_gap = true;
            return;
        }
        line.after_gap |= self.next_after_gap;
        self.next_after_gap = false;
        self.lines.push(line);
    }

    /// Pushes `name` as a heading and all rows; nothing when there are none. A workbook's title is
    /// not the name of its first sheet, which often is `Feuil1`.
    ///
    /// # Errors
    /// The limits of [`Builder::push`].
    pub(crate) fn finish(self, name: &str, builder: &mut Builder<'_>) -> Result<(), IngestError> {
        builder.heading_is_title = false;
        if self.lines.is_empty() {
            return Ok(());
        }
        builder.push(BlockKind::Heading(1), name)?;
        let mut above: Option<Headers> = None;
        let mut rest = self.lines.as_slice();
        while !rest.is_empty() {
            let length = rest[1..].iter().take_while(|line| !line.after_gap).count() + 1;
            let (piece, after) = rest.split_at(length);
            rest = after;
            builder.deadline.check()?;
            if let Some(headers) = &above
                && headers.fit(piece)
            {
                push_rows(piece, headers, builder)?;
                continue;
            }
            let parts = side_by_side(piece);
            if parts.len() > 1 {
                above = None;
                for part in parts {
                    push_piece(&part, builder)?;
                }
            } else if let Some(headers) = push_piece(piece, builder)? {
                above = Some(headers);
            }
        }
        Ok(())
    }
}

/// Pushes rows without a blank one between them; answers the headers that were found.
fn push_piece(lines: &[Line], builder: &mut Builder<'_>) -> Result<Option<Headers>, IngestError> {
    let Some((rows, headers)) = find_headers(lines) else {
        push_plain(lines, builder)?;
        return Ok(None);
    };
    push_plain(&lines[..rows.start], builder)?;
    let body = &lines[rows.end..];
    match body.iter().position(|line| line.header) {
        // A second table directly below, whose headers are declared.
        Some(next) if next > 0 => {
            push_rows(&body[..next], &headers, builder)?;
            push_piece(&body[next..], builder)
        }
        _ => {
            push_rows(body, &headers, builder)?;
            Ok(Some(headers))
        }
    }
}

/// Pushes rows below their headers.
fn push_rows(
    lines: &[Line],
    headers: &Headers,
    builder: &mut Builder<'_>,
) -> Result<(), IngestError> {
    for line in lines {
        // A cell alone at the left is a title between the rows, elsewhere a value.
        if let [only] = line.cells.as_slice()
            && headers.is_leftmost(only.column)
        {
            builder.push(BlockKind::Paragraph, &only.text)?;
        } else if headers.is_labelled(line) {
            builder.push(BlockKind::TableRow, &plain_text(line))?;
        } else {
            let mut text = String::new();
            for cell in &line.cells {
                push_cell(&mut text, headers.name(cell.column), &cell.text);
            }
            builder.push(BlockKind::TableRow, &text)?;
        }
    }
    Ok(())
}

/// Pushes rows without headers: single cells as paragraphs.
fn push_plain(lines: &[Line], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    for line in lines {
        let kind = if line.cells.len() == 1 { BlockKind::Paragraph } else { BlockKind::TableRow };
        builder.push(kind, &plain_text(line))?;
    }
    Ok(())
}

/// A row without headers. A text that ends with a colon names the next cell, and the first of two
/// cells names the second.
fn plain_text(line: &Line) -> String {
    let mut out = String::new();
    let pair = line.cells.len() == 2 && is_label(&line.cells[0]);
    let mut name = "";
    for (at, cell) in line.cells.iter().enumerate() {
        let text = cell.text.trim();
        let names_next = at + 1 < line.cells.len() && cell.kind == Kind::Text;
        if names_next && name.is_empty() && (text.ends_with(':') || (pair && at == 0)) {
            name = text;
            continue;
        }
        push_cell(&mut out, name, text);
        name = "";
    }
    debug_assert!(!out.starts_with(CELL_SEPARATOR), "the first cell has none before it");
    out
}

/// Whether a cell can name the one beside it.
fn is_label(cell: &Cell) -> bool {
    cell.kind == Kind::Text
        && cell.text.chars().any(char::is_alphabetic)
        && cell.text.chars().count() <= MAX_LABEL_CHARS
}

/// Cuts rows at blank columns, when the pieces are tables or forms of their own: a letterhead on
/// the left and its date on the right, two tables of different lengths.
fn side_by_side(lines: &[Line]) -> Vec<Vec<Line>> {
    let mut used: BTreeSet<u32> = BTreeSet::new();
    for cell in lines.iter().flat_map(|line| &line.cells) {
        used.extend(cell.column..cell.column.saturating_add(cell.columns));
    }
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for column in used {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == column => *last = column,
            _ => ranges.push((column, column)),
        }
    }
    let wide = ranges.iter().filter(|(first, last)| last > first).count();
    if ranges.len() < 2 || ranges.len() > MAX_SIDE_BY_SIDE || wide == 0 {
        return Vec::new();
    }
    let parts: Vec<Vec<Line>> =
        ranges.iter().map(|(first, last)| part_of(lines, *first, *last)).collect();
    if let Some((rows, headers)) = find_headers(lines) {
        let same_length = parts.iter().all(|part| part.len() == parts[0].len());
        let declared = lines[rows].iter().any(|line| line.header);
        if wide < 2 || declared || (same_length && headers.are_different()) {
            return Vec::new();
        }
    }
    parts
}

/// The cells of `lines` between two columns; rows without any are left out.
fn part_of(lines: &[Line], first: u32, last: u32) -> Vec<Line> {
    let mut part: Vec<Line> = Vec::new();
    for line in lines {
        let within = |cell: &&Cell| (first..=last).contains(&cell.column);
        let cells: Vec<Cell> = line.cells.iter().filter(within).cloned().collect();
        if !cells.is_empty() {
            part.push(Line { cells, after_gap: false, header: line.header });
        }
    }
    part
}

#[cfg(test)]
mod tests;

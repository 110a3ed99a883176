//! Lays out the cells of a table in a text or on a slide.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use crate::format::flow::{Item, Paragraph, Row};
use crate::format::xml::attribute;

/// A cell over several rows is repeated in each when it is at most this long, in bytes.
const MAX_REPEATED_BYTES: usize = 200;
/// Columns of a table at most; cells beyond are joined to the last.
const MAX_COLUMNS: usize = 256;
/// Times that a row or a cell may be repeated.
const MAX_REPEATS: usize = 64;

/// A table that is open.
#[derive(Default)]
pub(super) struct OpenTable {
    rows: Vec<Row>,
    in_headers: bool,
    row_repeats: usize,
    /// What is said of the open cell.
    repeats: usize,
    rows_spanned: u32,
    is_covered: bool,
    /// Cells that go on below, by column: in how many more rows, and their text.
    from_above: HashMap<usize, (u32, Item)>,
}

impl OpenTable {
    pub(super) fn headers(&mut self, are_open: bool) {
        self.in_headers = are_open;
    }

    pub(super) fn open_row(&mut self, tag: &BytesStart<'_>) {
        self.row_repeats = number(tag, "number-rows-repeated").clamp(1, MAX_REPEATS);
        self.rows.push(Row { cells: Vec::new(), header: self.in_headers });
    }

    pub(super) fn close_row(&mut self) {
        let Some(row) = self.rows.last() else { return };
        let is_empty = row.cells.iter().all(Vec::is_empty);
        if self.row_repeats > 1 && !is_empty {
            let row = row.clone();
            self.rows.extend(std::iter::repeat_n(row, self.row_repeats - 1));
        }
    }

    pub(super) fn open_cell(&mut self, tag: &BytesStart<'_>) {
        self.repeats = number(tag, "number-columns-repeated").clamp(1, MAX_REPEATS);
        self.rows_spanned = number(tag, "number-rows-spanned").min(100_000) as u32;
        self.is_covered = tag.local_name().as_ref() == "covered-table-cell";
    }

    /// Places a cell, as often as it is repeated. A covered one shows the cell that covers it
    /// from above, when that is short.
    pub(super) fn close_cell(&mut self, mut cell: Vec<Item>) {
        let Some(row) = self.rows.last_mut() else { return };
        for _ in 0..self.repeats {
            let column = row.cells.len();
            if column >= MAX_COLUMNS {
                if let Some(last) = row.cells.last_mut() {
                    last.append(&mut cell);
                }
                return;
            }
            let mut shown = cell.clone();
            if self.is_covered {
                shown.clear();
                if let Some((rows, item)) = self.from_above.get_mut(&column)
                    && *rows > 0
                {
                    *rows -= 1;
                    shown.push(item.clone());
                }
            } else {
                self.from_above.remove(&column);
                if self.rows_spanned > 1
                    && let [Item::Paragraph(paragraph)] = cell.as_slice()
                    && paragraph.text.len() <= MAX_REPEATED_BYTES
                {
                    let copy = Paragraph { notes: Vec::new(), ..paragraph.clone() };
                    let above = (self.rows_spanned - 1, Item::Paragraph(copy));
                    self.from_above.insert(column, above);
                }
            }
            row.cells.push(shown);
        }
    }

    pub(super) fn finish(mut self) -> Vec<Row> {
        let width = |row: &Row| row.cells.iter().rposition(|cell| !cell.is_empty());
        let last = self.rows.iter().filter_map(width).max().map_or(0, |last| last + 1);
        for row in &mut self.rows {
            row.cells.truncate(last);
        }
        self.rows.retain(|row| row.cells.iter().any(|cell| !cell.is_empty()));
        self.rows
    }
}

fn number(tag: &BytesStart<'_>, name: &str) -> usize {
    attribute(tag, name).and_then(|value| value.trim().parse().ok()).unwrap_or(1)
}

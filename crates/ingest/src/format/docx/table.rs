//! Lays out the cells of a table.

use crate::format::flow::{Item, Paragraph, Row};

/// A cell over several rows is repeated in each when it is at most this long, in bytes.
const MAX_REPEATED_BYTES: usize = 200;
/// Columns that a cell may span, or a row leave out.
const MAX_SPAN: u32 = 63;

/// A table that is open.
#[derive(Default)]
pub(super) struct OpenTable {
    rows: Vec<Row>,
    /// Whether the open row is a tracked deletion.
    row_is_deleted: bool,
    /// Columns that the open cell covers beside its own.
    span: u32,
    /// Whether the open cell goes on from above.
    goes_on: bool,
}

impl OpenTable {
    pub(super) fn open_row(&mut self) {
        self.rows.push(Row::default());
        self.row_is_deleted = false;
    }

    pub(super) fn close_row(&mut self) {
        if std::mem::take(&mut self.row_is_deleted) {
            self.rows.pop();
        }
    }

    pub(super) fn delete_row(&mut self) {
        self.row_is_deleted = true;
    }

    pub(super) fn set_header(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.header = true;
        }
    }

    /// Leaves the first columns of the open row out.
    pub(super) fn skip_columns(&mut self, columns: u32) {
        if let Some(row) = self.rows.last_mut()
            && row.cells.is_empty()
        {
            row.cells.extend((0..columns.min(MAX_SPAN)).map(|_| Vec::new()));
        }
    }

    pub(super) fn open_cell(&mut self) {
        self.span = 0;
        self.goes_on = false;
    }

    pub(super) fn set_span(&mut self, columns: u32) {
        self.span = columns.saturating_sub(1).min(MAX_SPAN);
    }

    pub(super) fn set_goes_on(&mut self, goes_on: bool) {
        self.goes_on = goes_on;
    }

    /// Places a cell, and empty ones for the other columns it spans.
    pub(super) fn close_cell(&mut self, mut cell: Vec<Item>) {
        let Some((row, above)) = self.rows.split_last_mut() else { return };
        let column = row.cells.len();
        if self.goes_on
            && cell.is_empty()
            && let Some(over) = above.last().and_then(|above| above.cells.get(column))
            && let [Item::Paragraph(paragraph)] = over.as_slice()
            && paragraph.text.len() <= MAX_REPEATED_BYTES
        {
            let notes = Vec::new();
            cell = vec![Item::Paragraph(Paragraph { notes, ..paragraph.clone() })];
        }
        row.cells.push(cell);
        row.cells.extend((0..self.span).map(|_| Vec::new()));
    }

    pub(super) fn finish(self) -> Vec<Row> {
        self.rows
    }
}

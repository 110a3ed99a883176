//! Reads ODS: each sheet is a heading, its rows are table rows with the headers above them.
//!
//! The file keeps the text of every cell as it was shown, so numbers and dates are read as they
//! stand. What the author hid (sheets, rows, columns) is not read, as in XLSX.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::odf::{self, styles::Styles};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::sheet::{Cell, CellBudget, Kind, Line, Sheet};
use crate::format::xml::{Step, Xml, attribute};

/// Columns of a sheet; cells beyond are left out.
const MAX_COLUMNS: u32 = 16_384;
/// A cell over several rows is repeated in each when it is at most this long, in bytes.
const MAX_REPEATED_BYTES: usize = 200;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// Those of [`odf::open`], [`IngestError::LimitExceeded`] for the number of cells, and the limits
/// of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let document = odf::open(bytes, builder)?;
    let mut reader = Reader::new(&document.styles);
    // Depth of the element that is left out with all below it.
    let mut skipped_from: Option<u32> = None;
    let mut tables = 0;
    let mut xml = Xml::new(&document.content, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(_) | Step::Text(_) if skipped_from.is_some() => {}
            Step::Open(tag) => match tag.local_name().as_ref() {
                // Comments, drawings, and the table within a chart or a linked document.
                "annotation" | "shapes" | "frame" | "tracked-changes" => {
                    skipped_from = Some(xml.depth());
                    if tag.local_name().as_ref() == "annotation" {
                        builder.warn("comments_left_out", "its comments were not read", None);
                    }
                }
                "table" => {
                    tables += 1;
                    reader.open_sheet(&tag);
                }
                _ => reader.open(&tag),
            },
            Step::Text(text) => reader.text(&text),
            Step::Close(name) => match skipped_from {
                Some(depth) if xml.depth() + 1 == depth => skipped_from = None,
                Some(_) => {}
                None if name == "table" => reader.close_sheet(builder)?,
                None => reader.close(&name, builder)?,
            },
        }
    }
    if tables == 0 {
        return Err(IngestError::damaged("it has no sheet"));
    }
    Ok(())
}

struct Reader<'s> {
    styles: &'s Styles,
    budget: CellBudget,
    name: String,
    sheet_is_hidden: bool,
    hidden_sheets: u32,
    hidden_cells: bool,
    sheet: Sheet,
    /// Next column that a column's description is for, and those that are hidden.
    described: u32,
    hidden_columns: Vec<(u32, u32)>,
    row: OpenRow,
    cell: OpenCell,
    /// Whether a paragraph of a cell is open.
    in_text: bool,
    /// Cells that go on below, by column: in how many more rows, and the cell.
    from_above: HashMap<u32, (u32, Cell)>,
}

#[derive(Default)]
struct OpenRow {
    cells: Vec<Cell>,
    repeats: u32,
    hidden: bool,
    column: u32,
}

#[derive(Default)]
struct OpenCell {
    text: String,
    value: String,
    kind: Option<Kind>,
    bold: bool,
    covered: bool,
    repeats: u32,
    columns: u32,
    rows: u32,
}

impl<'s> Reader<'s> {
    fn new(styles: &'s Styles) -> Self {
        Self {
            styles,
            budget: CellBudget::default(),
            name: String::new(),
            sheet_is_hidden: false,
            hidden_sheets: 0,
            hidden_cells: false,
            sheet: Sheet::new(),
            described: 0,
            hidden_columns: Vec::new(),
            row: OpenRow::default(),
            cell: OpenCell::default(),
            in_text: false,
            from_above: HashMap::new(),
        }
    }

    fn open_sheet(&mut self, tag: &BytesStart<'_>) {
        self.name = attribute(tag, "name").unwrap_or_default();
        let style = attribute(tag, "style-name").unwrap_or_default();
        self.sheet_is_hidden = self.styles.is_hidden("table", &style);
        self.hidden_sheets += u32::from(self.sheet_is_hidden);
        self.sheet = Sheet::new();
        self.described = 0;
        self.hidden_columns.clear();
        self.from_above.clear();
    }

    fn close_sheet(&mut self, builder: &mut Builder<'_>) -> Result<(), IngestError> {
        let sheet = std::mem::replace(&mut self.sheet, Sheet::new());
        if self.sheet_is_hidden {
            let text = format!("{} hidden sheets were not read", self.hidden_sheets);
            builder.warnings.retain(|warning| warning.code != "hidden_sheets_left_out");
            builder.warn("hidden_sheets_left_out", &text, None);
            return Ok(());
        }
        if std::mem::take(&mut self.hidden_cells) {
            let text = "hidden rows or columns were not read";
            builder.warn("hidden_cells_left_out", text, None);
        }
        sheet.finish(&self.name, builder)
    }

    fn open(&mut self, tag: &BytesStart<'_>) {
        let number = |name: &str| {
            attribute(tag, name).and_then(|v| v.trim().parse::<u32>().ok()).unwrap_or(1).max(1)
        };
        match tag.local_name().as_ref() {
            "table-column" => {
                let first = self.described;
                self.described = first.saturating_add(number("number-columns-repeated"));
                let is_hidden = attribute(tag, "visibility").as_deref() == Some("collapse");
                // Beyond a few dozen nobody hid them one by one.
                if is_hidden && self.hidden_columns.len() < 1_000 {
                    self.hidden_columns.push((first, self.described - 1));
                }
            }
            "table-row" => {
                self.row = OpenRow {
                    repeats: number("number-rows-repeated"),
                    // A filter is a way to look at a list; `collapse` hides.
                    hidden: attribute(tag, "visibility").as_deref() == Some("collapse"),
                    ..OpenRow::default()
                };
            }
            name @ ("table-cell" | "covered-table-cell") => {
                let style = attribute(tag, "style-name").unwrap_or_default();
                let value = ["date-value", "time-value", "boolean-value", "value"];
                self.cell = OpenCell {
                    kind: match attribute(tag, "value-type").as_deref() {
                        Some("float" | "currency" | "percentage") => Some(Kind::Number),
                        Some("date" | "time") => Some(Kind::Date),
                        _ => None,
                    },
                    value: value.iter().find_map(|name| attribute(tag, name)).unwrap_or_default(),
                    bold: !style.is_empty() && self.styles.is_bold("table-cell", &style),
                    covered: name == "covered-table-cell",
                    repeats: number("number-columns-repeated"),
                    columns: number("number-columns-spanned"),
                    rows: number("number-rows-spanned"),
                    text: String::new(),
                };
            }
            "p" | "h" => {
                if !self.cell.text.is_empty() {
                    self.cell.text.push('\n');
                }
                self.in_text = true;
            }
            "s" | "tab" => self.text(" "),
            "line-break" => self.text("\n"),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text {
            self.cell.text.push_str(text);
        }
    }

    fn close(&mut self, name: &str, builder: &Builder<'_>) -> Result<(), IngestError> {
        match name {
            "p" | "h" => self.in_text = false,
            "table-cell" | "covered-table-cell" => self.close_cell(builder)?,
            "table-row" => self.close_row(builder)?,
            _ => {}
        }
        Ok(())
    }

    fn close_cell(&mut self, builder: &Builder<'_>) -> Result<(), IngestError> {
        let open = std::mem::take(&mut self.cell);
        let mut text = open.text.trim();
        if text.is_empty() && open.kind.is_some() {
            text = open.value.trim();
        }
        let first = self.row.column;
        self.row.column = first.saturating_add(open.repeats);
        if open.covered {
            return self.place_covered(first, open.repeats, builder);
        }
        if text.is_empty() {
            return Ok(());
        }
        let kind = open.kind.unwrap_or(Kind::Text);
        for column in first..self.row.column.min(MAX_COLUMNS) {
            self.budget.spend(text, builder.limits)?;
            let (text, columns) = (text.to_owned(), open.columns);
            let cell = Cell { column, text, kind, bold: open.bold, columns };
            if open.rows > 1 && cell.text.len() <= MAX_REPEATED_BYTES {
                self.from_above.insert(column, (open.rows - 1, cell.clone()));
            }
            self.row.cells.push(cell);
        }
        Ok(())
    }

    /// Shows, in covered cells, the one that covers them from above.
    fn place_covered(
        &mut self,
        first: u32,
        repeats: u32,
        builder: &Builder<'_>,
    ) -> Result<(), IngestError> {
        for column in first..first.saturating_add(repeats).min(MAX_COLUMNS) {
            if let Some((rows, cell)) = self.from_above.get_mut(&column)
                && *rows > 0
            {
                *rows -= 1;
                self.budget.spend(&cell.text, builder.limits)?;
                self.row.cells.push(cell.clone());
            }
        }
        Ok(())
    }

    fn close_row(&mut self, builder: &Builder<'_>) -> Result<(), IngestError> {
        let mut row = std::mem::take(&mut self.row);
        let hidden = |column: u32| {
            self.hidden_columns.iter().any(|(first, last)| (*first..=*last).contains(&column))
        };
        let before = row.cells.len();
        row.cells.retain(|cell| !hidden(cell.column));
        self.hidden_cells |= row.cells.len() < before;
        if row.hidden {
            self.hidden_cells |= !row.cells.is_empty();
            return Ok(());
        }
        if row.cells.is_empty() {
            self.sheet.push(Line::default());
            return Ok(());
        }
        for _ in 1..row.repeats {
            for cell in &row.cells {
                self.budget.spend(&cell.text, builder.limits)?;
            }
            self.sheet.push(Line { cells: row.cells.clone(), ..Line::default() });
        }
        self.sheet.push(Line { cells: row.cells, ..Line::default() });
        Ok(())
    }
}

#[cfg(test)]
mod tests;

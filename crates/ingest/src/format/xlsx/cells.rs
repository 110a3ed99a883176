//! Reads the cells of one sheet into a grid.

use std::collections::HashSet;

use quick_xml::events::BytesStart;

use super::{Context, reference};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::sheet::{Cell, CellBudget, Kind, Line, Sheet};
use crate::format::xml::{Step, Xml, attribute};

/// A cell over several rows is repeated in each when it is at most this long, in bytes.
const MAX_REPEATED_BYTES: usize = 200;
/// Merged ranges of a sheet at most; more are not merged.
const MAX_MERGED: usize = 100_000;

/// Reads the cells of a sheet.
pub(super) struct SheetReader<'c> {
    context: &'c mut Context,
    budget: &'c mut CellBudget,
    /// Rows that declared tables have their headers in.
    header_rows: HashSet<u32>,
    hidden_columns: Vec<(u32, u32)>,
    rows: Vec<Row>,
    /// Merged ranges: first and last column and row.
    merged: Vec<((u32, u32), (u32, u32))>,
    /// Whether a filter is set, which hides rows for the moment.
    filtered: bool,
    hidden: Hidden,
    cell: Open,
}

/// Counts what is left out.
#[derive(Default)]
struct Hidden {
    rows: u32,
    columns: bool,
    formulas: u32,
}

struct Row {
    number: u32,
    hidden: bool,
    cells: Vec<Cell>,
}

/// The cell that is open.
#[derive(Default)]
struct Open {
    column: u32,
    row: u32,
    kind: String,
    style: usize,
    value: String,
    is_formula: bool,
    reads: Option<Reads>,
}

#[derive(Clone, Copy, PartialEq)]
enum Reads {
    Value,
    Text,
    Reading,
}

impl<'c> SheetReader<'c> {
    /// Nothing read yet; `header_rows` are those that declared tables have their headers in.
    pub(super) fn new(
        context: &'c mut Context,
        budget: &'c mut CellBudget,
        header_rows: Vec<u32>,
    ) -> Self {
        Self {
            context,
            budget,
            header_rows: header_rows.into_iter().collect(),
            hidden_columns: Vec::new(),
            rows: Vec::new(),
            merged: Vec::new(),
            filtered: false,
            hidden: Hidden::default(),
            cell: Open::default(),
        }
    }

    /// Reads the part of a sheet.
    ///
    /// # Errors
    /// Those of [`Xml::next`] and [`CellBudget::spend`].
    pub(super) fn read(
        mut self,
        source: &str,
        builder: &mut Builder<'_>,
    ) -> Result<Sheet, IngestError> {
        let mut xml = Xml::new(source, builder);
        while let Some(step) = xml.next()? {
            match step {
                Step::Open(tag) => self.open(&tag),
                Step::Text(text) => {
                    if matches!(self.cell.reads, Some(Reads::Value | Reads::Text)) {
                        self.cell.value.push_str(&text);
                    }
                }
                Step::Close(name) => self.close(&name, builder)?,
            }
        }
        self.rows.sort_by_key(|row| row.number);
        self.repeat_merged(builder)?;
        self.warn(builder);
        Ok(self.grid())
    }

    fn open(&mut self, tag: &BytesStart<'_>) {
        let number = |name: &str| attribute(tag, name).and_then(|v| v.trim().parse::<u32>().ok());
        let is_on = |name: &str| matches!(attribute(tag, name).as_deref(), Some("1" | "true"));
        match tag.local_name().as_ref() {
            "col" if is_on("hidden") => {
                let first = number("min").unwrap_or(0).saturating_sub(1);
                let last = number("max").unwrap_or(0).saturating_sub(1);
                self.hidden_columns.push((first, last));
            }
            "row" => {
                let next = self.rows.last().map_or(1, |row| row.number.saturating_add(1));
                let number = number("r").filter(|number| *number > 0).unwrap_or(next);
                self.rows.push(Row { number, hidden: is_on("hidden"), cells: Vec::new() });
            }
            "c" => {
                let row = self.rows.last();
                let next = row.and_then(|row| row.cells.last()).map_or(0, |cell| cell.column + 1);
                let place = attribute(tag, "r").and_then(|text| reference::cell(&text));
                self.cell = Open {
                    column: place.map_or(next, |(column, _)| column),
                    row: row.map_or(0, |row| row.number),
                    kind: attribute(tag, "t").unwrap_or_default(),
                    style: number("s").unwrap_or(0) as usize,
                    ..Open::default()
                };
            }
            "v" => self.cell.reads = Some(Reads::Value),
            "rPh" => self.cell.reads = Some(Reads::Reading),
            "t" if self.cell.reads != Some(Reads::Reading) => self.cell.reads = Some(Reads::Text),
            "f" => self.cell.is_formula = true,
            "mergeCell" if self.merged.len() < MAX_MERGED => {
                let range = attribute(tag, "ref").and_then(|text| reference::range(&text));
                self.merged.extend(range);
            }
            "filterColumn" => self.filtered = true,
            _ => {}
        }
    }

    fn close(&mut self, name: &str, builder: &Builder<'_>) -> Result<(), IngestError> {
        match name {
            "v" | "rPh" => self.cell.reads = None,
            "t" if self.cell.reads == Some(Reads::Text) => self.cell.reads = None,
            "c" => {
                let open = std::mem::take(&mut self.cell);
                if open.is_formula && open.value.is_empty() && open.kind != "str" {
                    self.hidden.formulas += 1;
                }
                let (text, kind) = self.shown(&open);
                if text.trim().is_empty() {
                    return Ok(());
                }
                self.budget.spend(&text, builder.limits)?;
                let bold = self.context.styles.is_bold(open.style);
                if let Some(row) = self.rows.last_mut().filter(|row| row.number == open.row) {
                    row.cells.push(Cell { column: open.column, text, kind, bold, columns: 1 });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The text of a cell as a person sees it. Source: ECMA-376 part 1, 18.18.11.
    fn shown(&mut self, open: &Open) -> (String, Kind) {
        let value = open.value.trim();
        match open.kind.as_str() {
            "s" => {
                let text = value.parse().ok().and_then(|at: usize| self.context.strings.get(at));
                let text = text.cloned().unwrap_or_default();
                (text, Kind::Text)
            }
            "b" => (self.context.manner.boolean(value == "1").to_owned(), Kind::Text),
            "d" => (value.to_owned(), Kind::Date),
            "str" | "inlineStr" | "e" => (open.value.clone(), Kind::Text),
            _ => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    let id = self.context.styles.format(open.style);
                    let code = self.context.styles.code(id);
                    self.context.manner.number(number, id, code)
                }
                _ => (value.to_owned(), Kind::Text),
            },
        }
    }

    /// Lets merged cells cover their columns, and repeats short ones in the rows they cover.
    fn repeat_merged(&mut self, builder: &Builder<'_>) -> Result<(), IngestError> {
        let limit = builder.limits.max_cells;
        let mut visited = 0;
        for ((first, top), (last, bottom)) in std::mem::take(&mut self.merged) {
            builder.deadline.check()?;
            let start = self.rows.partition_point(|row| row.number < top);
            let end = self.rows.partition_point(|row| row.number <= bottom);
            let rows = &mut self.rows[start..end];
            let Some((head, below)) = rows.split_first_mut() else { continue };
            let found = head.cells.iter_mut().find(|cell| cell.column == first);
            let Some(cell) = found.filter(|_| head.number == top) else { continue };
            cell.columns = last - first + 1;
            if cell.text.len() > MAX_REPEATED_BYTES {
                continue;
            }
            let copy = cell.clone();
            // Ranges that overlap, which no program writes, would visit every row again.
            visited += below.len() as u64;
            if visited > limit {
                return Err(IngestError::LimitExceeded { what: "merged cells".into(), limit });
            }
            for row in below {
                // A row of nothing but merged cells is a blank one.
                if row.cells.is_empty() || row.cells.iter().any(|cell| cell.column == first) {
                    continue;
                }
                self.budget.spend(&copy.text, builder.limits)?;
                row.cells.push(copy.clone());
            }
        }
        Ok(())
    }

    fn warn(&mut self, builder: &mut Builder<'_>) {
        let is_hidden = |row: &&Row| row.hidden && !row.cells.is_empty();
        if !self.filtered {
            self.hidden.rows = self.rows.iter().filter(is_hidden).count() as u32;
        }
        let within = |column: u32, ranges: &[(u32, u32)]| {
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&column))
        };
        self.hidden_columns.truncate(1_000);
        let ranges = &self.hidden_columns;
        if !ranges.is_empty() {
            for row in &mut self.rows {
                let before = row.cells.len();
                row.cells.retain(|cell| !within(cell.column, ranges));
                self.hidden.columns |= row.cells.len() < before;
            }
        }
        if self.hidden.rows > 0 || self.hidden.columns {
            let text = "hidden rows or columns were not read";
            builder.warn("hidden_cells_left_out", text, None);
        }
        if self.hidden.formulas > 0 {
            let text = "formulas whose results the file does not keep were left out; open it in a \
                        spreadsheet program and save it";
            builder.warn("formulas_without_result", text, None);
        }
    }

    fn grid(self) -> Sheet {
        let mut sheet = Sheet::new();
        let mut next = 1;
        for row in self.rows {
            if row.number > next {
                sheet.push(Line::default());
            }
            next = row.number.saturating_add(1);
            if row.hidden && !self.filtered {
                continue;
            }
            let header = self.header_rows.contains(&row.number);
            sheet.push(Line { cells: row.cells, after_gap: false, header });
        }
        sheet
    }
}

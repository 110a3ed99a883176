//! Reads the tables of a page that hold data, as opposed to those that place things.

use scraper::ElementRef;

use super::content::{Keep, is_skipped};
use super::walk::inline_text;
use crate::IngestError;
use crate::format::table::{first_row_is_header, row_text};
use crate::normalise::{Layout, clean};

/// Columns that are kept apart; cells beyond have no header.
const MAX_COLUMNS: usize = 64;
/// A cell over several rows is repeated in each when it is at most this long, in bytes.
const MAX_REPEATED_BYTES: usize = 200;
/// Longer headers are rows of their own, in bytes: they would be repeated in every row.
const MAX_HEADER_BYTES: usize = 200;
/// Rows of headers at most.
const MAX_HEADER_ROWS: usize = 4;
/// Rows that are looked at to guess whether the first one holds headers.
const PEEKED_ROWS: usize = 20;

/// A cell as it stands in the source.
struct Cell {
    text: String,
    header: bool,
    columns: usize,
    rows: usize,
}

/// Gives the rows of `table`, each with its headers, to `push`. Answers false, without a row, when
/// the table is there for the layout only.
///
/// # Errors
/// Those of `push`.
pub(super) fn rows(
    table: ElementRef<'_>,
    keep: Keep,
    push: &mut dyn FnMut(&str) -> Result<(), IngestError>,
) -> Result<bool, IngestError> {
    let role = table.value().attr("role");
    let places = |e: ElementRef<'_>| {
        matches!(e.value().name(), "table" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "pre")
    };
    if matches!(role, Some("presentation" | "none"))
        || table.descendants().skip(1).filter_map(ElementRef::wrap).any(places)
    {
        return Ok(false);
    }
    let mut captions = Vec::new();
    let mut source = Vec::new();
    for element in table.descendants().filter_map(ElementRef::wrap) {
        match element.value().name() {
            "caption" => captions.push(inline_text(element, keep)),
            "tr" if !is_skipped(element, keep) => source.push(cells(element, keep)),
            _ => {}
        }
    }
    if source.iter().all(|row| row.len() <= 1) {
        return Ok(false);
    }
    for caption in captions {
        push(&caption)?;
    }
    push_rows(source, push)?;
    Ok(true)
}

/// Finds the headers and words the rows below them, one at a time: a short source can have
/// enormous rows.
fn push_rows(
    mut source: Vec<Vec<Cell>>,
    push: &mut dyn FnMut(&str) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let all_headers = |row: &&Vec<Cell>| !row.is_empty() && row.iter().all(|c| c.header);
    let declared = source.iter().take_while(all_headers).count();
    let declared = if declared < source.len() { declared.min(MAX_HEADER_ROWS) } else { 0 };
    let body = source.split_off(declared);
    let mut columns = Columns::default();
    let above: Vec<Vec<String>> =
        source.into_iter().map(|cells| columns.place(cells, true).1).collect();
    let mut headers = joined(&above);
    if headers.iter().any(|header| header.len() > MAX_HEADER_BYTES) {
        headers.clear();
        for row in &above {
            push(&row_text(&[], row))?;
        }
    }
    let mut body = body.into_iter();
    let mut peeked: Vec<(bool, Vec<String>)> =
        body.by_ref().take(PEEKED_ROWS).map(|cells| columns.place(cells, false)).collect();
    if declared == 0 {
        let texts: Vec<Vec<String>> = peeked.iter().map(|(_, row)| row.clone()).collect();
        if first_row_is_header(&texts) {
            headers = peeked.remove(0).1;
        }
    }
    for (headed, row) in &peeked {
        push(&worded(*headed, &headers, row))?;
    }
    for cells in body {
        let (headed, row) = columns.place(cells, false);
        push(&worded(headed, &headers, &row))?;
    }
    Ok(())
}

fn worded(headed: bool, headers: &[String], row: &[String]) -> String {
    match row.split_first() {
        Some((head, cells)) if headed && headers.is_empty() => {
            format!("{}: {}", head.trim_end_matches(':').trim_end(), row_text(&[], cells))
        }
        _ => row_text(headers, row),
    }
}

fn cells(row: ElementRef<'_>, keep: Keep) -> Vec<Cell> {
    let number = |element: ElementRef<'_>, name: &str| {
        let value = element.value().attr(name).and_then(|v| v.trim().parse::<usize>().ok());
        value.unwrap_or(1).max(1)
    };
    row.children()
        .filter_map(ElementRef::wrap)
        .filter(|cell| matches!(cell.value().name(), "td" | "th") && !is_skipped(*cell, keep))
        .map(|cell| Cell {
            text: clean(&inline_text(cell, keep), Layout::Line),
            header: cell.value().name() == "th",
            columns: number(cell, "colspan").min(MAX_COLUMNS),
            rows: number(cell, "rowspan"),
        })
        .collect()
}

/// Lays cells out by column, row after row.
#[derive(Default)]
struct Columns {
    /// For each column, in how many more rows a cell from above stands, and its text.
    from_above: Vec<(usize, String)>,
}

impl Columns {
    /// Answers whether the row begins with a header of its own, and its cells. A header over
    /// several columns stands in each of them, a value only in its first; a short cell over
    /// several rows stands in each of them.
    fn place(&mut self, cells: Vec<Cell>, is_header_row: bool) -> (bool, Vec<String>) {
        let headed = cells.len() > 1 && cells[0].header && cells[1..].iter().all(|c| !c.header);
        let mut row: Vec<String> = Vec::new();
        let mut spans = Vec::new();
        for cell in cells {
            while self.from_above.get(row.len()).is_some_and(|(rows, _)| *rows > 0) {
                row.push(self.take(row.len()));
            }
            let first = row.len();
            let wide = if first < MAX_COLUMNS { cell.columns } else { 1 };
            for column in 0..wide {
                let shown = column == 0 || is_header_row;
                row.push(if shown { cell.text.clone() } else { String::new() });
            }
            if cell.rows > 1 && cell.text.len() <= MAX_REPEATED_BYTES && first < MAX_COLUMNS {
                spans.push((first, wide, cell.rows - 1, cell.text));
            }
        }
        while row.len() < self.from_above.len() {
            row.push(self.take(row.len()));
        }
        while row.last().is_some_and(String::is_empty) {
            row.pop();
        }
        for (first, wide, rows, text) in spans {
            if self.from_above.len() < first + wide {
                self.from_above.resize(first + wide, (0, String::new()));
            }
            for column in first..first + wide {
                self.from_above[column] = (rows, String::new());
            }
            self.from_above[first].1 = text;
        }
        (headed, row)
    }

    /// The cell from above in `column`, empty when there is none.
    fn take(&mut self, column: usize) -> String {
        match self.from_above.get_mut(column) {
            Some((rows, text)) if *rows > 0 => {
                *rows -= 1;
                text.clone()
            }
            _ => String::new(),
        }
    }
}

/// One header per column: the different texts above it, outermost first.
fn joined(rows: &[Vec<String>]) -> Vec<String> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let column = |at: usize| {
        let mut parts: Vec<&str> = Vec::new();
        for text in rows.iter().filter_map(|row| row.get(at)).map(String::as_str) {
            if !text.is_empty() && parts.last() != Some(&text) {
                parts.push(text);
            }
        }
        parts.join(" ")
    };
    (0..width).map(column).collect()
}

//! Words the rows of tables: each row carries its headers, so that it can be understood alone.

use crate::format::sheet::Kind;

/// Separates the cells of a row, in every format.
pub const CELL_SEPARATOR: &str = " ; ";
/// The longest cell that can be a header, in characters.
const MAX_HEADER_CHARS: usize = 60;

/// One row as `Header: cell ; Header: cell`. Empty cells are left out; a cell without a header
/// stands alone.
pub(crate) fn row_text(headers: &[String], cells: &[String]) -> String {
    let mut out = String::new();
    for (column, cell) in cells.iter().enumerate() {
        push_cell(&mut out, headers.get(column).map_or("", String::as_str), cell);
    }
    out
}

/// Appends a cell and its `header` to the text of a row.
pub(crate) fn push_cell(out: &mut String, header: &str, cell: &str) {
    let cell = cell.trim();
    if cell.is_empty() {
        return;
    }
    let before = before_cell(out.is_empty(), header, cell);
    out.push_str(&before);
    out.push_str(cell);
}

/// What stands before a cell of a row: the separator unless it is the first, and its header unless
/// that says the same.
pub(crate) fn before_cell(is_first: bool, header: &str, cell: &str) -> String {
    let mut out = String::new();
    if !is_first {
        out.push_str(CELL_SEPARATOR);
    }
    let header = header.trim().trim_end_matches(':').trim_end();
    if !header.is_empty() && header != cell {
        out.push_str(header);
        out.push_str(": ");
    }
    out
}

/// Whether the first of `rows` reads like a row of headers although nothing declares it: at least
/// three columns, every cell filled (above a column of labels, all but the first), short,
/// different, without a figure, and a row below.
pub(crate) fn first_row_is_header(rows: &[Vec<String>]) -> bool {
    let [first, second, ..] = rows else { return false };
    let filled = |row: &[String]| row.iter().filter(|cell| !cell.trim().is_empty()).count();
    let labels = first.first().is_some_and(|cell| cell.trim().is_empty())
        && rows[1..].iter().all(|row| row.first().is_some_and(|cell| !cell.trim().is_empty()));
    if first.len() < 3 || filled(first) + usize::from(labels) < first.len() || filled(second) < 2 {
        return false;
    }
    let short = first.iter().all(|cell| {
        let cell = cell.trim();
        cell.chars().count() <= MAX_HEADER_CHARS
            && !cell.ends_with([':', '.'])
            && !cell.chars().any(|c| c.is_ascii_digit())
    });
    let different = first.iter().enumerate().all(|(at, cell)| !first[..at].contains(cell));
    short && different && rows[1..].iter().any(|row| has_figure(row))
}

/// Which columns hold figures or dates in most of their filled cells.
pub(crate) fn columns_of_figures(rows: &[Vec<String>]) -> Vec<bool> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut counts = vec![(0, 0); width];
    for (at, cell) in rows.iter().flat_map(|row| row.iter().enumerate()) {
        if !cell.trim().is_empty() {
            counts[at].0 += 1;
            counts[at].1 += usize::from(Kind::of(cell) != Kind::Text);
        }
    }
    counts.into_iter().map(|(filled, figures)| figures * 2 > filled).collect()
}

/// Whether a row is a label with its value or two, as totals below a table are: its first text
/// stands in a column of figures.
pub(crate) fn is_total(row: &[String], figures: &[bool]) -> bool {
    let mut filled = row.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
    let first = filled.next();
    let more = filled.count();
    (1..=2).contains(&more)
        && first.is_some_and(|(at, cell)| {
            figures.get(at).copied().unwrap_or(false) && Kind::of(cell) == Kind::Text
        })
}

/// A label with its value, `Total HT: 1 530,00 €`.
pub(crate) fn total_text(row: &[String]) -> String {
    let mut filled = row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
    let label = filled.next().unwrap_or_default().to_owned();
    let mut out = String::new();
    for (at, cell) in filled.enumerate() {
        push_cell(&mut out, if at == 0 { &label } else { "" }, cell);
    }
    out
}

fn has_figure(row: &[String]) -> bool {
    row.iter().any(|cell| cell.chars().any(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests;

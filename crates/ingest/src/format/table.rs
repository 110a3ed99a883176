//! Words the rows of tables: each row carries its headers, so that it can be understood alone.

/// Separates the cells of a row, in every format.
pub const CELL_SEPARATOR: &str = " ; ";
/// The longest cell that can be a header, in characters.
const MAX_HEADER_CHARS: usize = 60;

/// One row as `Header: cell ; Header: cell`. Empty cells are left out; a cell without a header
/// stands alone.
pub(crate) fn row_text(headers: &[String], cells: &[String]) -> String {
    let mut out = String::new();
    for (column, cell) in cells.iter().enumerate() {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        let header = headers.get(column).map_or("", String::as_str);
        out.push_str(&before_cell(out.is_empty(), header, cell));
        out.push_str(cell);
    }
    out
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

fn has_figure(row: &[String]) -> bool {
    row.iter().any(|cell| cell.chars().any(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests;

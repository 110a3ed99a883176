//! Finds the tables among the rows of a page and gives their cells the headers above them.
//!
//! A wrong header is worse than none, so a cell gets one only where it stands below it, and not
//! where it is words in a column of figures, as the labels of totals are.

use intramuros_types::BlockKind;

use super::row::{Row, Segment};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::table::{before_cell, first_row_is_header};
use crate::placed::PlacedText;

/// Columns from which a row of headers is looked for, and rows it is looked for in.
const MIN_HEADER_COLUMNS: usize = 3;
const HEADER_WITHIN_ROWS: usize = 3;
/// Figures in the row below from which headers are believed further down.
const MIN_FIGURES: usize = 2;

/// Pushes the rows of a table, or of tables that stand below one another. `carried` are the
/// headers of the table that the page before ended with; they serve a table without its own.
/// Returns the headers that the next page may need.
///
/// # Errors
/// The limits of [`Builder::push`].
pub(super) fn push(
    mut table: &[Row],
    carried: Option<Row>,
    builder: &mut Builder<'_>,
) -> Result<Option<Row>, IngestError> {
    let mut last = None;
    if let Some(headers) = carried
        && headed(table).is_none_or(|own| !own.above.is_empty())
    {
        let with_headers: Vec<Row> = std::iter::once(&headers).chain(table).cloned().collect();
        let continued = headed(&with_headers).filter(|whole| whole.above.is_empty());
        if let Some(whole) = continued {
            push_headed(&whole, builder)?;
            table = &table[table.len() - whole.below.len()..];
            last = table.is_empty().then_some(headers);
        }
    }
    while let Some(headed) = headed(table) {
        for row in headed.above {
            push_row(&row.segments, |_| None, builder)?;
        }
        push_headed(&headed, builder)?;
        table = headed.below;
        let headers = Row { segments: headed.headers.to_vec(), middle: 0.0 };
        last = table.is_empty().then_some(headers);
    }
    for row in table {
        push_row(&row.segments, |_| None, builder)?;
    }
    Ok(last)
}

fn push_headed(table: &Headed<'_>, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let Headed { headers, body, places, .. } = table;
    let is_figures: Vec<bool> =
        (0..headers.len()).map(|column| holds_figures(body, places, column)).collect();
    // A header that no row repeats would be lost.
    let is_used = |at: usize| places.iter().flatten().any(|place| *place == Some(at));
    if !(0..headers.len()).all(is_used) {
        push_row(headers, |_| None, builder)?;
    }
    for (row, places) in body.iter().zip(places) {
        let header = |column: usize| {
            let at = (*places.get(column)?)?;
            let fits = is_figures[at] == is_figure(&row.segments[column].text) || !is_figures[at];
            fits.then(|| &*headers[at].text)
        };
        push_row(&row.segments, header, builder)?;
    }
    Ok(())
}

/// Pushes a row whose cells have the headers that `header` names for their columns.
fn push_row<'h>(
    cells: &[Segment],
    header: impl Fn(usize) -> Option<&'h str>,
    builder: &mut Builder<'_>,
) -> Result<(), IngestError> {
    let mut out = PlacedText::default();
    for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.text.is_empty()) {
        let header = header(column).unwrap_or_default();
        out.push_str(&before_cell(out.is_empty(), header, &cell.text));
        out.append(&cell.text, false);
    }
    builder.push_placed(BlockKind::TableRow, &out)
}

/// A table with headers among other rows.
struct Headed<'t> {
    above: &'t [Row],
    headers: &'t [Segment],
    body: &'t [Row],
    /// The header of each cell of `body`.
    places: Vec<Vec<Option<usize>>>,
    below: &'t [Row],
}

/// The first rows of `table` that read like headers with their body below.
fn headed(table: &[Row]) -> Option<Headed<'_>> {
    (0..table.len()).find_map(|at| {
        let headers = &*table[at].segments;
        if headers.len() < MIN_HEADER_COLUMNS {
            return None;
        }
        let below = &table[at + 1..];
        let figures = below.first().map_or(0, |row| {
            let same = row.segments.len() == headers.len();
            row.segments.iter().filter(|cell| same && is_figure(&cell.text)).count()
        });
        // Further down, words above figures are more often another row.
        if at >= HEADER_WITHIN_ROWS && figures < MIN_FIGURES {
            return None;
        }
        // Some programs repeat the headers at every break.
        let end = below.iter().position(|row| is_headers(row, headers)).unwrap_or(below.len());
        let columns = columns(headers, &below[..end]);
        let mut places: Vec<Vec<Option<usize>>> =
            below[..end].iter().map_while(|row| self::places(row, &columns)).collect();
        let mut body = &below[..places.len()];
        // The first row of the next table is not the last of this one.
        if let Some(next) = (1..body.len()).find(|at| {
            let rest = &below[*at..];
            rest.len() > 1 && begins_table(&rest[0], &rest[1])
        }) {
            body = &body[..next];
            places.truncate(next);
        }
        let mut grid = vec![texts(&table[at])];
        for (row, places) in body.iter().zip(&places) {
            let mut cells = vec![String::new(); headers.len()];
            for (cell, place) in row.segments.iter().zip(places) {
                if let Some(place) = place {
                    cells[*place] = cell.text.to_string();
                }
            }
            grid.push(cells);
        }
        let below = &below[body.len()..];
        let with_figures =
            body.iter().filter(|row| row.segments.iter().any(|cell| is_figure(&cell.text))).count();
        let bold = |row: &Row| row.segments.iter().all(|cell| cell.bold);
        let set_apart = bold(&table[at]) && body.first().is_some_and(|row| !bold(row));
        let believed = first_row_is_header(&grid) && (set_apart || with_figures * 2 >= body.len());
        believed.then_some(Headed { above: &table[..at], headers, body, places, below })
    })
}

/// Whether `row` says the same as `headers`.
fn is_headers(row: &Row, headers: &[Segment]) -> bool {
    row.segments.len() == headers.len()
        && row.segments.iter().zip(headers).all(|(a, b)| *a.text == *b.text)
}

/// Whether `row` has words only and stands above figures in the same number of cells.
fn begins_table(row: &Row, below: &Row) -> bool {
    let words = row.segments.iter().all(|cell| !cell.text.chars().any(|c| c.is_ascii_digit()));
    let figures = below.segments.iter().filter(|cell| is_figure(&cell.text)).count();
    row.segments.len() >= MIN_HEADER_COLUMNS
        && row.segments.len() == below.segments.len()
        && words
        && figures >= MIN_FIGURES
}

/// How far each column reaches: figures are set flush right below headers set flush left, so they
/// need not stand below them. A row with as many cells as there are headers shows it, unless one
/// of its cells stands below another header.
fn columns(headers: &[Segment], rows: &[Row]) -> Vec<(f32, f32)> {
    let mut columns: Vec<(f32, f32)> = headers.iter().map(|h| (h.left, h.right)).collect();
    let full = rows.iter().filter(|row| row.segments.len() == headers.len());
    for row in full {
        let straight = row.segments.iter().enumerate().all(|(at, cell)| {
            let own = overlap(cell, (headers[at].left, headers[at].right));
            headers.iter().all(|other| overlap(cell, (other.left, other.right)) <= own.max(0.0))
        });
        if straight {
            for (column, cell) in columns.iter_mut().zip(&row.segments) {
                *column = (column.0.min(cell.left), column.1.max(cell.right));
            }
        }
    }
    columns
}

fn overlap(cell: &Segment, (left, right): (f32, f32)) -> f32 {
    cell.right.min(right) - cell.left.max(left)
}

fn texts(row: &Row) -> Vec<String> {
    row.segments.iter().map(|cell| cell.text.to_string()).collect()
}

/// The column of each cell of `row`; `None` for the row when two cells share one, which is how
/// another table looks.
fn places(row: &Row, columns: &[(f32, f32)]) -> Option<Vec<Option<usize>>> {
    let mut places: Vec<Option<usize>> = Vec::with_capacity(row.segments.len());
    for cell in &row.segments {
        let place = (0..columns.len())
            .max_by(|a, b| overlap(cell, columns[*a]).total_cmp(&overlap(cell, columns[*b])))
            .filter(|at| overlap(cell, columns[*at]) > 0.0);
        if place.is_some() && places.contains(&place) {
            return None;
        }
        places.push(place);
    }
    Some(places)
}

/// Whether at least half of the cells of a column are figures.
fn holds_figures(rows: &[Row], placed: &[Vec<Option<usize>>], column: usize) -> bool {
    let cells = rows.iter().zip(placed).flat_map(|(row, places)| row.segments.iter().zip(places));
    let (mut figures, mut all) = (0, 0);
    for (cell, _) in cells.filter(|(_, place)| **place == Some(column)) {
        all += 1;
        figures += usize::from(is_figure(&cell.text));
    }
    figures * 2 >= all
}

/// Whether a cell is a figure, with a unit at most.
pub(super) fn is_figure(text: &str) -> bool {
    let figures = text.chars().filter(char::is_ascii_digit).count();
    figures > 0 && text.chars().filter(|c| c.is_alphabetic()).count() < figures.max(2)
}

#[cfg(test)]
mod tests;

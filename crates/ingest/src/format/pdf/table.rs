//! Finds the tables among the rows of a page and gives their cells the headers above them.
//!
//! A wrong header is worse than none, so a cell gets one only where it stands below it, and not
//! where it is words in a column of figures, as the labels of totals are.

use intramuros_types::BlockKind;

use super::assemble::{LINE_GAP, join_line};
use super::row::{Row, Segment};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::table::{before_cell, first_row_is_header};
use crate::placed::PlacedText;

/// Left edges this close are aligned, in points.
const ALIGNED: f32 = 3.0;
/// Columns from which a row of headers is looked for, and rows it is looked for in.
const MIN_HEADER_COLUMNS: usize = 3;
const HEADER_WITHIN_ROWS: usize = 3;

/// The rows of the table that begins at `from`, and the index of the first row behind it. A single
/// segment below a cell other than the first is the cell's next line.
pub(super) fn take(rows: &[Row], from: usize) -> (Vec<Row>, usize) {
    let mut table: Vec<Row> = vec![rows[from].clone()];
    let mut lowest = rows[from].middle;
    let mut at = from + 1;
    while let Some(row) = rows.get(at) {
        let Some(last) = table.last_mut() else { break };
        if row.segments.len() > 1 {
            table.push(row.clone());
        } else {
            let Some(segment) = row.segments.first() else { break };
            let aligned = |cell: &&mut Segment| (cell.left - segment.left).abs() <= ALIGNED;
            let near = lowest - row.middle > 0.0
                && lowest - row.middle <= LINE_GAP * segment.size
                && (segment.size - last.size()).abs() <= 0.2 * segment.size;
            match last.segments.iter_mut().skip(1).find(aligned) {
                Some(cell) if near => {
                    join_line(&mut cell.text, &segment.text, " ");
                    cell.right = cell.right.max(segment.right);
                }
                _ => break,
            }
        }
        lowest = row.middle;
        at += 1;
    }
    (table, at)
}

/// Pushes the rows of a table.
///
/// # Errors
/// The limits of [`Builder::push`].
pub(super) fn push(table: &[Row], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let (above, headers, body) = headed(table);
    for row in above {
        push_row(&row.segments, |_| None, builder)?;
    }
    let placed: Vec<Vec<Option<usize>>> =
        body.iter().map_while(|row| places(row, &headers)).collect();
    let is_figures: Vec<bool> = (0..headers.len())
        .map(|column| holds_figures(&body[..placed.len()], &placed, column))
        .collect();
    // A header that no row repeats would be lost.
    let is_used = |at: usize| placed.iter().flatten().any(|place| *place == Some(at));
    if !(0..headers.len()).all(is_used) {
        push_row(&headers, |_| None, builder)?;
    }
    for (row, places) in body.iter().zip(&placed) {
        let header = |column: usize| {
            let at = (*places.get(column)?)?;
            let fits = is_figures[at] == is_figure(&row.segments[column].text) || !is_figures[at];
            fits.then(|| &*headers[at].text)
        };
        push_row(&row.segments, header, builder)?;
    }
    for row in &body[placed.len()..] {
        push_row(&row.segments, |_| None, builder)?;
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

/// The rows above the headers, the headers and the rows below them; no headers when none of the
/// first rows reads like one.
fn headed(table: &[Row]) -> (&[Row], Vec<Segment>, &[Row]) {
    for at in 0..table.len().min(HEADER_WITHIN_ROWS) {
        let headers = &table[at].segments;
        if headers.len() < MIN_HEADER_COLUMNS {
            continue;
        }
        let below = table[at + 1..].iter().map_while(|row| Some((row, places(row, headers)?)));
        let mut grid = vec![texts(&table[at])];
        for (row, places) in below {
            let mut cells = vec![String::new(); headers.len()];
            for (cell, place) in row.segments.iter().zip(places) {
                if let Some(place) = place {
                    cells[place] = cell.text.to_string();
                }
            }
            grid.push(cells);
        }
        if first_row_is_header(&grid) {
            return (&table[..at], headers.clone(), &table[at + 1..]);
        }
    }
    (table, Vec::new(), &[])
}

fn texts(row: &Row) -> Vec<String> {
    row.segments.iter().map(|cell| cell.text.to_string()).collect()
}

/// The header above each cell of `row`; `None` for the row when two cells share one, which is how
/// another table looks.
fn places(row: &Row, headers: &[Segment]) -> Option<Vec<Option<usize>>> {
    let mut places: Vec<Option<usize>> = Vec::with_capacity(row.segments.len());
    for cell in &row.segments {
        let overlap = |header: &Segment| cell.right.min(header.right) - cell.left.max(header.left);
        let place = (0..headers.len())
            .max_by(|a, b| overlap(&headers[*a]).total_cmp(&overlap(&headers[*b])))
            .filter(|at| overlap(&headers[*at]) > 0.0);
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
fn is_figure(text: &str) -> bool {
    let figures = text.chars().filter(char::is_ascii_digit).count();
    figures > 0 && text.chars().filter(|c| c.is_alphabetic()).count() < figures.max(2)
}

#[cfg(test)]
mod tests;

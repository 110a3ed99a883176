//! Gathers the rows of a table from the rows of a page: cells of several lines are put together.

use super::assemble::{LINE_GAP, join_line};
use super::row::{Row, Segment};

/// Lines of a first cell between two rows, at most.
const MAX_CELL_LINES: usize = 6;
/// Gaps are even when none is smaller than this share of the widest.
const EVEN_GAPS: f32 = 0.85;
/// Left edges this close are aligned, in points.
const ALIGNED: f32 = 3.0;

/// The rows of the table that begins at `from`, and the index of the first row behind it. A single
/// segment below a cell is the cell's next line; below the first cell only if the table goes on,
/// since there it could be a paragraph as well.
pub(super) fn take(rows: &[Row], from: usize) -> (Vec<Row>, usize) {
    let mut table: Vec<Row> = vec![rows[from].clone()];
    let mut at = from + 1;
    while let Some(row) = rows.get(at) {
        let Some(last) = table.last_mut() else { break };
        let above = &rows[at - 1];
        let [segment] = row.segments.as_slice() else {
            table.push(row.clone());
            at += 1;
            continue;
        };
        let near = is_near(above, row) && (segment.size - last.size()).abs() <= 0.2 * segment.size;
        let cell = last.segments.iter_mut().skip(1).find(|cell| is_aligned(cell, segment));
        if let Some(cell) = cell.filter(|_| near) {
            join_line(&mut cell.text, &segment.text, " ");
            cell.right = cell.right.max(segment.right);
            at += 1;
            continue;
        }
        let Some((up, next)) = first_cell_lines(rows, from, at) else { break };
        if let Some(cell) = last.segments.first_mut() {
            for row in &rows[at..at + up] {
                join_cell(cell, row);
            }
        }
        let mut row = rows[next].clone();
        if let [first, ..] = row.segments.as_mut_slice()
            && at + up < next
        {
            let mut cell = rows[at + up].segments[0].clone();
            for line in &rows[at + up + 1..next] {
                join_cell(&mut cell, line);
            }
            join_line(&mut cell.text, &first.text, " ");
            cell.right = cell.right.max(first.right);
            *first = cell;
        }
        table.push(row);
        at = next + 1;
    }
    (table, at)
}

/// How many of the rows from `at` on are further lines of the first cell above them, and the next
/// row of the table; the lines between are the beginning of that one's first cell. `None` when the
/// table ends here.
fn first_cell_lines(rows: &[Row], from: usize, at: usize) -> Option<(usize, usize)> {
    // In two columns it is more often a paragraph between labels.
    let [first, second, _, ..] = rows[at - 1].segments.as_slice() else { return None };
    let is_line = |row: &Row| match row.segments.as_slice() {
        [line] => is_aligned(first, line) && line.right < second.left,
        _ => false,
    };
    let next = at + rows[at..].iter().take(MAX_CELL_LINES).take_while(|row| is_line(row)).count();
    let goes_on = next > at
        && rows.get(next).is_some_and(|row| {
            row.segments.len() > 2 && row.segments.first().is_some_and(|s| is_aligned(first, s))
        });
    if !goes_on {
        return None;
    }
    let gap = |row: usize| rows[row - 1].middle - rows[row].middle;
    let all_near = (at..=next).filter(|row| !is_near(&rows[row - 1], &rows[*row])).count() <= 1;
    // The widest gap parts the rows; headers stand alone.
    let widest = (at..=next).max_by(|a, b| gap(*a).total_cmp(&gap(*b)))?;
    let even = (at..=next).all(|row| gap(row) >= EVEN_GAPS * gap(widest));
    let parted = match (even, at - 1 == from) {
        (true, true) => at,
        (true, false) => next,
        (false, _) => widest,
    };
    all_near.then_some((parted - at, next))
}

/// Appends the only segment of `row`.
fn join_cell(cell: &mut Segment, row: &Row) {
    if let [line] = row.segments.as_slice() {
        join_line(&mut cell.text, &line.text, " ");
        cell.right = cell.right.max(line.right);
    }
}

fn is_aligned(a: &Segment, b: &Segment) -> bool {
    (a.left - b.left).abs() <= ALIGNED
}

/// Whether `below` is the next line below `above`.
fn is_near(above: &Row, below: &Row) -> bool {
    let gap = above.middle - below.middle;
    gap > 0.0 && gap <= LINE_GAP * below.size()
}

//! Puts rows in reading order: where text is set in columns, one column after the other.
//!
//! Columns and tables look alike; the difference decides whether a row is read across. A gutter
//! separates columns when the text on both sides is prose (long segments), or when the lines on
//! both sides do not stand at the same height, which they do in a table.

use super::row::{Row, Segment};

/// Rows with text on both sides of a gutter, at least.
const MIN_ROWS: usize = 4;
/// Mean length of segments from which they are prose, in characters.
const PROSE_CHARS: usize = 25;
/// Rows on one side only, at least, for columns whose lines are not aligned.
const MIN_SINGLE_ROWS: usize = 3;
/// Rows closer than this cannot be lines of one column, in font sizes.
const CLOSE_ROWS: f32 = 0.9;
/// Figures in a row of a list of prices, at least.
const MIN_PRICES: usize = 2;
/// Lines of headers above it, and how far they are apart, in font sizes.
const HEADER_LINES: usize = 3;
const HEADER_GAP: f32 = 2.5;
/// Gutters within one another: three columns need two.
const MAX_DEPTH: u32 = 4;
/// Candidates for a gutter that are tried on a page.
const MAX_CANDIDATES: usize = 40;

/// The same segments in reading order.
pub(super) fn order(rows: Vec<Row>) -> Vec<Row> {
    ordered(rows, 0)
}

fn ordered(rows: Vec<Row>, depth: u32) -> Vec<Row> {
    if depth == MAX_DEPTH || rows.len() < MIN_ROWS {
        return rows;
    }
    let Some((gutter, band)) = widest_band(&rows) else { return rows };
    let mut rows = rows;
    let after = rows.split_off(band.end);
    let within = rows.split_off(band.start);
    let (left, right) = parted(within, gutter);
    let mut out = ordered(rows, depth + 1);
    out.extend(ordered(left, depth + 1));
    out.extend(ordered(right, depth + 1));
    out.extend(ordered(after, depth + 1));
    out
}

/// The gutter with the most rows beside it, and those rows.
fn widest_band(rows: &[Row]) -> Option<(f32, std::ops::Range<usize>)> {
    let mut best: Option<(f32, std::ops::Range<usize>)> = None;
    let tabular = tabular(rows);
    for gutter in candidates(rows) {
        let mut from = 0;
        for at in 0..=rows.len() {
            let ends = rows.get(at).zip(tabular.get(at)).is_none_or(|(row, tabular)| {
                *tabular || row.segments.iter().any(|segment| crosses(segment, gutter))
            });
            if !ends {
                continue;
            }
            let band = from..at;
            from = at + 1;
            let longer = best.as_ref().is_none_or(|(_, best)| band.len() > best.len());
            if longer && separates_columns(&rows[band.clone()], gutter) {
                best = Some((gutter, band));
            }
        }
    }
    best
}

/// Which rows are those of a list of prices or its headers: words, then figures only. They are read
/// across even where columns stand above and below them.
fn tabular(rows: &[Row]) -> Vec<bool> {
    let begins_with_figure = |segment: &Segment| {
        segment.text.starts_with(|c: char| c.is_ascii_digit() || "-€$£".contains(c))
    };
    let mut tabular: Vec<bool> = rows
        .iter()
        .map(|row| {
            let words = row.segments.iter().take_while(|s| !begins_with_figure(s)).count();
            let figures = row.segments.len() - words;
            (1..=2).contains(&words)
                && figures >= MIN_PRICES
                && row.segments[words..].iter().all(begins_with_figure)
        })
        .collect();
    for at in (0..rows.len()).filter(|at| tabular[*at]).collect::<Vec<_>>() {
        let near = |above: &usize| {
            let gap = rows[*above].middle - rows[*above + 1].middle;
            gap <= HEADER_GAP * rows[*above].size()
        };
        let headers = (0..at).rev().take_while(near).take(HEADER_LINES);
        if let Some(top) = headers.filter(|above| rows[*above].segments.len() > 2).last() {
            tabular[top..at].fill(true);
        }
    }
    tabular
}

/// Left edges of segments that have another one to their left, the most frequent first.
fn candidates(rows: &[Row]) -> Vec<f32> {
    let mut edges: Vec<(i32, usize, f32)> = Vec::new();
    let single = rows.iter().filter(|row| row.segments.len() == 1).flat_map(|row| &row.segments);
    let inner = rows.iter().flat_map(|row| row.segments.iter().skip(1));
    for segment in inner.chain(single) {
        let key = (segment.left / 4.0).round() as i32;
        match edges.iter_mut().find(|(known, _, _)| *known == key) {
            Some((_, count, left)) => {
                *count += 1;
                *left = left.min(segment.left);
            }
            None => edges.push((key, 1, segment.left)),
        }
    }
    edges.retain(|(_, count, _)| *count >= 2);
    edges.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    edges.into_iter().take(MAX_CANDIDATES).map(|(_, _, left)| left - 1.0).collect()
}

fn crosses(segment: &Segment, gutter: f32) -> bool {
    segment.left < gutter - 1.0 && segment.right > gutter
}

/// Whether the rows beside `gutter` are two columns rather than a table or one column.
fn separates_columns(rows: &[Row], gutter: f32) -> bool {
    let (mut both, mut only_left, mut only_right) = (0, 0, 0);
    let (mut left, mut right) = (Side::default(), Side::default());
    for row in rows {
        let on_left = row.segments.iter().filter(|s| s.left < gutter).count();
        match (on_left > 0, on_left < row.segments.len()) {
            (true, true) => both += 1,
            (true, false) => only_left += 1,
            (false, _) => only_right += 1,
        }
        for segment in &row.segments {
            let side = if segment.left < gutter { &mut left } else { &mut right };
            side.segments += 1;
            side.chars += segment.text.chars().count();
        }
    }
    let prose = both >= MIN_ROWS && left.mean() >= PROSE_CHARS && right.mean() >= PROSE_CHARS;
    let staggered = only_left >= MIN_SINGLE_ROWS
        && only_right >= MIN_SINGLE_ROWS
        && both * 2 < rows.len()
        && interlock(rows, gutter);
    prose || staggered
}

/// Whether rows of both sides stand beside one another at different heights. Indented text below
/// short headings has one row below the other.
fn interlock(rows: &[Row], gutter: f32) -> bool {
    let is_left = |row: &Row| row.left() < gutter;
    let beside = |(a, b): (&Row, &Row)| {
        is_left(a) != is_left(b)
            && (a.middle - b.middle).abs() < CLOSE_ROWS * a.size().min(b.size())
    };
    rows.iter().zip(rows.iter().skip(1)).filter(|pair| beside(*pair)).count() >= MIN_SINGLE_ROWS
}

#[derive(Default)]
struct Side {
    segments: usize,
    chars: usize,
}

impl Side {
    fn mean(&self) -> usize {
        self.chars.checked_div(self.segments).unwrap_or(0)
    }
}

/// The rows left and right of `gutter`.
fn parted(rows: Vec<Row>, gutter: f32) -> (Vec<Row>, Vec<Row>) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for row in rows {
        let (l, r): (Vec<Segment>, Vec<Segment>) =
            row.segments.into_iter().partition(|segment| segment.left < gutter);
        for (segments, side) in [(l, &mut left), (r, &mut right)] {
            if !segments.is_empty() {
                side.push(Row { segments, middle: row.middle });
            }
        }
    }
    (left, right)
}

#[cfg(test)]
mod tests;

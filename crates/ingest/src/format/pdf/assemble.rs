//! Turns rows in reading order into headings, paragraphs, list items and table rows.

use intramuros_types::BlockKind;

use super::row::{Row, Segment};
use super::typography::Typography;
use crate::IngestError;
use crate::builder::Builder;
use crate::format::table::{first_row_is_header, row_text};

/// Lines further apart than this are different paragraphs, in font sizes.
const LINE_GAP: f32 = 1.75;
/// A line that ends before this share of its paragraph's width was ended by the author.
const FULL_LINE: f32 = 0.72;
/// The narrowest column of text, as a share of the page's width.
const NARROW_COLUMN: f32 = 0.4;
/// Left edges this close are aligned, in points.
const ALIGNED: f32 = 3.0;
/// Columns from which a row of headers is looked for, and rows it is looked for in.
const MIN_HEADER_COLUMNS: usize = 3;
const HEADER_WITHIN_ROWS: usize = 3;
/// Second halves of French compounds: a hyphen before them at a line's end belongs to the word.
const COMPOUND_ENDS: [&str; 22] = [
    "ce", "ci", "dessous", "dessus", "elle", "elles", "en", "être", "il", "ils", "je", "la", "le",
    "les", "leur", "lui", "là", "même", "mêmes", "on", "nous", "vous",
];

/// Pushes the rows of all `pages`.
///
/// # Errors
/// The limits of [`Builder::push`].
pub(super) fn push(pages: &[Vec<Row>], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let typography = Typography::of(pages);
    for (number, rows) in (1..).zip(pages) {
        builder.page = Some(number);
        push_page(rows, &typography, builder)?;
    }
    Ok(())
}

fn push_page(
    rows: &[Row],
    typography: &Typography,
    builder: &mut Builder<'_>,
) -> Result<(), IngestError> {
    let rows: Vec<Row> = rows.iter().cloned().map(with_marker_joined).collect();
    let width = rows.iter().map(|row| row.right() - row.left()).fold(0.0, f32::max);
    let mut open: Option<Open> = None;
    let mut at = 0;
    while at < rows.len() {
        let row = &rows[at];
        if row.segments.len() > 1 {
            flush(&mut open, builder)?;
            let (table, end) = table(&rows, at);
            push_table(&table, builder)?;
            at = end;
            continue;
        }
        at += 1;
        let above = at.checked_sub(2).map(|above| &rows[above]);
        let Some(segment) = row.segments.first() else { continue };
        let kind = match typography.heading_level(row, above, rows.get(at)) {
            Some(level) => BlockKind::Heading(level),
            None if begins_item(&segment.text) => BlockKind::ListItem,
            None => BlockKind::Paragraph,
        };
        match &mut open {
            Some(open) if open.goes_on(kind, row, segment) => open.add(row, segment),
            _ => {
                flush(&mut open, builder)?;
                open = Some(Open::new(kind, row, segment, width));
            }
        }
    }
    flush(&mut open, builder)
}

fn flush(open: &mut Option<Open>, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let Some(open) = open.take() else { return Ok(()) };
    if open.kind == BlockKind::ListItem {
        return builder.push(open.kind, &with_plain_bullet(&open.text));
    }
    builder.push(open.kind, &open.text)
}

/// A block whose next line may follow.
struct Open {
    kind: BlockKind,
    text: String,
    middle: f32,
    left: f32,
    right: f32,
    size: f32,
    bold: bool,
    /// Width of the widest line so far, at least that of short columns.
    width: f32,
}

impl Open {
    fn new(kind: BlockKind, row: &Row, segment: &Segment, page_width: f32) -> Self {
        Self {
            kind,
            text: segment.text.clone(),
            middle: row.middle,
            left: segment.left,
            right: segment.right,
            size: segment.size,
            bold: segment.bold,
            width: (segment.right - segment.left).max(page_width * NARROW_COLUMN),
        }
    }

    /// Whether `row`, of `kind`, is another line of this block.
    fn goes_on(&self, kind: BlockKind, row: &Row, segment: &Segment) -> bool {
        let kinds = match (self.kind, kind) {
            (BlockKind::Heading(a), BlockKind::Heading(b)) => a == b,
            (BlockKind::Paragraph | BlockKind::ListItem, BlockKind::Paragraph) => true,
            _ => false,
        };
        let gap = self.middle - row.middle;
        let alike = (segment.size - self.size).abs() <= 0.15 * self.size;
        let beside = segment.left < self.right && segment.right > self.left;
        // What stands left of an item's marker is not the item any more.
        let within = self.kind != BlockKind::ListItem || segment.left >= self.left - ALIGNED;
        let set_apart = segment.bold != self.bold && !self.is_full_line();
        kinds && alike && beside && within && !set_apart && gap > 0.0 && gap <= LINE_GAP * self.size
    }

    fn is_full_line(&self) -> bool {
        self.right - self.left >= FULL_LINE * self.width
    }

    fn add(&mut self, row: &Row, segment: &Segment) {
        self.width = self.width.max(segment.right - segment.left);
        let runs_on = matches!(self.kind, BlockKind::Heading(_)) || self.is_full_line();
        join_line(&mut self.text, &segment.text, if runs_on { ' ' } else { '\n' });
        self.middle = row.middle;
        self.left = segment.left;
        self.right = segment.right;
        self.size = segment.size;
        self.bold = segment.bold;
    }
}

/// Appends a line; a word that was divided at the end of the last one becomes whole.
fn join_line(text: &mut String, line: &str, separator: char) {
    let mut end = text.chars().rev();
    let (last, before) = (end.next(), end.next());
    let first = line.chars().next();
    let divided = matches!(last, Some('-' | '\u{2010}' | '\u{ad}'))
        && before.is_some_and(char::is_alphabetic)
        && first.is_some_and(char::is_alphabetic);
    if divided {
        let word: String = line.chars().take_while(|c| c.is_alphabetic()).collect();
        let compound = COMPOUND_ENDS.contains(&word.as_str());
        if first.is_some_and(char::is_lowercase) && !compound {
            text.pop();
        }
    } else {
        text.push(separator);
    }
    text.push_str(line);
}

/// Joins a bullet or number that stands apart with the text of its item.
fn with_marker_joined(mut row: Row) -> Row {
    if let [marker, item] = row.segments.as_slice()
        && is_marker(&marker.text)
        && item.left - marker.right < 6.0 * item.size
    {
        let text = format!("{} {}", marker.text, item.text);
        row.segments = vec![Segment { text, left: marker.left, ..item.clone() }];
    }
    row
}

fn is_bullet(c: char) -> bool {
    // The private characters are how Symbol and Wingdings encode their bullets.
    "•◦▪▫■□●○‣⁃∙·–—➢➤►▶✓✔❖*-".contains(c) || ('\u{f000}'..='\u{f0ff}').contains(&c)
}

/// Whether `text` is a bullet, or a short number or letter with a full stop or bracket.
fn is_marker(text: &str) -> bool {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => is_bullet(c),
        _ => text.strip_suffix(['.', ')']).is_some_and(|number| {
            let number = number.trim_start_matches('(');
            let figures = number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit());
            let letter = number.len() == 1 && number.bytes().all(|b| b.is_ascii_lowercase());
            !number.is_empty() && (figures || letter)
        }),
    }
}

fn begins_item(text: &str) -> bool {
    text.split_once(char::is_whitespace).is_some_and(|(first, _)| is_marker(first))
        || text.chars().next().is_some_and(|c| is_bullet(c) && !"-–—*".contains(c))
}

fn with_plain_bullet(text: &str) -> String {
    match text.chars().next() {
        Some(c) if is_bullet(c) => format!("- {}", text[c.len_utf8()..].trim_start()),
        _ => text.to_owned(),
    }
}

/// The rows of the table that begins at `from`, and the index of the first row behind it. A single
/// segment below a cell other than the first is the cell's next line.
fn table(rows: &[Row], from: usize) -> (Vec<Row>, usize) {
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
                    join_line(&mut cell.text, &segment.text, ' ');
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

fn push_table(table: &[Row], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let header = (0..table.len().min(HEADER_WITHIN_ROWS)).find(|at| {
        let columns = &table[*at].segments;
        columns.len() >= MIN_HEADER_COLUMNS && {
            let grid: Vec<Vec<String>> =
                table[*at..].iter().map(|row| cells(row, columns)).collect();
            first_row_is_header(&grid)
        }
    });
    let plain = header.unwrap_or(table.len());
    for row in &table[..plain] {
        let cells: Vec<String> = row.segments.iter().map(|cell| cell.text.clone()).collect();
        builder.push(BlockKind::TableRow, &row_text(&[], &cells))?;
    }
    let Some((first, body)) = table[plain..].split_first() else { return Ok(()) };
    let headers = cells(first, &first.segments);
    for row in body {
        builder.push(BlockKind::TableRow, &row_text(&headers, &cells(row, &first.segments)))?;
    }
    Ok(())
}

/// The texts of `row`, each under the column that it overlaps most or is nearest to.
fn cells(row: &Row, columns: &[Segment]) -> Vec<String> {
    let mut cells = vec![String::new(); columns.len()];
    for segment in &row.segments {
        let nearness = |column: &Segment| {
            // The overlap, or minus the distance.
            segment.right.min(column.right) - segment.left.max(column.left)
        };
        let nearest = (0..columns.len())
            .max_by(|a, b| nearness(&columns[*a]).total_cmp(&nearness(&columns[*b])));
        let Some(cell) = nearest.and_then(|at| cells.get_mut(at)) else { continue };
        if !cell.is_empty() {
            cell.push(' ');
        }
        cell.push_str(&segment.text);
    }
    cells
}

#[cfg(test)]
mod tests;

//! Turns rows in reading order into headings, paragraphs, list items and table rows.

use intramuros_types::BlockKind;

use super::layout::Page;
use super::row::{Row, Segment};
use super::typography::Typography;
use super::{gather, table};
use crate::IngestError;
use crate::builder::Builder;
use crate::placed::PlacedText;

/// Lines further apart than this are different paragraphs, in font sizes.
pub(super) const LINE_GAP: f32 = 1.75;
/// A line that ends before this share of its paragraph's width was ended by the author.
const FULL_LINE: f32 = 0.72;
/// The narrowest column of text, as a share of the page's width.
const NARROW_COLUMN: f32 = 0.4;
/// Left edges this close are aligned, in points.
const ALIGNED: f32 = 3.0;
/// Second halves of French compounds: a hyphen before them at a line's end belongs to the word.
const COMPOUND_ENDS: [&str; 22] = [
    "ce", "ci", "dessous", "dessus", "elle", "elles", "en", "être", "il", "ils", "je", "la", "le",
    "les", "leur", "lui", "là", "même", "mêmes", "on", "nous", "vous",
];

/// Pushes the rows of all `pages`.
///
/// # Errors
/// The limits of [`Builder::push`].
pub(super) fn push(pages: &[Page], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    // Recognised sizes are rough, and those of a logo would rank above all headings.
    let (read, layer): (Vec<&Page>, Vec<&Page>) = pages.iter().partition(|page| page.recognised);
    let recognised = Typography::of(&read);
    let typography = Typography::of(&layer);
    let mut carried = None;
    for (number, page) in (1..).zip(pages) {
        builder.page = Some(number);
        let typography = if page.recognised { &recognised } else { &typography };
        carried = push_page(&page.rows, typography, carried, builder)?;
    }
    Ok(())
}

/// Pushes a page. Takes the headers of the table that the page before ended with, and returns
/// those of the one that this ends with.
fn push_page(
    rows: &[Row],
    typography: &Typography,
    carried: Option<Row>,
    builder: &mut Builder<'_>,
) -> Result<Option<Row>, IngestError> {
    let rows: Vec<Row> = rows.iter().cloned().map(with_marker_joined).collect();
    let width = rows.iter().map(|row| row.right() - row.left()).fold(0.0, f32::max);
    let mut open: Option<Open> = None;
    let (mut carried, mut headers) = (carried, None);
    let mut at = 0;
    while at < rows.len() {
        let row = &rows[at];
        if row.segments.len() > 1 {
            flush(&mut open, builder)?;
            let (table, end) = gather::take(&rows, at);
            let continued = carried.take().filter(|_| at == 0);
            headers = table::push(&table, continued, builder)?;
            at = end;
            continue;
        }
        at += 1;
        headers = None;
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
    flush(&mut open, builder)?;
    Ok(headers)
}

fn flush(open: &mut Option<Open>, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let Some(open) = open.take() else { return Ok(()) };
    if open.kind == BlockKind::ListItem {
        return builder.push_placed(open.kind, &with_plain_bullet(open.text));
    }
    builder.push_placed(open.kind, &open.text)
}

/// A block whose next line may follow.
struct Open {
    kind: BlockKind,
    text: PlacedText,
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
        join_line(&mut self.text, &segment.text, if runs_on { " " } else { "\n" });
        self.middle = row.middle;
        self.left = segment.left;
        self.right = segment.right;
        self.size = segment.size;
        self.bold = segment.bold;
    }
}

/// Appends a line; a word that was divided at the end of the last one becomes whole.
pub(super) fn join_line(text: &mut PlacedText, line: &PlacedText, separator: &str) {
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
        text.push_str(separator);
    }
    text.append(line, false);
}

/// Joins a bullet or number that stands apart with the text of its item.
fn with_marker_joined(mut row: Row) -> Row {
    if let [marker, item] = row.segments.as_slice()
        && is_marker(&marker.text)
        && item.left - marker.right < 6.0 * item.size
    {
        let mut text = marker.text.clone();
        text.push_str(" ");
        text.append(&item.text, false);
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

fn with_plain_bullet(mut text: PlacedText) -> PlacedText {
    let Some(bullet) = text.chars().next().filter(|c| is_bullet(*c)) else { return text };
    let blank = text[bullet.len_utf8()..].chars().take_while(|c| c.is_whitespace());
    text.without_start(bullet.len_utf8() + blank.map(char::len_utf8).sum::<usize>());
    let mut plain = PlacedText::from("- ");
    plain.append(&text, false);
    plain
}

#[cfg(test)]
mod tests;

//! Tells headings by how a document is set: larger or bolder than its body.

use std::collections::BTreeMap;

use super::layout::Page;
use super::row::Row;

/// Rows this much larger than the body are headings.
const LARGER: f32 = 1.15;
/// The longest heading, in characters.
const MAX_HEADING_CHARS: usize = 140;
/// The longest heading that only its weight sets apart, in characters.
const MAX_BOLD_CHARS: usize = 80;
/// More different sizes of headings than this are one level.
const MAX_LEVELS: usize = 5;
/// Where more than this share of the rows is large, the size says nothing, one in:
const LARGE_SHARE: usize = 3;
/// Where more than this share of the characters is bold, boldness says nothing, one in:
const BOLD_SHARE: usize = 4;

/// How the body and the headings of a document are set. Sizes in half points.
#[derive(Debug, PartialEq)]
pub(super) struct Typography {
    body: i32,
    /// Sizes of headings, largest first.
    larger: Vec<i32>,
    /// Whether bold rows of the body's size can be headings.
    bold_headings: bool,
}

impl Typography {
    /// Measures all pages.
    pub(super) fn of(pages: &[&Page]) -> Self {
        let pages: Vec<&Vec<Row>> = pages.iter().map(|page| &page.rows).collect();
        let mut chars_by_size: BTreeMap<i32, usize> = BTreeMap::new();
        let (mut chars, mut bold_chars) = (0, 0);
        for segment in pages.iter().copied().flatten().flat_map(|row| &row.segments) {
            let count = segment.text.chars().count();
            *chars_by_size.entry(half_points(segment.size)).or_default() += count;
            chars += count;
            bold_chars += if segment.bold { count } else { 0 };
        }
        let body =
            chars_by_size.iter().max_by_key(|(_, count)| **count).map_or(0, |(size, _)| *size);
        let is_larger = |row: &&Row| half_points(row.size()) as f32 >= body as f32 * LARGER;
        let large: Vec<&Row> =
            pages.iter().copied().flatten().filter(is_larger).filter(|row| is_title(row)).collect();
        let mut larger: Vec<i32> = large.iter().map(|row| half_points(row.size())).collect();
        larger.sort_unstable_by(|a, b| b.cmp(a));
        larger.dedup();
        if large.len() * LARGE_SHARE > pages.iter().map(|rows| rows.len()).sum() {
            larger.clear();
        }
        Self { body, larger, bold_headings: bold_chars * BOLD_SHARE <= chars }
    }

    /// The level of the heading that `row` is, between the rows `above` and `below`.
    pub(super) fn heading_level(
        &self,
        row: &Row,
        above: Option<&Row>,
        below: Option<&Row>,
    ) -> Option<u8> {
        let size = half_points(row.size());
        if !is_title(row) {
            return None;
        }
        if let Some(rank) = self.larger.iter().position(|known| *known == size) {
            return Some((rank.min(MAX_LEVELS - 1) + 1) as u8);
        }
        let [segment] = row.segments.as_slice() else { return None };
        let differs =
            |other: Option<&Row>| other.is_none_or(|o| !o.segments.iter().all(|s| s.bold));
        let is_apart =
            above.is_none_or(|above| (above.middle - row.middle).abs() > 1.3 * row.size());
        let is_heading = self.bold_headings
            && segment.bold
            && size >= self.body
            && segment.text.chars().count() <= MAX_BOLD_CHARS
            && !segment.text.ends_with(['.', ':', ',', ';'])
            && differs(below)
            && below.is_some()
            && (is_apart || differs(above));
        is_heading.then(|| (self.larger.len().min(MAX_LEVELS) + 1) as u8)
    }
}

/// Whether a row could be a heading by its text: one segment, not too long, more letters than
/// figures.
fn is_title(row: &Row) -> bool {
    let [segment] = row.segments.as_slice() else { return false };
    let letters = segment.text.chars().filter(|c| c.is_alphabetic()).count();
    let figures = segment.text.chars().filter(char::is_ascii_digit).count();
    letters >= figures.max(2) && segment.text.chars().count() <= MAX_HEADING_CHARS
}

fn half_points(size: f32) -> i32 {
    (size * 2.0).round() as i32
}

#[cfg(test)]
mod tests;

//! Looks a second time at short words that the program was not sure of.
//!
//! A line with a lone figure between wide gaps, as in the column of quantities of an invoice, is
//! where the program fails most: it takes the figure for a letter or a quotation mark. By itself
//! the same figure is read without fail. So the pictures of such words are put below one another
//! on a sheet of their own, one a line, and that is read.

use std::time::Duration;

use super::gray::Gray;
use super::hocr::{self, Line, Word};
use super::process::{self, Mode};
use crate::OcrConfig;

/// Words of up to this many characters, below this confidence in per cent.
const MAX_CHARS: usize = 4;
const DOUBTFUL: f32 = 75.0;
/// The most words of a page that are looked at again.
const MAX_WORDS: usize = 60;
/// White around a word on the sheet, in inches.
const MARGIN: f32 = 0.15;
/// What is kept around a word's box, in inches.
const PADDING: f32 = 0.02;

/// Replaces doubtful words of `lines`, which were read in `image`, by what a second look is surer
/// of. When it fails, everything stays as it is.
pub(super) fn look(
    image: &Gray,
    dpi: f32,
    lines: &mut [Line],
    config: &OcrConfig,
    limit: Duration,
) {
    let doubtful = lines.iter_mut().filter(|line| line.quarter == 0).flat_map(|l| &mut l.words);
    let mut words: Vec<&mut Word> = doubtful
        .filter(|w| w.confidence < DOUBTFUL && w.text.chars().count() <= MAX_CHARS)
        .take(MAX_WORDS)
        .collect();
    let Some(sheet) = Sheet::of(image, dpi, &words) else { return };
    let Ok(answer) = process::run(config, &sheet.image, dpi, Mode::Block, limit) else { return };
    let Ok(found) = hocr::parse(&answer) else { return };
    for (word, (from, to)) in words.iter_mut().zip(&sheet.slots) {
        let in_slot = |found: &&Word| {
            let middle = (found.place.top + found.place.bottom) / 2.0;
            (*from..*to).contains(&middle)
        };
        let mut seen = found.iter().flat_map(|line| &line.words).filter(in_slot);
        if let (Some(only), None) = (seen.next(), seen.next())
            && only.confidence > word.confidence
        {
            word.text.clone_from(&only.text);
            word.confidence = only.confidence;
        }
    }
}

/// Pictures of words below one another.
struct Sheet {
    image: Gray,
    /// Upper and lower end of each word's place.
    slots: Vec<(f32, f32)>,
}

impl Sheet {
    /// `None` when there are no words.
    fn of(image: &Gray, dpi: f32, words: &[&mut Word]) -> Option<Self> {
        let margin = (MARGIN * dpi) as usize;
        let cuts: Vec<Gray> = words.iter().map(|word| cut(image, dpi, word)).collect();
        let width = cuts.iter().map(|cut| cut.width).max()? + 2 * margin;
        let mut pixels = Vec::new();
        let mut slots = Vec::new();
        let white = |rows: usize| std::iter::repeat_n(255, rows * width);
        for cut in &cuts {
            let from = pixels.len() / width;
            pixels.extend(white(margin));
            for row in cut.pixels.chunks_exact(cut.width.max(1)) {
                pixels.extend(std::iter::repeat_n(255, margin));
                pixels.extend_from_slice(row);
                pixels.extend(std::iter::repeat_n(255, width - margin - row.len()));
            }
            pixels.extend(white(margin));
            slots.push((from as f32, (pixels.len() / width) as f32));
        }
        let height = pixels.len() / width;
        Some(Self { image: Gray::new(width, height, pixels)?, slots })
    }
}

/// The picture of a word.
fn cut(image: &Gray, dpi: f32, word: &Word) -> Gray {
    let padding = PADDING * dpi;
    let within = |at: f32, end: usize| (at.max(0.0) as usize).min(end);
    let (left, right) = (
        within(word.place.left - padding, image.width),
        within(word.place.right + padding, image.width),
    );
    let (top, bottom) = (
        within(word.place.top - padding, image.height),
        within(word.place.bottom + padding, image.height),
    );
    let rows = image.pixels.chunks_exact(image.width).take(bottom).skip(top);
    let pixels = rows.flat_map(|row| &row[left..right]).copied().collect();
    Gray { width: right - left, height: bottom - top, pixels }
}

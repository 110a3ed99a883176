//! Reads page images with the `tesseract` program: the one place of the crate that starts a
//! process.
//!
//! A page image is made straight (`skew`), freed of ruled lines (`rules`), handed to the program over a pipe (`process`), and the
//! program's answer, lines of words with boxes (`hocr`), is looked at again where it is
//! unsure (`second`) and brought into the upright frame in which
//! most of the text runs. No shell, no temporary file, no environment; the program is killed when a
//! page takes too long.

use std::time::{Duration, Instant};

use intramuros_types::{PageBox, ReadWarning};

use crate::builder::Builder;
use crate::{IngestError, OcrConfig};

mod gray;
mod hocr;
mod process;
mod rules;
mod second;
mod skew;

pub(crate) use gray::{Gray, MAX_PIXELS};

/// Mean confidence of a page below which its text deserves a look, in per cent. Clean scans are
/// above 90, legible telefaxes near 85.
const DOUBTFUL_PAGE: f32 = 80.0;
/// Confidence of a word below which it is doubtful, and the share of them that is too much, one in:
const DOUBTFUL_WORD: f32 = 60.0;
const DOUBTFUL_SHARE: usize = 10;
/// Below this confidence, words without a letter or figure, and those of one or two letters, are
/// specks of dirt: they had a second look already.
const SPECK: f32 = 65.0;

/// A recognised line, upright.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) words: Vec<Word>,
    /// Middle of the line above the lower edge of the page, in points.
    pub(crate) middle: f32,
    /// Font size, in points, as far as it can be told.
    pub(crate) size: f32,
    /// Whether it runs in the main direction of the page.
    pub(crate) upright: bool,
}

/// A recognised word. Edges in points from the left edge of the upright page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) left: f32,
    pub(crate) right: f32,
    pub(crate) place: PageBox,
}

/// What became of a page image.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its lines; none when there is no text on it.
    Read(Vec<Line>),
    /// It could not be read, for this reason; others may be.
    Failed(String),
}

/// Reads the image of page `page` (from 1), which has `dpi` dots per inch, and notes in `builder`
/// when the result deserves doubt. The time it takes does not count as reading time: it has a limit
/// of its own.
///
/// # Errors
/// [`IngestError::Recognition`] when the program cannot be started.
pub(crate) fn recognise(
    image: &Gray,
    dpi: f32,
    page: u32,
    builder: &mut Builder<'_>,
) -> Result<Outcome, IngestError> {
    let Some(config) = builder.ocr else { return Ok(Outcome::Read(Vec::new())) };
    let started = Instant::now();
    let outcome = read(image, dpi, page, config, builder.limits.max_ocr_page_duration);
    builder.deadline.extend(started.elapsed());
    match outcome {
        Ok(words) => {
            builder.warnings.extend(doubts(&words, page));
            Ok(Outcome::Read(words.lines))
        }
        Err(process::Failure::Start(reason)) => Err(IngestError::Recognition { reason }),
        Err(process::Failure::Run(reason)) => Ok(Outcome::Failed(reason)),
    }
}

/// The lines of a page, and how sure the program is.
struct Recognised {
    lines: Vec<Line>,
    /// Confidence of each word, in per cent, and its length in characters.
    confidences: Vec<(f32, usize)>,
}

fn read(
    image: &Gray,
    dpi: f32,
    page: u32,
    config: &OcrConfig,
    limit: Duration,
) -> Result<Recognised, process::Failure> {
    let angle = skew::angle(image);
    let mut straight = if angle == 0.0 { image.clone() } else { image.turned(angle) };
    rules::erase(&mut straight, dpi, skew::threshold(image));
    let answer = process::run(config, &straight, dpi, process::Mode::Page, limit)?;
    let mut found = hocr::parse(&answer).map_err(process::Failure::Run)?;
    second::look(&straight, dpi, &mut found, config, limit);
    for line in &mut found {
        line.words.retain(|word| {
            let is_rule = word.text.chars().all(|c| "|¦_—[]".contains(c));
            let letters = word.text.chars().filter(|c| c.is_alphanumeric()).count();
            let is_word = letters > 2 || word.text.chars().any(|c| c.is_ascii_digit());
            !is_rule && (is_word || word.confidence >= SPECK)
        });
    }
    found.retain(|line| !line.words.is_empty());
    let confidences = found.iter().flat_map(|line| &line.words);
    let confidences = confidences.map(|w| (w.confidence, w.text.chars().count())).collect();
    let straightened = Straightened { image, angle, page, dpi };
    Ok(Recognised { lines: straightened.lines(found), confidences })
}

/// How the image that was recognised came from the page's.
struct Straightened<'a> {
    image: &'a Gray,
    /// What it was turned by, in degrees.
    angle: f32,
    page: u32,
    dpi: f32,
}

impl Straightened<'_> {
    /// The lines in the frame in which most of the words are upright.
    fn lines(&self, found: Vec<hocr::Line>) -> Vec<Line> {
        let mut words = [0; 4];
        for line in &found {
            words[usize::from(line.quarter)] += line.words.len();
        }
        let main = (0..4).rev().max_by_key(|quarter| words[*quarter]).unwrap_or(0);
        let (width, height) = self.image.size_turned(self.angle);
        let points = 72.0 / self.dpi;
        // Boxes in pixels from the upper left corner of the upright page, and its height.
        let upright = |b: &hocr::Box| match main {
            1 => (height - b.bottom, b.left, height - b.top, b.right),
            2 => (width - b.right, height - b.bottom, width - b.left, height - b.top),
            3 => (b.top, width - b.right, b.bottom, width - b.left),
            _ => (b.left, b.top, b.right, b.bottom),
        };
        let page_height = if main % 2 == 1 { width } else { height };
        let typical = typical_size(&found);
        let line = |line: hocr::Line| {
            let mut middles: Vec<f32> = Vec::with_capacity(line.words.len());
            let words = line.words.into_iter().map(|word| {
                let (left, top, right, bottom) = upright(&word.place);
                middles.push((top + bottom) / 2.0);
                let place = self.place(&word.place);
                Word { text: word.text, left: left * points, right: right * points, place }
            });
            let words: Vec<Word> = words.collect();
            middles.sort_by(f32::total_cmp);
            let middle = middles.get(middles.len() / 2).copied().unwrap_or(0.0);
            Line {
                words,
                middle: (page_height - middle) * points,
                size: settled(line.size, typical) * points,
                upright: usize::from(line.quarter) == main,
            }
        };
        found.into_iter().map(line).collect()
    }

    /// A box of the recognised image on the page as it is displayed.
    fn place(&self, found: &hocr::Box) -> PageBox {
        let corners = [
            (found.left, found.top),
            (found.right, found.top),
            (found.left, found.bottom),
            (found.right, found.bottom),
        ];
        let (width, height) = (self.image.width as f32, self.image.height as f32);
        let mut place = PageBox { page: self.page, left: 1.0, top: 1.0, right: 0.0, bottom: 0.0 };
        for corner in corners {
            let (x, y) = self.image.before_turning(corner, self.angle);
            let (x, y) = ((x / width).clamp(0.0, 1.0), (y / height).clamp(0.0, 1.0));
            place.left = place.left.min(x);
            place.right = place.right.max(x);
            place.top = place.top.min(y);
            place.bottom = place.bottom.max(y);
        }
        place
    }
}

/// The median size of the words' lines.
fn typical_size(lines: &[hocr::Line]) -> f32 {
    let mut sizes: Vec<f32> =
        lines.iter().flat_map(|line| line.words.iter().map(|_| line.size)).collect();
    sizes.sort_by(f32::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or(1.0)
}

/// Measured sizes vary by a sixth from line to line; the steps between sizes that mean something
/// are larger. So a size becomes the typical one times a power of such a step.
fn settled(size: f32, typical: f32) -> f32 {
    const STEP: f32 = 1.35;
    let steps = (size / typical).ln() / STEP.ln();
    if steps.is_finite() { typical * STEP.powf(steps.round()) } else { typical }
}

/// The warning for a page that was read with doubt.
fn doubts(page: &Recognised, number: u32) -> Option<ReadWarning> {
    let chars: usize = page.confidences.iter().map(|(_, chars)| chars).sum();
    let sum: f32 = page.confidences.iter().map(|(sure, chars)| sure * *chars as f32).sum();
    let words = page.confidences.len();
    let doubtful = page.confidences.iter().filter(|(sure, _)| *sure < DOUBTFUL_WORD).count();
    let mean = sum / chars.max(1) as f32;
    let doubt = words > 0 && (mean < DOUBTFUL_PAGE || doubtful * DOUBTFUL_SHARE > words);
    doubt.then(|| ReadWarning {
        code: "recognised_with_doubt".to_owned(),
        text: format!(
            "the text of this page was recognised in an image with a mean confidence of {mean:.0} % \
             ({doubtful} of {words} words are doubtful)"
        ),
        page: Some(number),
    })
}

#[cfg(test)]
mod tests;

//! Takes the ruled lines of tables and forms out of a page image: next to one, the program reads a
//! lone figure as a word.

use super::gray::Gray;

/// The shortest ruled line, in inches. The strokes of letters are shorter.
const MIN_LENGTH: f32 = 0.6;
/// The thickest one, in inches. What is thicker is a bar or a picture.
const MAX_THICKNESS: f32 = 0.03;
/// Dots that may be missing in a line, one after the other.
const MAX_GAP: usize = 2;
/// Places of a line at which its thickness is measured.
const SAMPLES: usize = 15;

/// Erases the lines of an image that is straight. `threshold` parts ink from paper.
pub(super) fn erase(image: &mut Gray, dpi: f32, threshold: u8) {
    let min_length = (MIN_LENGTH * dpi) as usize;
    let max_thickness = (MAX_THICKNESS * dpi).ceil() as usize;
    let mut found = Vec::new();
    for down in [false, true] {
        let view = View { image, down, threshold };
        found.extend(view.lines(min_length, max_thickness).into_iter().map(|line| (down, line)));
    }
    for (down, Stroke { across, from, to }) in found {
        // The edges of a line are grey.
        let margin = 1;
        let lanes = if down { image.width } else { image.height };
        for lane in across.saturating_sub(margin)..(across + margin + 1).min(lanes) {
            for at in from..to {
                let index = if down { at * image.width + lane } else { lane * image.width + at };
                image.pixels[index] = 255;
            }
        }
    }
}

/// A piece of a ruled line, one dot thick.
#[derive(Debug, PartialEq)]
struct Stroke {
    /// Its place across its direction.
    across: usize,
    from: usize,
    to: usize,
}

/// An image seen along its rows, or down its columns.
struct View<'a> {
    image: &'a Gray,
    down: bool,
    threshold: u8,
}

impl View<'_> {
    fn size(&self) -> (usize, usize) {
        let (width, height) = (self.image.width, self.image.height);
        if self.down { (height, width) } else { (width, height) }
    }

    fn is_dark(&self, at: usize, across: usize) -> bool {
        let width = self.image.width;
        let index = if self.down { at * width + across } else { across * width + at };
        self.image.pixels[index] <= self.threshold
    }

    /// Runs of dark dots that are long and thin enough.
    fn lines(&self, min_length: usize, max_thickness: usize) -> Vec<Stroke> {
        let (length, lanes) = self.size();
        let mut lines = Vec::new();
        for across in 0..lanes {
            let mut start: Option<usize> = None;
            let mut last = 0;
            for at in 0..=length {
                if at < length && self.is_dark(at, across) {
                    start = start.or(Some(at));
                    last = at;
                } else if let Some(from) = start
                    && (at == length || at - last > MAX_GAP)
                {
                    let line = Stroke { across, from, to: last + 1 };
                    if line.to - from >= min_length && self.thickness(&line) <= max_thickness {
                        lines.push(line);
                    }
                    start = None;
                }
            }
        }
        lines
    }

    /// How thick the ink is that a line lies in: the median over a few places.
    fn thickness(&self, line: &Stroke) -> usize {
        let (_, lanes) = self.size();
        let step = ((line.to - line.from) / SAMPLES).max(1);
        let mut all: Vec<usize> = (line.from..line.to)
            .step_by(step)
            .map(|at| {
                let before = (0..line.across).rev().take_while(|a| self.is_dark(at, *a)).count();
                let after = (line.across..lanes).take_while(|a| self.is_dark(at, *a)).count();
                before + after
            })
            .collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or(0)
    }
}

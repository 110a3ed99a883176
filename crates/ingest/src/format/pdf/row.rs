//! Puts the runs of a page together to rows: segments of text on one line.

use crate::placed::PlacedText;

/// Runs belong to one line when their middles are this close, in heights of the smaller one.
const SAME_LINE: f32 = 0.45;
/// A gap between two runs is a blank from here, in font sizes. The narrowest set blanks are about
/// 0.15, kerning stays below 0.1.
const BLANK_GAP: f32 = 0.13;
/// A gap between two runs separates columns or cells from here, in font sizes. Blanks of justified
/// lines stay below 1.
const SEGMENT_GAP: f32 = 1.5;
/// Runs that say the same this close to one another imitate bold print, in font sizes.
const OVERPRINT: f32 = 0.15;

/// Text without a larger gap. Lengths in points, from the lower left corner of the page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) text: PlacedText,
    pub(super) left: f32,
    pub(super) right: f32,
    /// Font size of most of its characters.
    pub(super) size: f32,
    /// Whether most of its characters are bold.
    pub(super) bold: bool,
}

/// The segments on one line, from left to right; never empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) segments: Vec<Segment>,
    /// Middle of the line above the page's lower edge.
    pub(super) middle: f32,
}

impl Row {
    /// Letters and figures.
    pub(super) fn chars(&self) -> usize {
        let text = self.segments.iter().flat_map(|segment| segment.text.chars());
        text.filter(|c| c.is_alphanumeric()).count()
    }

    pub(super) fn left(&self) -> f32 {
        self.segments.first().map_or(0.0, |segment| segment.left)
    }

    pub(super) fn right(&self) -> f32 {
        self.segments.iter().map(|segment| segment.right).fold(0.0, f32::max)
    }

    pub(super) fn size(&self) -> f32 {
        self.segments.iter().map(|segment| segment.size).fold(0.0, f32::max)
    }
}

/// A piece of a line as the file or the recognition gave it. Lengths in points, from the lower left
/// corner of the upright page.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::format) struct Run {
    pub(in crate::format) text: PlacedText,
    pub(in crate::format) left: f32,
    pub(in crate::format) right: f32,
    /// Middle of its line above the page's lower edge.
    pub(in crate::format) middle: f32,
    /// Font size.
    pub(in crate::format) size: f32,
    pub(in crate::format) bold: bool,
    /// Whether it runs in the main direction of its page.
    pub(in crate::format) upright: bool,
}

/// Rows from top to bottom, and one row for each run that does not stand upright, in the order of
/// the file.
pub(super) fn rows(runs: Vec<Run>) -> (Vec<Row>, Vec<Row>) {
    let (mut upright, turned): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| run.upright);
    upright.sort_by(|a, b| b.middle.total_cmp(&a.middle));
    let mut lines: Vec<(f32, f32, Vec<Run>)> = Vec::new();
    for run in upright {
        match lines.last_mut() {
            Some((line, smallest, runs))
                if (*line - run.middle).abs() <= SAME_LINE * smallest.min(run.size) =>
            {
                *smallest = smallest.min(run.size);
                runs.push(run);
            }
            _ => lines.push((run.middle, run.size, vec![run])),
        }
    }
    let rows = lines
        .into_iter()
        .map(|(middle, _, runs)| Row { segments: segments(runs), middle })
        .collect();
    let turned = turned
        .into_iter()
        .map(|run| Row { middle: run.middle, segments: segments(vec![run]) })
        .collect();
    (rows, turned)
}

/// Joins the runs of a line from left to right.
fn segments(mut runs: Vec<Run>) -> Vec<Segment> {
    runs.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut segments: Vec<Open> = Vec::new();
    for run in runs {
        let chars = run.text.chars().count();
        match segments.last_mut() {
            Some(open) if run.left - open.right < SEGMENT_GAP * run.size.max(open.size) => {
                if *run.text == *open.last
                    && (run.left - open.last_left).abs() < OVERPRINT * run.size
                {
                    continue;
                }
                open.add(&run, chars);
            }
            _ => segments.push(Open::new(&run, chars)),
        }
        if let Some(open) = segments.last_mut() {
            open.chars += chars;
            open.bold_chars += if run.bold { chars } else { 0 };
            open.last_left = run.left;
            open.last = run.text;
        }
    }
    segments.into_iter().map(Open::close).collect()
}

/// A segment that is being put together.
struct Open {
    text: PlacedText,
    left: f32,
    right: f32,
    size: f32,
    /// Characters of the longest run, whose size counts.
    size_chars: usize,
    bold_chars: usize,
    chars: usize,
    last: PlacedText,
    last_left: f32,
}

impl Open {
    fn new(run: &Run, chars: usize) -> Self {
        Self {
            text: run.text.clone(),
            left: run.left,
            right: run.right,
            size: run.size,
            size_chars: chars,
            bold_chars: 0,
            chars: 0,
            last: PlacedText::default(),
            last_left: 0.0,
        }
    }

    fn add(&mut self, run: &Run, chars: usize) {
        let blank =
            self.text.ends_with(char::is_whitespace) || run.text.starts_with(char::is_whitespace);
        if !blank && run.left - self.right > BLANK_GAP * run.size.min(self.size) {
            self.text.push_str(" ");
        }
        self.text.append(&run.text, true);
        self.right = self.right.max(run.right);
        if chars > self.size_chars {
            self.size = run.size;
            self.size_chars = chars;
        }
    }

    fn close(self) -> Segment {
        Segment {
            text: self.text.trimmed(),
            left: self.left,
            right: self.right,
            size: self.size,
            bold: self.bold_chars * 2 > self.chars,
        }
    }
}

#[cfg(test)]
mod tests;

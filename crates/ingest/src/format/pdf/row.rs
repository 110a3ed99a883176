//! Puts the runs of a page together to rows: segments of text on one line.

use pdf_oxide::layout::TextSpan;

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
    pub(super) text: String,
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

/// Rows from top to bottom, and one row for each run that does not stand upright, in the order of
/// the file.
pub(super) fn rows(spans: Vec<TextSpan>) -> (Vec<Row>, Vec<Row>) {
    let shown = spans.into_iter().map(with_bullets).filter(|span| {
        let numbers = [span.bbox.x, span.bbox.y, span.bbox.width, span.bbox.height, span.font_size];
        !span.text.trim().is_empty() && numbers.iter().all(|number| number.is_finite())
    });
    let (turned, mut upright): (Vec<TextSpan>, Vec<TextSpan>) =
        shown.partition(|span| span.rotation_degrees.abs() > 10.0 || span.wmode != 0);
    upright.sort_by(|a, b| middle(b).total_cmp(&middle(a)));
    let mut lines: Vec<(f32, f32, Vec<TextSpan>)> = Vec::new();
    for span in upright {
        let (at, height) = (middle(&span), size(&span));
        match lines.last_mut() {
            Some((line, smallest, runs))
                if (*line - at).abs() <= SAME_LINE * smallest.min(height) =>
            {
                *smallest = smallest.min(height);
                runs.push(span);
            }
            _ => lines.push((at, height, vec![span])),
        }
    }
    let rows = lines
        .into_iter()
        .map(|(middle, _, runs)| Row { segments: segments(runs), middle })
        .collect();
    let turned = turned
        .into_iter()
        .map(|run| Row { middle: middle(&run), segments: segments(vec![run]) })
        .collect();
    (rows, turned)
}

/// Codes without a character of their own stand for a bullet, and some programs use the first.
/// Source: ISO 32000-1, annex D.2, note 3.
fn with_bullets(mut span: TextSpan) -> TextSpan {
    if span.text.contains('\u{7f}') {
        span.text = span.text.replace('\u{7f}', "•");
    }
    span
}

fn middle(span: &TextSpan) -> f32 {
    span.bbox.y + span.bbox.height / 2.0
}

fn size(span: &TextSpan) -> f32 {
    if span.font_size > 0.5 { span.font_size } else { span.bbox.height.max(1.0) }
}

/// Joins the runs of a line from left to right.
fn segments(mut runs: Vec<TextSpan>) -> Vec<Segment> {
    runs.sort_by(|a, b| a.bbox.x.total_cmp(&b.bbox.x));
    let mut segments: Vec<Open> = Vec::new();
    for run in runs {
        let (left, right) = (run.bbox.x, run.bbox.x + run.bbox.width.max(0.0));
        let size = size(&run);
        let chars = run.text.chars().count();
        match segments.last_mut() {
            Some(open) if left - open.right < SEGMENT_GAP * size.max(open.size) => {
                if run.text == open.last && (left - open.last_left).abs() < OVERPRINT * size {
                    continue;
                }
                let blank = open.text.ends_with(char::is_whitespace)
                    || run.text.starts_with(char::is_whitespace);
                if !blank && left - open.right > BLANK_GAP * size.min(open.size) {
                    open.text.push(' ');
                }
                open.text.push_str(&run.text);
                open.right = open.right.max(right);
                if chars > open.size_chars {
                    open.size = size;
                    open.size_chars = chars;
                }
            }
            _ => segments.push(Open {
                text: run.text.clone(),
                left,
                right,
                size,
                size_chars: chars,
                bold_chars: 0,
                chars: 0,
                last: String::new(),
                last_left: 0.0,
            }),
        }
        if let Some(open) = segments.last_mut() {
            open.chars += chars;
            open.bold_chars += if is_bold(&run) { chars } else { 0 };
            open.last = run.text;
            open.last_left = left;
        }
    }
    segments.into_iter().map(Open::close).collect()
}

/// A segment that is being put together.
struct Open {
    text: String,
    left: f32,
    right: f32,
    size: f32,
    /// Characters of the longest run, whose size counts.
    size_chars: usize,
    bold_chars: usize,
    chars: usize,
    last: String,
    last_left: f32,
}

impl Open {
    fn close(self) -> Segment {
        Segment {
            text: self.text.trim().to_owned(),
            left: self.left,
            right: self.right,
            size: self.size,
            bold: self.bold_chars * 2 > self.chars,
        }
    }
}

/// The descriptor's weight, or the name where a font has no descriptor.
fn is_bold(span: &TextSpan) -> bool {
    let name = span.font_name.to_ascii_lowercase();
    span.font_weight.is_bold() || ["bold", "black", "heavy"].iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests;

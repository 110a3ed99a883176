//! Brings what the parser found on a page into the page's upright frame, with the place of each
//! word on the page as it is displayed.
//!
//! Three frames meet here. The file's own (user space, points, from the lower left corner); the
//! page as displayed, cropped and turned, which places are given in; and the upright frame that
//! rows are read in, in which most of the text runs from left to right. A landscape table in a
//! portrait report makes them three different ones.

use intramuros_types::PageBox;
use pdf_oxide::document::PdfDocument;
use pdf_oxide::geometry::Rect;
use pdf_oxide::layout::TextSpan;

use super::row::Run;
use crate::placed::PlacedText;

/// Text turned by up to this many degrees is upright: scans are seldom straight.
const UPRIGHT: f32 = 10.0;
/// How far letters reach above and below the line they stand on, in font sizes.
const ASCENT: f32 = 0.85;
const DESCENT: f32 = 0.25;

/// The geometry of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// Number of the page, from 1.
    pub(super) page: u32,
    /// What is visible of the page, in user space: left, lower, right and upper edge.
    visible: [f32; 4],
    /// What the parser turns pages about: the whole medium, as `visible`.
    medium: [f32; 4],
    /// Clockwise rotation when displayed: 0, 90, 180 or 270 degrees.
    rotation: i32,
}

/// A point in user space.
type Point = (f32, f32);

impl Frame {
    /// The geometry of page `index`, from 0. A page without a usable size has none.
    pub(super) fn of(document: &PdfDocument, index: usize) -> Option<Self> {
        let corners = |(left, lower, right, upper)| [left, lower, right, upper];
        let medium = corners(document.get_page_media_box(index).ok()?);
        let visible = corners(document.get_page_visible_box(index).ok()?);
        let rotation = document.get_page_rotation(index).ok()?;
        let usable = visible.iter().chain(&medium).all(|edge| edge.is_finite())
            && visible[2] - visible[0] > 0.0
            && visible[3] - visible[1] > 0.0;
        usable.then_some(Self { page: index as u32 + 1, visible, medium, rotation })
    }

    /// The share of the visible page that `rect` covers.
    pub(super) fn share(&self, rect: &Rect) -> f32 {
        let [left, lower, right, upper] = self.visible;
        let width = (rect.x + rect.width).min(right) - rect.x.max(left);
        let height = (rect.y + rect.height).min(upper) - rect.y.max(lower);
        let share = width.max(0.0) * height.max(0.0) / ((right - left) * (upper - lower));
        if share.is_finite() { share } else { 0.0 }
    }

    /// The smallest box on the displayed page that holds `points`.
    fn place(&self, points: &[Point]) -> Option<PageBox> {
        let [left, lower, right, upper] = self.visible;
        let displayed = points.iter().map(|(x, y)| {
            let across = (x - left) / (right - left);
            let up = (y - lower) / (upper - lower);
            match self.rotation {
                90 => (up, across),
                180 => (1.0 - across, up),
                270 => (1.0 - up, 1.0 - across),
                _ => (across, 1.0 - up),
            }
        });
        let mut place = PageBox { page: self.page, left: 1.0, top: 1.0, right: 0.0, bottom: 0.0 };
        for (x, y) in displayed {
            if !x.is_finite() || !y.is_finite() {
                return None;
            }
            let (x, y) = (x.clamp(0.0, 1.0), y.clamp(0.0, 1.0));
            place.left = place.left.min(x);
            place.right = place.right.max(x);
            place.top = place.top.min(y);
            place.bottom = place.bottom.max(y);
        }
        Some(place)
    }

    /// A point of user space in the frame that is upright for text turned by `quarter` degrees.
    fn upright(&self, (x, y): Point, quarter: i32) -> Point {
        let [left, lower, right, upper] = self.medium;
        match quarter {
            90 => (y - lower, right - x),
            180 => (right - x, upper - y),
            270 => (upper - y, x - left),
            _ => (x, y),
        }
    }

    /// The rectangle in user space of a run that the parser turned with its page.
    fn in_user_space(&self, span: &TextSpan) -> Rect {
        let [left, lower, right, upper] = self.medium;
        let (width, height) = (right - left, upper - lower);
        let (x, y) = (span.bbox.x - left, span.bbox.y - lower);
        let (w, h) = (span.bbox.width, span.bbox.height);
        let (x, y, w, h) = match span.page_rotation_applied.rem_euclid(360) {
            90 => (width - y - h, x, h, w),
            180 => (width - x - w, height - y - h, w, h),
            270 => (y, height - x - w, h, w),
            _ => (x, y, w, h),
        };
        Rect { x: x + left, y: y + lower, width: w, height: h }
    }

    /// The runs of a page. Without a frame they have no places.
    pub(super) fn runs(frame: Option<&Self>, spans: Vec<TextSpan>) -> Vec<Run> {
        let lines: Vec<Line> = spans
            .into_iter()
            .map(with_bullets)
            .filter(|span| !span.text.trim().is_empty())
            .map(|span| Line::of(frame, span))
            .filter(|line| {
                let (x, y) = line.origin;
                [x, y, line.length, line.height, line.angle].iter().all(|n| n.is_finite())
            })
            .collect();
        let quarter = main_direction(&lines);
        lines.iter().map(|line| line.run(frame, quarter)).collect()
    }
}

/// The quarter turn in which most of the text runs.
fn main_direction(lines: &[Line]) -> i32 {
    let mut chars = [0; 4];
    for line in lines {
        if let Some(quarter) = line.quarter() {
            chars[quarter as usize / 90] += line.span.text.chars().count();
        }
    }
    let most = (0..4).rev().max_by_key(|turn| chars[*turn]).unwrap_or(0);
    most as i32 * 90
}

/// A run on the line that it stands on, in user space.
struct Line {
    span: TextSpan,
    origin: Point,
    /// Direction of writing, counter-clockwise from left to right, in degrees from 0 to 360.
    angle: f32,
    length: f32,
    height: f32,
}

impl Line {
    fn of(frame: Option<&Frame>, span: TextSpan) -> Self {
        let rect = frame.map_or(span.bbox, |frame| frame.in_user_space(&span));
        Self {
            origin: (rect.x, rect.y),
            angle: span.rotation_degrees.rem_euclid(360.0),
            length: rect.width.max(0.0),
            height: rect.height,
            span,
        }
    }

    /// The quarter turn that it is written in, if it is one.
    fn quarter(&self) -> Option<i32> {
        let quarter = (self.angle / 90.0).round() as i32;
        let off = (self.angle - 90.0 * quarter as f32).abs();
        (off <= UPRIGHT && self.span.wmode == 0).then_some(quarter % 4 * 90)
    }

    /// The point `along` the line from its origin and `above` it.
    fn point(&self, along: f32, above: f32) -> Point {
        let (sin, cos) = self.angle.to_radians().sin_cos();
        let (x, y) = self.origin;
        (x + along * cos - above * sin, y + along * sin + above * cos)
    }

    fn run(&self, frame: Option<&Frame>, quarter: i32) -> Run {
        let size =
            if self.span.font_size > 0.5 { self.span.font_size } else { self.height.max(1.0) };
        let upright = |point| frame.map_or(point, |frame| frame.upright(point, quarter));
        let (left, middle) = upright(self.point(0.0, self.height / 2.0));
        Run {
            text: self.text(frame, size),
            left,
            right: left + self.length,
            middle,
            size,
            bold: is_bold(&self.span),
            upright: self.quarter() == Some(quarter),
        }
    }

    /// The text with the places of its words.
    fn text(&self, frame: Option<&Frame>, size: f32) -> PlacedText {
        let ends = self.ends();
        let (low, high) = (-DESCENT * size, ASCENT * size);
        let mut text = PlacedText::default();
        let mut at = 0;
        for word in self.span.text.split_inclusive(char::is_whitespace) {
            let shown = word.trim_end();
            let count = shown.chars().count();
            let (from, to) = (ends[at], ends[at + count]);
            let corners = [(from, low), (to, low), (from, high), (to, high)]
                .map(|(along, above)| self.point(along, above));
            match frame.and_then(|frame| frame.place(&corners)) {
                Some(place) => text.push_word(shown, place),
                None => text.push_str(shown),
            }
            text.push_str(&word[shown.len()..]);
            at += word.chars().count();
        }
        text
    }

    /// Where the characters begin along the line, and where the last one ends.
    fn ends(&self) -> Vec<f32> {
        let count = self.span.text.chars().count();
        let offsets = &self.span.char_x_offsets;
        let widths = &self.span.char_widths;
        let total: f32 = widths.iter().sum();
        let untouched = self.angle == 0.0 && self.span.page_rotation_applied == 0;
        let mut ends: Vec<f32> = if untouched && offsets.len() == count {
            offsets.iter().map(|offset| offset - self.origin.0).collect()
        } else if widths.len() == count && total > 0.0 && widths.iter().all(|w| *w >= 0.0) {
            let mut at = 0.0;
            let starts = widths.iter().map(|width| {
                at += width;
                (at - width) * self.length / total
            });
            starts.collect()
        } else {
            (0..count).map(|at| self.length * at as f32 / count.max(1) as f32).collect()
        };
        ends.push(self.length.max(ends.last().copied().unwrap_or(0.0)));
        ends
    }
}

/// Codes without a character of their own stand for a bullet, and some programs use the first.
/// Source: ISO 32000-1, annex D.2, note 3.
fn with_bullets(mut span: TextSpan) -> TextSpan {
    if span.text.contains('\u{7f}') {
        span.text = span.text.replace('\u{7f}', "•");
    }
    span
}

/// The descriptor's weight, or the name where a font has no descriptor.
fn is_bold(span: &TextSpan) -> bool {
    let name = span.font_name.to_ascii_lowercase();
    span.font_weight.is_bold() || ["bold", "black", "heavy"].iter().any(|part| name.contains(part))
}

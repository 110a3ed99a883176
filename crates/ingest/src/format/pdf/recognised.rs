//! Makes runs of recognised lines, so that images are laid out as text layers are.

use super::row::Run;
use crate::ocr::Line;
use crate::placed::PlacedText;

/// One run for each word of `lines`.
pub(in crate::format) fn runs(lines: Vec<Line>) -> Vec<Run> {
    let run = |line: Line| {
        let (middle, size, upright) = (line.middle, line.size, line.upright);
        line.words.into_iter().map(move |word| {
            let mut text = PlacedText::default();
            text.push_word(&word.text, word.place);
            Run { text, left: word.left, right: word.right, middle, size, bold: false, upright }
        })
    };
    lines.into_iter().flat_map(run).collect()
}

//! Packs pieces into passages.

use std::ops::Range;

use intramuros_types::Span;

use super::split::{Piece, sentences};
use super::{ChunkConfig, Text};

/// What a paragraph border between two pieces may cost, in tokens.
const BORDER_TOKENS: usize = 1;

/// The spans of the passages that `pieces`, one group, make. Each has at most `max_tokens`.
pub(super) fn pack(pieces: &[Piece], text: &Text<'_>, config: &ChunkConfig) -> Vec<Span> {
    let mut ranges = fill(pieces, config);
    balance_tail(&mut ranges, pieces, config);
    let spans: Vec<Span> =
        ranges.into_iter().flat_map(|range| fitting(pieces, range, text, config)).collect();
    if config.overlap_tokens == 0 {
        return spans;
    }
    let mut overlapping = spans.clone();
    for at in 1..spans.len() {
        overlapping[at] = with_overlap(spans[at - 1], spans[at], text, config);
    }
    overlapping
}

/// Fills passages up to the target, in order. Headings go with what follows them.
fn fill(pieces: &[Piece], config: &ChunkConfig) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut from = 0;
    for (at, piece) in pieces.iter().enumerate() {
        let open = &pieces[from..at];
        let together = size(open) + BORDER_TOKENS + piece.tokens;
        let only_headings = open.iter().all(|piece| piece.is_heading);
        if open.is_empty()
            || together <= config.target_tokens
            || (only_headings && together <= config.max_tokens)
        {
            continue;
        }
        let headings = open.iter().rev().take_while(|piece| piece.is_heading).count();
        let to = if only_headings { at } else { at - headings };
        ranges.push(from..to);
        from = to;
    }
    if from < pieces.len() {
        ranges.push(from..pieces.len());
    }
    ranges
}

/// Keeps the last passage from being a few words: joins it with the one before, or moves pieces
/// over.
fn balance_tail(ranges: &mut Vec<Range<usize>>, pieces: &[Piece], config: &ChunkConfig) {
    let [.., before, last] = ranges.as_mut_slice() else { return };
    let only_headings = pieces[last.clone()].iter().all(|piece| piece.is_heading);
    if size(&pieces[last.clone()]) >= config.tiny_tokens() && !only_headings {
        return;
    }
    let together = before.start..last.end;
    if size(&pieces[together.clone()]) <= config.max_tokens {
        *before = together;
        ranges.pop();
        return;
    }
    // The piece before moves over where both sides are better off, never away from its heading.
    let Some(moved) = before.end.checked_sub(1).filter(|moved| *moved > before.start) else {
        return;
    };
    let behind_heading = pieces[moved - 1].is_heading;
    let stays = size(&pieces[before.start..moved]) >= config.tiny_tokens();
    if stays && !behind_heading && size(&pieces[moved..last.end]) <= config.max_tokens {
        before.end = moved;
        last.start = moved;
    }
}

/// Tokens of `pieces` together, estimated from above for the usual tokenizers.
fn size(pieces: &[Piece]) -> usize {
    let tokens: usize = pieces.iter().map(|piece| piece.tokens).sum();
    tokens + pieces.len().saturating_sub(1) * BORDER_TOKENS
}

/// The span of `range`, or several where its text has more tokens than its pieces have.
fn fitting(
    pieces: &[Piece],
    range: Range<usize>,
    text: &Text<'_>,
    config: &ChunkConfig,
) -> Vec<Span> {
    let mut pending = vec![range];
    let mut spans = Vec::new();
    while let Some(range) = pending.pop() {
        let span = Span::new(pieces[range.start].span.start, pieces[range.end - 1].span.end);
        if range.len() == 1 || text.tokens(span) <= config.max_tokens {
            spans.push(span);
            continue;
        }
        let middle = range.start + range.len() / 2;
        pending.push(middle..range.end);
        pending.push(range.start..middle);
    }
    spans
}

/// `span` with the last sentences of `before` in front, as many as are allowed.
fn with_overlap(before: Span, span: Span, text: &Text<'_>, config: &ChunkConfig) -> Span {
    let mut start = span.start;
    for sentence in sentences(before, text).into_iter().rev() {
        let repeated = Span::new(sentence.start, before.end);
        if text.tokens(repeated) > config.overlap_tokens
            || text.tokens(Span::new(sentence.start, span.end)) > config.max_tokens
        {
            break;
        }
        start = sentence.start;
    }
    Span::new(start, span.end)
}

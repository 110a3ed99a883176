//! Splits blocks that are too large at the best border there is: line, sentence, clause, word,
//! character.

use intramuros_types::{Block, Span};

use super::{ChunkConfig, Text, is_heading};

/// A block, or a part of one, that is not split again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) span: Span,
    pub(super) tokens: usize,
    /// Whether it must stay with the piece behind it.
    pub(super) is_heading: bool,
}

/// Words before a full stop that do not end a sentence, in French and English.
const ABBREVIATIONS: [&str; 27] = [
    "art", "av", "bd", "cf", "chap", "dr", "e.g", "env", "etc", "ex", "fig", "i.e", "max", "min",
    "mlle", "mm", "mme", "mr", "mrs", "ms", "no", "pp", "réf", "ste", "tél", "vol", "vs",
];

/// The blocks of a group as pieces that fit: with the headings before it, a piece has at most
/// `max_tokens`.
pub(super) fn pieces(
    blocks: &[Block],
    tokens: &[usize],
    text: &Text<'_>,
    config: &ChunkConfig,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut headings = 0;
    for (block, tokens) in blocks.iter().zip(tokens.iter().copied()) {
        // A heading as long as a passage is none.
        if is_heading(block.kind) && headings + tokens <= config.target_tokens / 2 {
            headings += tokens;
            pieces.push(Piece { span: block.span, tokens, is_heading: true });
            continue;
        }
        if headings + tokens <= config.max_tokens {
            pieces.push(Piece { span: block.span, tokens, is_heading: false });
        } else {
            let room = (config.target_tokens - headings).max(1);
            split((block.span, tokens), room, text, &mut pieces);
        }
        headings = 0;
    }
    pieces
}

/// Appends parts of a span, each at most `room` tokens where that is possible and about equally
/// large, so that no rest of a few words is left.
fn split((span, tokens): (Span, usize), room: usize, text: &Text<'_>, out: &mut Vec<Piece>) {
    let even = tokens.div_ceil(tokens.div_ceil(room).max(1));
    let mut atoms = Vec::new();
    break_up((span, tokens), room, Border::Line, text, &mut atoms);
    let mut open: Option<Piece> = None;
    for (span, tokens) in atoms {
        match &mut open {
            Some(piece) if piece.tokens + tokens <= even => {
                piece.span.end = span.end;
                piece.tokens += tokens;
            }
            _ => out.extend(open.replace(Piece { span, tokens, is_heading: false })),
        }
    }
    out.extend(open);
}

/// Where text may be cut, best first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Border {
    Line,
    Sentence,
    Clause,
    Word,
    Character,
}

/// Appends the parts of a span with their tokens, each at most `size` tokens, cut at `border` and
/// only where that does not suffice at the next one. The recursion is as deep as there are
/// borders, and for characters the logarithm of the length.
fn break_up(
    (span, tokens): (Span, usize),
    size: usize,
    border: Border,
    text: &Text<'_>,
    out: &mut Vec<(Span, usize)>,
) {
    if tokens <= size || span.len() <= 1 {
        return out.push((span, tokens));
    }
    let (parts, next) = match border {
        Border::Line => (cut(span, text, is_line_end), Border::Sentence),
        Border::Sentence => (sentences(span, text), Border::Clause),
        Border::Clause => (cut(span, text, is_clause_end), Border::Word),
        Border::Word => (cut(span, text, |_, next| next.is_whitespace()), Border::Character),
        Border::Character => {
            let middle = span.start + span.len() / 2;
            let halves = vec![Span::new(span.start, middle), Span::new(middle, span.end)];
            (halves, Border::Character)
        }
    };
    for part in parts {
        let tokens = if part == span { tokens } else { text.tokens(part) };
        break_up((part, tokens), size, next, text, out);
    }
}

/// The sentences of `span`, without the white space between them.
pub(super) fn sentences(span: Span, text: &Text<'_>) -> Vec<Span> {
    let chars: Vec<char> = text.slice(span).chars().collect();
    let mut borders = Vec::new();
    for at in 0..chars.len() {
        if ends_sentence(&chars, at) {
            borders.push(at + 1);
        }
    }
    trimmed(span, &chars, borders)
}

/// The parts of `span` between the characters where `is_border(last, next)` holds.
fn cut(span: Span, text: &Text<'_>, is_border: fn(char, char) -> bool) -> Vec<Span> {
    let chars: Vec<char> = text.slice(span).chars().collect();
    let borders =
        (1..chars.len()).filter(|at| is_border(chars[at - 1], chars[*at])).collect::<Vec<_>>();
    trimmed(span, &chars, borders)
}

fn is_line_end(_: char, next: char) -> bool {
    next == '\n'
}

fn is_clause_end(last: char, next: char) -> bool {
    next.is_whitespace() && matches!(last, ',' | ';' | ':' | ')' | '—' | '–') || last == '，'
}

/// Cuts at `borders` and takes the white space off both ends of each part.
fn trimmed(span: Span, chars: &[char], borders: Vec<usize>) -> Vec<Span> {
    let mut parts = Vec::with_capacity(borders.len() + 1);
    let mut from = 0;
    for to in borders.into_iter().chain([chars.len()]) {
        let part = &chars[from..to];
        let lead = part.iter().take_while(|c| c.is_whitespace()).count();
        let tail = part[lead..].iter().rev().take_while(|c| c.is_whitespace()).count();
        if lead < part.len() {
            let start = span.start + (from + lead) as u32;
            parts.push(Span::new(start, span.start + (to - tail) as u32));
        }
        from = to;
    }
    parts
}

/// Whether a sentence ends with the character `at`: a full stop, mark or closing bracket behind
/// one, then white space, then no small letter; not after an abbreviation or a single letter.
fn ends_sentence(chars: &[char], at: usize) -> bool {
    if matches!(chars[at], '。' | '！' | '？') {
        return true;
    }
    if !chars.get(at + 1).is_none_or(|c| c.is_whitespace()) {
        return false;
    }
    let closing = |c: &char| matches!(c, '»' | '”' | '"' | ')' | ']' | '’' | '\u{a0}' | '\u{202f}');
    let mut mark = at;
    while mark > 0 && at - mark < 4 && closing(&chars[mark]) {
        mark -= 1;
    }
    if !matches!(chars[mark], '.' | '!' | '?' | '…') {
        return false;
    }
    let next = chars[at + 1..].iter().find(|c| !c.is_whitespace());
    if next.is_some_and(|c| c.is_lowercase()) {
        return false;
    }
    chars[mark] != '.' || !is_abbreviation(&chars[..mark])
}

/// Whether the word at the end of `before` is one that a full stop shortens.
fn is_abbreviation(before: &[char]) -> bool {
    let word: Vec<char> = before
        .iter()
        .rev()
        .take(8)
        .take_while(|c| c.is_alphanumeric() || **c == '.')
        .copied()
        .collect();
    let word: String = word.iter().rev().flat_map(|c| c.to_lowercase()).collect();
    let single = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    single || ABBREVIATIONS.contains(&word.as_str())
}

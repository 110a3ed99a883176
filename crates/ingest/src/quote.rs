//! Finds a quotation in a passage, forgiving what a faithful quotation may change and nothing
//! else.

use intramuros_types::Span;

use crate::normalise::is_invisible;

/// Locates `quote` in `haystack`; the first place when there are several.
///
/// White space, case, typographic quotation marks, apostrophes, dashes and ligatures, and
/// ellipses or quotation marks around the quotation make no difference. Words and figures do, and
/// they must be whole: `12` is found neither in `123` nor in `12,5`, `-12` or `12 000`.
///
/// Returns the span in characters of `haystack`; `None` also for a quotation without any letter
/// or figure.
pub fn find_quote(haystack: &str, quote: &str) -> Option<Span> {
    let wanted = Folded::new(quote);
    let wanted = wanted.text.trim_matches(|c: char| " .\"'".contains(c) || c == '…');
    if !wanted.chars().any(char::is_alphanumeric) {
        return None;
    }
    let hay = Folded::new(haystack);
    let mut from = 0;
    while let Some(found) = hay.text.get(from..).and_then(|rest| rest.find(wanted)) {
        let (start, end) = (from + found, from + found + wanted.len());
        if is_whole(&hay.text[..start], wanted, &hay.text[end..]) {
            return Some(hay.span(start, end));
        }
        from = start + hay.text[start..].chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// A text as it is compared, and where each of its characters comes from.
struct Folded {
    text: String,
    /// For each byte of `text`, the index of the character of the original that it stands for.
    origin: Vec<u32>,
}

impl Folded {
    fn new(original: &str) -> Self {
        let mut folded = Self { text: String::new(), origin: Vec::new() };
        let mut gap = None;
        let mut last = None;
        for (at, c) in (0_u32..).zip(original.chars()) {
            if c.is_whitespace() {
                gap = gap.or(Some(at));
                continue;
            }
            if is_invisible(c) {
                continue;
            }
            // French sets a blank before these marks and within guillemets, English does not.
            let close = matches!(c, ':' | ';' | '!' | '?' | '%' | '€' | '»' | '›');
            let open = matches!(last, Some('«' | '‹'));
            if let Some(at) = gap.take().filter(|_| !close && !open && last.is_some()) {
                folded.push(' ', at);
            }
            last = Some(c);
            match replacement(c) {
                Some(text) => text.chars().for_each(|c| folded.push(c, at)),
                None => c.to_lowercase().for_each(|c| folded.push(c, at)),
            }
        }
        folded
    }

    fn push(&mut self, c: char, at: u32) {
        self.text.push(c);
        self.origin.extend(std::iter::repeat_n(at, c.len_utf8()));
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.origin[start], self.origin[end - 1] + 1)
    }
}

/// What a character is compared as, where that is not its small letter.
fn replacement(c: char) -> Option<&'static str> {
    Some(match c {
        '’' | '‘' | '‚' | '‛' | '´' | '`' | '′' | 'ʼ' | '‹' | '›' => "'",
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '…' => "...",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        _ => return None,
    })
}

/// Whether `found` begins and ends with whole words and figures between `before` and `after`.
fn is_whole(before: &str, found: &str, after: &str) -> bool {
    let (first, last) = (found.chars().next(), found.chars().next_back());
    let mut left = before.chars().rev();
    let mut right = after.chars();
    let (left, second_left) = (left.next(), left.next());
    let (right, second_right) = (right.next(), right.next());
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let figure = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if (word(first) && word(left)) || (word(last) && word(right)) {
        return false;
    }
    let within_number = |c: Option<char>| matches!(c, Some('.' | ',' | '\''));
    let is_group = |text: &str| {
        let figures = text.chars().take_while(char::is_ascii_digit).count();
        figures == 3
    };
    if figure(first) {
        let decimal = within_number(left) && figure(second_left);
        let negative = left == Some('-') && !word(second_left);
        let group = left == Some(' ') && figure(second_left) && is_group(found);
        if decimal || negative || group {
            return false;
        }
    }
    if figure(last) {
        let decimal = within_number(right) && figure(second_right);
        let group = right == Some(' ') && figure(second_right) && is_group(&after[1..]);
        if decimal || group {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;

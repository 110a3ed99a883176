//! Cleans text before positions are counted: line ends, invisible characters, white space.

/// What of the white space carries meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Nothing: the text becomes one line.
    Line,
    /// Line ends; runs of blanks within a line become one.
    Lines,
    /// Line ends, indentation and blanks within a line.
    Verbatim,
}

/// Returns `raw` without control and invisible characters, without trailing blanks, with at most
/// one blank line in a row and none at the ends. Empty when nothing visible is left.
pub(crate) fn clean(raw: &str, layout: Layout) -> String {
    let text = visible(raw);
    let mut out = String::with_capacity(text.len());
    if layout == Layout::Line {
        push_collapsed(&mut out, &text);
        return out;
    }
    let mut blank_lines = 0;
    for line in text.split('\n') {
        if line.trim().is_empty() {
            blank_lines += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank_lines > 0 { "\n\n" } else { "\n" });
        }
        blank_lines = 0;
        if layout == Layout::Verbatim {
            out.push_str(line.trim_end());
        } else {
            push_collapsed(&mut out, line);
        }
    }
    out
}

/// Appends the words of `text`. A run of white space becomes one space, unless the run is a
/// single other blank (a no-break space stays one).
fn push_collapsed(out: &mut String, text: &str) {
    let mut gap: Option<char> = None;
    for c in text.trim().chars() {
        if c.is_whitespace() {
            gap = Some(if gap.is_none() && c != '\n' { c } else { ' ' });
        } else {
            out.extend(gap.take());
            out.push(c);
        }
    }
}

/// Drops what cannot be seen, unifies line ends and takes typographic ligatures apart.
fn visible(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push_str("    "),
            _ if is_invisible(c) => {}
            _ => match ligature(c) {
                Some(letters) => out.push_str(letters),
                None => out.push(c),
            },
        }
    }
    out
}

/// The letters of a typographic ligature.
fn ligature(c: char) -> Option<&'static str> {
    match c {
        '\u{fb00}' => Some("ff"),
        '\u{fb01}' => Some("fi"),
        '\u{fb02}' => Some("fl"),
        '\u{fb03}' => Some("ffi"),
        '\u{fb04}' => Some("ffl"),
        '\u{fb05}' | '\u{fb06}' => Some("st"),
        _ => None,
    }
}

/// How many characters that are not white space [`clean`] makes of `c`.
pub(crate) fn shown_as(c: char) -> usize {
    if c.is_whitespace() || is_invisible(c) {
        return 0;
    }
    ligature(c).map_or(1, str::len)
}

/// Whether `c` shows nothing: controls, soft hyphens, zero-width and direction marks, and the tag
/// characters in which instructions to a model can be hidden. The joiners of emoji and of Indic
/// scripts (U+200C, U+200D) stay.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'
                | '\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests;

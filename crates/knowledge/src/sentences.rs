//! Finds where sentences end, in whole texts and in text that is still arriving.

/// Abbreviations whose dot ends no sentence, lower case.
const ABBREVIATIONS: &[&str] = &[
    "art", "av", "bd", "cf", "dr", "env", "etc", "ex", "m", "max", "min", "mm", "mme", "mr", "mrs",
    "no", "p", "réf", "ref", "st", "ste", "tél", "tel", "vs",
];

/// Collects streamed text and hands out whole sentences, with their white space.
#[derive(Debug, Default)]
pub(crate) struct SentenceBuffer {
    pending: String,
}

impl SentenceBuffer {
    /// Takes `piece` in and returns the sentences that are complete now.
    pub(crate) fn push(&mut self, piece: &str) -> Vec<String> {
        self.pending.push_str(piece);
        let mut complete = Vec::new();
        while let Some(end) = first_end(&self.pending) {
            let rest = self.pending.split_off(end);
            complete.push(std::mem::replace(&mut self.pending, rest));
        }
        complete
    }

    /// What is left when the text is over.
    pub(crate) fn finish(self) -> Option<String> {
        (!self.pending.trim().is_empty()).then_some(self.pending)
    }
}

/// The sentences of a whole text, without the white space around them.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(end) = first_end(rest) {
        found.push(rest[..end].trim());
        rest = &rest[end..];
    }
    found.push(rest.trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Byte index after the first sentence and the white space that proves its end.
fn first_end(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let &(next_at, next) = letters.peek()?;
        let ends = match letter {
            '\n' => true,
            '!' | '?' | '…' => next.is_whitespace(),
            '.' => next.is_whitespace() && !is_abbreviation(&text[..at]),
            _ => false,
        };
        if ends && !text[..at].trim().is_empty() {
            let spaces = text[next_at..].chars().take_while(|space| space.is_whitespace());
            return Some(next_at + spaces.map(char::len_utf8).sum::<usize>());
        }
    }
    None
}

/// Whether the dot after `before` belongs to an abbreviation or a list number (`1.`).
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|letter: char| letter.is_whitespace() || letter == '(').next();
    let Some(word) = word else { return false };
    let lower = word.to_lowercase();
    let starts_line = before.trim_end_matches(word).trim_end_matches(' ');
    let list_number = word.chars().all(|digit| digit.is_ascii_digit())
        && (starts_line.is_empty() || starts_line.ends_with('\n'));
    ABBREVIATIONS.contains(&lower.as_str()) || list_number
}

#[cfg(test)]
mod tests {
    use super::{SentenceBuffer, sentences};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(sentences(text), expected);
        // Streaming letter by letter finds the same sentences.
        let mut buffer = SentenceBuffer::default();
        let mut streamed: Vec<String> =
            text.chars().flat_map(|letter| buffer.push(&letter.to_string())).collect();
        streamed.extend(buffer.finish());
        assert_eq!(streamed.concat(), text, "streaming loses nothing");
        let trimmed: Vec<&str> = streamed.iter().map(|sentence| sentence.trim()).collect();
        assert_eq!(trimmed, expected);
    }

    #[test]
    fn sentences_end_at_punctuation_and_lines() {
        check(
            "La caution est de 1 500 €. Elle est rendue.",
            &["La caution est de 1 500 €.", "Elle est rendue."],
        );
        check("Oui ! Vraiment ? Non", &["Oui !", "Vraiment ?", "Non"]);
        check("- un\n- deux", &["- un", "- deux"]);
    }

    #[test]
    fn dots_within_numbers_and_abbreviations_do_not_end() {
        check("Voir art. 4 et M. Petit, 3.5 t.", &["Voir art. 4 et M. Petit, 3.5 t."]);
        check("1. Couper le moteur.", &["1. Couper le moteur."]);
        check("", &[]);
    }
}

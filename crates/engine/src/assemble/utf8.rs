//! Decodes UTF-8 that arrives in arbitrary pieces.

/// Holds the begun character between two pieces. The text that comes out, put together, equals
/// [`String::from_utf8_lossy`] of all bytes.
#[derive(Debug, Default)]
pub(crate) struct Utf8Decoder {
    /// The start of a character, at most three bytes.
    begun: Vec<u8>,
}

impl Utf8Decoder {
    /// Appends `bytes` and returns all characters that are complete; bytes that can no longer
    /// become a character come out as U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.begun.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.begun.len());
        let mut rest = self.begun.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    // No length: the bytes end within a character that may still be completed.
                    let Some(invalid) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[invalid..];
                }
            }
        }
        let kept = rest.len();
        let from = self.begun.len() - kept;
        self.begun.drain(..from);
        text
    }

    /// Ends the text: a character that was begun will not be completed.
    pub(crate) fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.begun).is_empty() { "" } else { "\u{FFFD}" }
    }
}

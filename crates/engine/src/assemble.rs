//! Turns the bytes of tokens into text: whole characters only, up to a stop text.

mod stop;
mod utf8;

use stop::StopMatcher;
use utf8::Utf8Decoder;

/// The text of one answer as it grows.
#[derive(Debug)]
pub(crate) struct TextAssembler {
    utf8: Utf8Decoder,
    stops: StopMatcher,
}

/// What may be sent after a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Text that is certain; may be empty.
    pub(crate) text: String,
    /// Whether a stop text was met; nothing follows then.
    pub(crate) stopped: bool,
}

impl TextAssembler {
    /// An empty answer that ends at any of `stops`.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { utf8: Utf8Decoder::default(), stops: StopMatcher::new(stops) }
    }

    /// Appends a token's bytes and returns what became certain.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Piece {
        self.stops.push(&self.utf8.push(bytes))
    }

    /// Returns what was held back, when no token follows.
    pub(crate) fn finish(&mut self) -> Piece {
        let mut piece = self.stops.push(self.utf8.finish());
        if !piece.stopped {
            piece.text.push_str(&self.stops.finish());
        }
        piece
    }
}

#[cfg(test)]
mod tests;

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
    decoded_bytes: usize,
    released_bytes: usize,
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
        Self {
            utf8: Utf8Decoder::default(),
            stops: StopMatcher::new(stops),
            decoded_bytes: 0,
            released_bytes: 0,
        }
    }

    /// Appends a token's bytes and returns what became certain.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Piece {
        let decoded = self.utf8.push(bytes);
        self.decoded_bytes += decoded.len();
        let piece = self.stops.push(&decoded);
        self.released_bytes += piece.text.len();
        piece
    }

    /// Returns what was held back, when no token follows.
    pub(crate) fn finish(&mut self) -> Piece {
        let decoded = self.utf8.finish();
        self.decoded_bytes += decoded.len();
        let mut piece = self.stops.push(decoded);
        if !piece.stopped {
            piece.text.push_str(&self.stops.finish());
        }
        self.released_bytes += piece.text.len();
        piece
    }

    /// Bytes of text that the tokens so far have made, stop texts and what is held back included.
    pub(crate) fn decoded_bytes(&self) -> usize {
        self.decoded_bytes
    }

    /// Bytes of text that were returned.
    pub(crate) fn released_bytes(&self) -> usize {
        self.released_bytes
    }
}

#[cfg(test)]
mod tests;

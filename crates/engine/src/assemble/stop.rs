//! Finds stop texts in a stream, also across the borders of its pieces.

use super::Piece;

/// Holds back the text that could be the start of a stop text.
///
/// Of several stop texts the one that is complete first ends the stream, so that the outcome does
/// not depend on where the pieces are cut.
#[derive(Debug)]
pub(crate) struct StopMatcher {
    stops: Vec<String>,
    /// The longest end of the text so far with which a stop text could begin.
    held: String,
}

impl StopMatcher {
    /// Looks for `stops`, none of which is empty.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { stops, held: String::new() }
    }

    /// Appends `text` and returns what no stop text can claim any more.
    pub(crate) fn push(&mut self, text: &str) -> Piece {
        if self.stops.is_empty() {
            return Piece { text: text.to_owned(), stopped: false };
        }
        self.held.push_str(text);
        if let Some(start) = self.first_match() {
            let mut before = std::mem::take(&mut self.held);
            before.truncate(start);
            return Piece { text: before, stopped: true };
        }
        let kept = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let held = self.held.split_off(self.held.len() - kept);
        Piece { text: std::mem::replace(&mut self.held, held), stopped: false }
    }

    /// Ends the text: what was held back was no stop text after all.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the stop text that is complete first begins; of two that end together, the longer.
    fn first_match(&self) -> Option<usize> {
        let matches = self.stops.iter().filter_map(|stop| {
            let start = self.held.find(stop.as_str())?;
            Some((start + stop.len(), start))
        });
        matches.min().map(|(_, start)| start)
    }
}

/// Length of the longest proper prefix of `stop` with which `text` ends.
fn overlap(text: &str, stop: &str) -> usize {
    let longest = text.len().min(stop.len() - 1);
    let (text, stop) = (text.as_bytes(), stop.as_bytes());
    (1..=longest).rev().find(|&length| text.ends_with(&stop[..length])).unwrap_or(0)
}

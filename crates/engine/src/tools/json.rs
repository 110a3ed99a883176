//! Finds where a JSON object ends while it is still being written.

/// Counts brackets outside of texts. Malformed JSON ends where its brackets say or never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Scanner {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Scanner {
    /// A scanner that has seen the bracket that opens the object.
    pub(super) fn inside() -> Self {
        Self { depth: 1, ..Self::default() }
    }

    /// Reads on through `text`; the byte behind the object's last bracket, if it is in there.
    pub(super) fn end_in(&mut self, text: &str) -> Option<usize> {
        for (at, byte) in text.bytes().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

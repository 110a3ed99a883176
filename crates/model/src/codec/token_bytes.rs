//! Holds what each token adds to a text, in bytes, for a whole vocabulary.

/// One byte string a token, packed: 151,000 separate allocations would cost more than the bytes.
#[derive(Debug, Default)]
pub(super) struct TokenBytes {
    bytes: Vec<u8>,
    /// By token: where its bytes end; they start where the previous token's end.
    ends: Vec<u32>,
}

impl TokenBytes {
    /// Appends the bytes of the next token.
    ///
    /// The vocabulary's own limits (`source::MAX_TOKENS`, the size of the file) keep the sum far
    /// below 4 GiB; bytes beyond are left out rather than wrapped around.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Ok(end) = u32::try_from(self.bytes.len() + bytes.len()) {
            self.bytes.extend_from_slice(bytes);
            self.ends.push(end);
        } else {
            self.ends.push(self.bytes.len() as u32);
        }
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of `token`; empty for one outside of the vocabulary.
    pub(super) fn get(&self, token: u32) -> &[u8] {
        let index = token as usize;
        let Some(end) = self.ends.get(index) else { return &[] };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start as usize..*end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::TokenBytes;

    #[test]
    fn each_token_keeps_its_own_bytes() {
        let mut table = TokenBytes::default();
        for bytes in [&b"a"[..], b"", b"bcd", b""] {
            table.push(bytes);
        }
        let got: Vec<&[u8]> = (0..5).map(|token| table.get(token)).collect();
        assert_eq!(got, [&b"a"[..], b"", b"bcd", b"", b""]);
        assert_eq!(table.len(), 4);
        assert_eq!(table.get(u32::MAX), b"");
    }
}

//! Translates the alphabet of byte-level BPE back to bytes.

/// The byte that a character of the alphabet stands for; `None` for every other character.
///
/// The alphabet writes each byte as one printable character: printable Latin-1 as itself, the
/// other 68 bytes, in order, as U+0100 and following.
///
/// Source: OpenAI GPT-2, `src/encoder.py`, `bytes_to_unicode`.
pub(super) fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}

/// The bytes of a token written in the alphabet. A character outside of it stands for itself.
pub(super) fn bytes_of(token: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len());
    for character in token.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{byte_of, bytes_of};

    #[test]
    fn every_byte_has_exactly_one_character() {
        let mut seen = [0; 256];
        for byte in (0..=0x200).filter_map(char::from_u32).filter_map(byte_of) {
            seen[usize::from(byte)] += 1;
        }
        assert_eq!(seen, [1; 256]);
    }

    #[track_caller]
    fn check(token: &str, expected: &[u8]) {
        assert_eq!(bytes_of(token), expected);
    }

    #[test]
    fn tokens_become_bytes() {
        check("Ġbonjour", b" bonjour");
        check("ĊĊ", b"\n\n");
        check("ÃĢ", "À".as_bytes());
        check("Ń", &[0xAD]);
        check("\u{121}", &[0x7F]);
        check("\u{142}", &[0xA0]);
        check("日", "日".as_bytes());
        check("", b"");
    }
}

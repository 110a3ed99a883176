//! Decodes the file of a set, whose encoding nobody declares.
//!
//! Excel writes UTF-8 with a mark, Windows-1252 or UTF-16 with a mark, depending on the menu entry.
//! Latin-1 is read as Windows-1252, which has its letters and the euro sign.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::SetError;

/// The text of `bytes`.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, SetError> {
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0,
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        },
    };
    let is_binary =
        |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{80}'..='\u{9f}');
    if text.chars().any(is_binary) { Err(SetError::Binary) } else { Ok(text) }
}

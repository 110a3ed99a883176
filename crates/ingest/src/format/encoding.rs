//! Decodes the bytes of text files whose encoding nobody declared.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use crate::IngestError;

/// How much is looked at to tell text from binary, in bytes.
const SAMPLE_BYTES: usize = 64 << 10;
/// Share of control characters above which a file is binary: one in this many.
const CONTROL_SHARE: usize = 50;

/// Decodes `bytes`: by byte order mark, as UTF-8 when that is valid, as UTF-16 when zeros
/// alternate, as `declared`, else as what the frequencies of bytes suggest.
///
/// # Errors
/// [`IngestError::Unsupported`] for binary data.
pub(crate) fn decode(
    bytes: &[u8],
    declared: Option<&'static Encoding>,
) -> Result<String, IngestError> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return checked(encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned());
    }
    if !bytes.contains(&0)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return checked(text.to_owned());
    }
    let encoding = match zeros(bytes) {
        Zeros::None => declared.unwrap_or_else(|| guess(bytes)),
        Zeros::Odd => UTF_16LE,
        Zeros::Even => UTF_16BE,
        Zeros::Mixed => return Err(binary()),
    };
    checked(encoding.decode_without_bom_handling(bytes).0.into_owned())
}

/// Where the zero bytes of a sample are.
enum Zeros {
    None,
    Even,
    Odd,
    Mixed,
}

/// Western text in UTF-16 has a zero in nearly every second byte, and in no other.
fn zeros(bytes: &[u8]) -> Zeros {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let count = |from| sample.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, half) = (count(0), count(1), sample.len() / 2);
    match (even, odd) {
        (0, 0) => Zeros::None,
        (0, odd) if odd * 2 > half => Zeros::Odd,
        (even, 0) if even * 2 > half => Zeros::Even,
        _ => Zeros::Mixed,
    }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(SAMPLE_BYTES)], true);
    detector.guess(None, Utf8Detection::Allow)
}

/// Refuses text that is mostly control or replacement characters.
fn checked(text: String) -> Result<String, IngestError> {
    let sample = || text.chars().take(SAMPLE_BYTES);
    let strange = sample()
        .filter(|c| *c == '\u{fffd}' || (c.is_control() && !"\n\r\t\u{b}\u{c}".contains(*c)))
        .count();
    if strange > 2 && strange * CONTROL_SHARE > sample().count() {
        return Err(binary());
    }
    Ok(text)
}

fn binary() -> IngestError {
    IngestError::Unsupported { found: "a binary file".to_owned() }
}

#[cfg(test)]
mod tests;

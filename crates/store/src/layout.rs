//! Packs the places of a passage's words into bytes: about 13 a word.
//!
//! For each word: characters since the last word's end, its length, pages since the last word's, as
//! variable-length numbers; then its box in 65,535ths of the page. Spans become relative to the
//! passage.

use intramuros_types::{Chunk, PageBox, PlacedWord, Span};

/// How finely places are kept: a 50th of a millimetre on A4.
const STEPS: f32 = 65_535.0;

/// The packed places of the words of `chunk`.
pub(crate) fn pack(chunk: &Chunk) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(chunk.words.len() * 13);
    let (mut end, mut page) = (chunk.span.start, 0);
    for word in &chunk.words {
        // The words are in order of their spans and pages; what is not cannot be said.
        if word.span.start < end || word.span.end > chunk.span.end || word.place.page < page {
            continue;
        }
        for number in [word.span.start - end, word.span.len(), word.place.page - page] {
            push_number(&mut bytes, number);
        }
        let PageBox { left, top, right, bottom, .. } = word.place;
        for edge in [left, top, right, bottom] {
            // Within 0 to 65,535, also for a value that is not a number.
            bytes.extend(((edge.clamp(0.0, 1.0) * STEPS).round() as u16).to_le_bytes());
        }
        (end, page) = (word.span.end, word.place.page);
    }
    bytes
}

/// The words that [`pack`] packed, of the passage at `span`; `None` for bytes that it cannot have
/// written.
pub(crate) fn unpack(mut bytes: &[u8], span: Span) -> Option<Vec<PlacedWord>> {
    let mut words = Vec::new();
    let (mut end, mut page) = (span.start, 0_u32);
    while !bytes.is_empty() {
        let start = end.checked_add(take_number(&mut bytes)?)?;
        end = start.checked_add(take_number(&mut bytes)?)?;
        page = page.checked_add(take_number(&mut bytes)?)?;
        let (edges, rest) = bytes.split_first_chunk::<8>()?;
        bytes = rest;
        let edge = |at: usize| f32::from(u16::from_le_bytes([edges[at], edges[at + 1]])) / STEPS;
        let place = PageBox { page, left: edge(0), top: edge(2), right: edge(4), bottom: edge(6) };
        words.push(PlacedWord { span: Span::new(start, end), place });
    }
    (end <= span.end).then_some(words)
}

/// Appends `number`, seven bits a byte, the lowest first, the highest bit set before the last.
/// Source: LEB128, DWARF 5, section 7.6.
fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    for shift in (0..u32::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use intramuros_types::{Chunk, PageBox, PlacedWord, Span};

    use super::{pack, unpack};

    fn word(start: u32, end: u32, page: u32, left: f32) -> PlacedWord {
        let place = PageBox { page, left, top: 0.25, right: left + 0.1, bottom: 0.26 };
        PlacedWord { span: Span::new(start, end), place }
    }

    fn chunk(words: Vec<PlacedWord>) -> Chunk {
        Chunk {
            ordinal: 0,
            text: String::new(),
            span: Span::new(1000, 70_000),
            pages: None,
            section_path: Vec::new(),
            words,
        }
    }

    #[track_caller]
    fn check(words: Vec<PlacedWord>) -> usize {
        let chunk = chunk(words);
        let bytes = pack(&chunk);
        let found = unpack(&bytes, chunk.span).unwrap();
        assert_eq!(found.len(), chunk.words.len());
        for (found, word) in found.iter().zip(&chunk.words) {
            assert_eq!((found.span, found.place.page), (word.span, word.place.page));
            assert!((found.place.left - word.place.left).abs() < 1e-4, "{found:?} {word:?}");
            assert!((found.place.bottom - word.place.bottom).abs() < 1e-4, "{found:?} {word:?}");
        }
        bytes.len()
    }

    #[test]
    fn words_come_back_within_a_hair() {
        check(vec![]);
        let bytes = check(vec![
            word(1000, 1005, 7, 0.1),
            word(1006, 1010, 7, 0.2),
            word(69_000, 70_000, 4000, 0.9),
        ]);
        assert!(bytes < 3 * 15, "{bytes}");
    }

    #[test]
    fn what_is_out_of_order_is_left_out_and_damage_is_seen() {
        let words =
            vec![word(1010, 1015, 2, 0.1), word(1000, 1005, 2, 0.1), word(1020, 1025, 1, 0.1)];
        let chunk = chunk(words);
        let bytes = pack(&chunk);
        assert_eq!(unpack(&bytes, chunk.span).unwrap().len(), 1);
        assert_eq!(unpack(&bytes[..bytes.len() - 1], chunk.span), None);
        assert_eq!(unpack(&[0xff; 6], chunk.span), None);
        assert_eq!(unpack(&bytes, Span::new(1000, 1012)), None);
    }
}

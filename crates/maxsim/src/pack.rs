//! Keeps word vectors in few bytes.
//!
//! Layout: the dimension (u16, little-endian), then for each word `dimension / 2` bytes, two values
//! a byte, the first in the low half. A half is the value plus 8, from 1 to 15. A word's scale is
//! not kept: vectors are compared by their direction.

/// The most words that are packed of one passage.
pub const MAX_WORDS: usize = 4096;

/// The largest value of a half byte.
const LEVELS: f32 = 7.0;
const ZERO: i16 = 8;
const HEAD: usize = 2;

/// Packs `vectors`, shape `(words, dimension)`, row-major. A vector of zeros stays one. What is
/// beyond [`MAX_WORDS`] is left out.
///
/// # Panics
/// When the dimension is 0, odd or beyond 65,535, or does not divide the vectors: a bug.
pub fn pack(vectors: &[f32], dimension: usize) -> Vec<u8> {
    let head = u16::try_from(dimension).expect("encoders have less than 65,536 dimensions");
    assert!(dimension > 0 && dimension.is_multiple_of(2), "the dimension is even");
    assert!(vectors.len().is_multiple_of(dimension), "the vectors are whole");
    let words = (vectors.len() / dimension).min(MAX_WORDS);
    let mut bytes = Vec::with_capacity(HEAD + words * dimension / 2);
    bytes.extend(head.to_le_bytes());
    for vector in vectors.chunks_exact(dimension).take(MAX_WORDS) {
        let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { LEVELS / largest } else { 0.0 };
        let code = |value: f32| ((value * scale).round() as i16 + ZERO) as u8;
        bytes.extend(vector.chunks_exact(2).map(|pair| code(pair[0]) | code(pair[1]) << 4));
    }
    bytes
}

/// Number of words in `packed`; `None` for bytes that [`pack`] cannot have written for vectors of
/// this dimension. No bytes at all are no words.
pub fn words_in(packed: &[u8], dimension: usize) -> Option<usize> {
    let Some((head, rest)) = packed.split_first_chunk::<HEAD>() else {
        return packed.is_empty().then_some(0);
    };
    let bytes = dimension / 2;
    let sound = usize::from(u16::from_le_bytes(*head)) == dimension
        && bytes > 0
        && rest.len().is_multiple_of(bytes)
        && rest.len() / bytes <= MAX_WORDS;
    sound.then(|| rest.len() / bytes)
}

/// The packed words, without the head. The caller has looked with [`words_in`].
pub(crate) fn rows(packed: &[u8], dimension: usize) -> impl Iterator<Item = &[u8]> {
    packed.get(HEAD..).unwrap_or_default().chunks_exact((dimension / 2).max(1))
}

/// Writes the values of a packed word into `values`, twice as long, in their order.
pub(crate) fn unpack(word: &[u8], values: &mut [f32]) {
    for (pair, byte) in values.chunks_exact_mut(2).zip(word) {
        pair[0] = f32::from(i16::from(byte & 0x0f) - ZERO);
        pair[1] = f32::from(i16::from(byte >> 4) - ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_WORDS, pack, rows, unpack, words_in};

    #[test]
    fn directions_survive() {
        let vectors: Vec<f32> =
            (0..3 * 384).map(|at| ((at * 37 % 101) as f32 - 50.0) * 0.3).collect();
        let packed = pack(&vectors, 384);
        assert_eq!(packed.len(), 2 + 3 * 192);
        assert_eq!(words_in(&packed, 384), Some(3));
        for (row, vector) in rows(&packed, 384).zip(vectors.chunks_exact(384)) {
            let mut found = vec![0.0; 384];
            unpack(row, &mut found);
            let dot: f32 = found.iter().zip(vector).map(|(a, b)| a * b).sum();
            let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!(dot / (length(&found) * length(vector)) > 0.99);
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let packed = pack(&[1.0, -1.0, 0.0, 0.5], 4);
        assert_eq!(words_in(&packed, 4), Some(1));
        assert_eq!(words_in(&packed, 8), None);
        assert_eq!(words_in(&packed[..3], 4), None);
        assert_eq!(words_in(&packed[..1], 4), None);
        assert_eq!(words_in(&[], 4), Some(0));
        assert_eq!(words_in(&pack(&[], 4), 4), Some(0));
        assert_eq!(words_in(&pack(&vec![0.0; 2 * (MAX_WORDS + 5)], 2), 2), Some(MAX_WORDS));
    }
}

//! Checks the decoding of undeclared encodings.

use encoding_rs::{ISO_8859_2, UTF_16LE, WINDOWS_1252};

use super::decode;

const FRENCH: &str = "Le déménagement à l'étage s'est achevé où prévu, cœur léger : 12 € payés.";

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    assert_eq!(decode(bytes, None).unwrap(), expected);
}

fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

#[test]
fn decode_recognises_western_encodings() {
    check(FRENCH.as_bytes(), FRENCH);
    check(&[b"\xef\xbb\xbf", FRENCH.as_bytes()].concat(), FRENCH);
    check(&WINDOWS_1252.encode(FRENCH).0, FRENCH);
    check(&utf16(FRENCH, u16::to_le_bytes)[..138], &FRENCH.chars().take(69).collect::<String>());
    check(&utf16("Été à Évry", u16::to_be_bytes), "Été à Évry");
    check(&[b"\xff\xfe".to_vec(), utf16(FRENCH, u16::to_le_bytes)].concat(), FRENCH);
    check(b"", "");
}

#[test]
fn decode_believes_a_declaration_only_where_needed() {
    let bytes = ISO_8859_2.encode("Łódź").0;
    assert_eq!(decode(&bytes, Some(ISO_8859_2)).unwrap(), "Łódź");
    assert_eq!(decode("Łódź".as_bytes(), Some(UTF_16LE)).unwrap(), "Łódź");
}

#[test]
fn decode_refuses_binary_data() {
    let noise: Vec<u8> =
        (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert!(decode(&noise, None).is_err());
    assert!(decode(b"abc\0\0\x01\x02def\0", None).is_err());
    assert!(decode(&[0x01; 100], None).is_err());
}

//! Tests how sizes are written.

use super::Bytes;

#[track_caller]
fn check(bytes: u64, expected: &str) {
    assert_eq!(Bytes(bytes).to_string(), expected);
}

#[test]
fn sizes_are_written_in_binary_units() {
    check(0, "0 bytes");
    check(1023, "1023 bytes");
    check(1024, "1.00 KiB");
    check(1_117_320_768, "1.04 GiB");
    check(u64::MAX, "16.00 EiB");
}

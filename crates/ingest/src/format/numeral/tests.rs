//! Checks the numbers of lists.

use super::Numeral;

#[track_caller]
fn check(value: u32, numeral: Numeral, expected: &str) {
    assert_eq!(numeral.write(value), expected);
}

#[test]
fn numbers_are_written_in_every_way() {
    check(4, Numeral::Figures, "4");
    check(7, Numeral::TwoFigures, "07");
    check(3, Numeral::LowerLetters, "c");
    check(28, Numeral::UpperLetters, "BB");
    check(u32::MAX, Numeral::LowerLetters, "4294967295");
    check(1994, Numeral::UpperRoman, "MCMXCIV");
    check(0, Numeral::LowerRoman, "0");
}

//! Checks what cells look like.

use super::Kind;

#[track_caller]
fn check(text: &str, expected: Kind) {
    assert_eq!(Kind::of(text), expected, "{text}");
}

#[test]
fn figures_and_dates_are_told_from_words() {
    for number in ["12", "1 234,50 €", "-3.5", "(12,00)", "20 %", "€ 4", "1.234,5", "2E-3", "4 EUR"]
    {
        check(number, Kind::Number);
    }
    for date in ["12/03/2026", "2026-03-12", "1.2.26", "2026-03-12T10:00:00Z", "12/03/2026 08:30"] {
        check(date, Kind::Date);
    }
    for text in
        ["", "T1", "3 mai 1980", "NB14-U7", "E5", "12 rue", "PO-2026-0092", "%", "1/2", "HT"]
    {
        check(text, Kind::Text);
    }
}

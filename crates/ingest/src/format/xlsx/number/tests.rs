//! Checks how numbers are written.

use super::Manner;
use crate::format::sheet::Kind;

#[track_caller]
fn check(language: &str, value: f64, code: &str, expected: &str) {
    let mut manner = Manner::new(false);
    manner.language(Some(language));
    let (text, _) = manner.number(value, 164, Some(code));
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(text, expected, "{code}");
}

#[track_caller]
fn check_built_in(language: &str, value: f64, id: u32, expected: (&str, Kind)) {
    let mut manner = Manner::new(false);
    manner.language(Some(language));
    let (text, kind) = manner.number(value, id, None);
    assert_eq!((text.as_str(), kind), expected);
}

#[test]
fn separators_are_those_of_the_language() {
    check("fr", 1234.5, "#,##0.00 \"€\"", "1 234,50 €");
    check("en", 1234.5, "[$$-409]#,##0.00", "$1,234.50");
    check("fr", -1234.5, "#,##0.00\\ [$€-40C];[Red]-#,##0.00\\ [$€-40C]", "-1 234,50 €");
    check("fr", 0.196, "0.0%", "19,6%");
    check("fr", 1234.5, "_-* #,##0.00\\ \"€\"_-;-* #,##0.00\\ \"€\"_-", "1 234,50 €");
    check("fr", 5.0, "00000", "00005");
    check("fr", 612345678.0, "0#\" \"##\" \"##\" \"##\" \"##", "06 12 34 56 78");
}

#[test]
fn plain_numbers_keep_their_figures() {
    check("fr", 38104762000012.0, "General", "38104762000012");
    check("fr", 0.1 + 0.2, "General", "0,3");
    check("en", 8.75, "General", "8.75");
    check("fr", 1e300, "General", "1E300");
    check("fr", -0.000001, "@", "-0,000001");
    check("fr", 12.0, "\"", "12");
    check("fr", 12.0, ";;;", "12");
}

#[test]
fn dates_cannot_be_misread() {
    check("fr", 46111.0, "dd/mm/yyyy", "30/03/2026");
    check("fr", 46111.0, "d/m/yy", "30/3/2026");
    check("en", 46111.0, "mm/dd/yyyy", "2026-03-30");
    check("fr", 46111.0, "yyyy-mm-dd", "2026-03-30");
    check("fr", 46111.0, "[$-40C]d mmmm yyyy", "30 mars 2026");
    check("fr", 46111.0, "mmm-yy", "mars-2026");
    check("de", 46111.0, "mmmm yyyy", "2026-03");
    check("fr", 46111.5, "dd/mm/yyyy hh:mm", "30/03/2026 12:00");
    check("fr", 0.75, "hh:mm", "18:00");
    check("fr", 1.5, "[h]:mm", "36:00");
    check("fr", -5.0, "dd/mm/yyyy", "-5");
    check_built_in("fr", 46111.0, 14, ("30/03/2026", Kind::Date));
    check_built_in("en", 46111.0, 14, ("2026-03-30", Kind::Date));
    check_built_in("fr", 46111.0, 0, ("46111", Kind::Number));
    check_built_in("fr", 0.5, 9, ("50%", Kind::Number));
}

#[test]
fn days_from_1904_are_four_years_later() {
    let mut manner = Manner::new(true);
    manner.language(Some("fr"));
    assert_eq!(manner.number(44649.0, 14, None).0, "30/03/2026");
}

#[test]
fn absurd_formats_end_in_a_number() {
    let codes =
        ["0".repeat(300), "[".repeat(200), "\\".into(), "#,##0.00E+".into(), "y".repeat(255)];
    for code in codes {
        for value in [0.0, -1.5, 1e308, 5e-324, 2_958_465.0] {
            let mut manner = Manner::new(false);
            manner.language(None);
            assert!(manner.number(value, 164, Some(&code)).0.len() < 2_000, "{code}");
        }
    }
}

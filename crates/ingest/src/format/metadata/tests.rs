//! Checks the reading of metadata.

use super::{date, read_office};
use crate::ExtractConfig;
use crate::builder::Builder;

#[track_caller]
fn check_date(text: &str, expected: Option<&str>) {
    assert_eq!(date(text).as_deref(), expected);
}

#[test]
fn dates_are_days_or_moments() {
    check_date(" 2026-03-12 ", Some("2026-03-12"));
    check_date("2026-03-12T10:00:00Z", Some("2026-03-12T10:00:00Z"));
    check_date("2026-03-12T10:00:00.1234+02:00", Some("2026-03-12T10:00:00+02:00"));
    check_date("2026-03-12T10:00:00.123456789", Some("2026-03-12"));
    check_date("2026-03-12 10:00", Some("2026-03-12"));
    check_date("12/03/2026", None);
    check_date("2026-13-12", None);
    check_date("été 2026 été", None);
    check_date("", None);
}

#[track_caller]
fn check_office(xml: &str, expected: [Option<&str>; 4]) {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    read_office(xml, &mut builder).unwrap();
    let found = [&builder.title, &builder.author, &builder.created, &builder.modified];
    assert_eq!(found.map(Option::as_deref), expected);
}

#[test]
fn both_families_of_formats_say_who_and_when() {
    check_office(
        "<cp:coreProperties xmlns:cp='c' xmlns:dc='d'><dc:title>Devis</dc:title><dc:creator>Léa \
         Petit</dc:creator><cp:lastModifiedBy>X</cp:lastModifiedBy><t:created>2026-01-02T03:04:05Z\
         </t:created><t:modified>2026-01-03T03:04:05Z</t:modified></cp:coreProperties>",
        [
            Some("Devis"),
            Some("Léa Petit"),
            Some("2026-01-02T03:04:05Z"),
            Some("2026-01-03T03:04:05Z"),
        ],
    );
    check_office(
        "<office:meta xmlns:office='o'><meta:initial-creator>Léa</meta:initial-creator><dc:creator>\
         Max</dc:creator><meta:creation-date>2026-01-02T03:04:05</meta:creation-date>\
         <dc:date>2026-01-03T03:04:05.5</dc:date><dc:title> </dc:title></office:meta>",
        [None, Some("Léa"), Some("2026-01-02"), Some("2026-01-03")],
    );
}

//! Checks what becomes of headers and footers.

use intramuros_types::DocumentFormat;

use super::{Item, Paragraph, push_frame};
use crate::builder::Builder;
use crate::{ExtractConfig, IngestError};

#[track_caller]
fn check(lines: &[&str], expected: Option<&str>) {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    let item =
        |text: &&str| Item::Paragraph(Paragraph { text: (*text).into(), ..Paragraph::default() });
    let items: Vec<Item> = lines.iter().map(item).collect();
    push_frame(&items, &mut builder).unwrap();
    let read = builder.finish(DocumentFormat::Docx, "a.docx");
    match expected {
        Some(expected) => assert_eq!(read.unwrap().document.unwrap().text, expected),
        None => assert_eq!(read, Err(IngestError::Empty)),
    }
}

#[test]
fn letterheads_are_kept_and_page_numbers_are_not() {
    check(&["Page 1 / 4"], None);
    check(&["Notice technique", "Confidentiel"], None);
    check(
        &["Pompes SARL", "SIREN 849 031 174", "Pompes SARL"],
        Some("Pompes SARL\nSIREN 849 031 174"),
    );
}

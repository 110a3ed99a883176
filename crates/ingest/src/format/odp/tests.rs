//! Checks the reading of ODP.

use intramuros_types::BlockKind::{self, Heading, ListItem, Paragraph};

use crate::ExtractLimits;
use crate::extract::tests::read_within;

#[test]
fn slides_are_pages_with_title_text_and_notes() {
    let bytes = include_bytes!("../../../fixtures/bilan.odp");
    let document = read_within(bytes, "a.odp", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(Option<u32>, BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.page, b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(
        blocks,
        [
            (Some(1), Heading(1), "Ventes"),
            (Some(1), ListItem, "- Nord : 12 M€"),
            (Some(1), ListItem, "- Sud : 9 M€"),
            (Some(1), Paragraph, "Remercier les équipes."),
            (Some(3), Heading(1), "Effectifs"),
            (Some(3), ListItem, "- 42 salariés"),
        ],
    );
    assert_eq!((document.title.as_str(), document.pages), ("Bilan 2025", Some(3)));
    assert_eq!(document.warnings[0].code, "hidden_slides_left_out");
}

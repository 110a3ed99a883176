//! Checks the reading of PPTX.

use intramuros_types::BlockKind::{self, Heading, ListItem, Paragraph, TableRow};

use crate::ExtractLimits;
use crate::extract::tests::{read_within, zip_of};

#[test]
fn slides_are_pages_with_title_text_and_notes() {
    let bytes = include_bytes!("../../../fixtures/bilan.pptx");
    let document = read_within(bytes, "bilan.pptx", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(Option<u32>, BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.page, b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(
        blocks,
        [
            (Some(1), Heading(1), "Ventes 2025"),
            (Some(1), ListItem, "- Nord : 12 M€"),
            (Some(1), ListItem, "- Sud : 9 M€"),
            (Some(1), ListItem, "1. Lyon"),
            (Some(1), ListItem, "2. Nice"),
            (Some(1), Paragraph, "Zone de texte groupée"),
            (Some(1), Paragraph, "Remercier les équipes."),
            (Some(2), Heading(1), "Effectifs"),
            (Some(2), TableRow, "Site: Lyon ; Salariés: 42 ; Écart: +3"),
            (Some(2), TableRow, "Site: Nice ; Salariés: 17 ; Écart: -1"),
            (Some(2), ListItem, "- Recruter"),
            (Some(2), ListItem, "- Former"),
            (Some(4), Paragraph, "Merci de votre attention"),
        ],
    );
    // The untitled slide is not under the title of the one before.
    assert!(document.blocks[12].section_path.is_empty());
    assert_eq!((document.title.as_str(), document.pages), ("Ventes 2025", Some(4)));
    assert_eq!(document.author.as_deref(), Some("Léa Petit"));
    assert_eq!(document.warnings[0].code, "hidden_slides_left_out");
}

#[test]
fn missing_slides_are_said() {
    let presentation = "<p:presentation xmlns:p='p' xmlns:r='r'><p:sldIdLst><p:sldId id='1' \
                        r:id='rId1'/><p:sldId id='2' r:id='rId2'/></p:sldIdLst></p:presentation>";
    let relations = "<Relationships><Relationship Id='rId2' Type='x/slide' Target='slides/s.xml'/>\
                     </Relationships>";
    let slide = "<p:sld xmlns:p='p' xmlns:a='a'><p:sp><a:p><a:t>texte</a:t></a:p></p:sp></p:sld>";
    let bytes = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("ppt/presentation.xml", presentation.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", relations.as_bytes()),
        ("ppt/slides/s.xml", slide.as_bytes()),
    ]);
    let document = read_within(&bytes, "a.pptx", &ExtractLimits::default()).unwrap();
    assert_eq!((document.text.as_str(), document.blocks[0].page), ("texte", Some(2)));
    assert_eq!(document.warnings[0].code, "slides_missing");
}

//! Checks the reading of ODT.

use intramuros_types::BlockKind::{self, Heading, ListItem, Paragraph, TableRow};

use crate::ExtractLimits;
use crate::extract::tests::{read_within, zip_of};

#[track_caller]
fn check(bytes: &[u8], expected: &[(BlockKind, &str)]) {
    let document = read_within(bytes, "a.odt", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
}

/// A text with these styles and nothing else.
fn text(styles: &str, inner: &str) -> Vec<u8> {
    let xml = format!(
        "<office:document-content xmlns:office='o' xmlns:text='t' xmlns:table='b' xmlns:style='s' \
         xmlns:svg='v'><office:automatic-styles>{styles}</office:automatic-styles><office:body>\
         <office:text>{inner}</office:text></office:body></office:document-content>"
    );
    zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", xml.as_bytes()),
    ])
}

#[test]
fn fixture_is_read_as_its_author_means_it() {
    let bytes = include_bytes!("../../../fixtures/note.odt");
    check(
        bytes,
        &[
            (Heading(1), "Congés d'été"),
            (Paragraph, "Chaque salarié pose ses jours avant le 30 avril."),
            (Paragraph, "Article L3141-15."),
            (Heading(2), "Démarche"),
            (ListItem, "1. Remplir la demande"),
            (ListItem, "2. La faire signer"),
            (ListItem, "a) par le chef de service"),
            (ListItem, "b) par la direction"),
            (Paragraph, "Encadré utile"),
            (Paragraph, "Ancre du cadre."),
            (TableRow, "Service: Atelier ; Jours: 25 ; Report: 25"),
            (TableRow, "Service: Atelier ; Jours: 27 ; Report: 3"),
            (Paragraph, "Pompes du Rhône SARL, SIREN 849 031 174"),
        ],
    );
    let document = read_within(bytes, "a.odt", &ExtractLimits::default()).unwrap();
    assert_eq!(document.title, "Note de service");
    assert_eq!(document.author.as_deref(), Some("Léa Petit"));
    assert_eq!(document.created.as_deref(), Some("2026-03-12"));
    assert_eq!(document.modified.as_deref(), Some("2026-03-13T10:00:00Z"));
}

#[test]
fn lists_go_on_and_show_their_levels() {
    let styles = "<text:list-style style:name='L'><text:list-level-style-number text:level='1' \
                  style:num-format='1' style:num-suffix='.'/><text:list-level-style-number \
                  text:level='2' style:num-format='1' text:display-levels='2'/></text:list-style>";
    let item = |inner: &str| format!("<text:list-item><text:p>{inner}</text:p></text:list-item>");
    let inner = format!(
        "<text:list text:style-name='L'>{}<text:list-item><text:p>b</text:p><text:list>{}{}\
         </text:list></text:list-item></text:list><text:p>pause</text:p><text:list \
         text:style-name='L' text:continue-numbering='true'>{}</text:list><text:list>{}</text:list>",
        item("a"),
        item("c"),
        item("d"),
        item("e"),
        item("f"),
    );
    check(
        &text(styles, &inner),
        &[
            (ListItem, "1. a"),
            (ListItem, "2. b"),
            (ListItem, "2.1 c"),
            (ListItem, "2.2 d"),
            (Paragraph, "pause"),
            (ListItem, "3. e"),
            (ListItem, "- f"),
        ],
    );
}

#[test]
fn what_is_not_shown_is_not_read() {
    let styles = "<style:style style:name='P1' style:family='paragraph'><style:text-properties \
                  text:display='none'/></style:style><style:style style:name='P2' \
                  style:parent-style-name='P1' style:family='paragraph'/>";
    check(
        &text(
            styles,
            "<text:p text:style-name='P2'>a</text:p><text:section text:display='none'><text:p>b\
             </text:p></text:section><text:p>c<office:annotation><text:p>d</text:p>\
             </office:annotation><svg:desc>e</svg:desc><text:line-break/>f</text:p>\
             <text:table-of-content><text:p>g</text:p></text:table-of-content>",
        ),
        &[(Paragraph, "c\nf")],
    );
}

#[test]
fn repeated_cells_are_bounded() {
    let row = "<table:table-row table:number-rows-repeated='1000000'><table:table-cell \
               table:number-columns-repeated='1000000'><text:p>x</text:p></table:table-cell>\
               <table:table-cell table:number-columns-repeated='1000000'/></table:table-row>";
    let bytes = text("", &format!("<table:table>{row}</table:table>"));
    let document = read_within(&bytes, "a.odt", &ExtractLimits::default()).unwrap();
    assert_eq!(document.blocks.len(), 64);
    let deep = "<table:table><table:table-row><table:table-cell>".repeat(300)
        + "<text:p>x</text:p>"
        + &"</table:table-cell></table:table-row></table:table>".repeat(300);
    check(&text("", &deep), &[(Paragraph, "x")]);
}

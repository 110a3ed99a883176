//! Checks the reading of DOCX.

use intramuros_types::BlockKind;

use crate::extract::tests::read_within;
use crate::extract::tests::zip_of;
use crate::{ExtractLimits, IngestError};

use BlockKind::{Heading, ListItem, Paragraph, TableRow};

#[track_caller]
fn check(bytes: &[u8], expected: &[(BlockKind, &str)]) {
    let document = read_within(bytes, "a.docx", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
}

/// A document with this body and nothing else.
fn body(inner: &str) -> Vec<u8> {
    let xml = format!("<w:document xmlns:w='w'><w:body>{inner}</w:body></w:document>");
    zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", xml.as_bytes())])
}

fn text(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

#[test]
fn fixture_is_read_as_its_author_means_it() {
    let bytes = include_bytes!("../../../fixtures/procedure.docx");
    check(
        bytes,
        &[
            (Heading(1), "Accès au réseau"),
            (Paragraph, "Le compte est bloqué après cinq essais."),
            (Heading(2), "Déblocage"),
            (ListItem, "1. Appeler le support"),
            (ListItem, "2. Donner son matricule"),
            (ListItem, "- Poste fixe"),
            (Paragraph, "Délai : deux jours & une heure\u{a0}!"),
            (Paragraph, "Portail interne\n24 h/24"),
            (Paragraph, "Encadré utile"),
            (Paragraph, "Ancre du cadre."),
            (TableRow, "Profil: Invité ; Durée: 1 jour ; Équipe: Accueil"),
            (TableRow, "Profil: Salarié ; Durée: 365 jours ; Équipe: DSI"),
            (TableRow, "Profil: Prestataire ; Durée: 30 jours ; Équipe: DSI"),
            (Paragraph, "Fin de la procédure."),
        ],
    );
    let document = read_within(bytes, "a.docx", &ExtractLimits::default()).unwrap();
    assert_eq!(document.title, "Procédure d'accès");
    assert_eq!(document.language.as_deref(), Some("fr"));
    assert_eq!(document.created.as_deref(), Some("2026-01-02T03:04:05Z"));
    assert_eq!(document.author, None);
}

#[test]
fn the_main_part_may_have_any_name() {
    let document = format!("<w:document xmlns:w='w'><w:body>{}</w:body></w:document>", text("x"));
    let relations = "<Relationships><Relationship Id='rId1' Type='x/officeDocument' \
                     Target='/word/document2.xml'/></Relationships>";
    let bytes = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", relations.as_bytes()),
        ("word/document2.xml", document.as_bytes()),
    ]);
    check(&bytes, &[(Paragraph, "x")]);
}

#[test]
fn what_nobody_sees_or_wrote_is_not_text() {
    let hidden =
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>non</w:t></w:r><w:r><w:t>oui</w:t></w:r></w:p>";
    let field = |properties: &str, inner: &str| {
        format!(
            "<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{inner}</w:sdtContent></w:sdt>"
        )
    };
    let prompt = field("<w:showingPlcHdr/>", &text("Cliquez ici"));
    let filled = field("", &text("Rempli"));
    check(
        &body(&format!("{hidden}{prompt}{filled}")),
        &[(Paragraph, "oui"), (Paragraph, "Rempli")],
    );
}

#[test]
fn rows_may_begin_at_a_later_column() {
    let cell = |t: &str| format!("<w:tc>{}</w:tc>", text(t));
    let head: String = ["A", "B", "C"].into_iter().map(cell).collect();
    let rows = format!(
        "<w:tr><w:trPr><w:tblHeader/></w:trPr>{head}</w:tr><w:tr><w:trPr><w:gridBefore w:val='1'/>\
         </w:trPr>{}{}</w:tr>",
        cell("x"),
        cell("y"),
    );
    check(&body(&format!("<w:tbl>{rows}</w:tbl>")), &[(TableRow, "B: x ; C: y")]);
}

#[test]
fn totals_are_labels_with_their_values() {
    let row = |cells: [&str; 3]| {
        let cells: String = cells.iter().map(|c| format!("<w:tc>{}</w:tc>", text(c))).collect();
        format!("<w:tr>{cells}</w:tr>")
    };
    let rows = [
        ["Article", "Prix", "Total"],
        ["Vis", "2,00", "4,00"],
        ["Clou", "1,00", "3,00"],
        ["", "Total HT", "7,00"],
    ];
    let rows: String = rows.into_iter().map(row).collect();
    check(
        &body(&format!("<w:tbl>{rows}</w:tbl>")),
        &[
            (TableRow, "Article: Vis ; Prix: 2,00 ; Total: 4,00"),
            (TableRow, "Article: Clou ; Prix: 1,00 ; Total: 3,00"),
            (TableRow, "Total HT: 7,00"),
        ],
    );
}

#[test]
fn short_bold_paragraphs_are_headings_where_no_style_is() {
    let bold = |t: &str| format!("<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>{t}</w:t></w:r></w:p>");
    check(
        &body(&format!("{}{}{}", bold("Objet"), text("texte"), bold("dernier"))),
        &[(Heading(2), "Objet"), (Paragraph, "texte"), (Paragraph, "dernier")],
    );
    let styled = "<w:p><w:pPr><w:outlineLvl w:val='0'/></w:pPr><w:r><w:t>Un</w:t></w:r></w:p>";
    check(
        &body(&format!("{styled}{}{}", bold("Objet"), text("texte"))),
        &[(Heading(1), "Un"), (Paragraph, "Objet"), (Paragraph, "texte")],
    );
}

#[test]
fn notes_follow_the_paragraph_that_refers_to_them() {
    let reference = "<w:p><w:r><w:t>Prix</w:t><w:footnoteReference w:id='2'/></w:r></w:p>";
    let document = format!("<w:document xmlns:w='w'>{reference}{}</w:document>", text("Fin"));
    let notes = format!(
        "<w:footnotes xmlns:w='w'><w:footnote w:type='separator' w:id='0'>{}</w:footnote>\
         <w:footnote w:id='2'>{}</w:footnote></w:footnotes>",
        text("trait"),
        text("Hors taxes."),
    );
    let bytes = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", document.as_bytes()),
        ("word/footnotes.xml", notes.as_bytes()),
    ]);
    check(&bytes, &[(Paragraph, "Prix"), (Paragraph, "Hors taxes."), (Paragraph, "Fin")]);
}

#[test]
fn tables_that_place_things_are_paragraphs() {
    let cell = |inner: &str| format!("<w:tc>{inner}</w:tc>");
    let paragraphs: String = (1..9).map(|n| text(&format!("ligne {n}"))).collect();
    let table = format!("<w:tbl><w:tr>{}{}</w:tr></w:tbl>", cell(&text("g")), cell(&paragraphs));
    let document = read_within(&body(&table), "a.docx", &ExtractLimits::default()).unwrap();
    assert_eq!(document.blocks.len(), 9);
    assert!(document.text.starts_with("g\n\nligne 1\n\nligne 2"), "{}", document.text);
    let deleted = "<w:tr><w:trPr><w:del w:id='1'/></w:trPr><w:tc><w:p><w:r><w:t>non</w:t></w:r></w:p>\
                   </w:tc><w:tc><w:p/></w:tc></w:tr>";
    let row = format!("<w:tr>{}{}</w:tr>", cell(&text("a")), cell(&text("b")));
    check(&body(&format!("<w:tbl>{row}{deleted}</w:tbl>")), &[(TableRow, "a ; b")]);
}

#[track_caller]
fn check_error(bytes: &[u8], limits: &ExtractLimits, expected: &str) {
    let error = read_within(bytes, "a.docx", limits).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn hostile_archives_end_in_an_error() {
    let limits = ExtractLimits::default();
    let bomb = vec![b' '; 64 << 20];
    let bytes = zip_of(&[("[Content_Types].xml", b"x"), ("word/document.xml", &bomb)]);
    check_error(&bytes, &limits, "decompressed bytes");
    let half = include_bytes!("../../../fixtures/procedure.docx");
    check_error(&half[..half.len() / 2], &limits, "damaged");
    let small = ExtractLimits { max_zip_entries: 3, ..ExtractLimits::default() };
    check_error(half, &small, "files in the archive");
    check_error(
        &zip_of(&[("[Content_Types].xml", b"x"), ("word/x", b"")]),
        &limits,
        "document.xml",
    );
}

#[test]
fn hostile_xml_ends_in_an_error_or_is_read_literally() {
    let limits = ExtractLimits::default();
    check_error(&body(&"<w:p>".repeat(100_000)), &limits, "nested elements");
    check_error(&body("<w:p></w:r>"), &limits, "damaged");
    check_error(&body(""), &limits, "empty");
    let laughs = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>\
                  <w:document xmlns:w='w'><w:p><w:r><w:t>ri&b;re</w:t></w:r></w:p></w:document>";
    let bytes = zip_of(&[("[Content_Types].xml", b"x"), ("word/document.xml", laughs.as_bytes())]);
    check(&bytes, &[(Paragraph, "rire")]);
    let tables = "<w:tbl><w:tr><w:tc>".repeat(300) + &"</w:tc></w:tr></w:tbl>".repeat(300);
    check(&body(&format!("{tables}{}", text("x"))), &[(Paragraph, "x")]);
    let unclosed = format!("</w:tc></w:tbl>{}", text("x"));
    check_error(&body(&unclosed), &limits, "damaged");
    assert!(matches!(
        read_within(&body("<w:p>"), "a.docx", &limits),
        Err(IngestError::Damaged { .. })
    ));
}

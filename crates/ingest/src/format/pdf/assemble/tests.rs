//! Checks how rows become blocks.

use intramuros_types::{BlockKind, DocumentFormat};

use super::{join_line, push};
use crate::ExtractConfig;
use crate::builder::Builder;
use crate::format::pdf::layout::Page;
use crate::format::pdf::row::{Row, Segment};

use BlockKind::{Heading, ListItem, Paragraph};

fn segment(left: f32, text: &str, size: f32, bold: bool) -> Segment {
    let right = left + 0.5 * size * text.chars().count() as f32;
    Segment { text: text.into(), left, right, size, bold }
}

fn line(middle: f32, text: &str) -> Row {
    Row { segments: vec![segment(50.0, text, 10.0, false)], middle }
}

fn cells(middle: f32, cells: &[(f32, &str)]) -> Row {
    let segments = cells.iter().map(|(left, text)| segment(*left, text, 10.0, false)).collect();
    Row { segments, middle }
}

#[track_caller]
fn check(rows: Vec<Row>, expected: &[(BlockKind, &str)]) {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    builder.pages = Some(1);
    push(&[Page { rows, recognised: false }], &mut builder).unwrap();
    let document = builder.finish(DocumentFormat::Pdf, "a.pdf").unwrap().document.unwrap();
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
}

#[test]
fn lines_of_a_paragraph_are_joined() {
    check(
        vec![
            line(700.0, "Une première ligne pleine de texte"),
            line(688.0, "puis une ligne courte."),
            line(660.0, "Un autre paragraphe, plus bas, long"),
        ],
        &[
            (Paragraph, "Une première ligne pleine de texte puis une ligne courte."),
            (Paragraph, "Un autre paragraphe, plus bas, long"),
        ],
    );
    let wide = "Une ligne qui va d'un bord à l'autre de la page et qui en donne la largeur.";
    check(
        vec![
            line(700.0, "ACME SARL"),
            line(688.0, "3 rue des Lilas"),
            line(676.0, "69000 Lyon"),
            line(640.0, wide),
        ],
        &[(Paragraph, "ACME SARL\n3 rue des Lilas\n69000 Lyon"), (Paragraph, wide)],
    );
}

#[test]
fn size_and_weight_make_headings() {
    let bold = Row { segments: vec![segment(50.0, "Objet", 10.0, true)], middle: 690.0 };
    let large = Row { segments: vec![segment(50.0, "Contrat", 18.0, false)], middle: 720.0 };
    check(
        vec![
            large,
            bold,
            line(670.0, "Le présent contrat a pour objet la location."),
            line(658.0, "Il est conclu pour un an, renouvelable une fois."),
        ],
        &[
            (Heading(1), "Contrat"),
            (Heading(2), "Objet"),
            (
                Paragraph,
                "Le présent contrat a pour objet la location. Il est conclu pour un an, \
                 renouvelable une fois.",
            ),
        ],
    );
}

#[test]
fn markers_begin_items() {
    check(
        vec![
            cells(700.0, &[(50.0, "•"), (72.0, "vider le bac")]),
            line(688.0, "2) fermer le capot"),
            line(676.0, "\u{f0b7} attendre"),
        ],
        &[(ListItem, "- vider le bac"), (ListItem, "2) fermer le capot"), (ListItem, "- attendre")],
    );
}

#[track_caller]
fn check_join(text: &str, line: &str, expected: &str) {
    let mut joined = text.into();
    join_line(&mut joined, &line.into(), " ");
    assert_eq!(&*joined, expected);
}

#[test]
fn divided_words_become_whole() {
    check_join("la premi-", "ère fois", "la première fois");
    check_join("peut-", "être demain", "peut-être demain");
    check_join("Saint-", "Étienne", "Saint-Étienne");
    check_join("de 10 -", "douze", "de 10 - douze");
    check_join("fin", "de ligne", "fin de ligne");
}

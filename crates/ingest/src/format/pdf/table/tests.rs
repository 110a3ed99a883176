//! Checks the cells of tables and their headers.

use intramuros_types::DocumentFormat;

use super::push;
use crate::ExtractConfig;
use crate::builder::Builder;
use crate::format::pdf::gather::take;
use crate::format::pdf::row::{Row, Segment};

/// A row at height `middle`, at 5 points a character.
fn row(middle: f32, cells: &[(f32, &str)]) -> Row {
    let cell = |(left, text): &(f32, &str)| Segment {
        text: (*text).into(),
        left: *left,
        right: left + 5.0 * text.chars().count() as f32,
        size: 10.0,
        bold: false,
    };
    Row { segments: cells.iter().map(cell).collect(), middle }
}

/// Checks the table that begins at the first of `rows`, and how many rows it has taken.
#[track_caller]
fn check(rows: &[Row], expected_taken: usize, expected: &[&str]) {
    let (table, taken) = take(rows, 0);
    assert_eq!(taken, expected_taken);
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    push(&table, None, &mut builder).unwrap();
    let document = builder.finish(DocumentFormat::Pdf, "a.pdf").unwrap().document.unwrap();
    assert_eq!(document.text.lines().collect::<Vec<_>>(), expected);
}

const HEADERS: [(f32, &str); 3] = [(50.0, "Désignation"), (200.0, "Qté"), (300.0, "Montant")];

#[test]
fn cells_find_their_headers_and_their_next_lines() {
    check(
        &[
            row(720.0, &[(50.0, "Date"), (200.0, "3 mai")]),
            row(700.0, &HEADERS),
            row(680.0, &[(50.0, "Pose"), (205.0, "2"), (310.0, "80,00")]),
            row(660.0, &[(50.0, "Transport"), (305.0, "15,00")]),
            row(648.0, &[(305.0, "hors taxes")]),
            row(600.0, &[(50.0, "Merci de votre confiance.")]),
        ],
        5,
        &[
            "Date ; 3 mai",
            "Désignation: Pose ; Qté: 2 ; Montant: 80,00",
            "Désignation: Transport ; 15,00 hors taxes",
        ],
    );
}

#[test]
fn labels_get_no_header_of_figures() {
    check(
        &[
            row(700.0, &HEADERS[..]),
            row(680.0, &[(50.0, "Pose"), (205.0, "2"), (310.0, "80,00")]),
            row(660.0, &[(50.0, "Vis"), (205.0, "30"), (310.0, "4,00")]),
            row(640.0, &[(195.0, "Total"), (310.0, "84,00 €")]),
        ],
        4,
        &[
            "Désignation: Pose ; Qté: 2 ; Montant: 80,00",
            "Désignation: Vis ; Qté: 30 ; Montant: 4,00",
            "Total ; Montant: 84,00 €",
        ],
    );
    let columns: [(f32, &str); 3] = [(200.0, "Montant HT"), (300.0, "TVA"), (400.0, "Montant TTC")];
    check(
        &[
            row(700.0, &columns),
            row(
                680.0,
                &[(50.0, "Abonnement"), (210.0, "24,99"), (300.0, "5,00"), (410.0, "29,99")],
            ),
        ],
        2,
        &["Abonnement ; Montant HT: 24,99 ; TVA: 5,00 ; Montant TTC: 29,99"],
    );
}

#[test]
fn headers_without_cells_are_kept() {
    check(
        &[
            row(700.0, &HEADERS),
            row(680.0, &[(50.0, "Pose"), (310.0, "80,00")]),
            row(660.0, &[(50.0, "Vis"), (310.0, "4,00")]),
        ],
        3,
        &[
            "Désignation ; Qté ; Montant",
            "Désignation: Pose ; Montant: 80,00",
            "Désignation: Vis ; Montant: 4,00",
        ],
    );
}

#[test]
fn another_table_below_has_no_headers_of_this_one() {
    check(
        &[
            row(700.0, &HEADERS),
            row(680.0, &[(50.0, "Pose"), (205.0, "2"), (310.0, "80,00")]),
            row(640.0, &[(50.0, "Taux"), (75.0, "Base"), (205.0, "TVA")]),
            row(620.0, &[(50.0, "20 %"), (205.0, "16,00")]),
        ],
        4,
        &[
            "Désignation: Pose ; Qté: 2 ; Montant: 80,00",
            "Taux ; Base ; TVA",
            "Taux: 20 % ; TVA: 16,00",
        ],
    );
}

#[test]
fn figures_flush_right_find_headers_flush_left() {
    check(
        &[
            row(700.0, &[(50.0, "Désignation"), (200.0, "Qté"), (240.0, "PU")]),
            row(680.0, &[(50.0, "Pose"), (220.0, "2"), (260.0, "80,00")]),
            row(660.0, &[(50.0, "Vis"), (215.0, "30"), (265.0, "4,00")]),
            row(640.0, &[(195.0, "Total"), (255.0, "280,00")]),
        ],
        4,
        &[
            "Désignation: Pose ; Qté: 2 ; PU: 80,00",
            "Désignation: Vis ; Qté: 30 ; PU: 4,00",
            "Total ; PU: 280,00",
        ],
    );
}

#[test]
fn first_cells_have_lines_below_and_above_their_figures() {
    check(
        &[
            row(700.0, &HEADERS),
            row(682.0, &[(50.0, "Pose d'un évier")]),
            row(670.0, &[(50.0, "avec siphon"), (205.0, "2"), (310.0, "80,00")]),
            row(650.0, &[(50.0, "Vis inox"), (205.0, "30"), (310.0, "4,00")]),
            row(638.0, &[(50.0, "de 12 mm")]),
            row(620.0, &[(50.0, "Colle"), (205.0, "1"), (310.0, "9,00")]),
            row(580.0, &[(50.0, "Merci de votre confiance.")]),
        ],
        6,
        &[
            "Désignation: Pose d'un évier avec siphon ; Qté: 2 ; Montant: 80,00",
            "Désignation: Vis inox de 12 mm ; Qté: 30 ; Montant: 4,00",
            "Désignation: Colle ; Qté: 1 ; Montant: 9,00",
        ],
    );
}

#[test]
fn headers_repeated_on_the_next_page_are_not_a_row() {
    check(
        &[
            row(700.0, &HEADERS),
            row(680.0, &[(50.0, "Pose"), (205.0, "2"), (310.0, "80,00")]),
            row(660.0, &HEADERS),
            row(640.0, &[(50.0, "Vis"), (205.0, "30"), (310.0, "4,00")]),
        ],
        4,
        &[
            "Désignation: Pose ; Qté: 2 ; Montant: 80,00",
            "Désignation: Vis ; Qté: 30 ; Montant: 4,00",
        ],
    );
}

#[test]
fn a_table_goes_on_with_the_headers_of_the_page_before() {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    let first = [row(80.0, &HEADERS), row(60.0, &[(50.0, "Pose"), (205.0, "2"), (310.0, "80,00")])];
    let carried = push(&first, None, &mut builder).unwrap();
    let second = [row(780.0, &[(50.0, "Vis"), (205.0, "30"), (310.0, "4,00")])];
    let carried = push(&second, carried, &mut builder).unwrap();
    let other = [row(780.0, &[(50.0, "Date"), (75.0, "3 mai"), (100.0, "2026")])];
    assert!(push(&other, carried, &mut builder).unwrap().is_none());
    let document = builder.finish(DocumentFormat::Pdf, "a.pdf").unwrap().document.unwrap();
    let expected = [
        "Désignation: Pose ; Qté: 2 ; Montant: 80,00",
        "Désignation: Vis ; Qté: 30 ; Montant: 4,00",
        "Date ; 3 mai ; 2026",
    ];
    assert_eq!(document.text.lines().collect::<Vec<_>>(), expected);
}

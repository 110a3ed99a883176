//! Checks the reading of separated values.

use intramuros_types::BlockKind::{self, Paragraph, TableRow};

use crate::ExtractLimits;
use crate::extract::tests::read_within;

#[track_caller]
fn check(bytes: &[u8], expected: &[(BlockKind, &str)]) {
    let document = read_within(bytes, "export.csv", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
    assert_eq!(document.title, "export");
}

#[test]
fn separators_and_encodings_are_told() {
    let expected = [
        (TableRow, "Réf: A1 ; Libellé: Vis ; Prix: 1,50"),
        (TableRow, "Réf: B2 ; Libellé: Clou ; Prix: 0,20"),
    ];
    let text = "Réf;Libellé;Prix\r\nA1;Vis;1,50\r\nB2;Clou;0,20\r\n";
    check(text.as_bytes(), &expected);
    check(format!("\u{feff}{text}").as_bytes(), &expected);
    check(&encoding_rs::WINDOWS_1252.encode(text).0, &expected);
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&[b"\xff\xfe", utf_16.as_slice()].concat(), &expected);
    check(text.replace(';', "\t").as_bytes(), &expected);
    check(text.replace(';', "|").as_bytes(), &expected);
    check(format!("sep=;\n{text}").as_bytes(), &expected);
    check(
        b"Name,City,Age\n\"Smith, J.\",York,41\n\"Doe, A.\",Leeds,52\n",
        &[
            (TableRow, "Name: Smith, J. ; City: York ; Age: 41"),
            (TableRow, "Name: Doe, A. ; City: Leeds ; Age: 52"),
        ],
    );
}

#[test]
fn quotes_hold_lines_and_separators() {
    check(
        "Nom;Note\nZoé;\"deux\nlignes ; et \"\"guillemets\"\"\"\nLéo;rien".as_bytes(),
        &[
            (TableRow, "Nom: Zoé ; Note: deux lignes ; et \"guillemets\""),
            (TableRow, "Nom: Léo ; Note: rien"),
        ],
    );
}

#[test]
fn blank_lines_part_titles_tables_and_totals() {
    check(
        "Ventes de mars\n\nRéf;Qté;Montant\nA1;3;30,00\nB2;4;40,00\n\n;Total;70,00\n\nfin"
            .as_bytes(),
        &[
            (Paragraph, "Ventes de mars"),
            (TableRow, "Réf: A1 ; Qté: 3 ; Montant: 30,00"),
            (TableRow, "Réf: B2 ; Qté: 4 ; Montant: 40,00"),
            (TableRow, "Total: 70,00"),
            (Paragraph, "fin"),
        ],
    );
}

#[test]
fn rows_without_headers_stand_alone() {
    check(
        b"Dupont;Jean;Lyon\nMartin;Zoe;Paris\nPetit;Lea;Nice\n",
        &[
            (TableRow, "Dupont ; Jean ; Lyon"),
            (TableRow, "Martin ; Zoe ; Paris"),
            (TableRow, "Petit ; Lea ; Nice"),
        ],
    );
    check(b"1;2\n3;4\n", &[(TableRow, "1 ; 2"), (TableRow, "3 ; 4")]);
}

#[test]
fn rows_of_different_lengths_are_kept() {
    check(
        "Réf;Qté;Prix\nA1;3\nB2;4;5;6;7\n".as_bytes(),
        &[(TableRow, "Réf: A1 ; Qté: 3"), (TableRow, "Réf: B2 ; Qté: 4 ; Prix: 5 ; 6 ; 7")],
    );
}

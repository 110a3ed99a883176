//! Checks how grids are cut into titles, pairs and tables.

use intramuros_types::DocumentFormat;

use super::{Cell, Kind, Line, Sheet};
use crate::ExtractConfig;
use crate::builder::Builder;

/// A grid as rows of cells parted by `|`; `*` before a text makes it bold, `>n` after it lets it
/// cover n columns.
#[track_caller]
fn check(grid: &[&str], expected: &[&str]) {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    let mut sheet = Sheet::new();
    for row in grid {
        let mut cells = Vec::new();
        for (column, text) in (0..).zip(row.split('|')) {
            let (bold, text) = text.strip_prefix('*').map_or((false, text), |text| (true, text));
            let (text, columns) = text.split_once('>').unwrap_or((text, "1"));
            let columns = columns.parse().unwrap();
            cells.push(Cell { column, text: text.into(), kind: Kind::of(text), bold, columns });
        }
        sheet.push(Line { cells, ..Line::default() });
    }
    sheet.finish("", &mut builder).unwrap();
    let document = builder.finish(DocumentFormat::Csv, "a.csv").unwrap().document.unwrap();
    let blocks: Vec<&str> = document.blocks.iter().map(|b| b.span.slice(&document.text)).collect();
    assert_eq!(blocks, expected);
}

#[test]
fn headers_are_found_below_titles() {
    check(
        &["Stock au 1er mars", "Article|Qté|Prix", "Vis|3|2", "Clou|4|1", "||Total|9"],
        &[
            "Stock au 1er mars",
            "Article: Vis ; Qté: 3 ; Prix: 2",
            "Article: Clou ; Qté: 4 ; Prix: 1",
            "Total: 9",
        ],
    );
    check(
        &["*Nom|*Rôle", "Zoé|Chef", "Léo|Aide"],
        &["Nom: Zoé ; Rôle: Chef", "Nom: Léo ; Rôle: Aide"],
    );
    check(
        &["Poste|2025|2026", "Loyer|100|110", "Eau|20|21"],
        &["Poste: Loyer ; 2025: 100 ; 2026: 110", "Poste: Eau ; 2025: 20 ; 2026: 21"],
    );
    check(
        &["Réf|Statut|Ville", "a|ouvert|Lyon", "b|clos|Nice"],
        &["Réf: a ; Statut: ouvert ; Ville: Lyon", "Réf: b ; Statut: clos ; Ville: Nice"],
    );
}

#[test]
fn values_are_not_taken_for_headers() {
    check(
        &["Société|Exemple SARL", "Capital|10000", "Effectif|25"],
        &["Société: Exemple SARL", "Capital: 10000", "Effectif: 25"],
    );
    check(&["Vis|lot A|12", "Clou|lot A|13"], &["Vis ; lot A ; 12", "Clou ; lot A ; 13"]);
    check(
        &["NB14-U7|Portable|3", "DOCK-TB4|Station|3"],
        &["NB14-U7 ; Portable ; 3", "DOCK-TB4 ; Station ; 3"],
    );
    check(&["Date :|12/03/2026|N° :|45"], &["Date: 12/03/2026 ; N°: 45"]);
}

#[test]
fn groups_of_columns_are_part_of_the_names() {
    check(
        &["|2025>2||2026>2|", "Région|T1|T2|T1|T2", "Nord|1|2|3|4"],
        &["Région: Nord ; 2025 T1: 1 ; 2025 T2: 2 ; 2026 T1: 3 ; 2026 T2: 4"],
    );
}

#[test]
fn pieces_beside_one_another_are_read_apart() {
    check(
        &["Exemple SARL|||N°|F-12", "1 rue du Puits|||Date|12/03/2026"],
        &["Exemple SARL", "1 rue du Puits", "N°: F-12", "Date: 12/03/2026"],
    );
    check(
        &["Article|Qté||Client|Ville", "Vis|3||Zoé|Lyon", "Clou|4||Léo|Nice", "Écrou|5"],
        &[
            "Article: Vis ; Qté: 3",
            "Article: Clou ; Qté: 4",
            "Article: Écrou ; Qté: 5",
            "Client: Zoé ; Ville: Lyon",
            "Client: Léo ; Ville: Nice",
        ],
    );
}

#[test]
fn a_blank_row_does_not_end_a_table() {
    check(
        &["Article|Qté|Prix", "Vis|3|2", "Clou|5|3", "", "Écrou|4|1", "", "Notes diverses"],
        &[
            "Article: Vis ; Qté: 3 ; Prix: 2",
            "Article: Clou ; Qté: 5 ; Prix: 3",
            "Article: Écrou ; Qté: 4 ; Prix: 1",
            "Notes diverses",
        ],
    );
}

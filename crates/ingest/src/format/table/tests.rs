//! Checks the wording of table rows.

use super::{first_row_is_header, row_text};

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

#[track_caller]
fn check(headers: &[&str], cells: &[&str], expected: &str) {
    assert_eq!(row_text(&strings(headers), &strings(cells)), expected);
}

#[test]
fn row_text_names_each_cell() {
    check(&["Article", "Prix :"], &["Vis", "2 €"], "Article: Vis ; Prix: 2 €");
    check(&["Article", "Prix"], &["Vis", " "], "Article: Vis");
    check(&["Article"], &["Vis", "2 €"], "Article: Vis ; 2 €");
    check(&[], &["Total", "2 €"], "Total ; 2 €");
    check(&["Total"], &["Total"], "Total");
    check(&["a"], &[], "");
}

#[track_caller]
fn check_header(rows: &[&[&str]], expected: bool) {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| strings(row)).collect();
    assert_eq!(first_row_is_header(&rows), expected);
}

#[test]
fn first_row_is_header_wants_words_above_figures() {
    check_header(&[&["Article", "Qté", "Prix"], &["Vis", "3", "2 €"]], true);
    check_header(&[&["Article", "Qté", "Prix"]], false);
    check_header(&[&["Nom", "Dupont"], &["Né le", "3 mai 1980"]], false);
    check_header(&[&["Vis", "3", "2 €"], &["Clou", "4", "1 €"]], false);
    check_header(&[&["Article", "", "Prix"], &["Vis", "3", "2 €"]], false);
    check_header(&[&["", "Loueur", "Preneur"], &["SIREN", "849 031 174", "793 160 243"]], true);
    check_header(&[&["", "Loueur", "Preneur"], &["", "849 031 174", "793 160 243"]], false);
    check_header(&[&["Prix", "Prix", "Qté"], &["1", "3", "2"]], false);
}

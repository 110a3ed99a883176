//! Checks the reading order of columns and tables.

use super::order;
use crate::format::pdf::row::{Row, Segment};

/// Rows given as `(left, text)` at 5 points a character, `step` points apart.
fn page(rows: &[&[(f32, &str)]], step: f32) -> Vec<Row> {
    let segment = |(left, text): &(f32, &str)| Segment {
        text: (*text).into(),
        left: *left,
        right: left + 5.0 * text.chars().count() as f32,
        size: 10.0,
        bold: false,
    };
    let row = |(at, segments): (usize, &&[(f32, &str)])| Row {
        segments: segments.iter().map(segment).collect(),
        middle: 800.0 - step * at as f32,
    };
    rows.iter().enumerate().map(row).collect()
}

#[track_caller]
fn check(rows: &[&[(f32, &str)]], step: f32, expected: &[&str]) {
    let ordered = order(page(rows, step));
    let texts: Vec<String> = ordered
        .iter()
        .map(|row| row.segments.iter().map(|s| s.text.to_string()).collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(texts, expected);
}

const L: &str = "une ligne de prose assez longue à gauche";
const R: &str = "une ligne de prose assez longue à droite";

#[test]
fn columns_of_prose_are_read_one_after_the_other() {
    let both: &[(f32, &str)] = &[(50.0, L), (300.0, R)];
    let title: &[(f32, &str)] =
        &[(50.0, "un titre qui s'étend sur les deux colonnes, du bord gauche au bord droit")];
    check(
        &[title, both, both, both, both, title],
        12.0,
        &[title[0].1, L, L, L, L, R, R, R, R, title[0].1],
    );
}

#[test]
fn tables_are_read_across() {
    let row: &[(f32, &str)] = &[(50.0, "Vis"), (200.0, "12"), (300.0, "4,20")];
    check(&[row; 6], 12.0, &["Vis|12|4,20"; 6]);
    let pair: &[(f32, &str)] = &[(50.0, "Nom"), (200.0, "Durand")];
    check(&[pair; 8], 12.0, &["Nom|Durand"; 8]);
}

#[test]
fn a_side_column_is_read_apart() {
    let side: &[(f32, &str)] = &[(50.0, "Tél.")];
    let main: &[(f32, &str)] = &[(200.0, "une expérience décrite en une ligne")];
    check(
        &[side, main, side, main, side, main, side],
        7.0,
        &["Tél.", "Tél.", "Tél.", "Tél.", main[0].1, main[0].1, main[0].1],
    );
    let rows: &[&[(f32, &str)]] = &[side, main, side, main, side, main, side];
    let texts: Vec<&str> = rows.iter().map(|row| row[0].1).collect();
    check(rows, 12.0, &texts);
}

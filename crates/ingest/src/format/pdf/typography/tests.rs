//! Checks what is taken for a heading.

use super::Typography;
use crate::format::pdf::layout::Page;
use crate::format::pdf::row::{Row, Segment};

/// One page of rows, 14 points apart.
fn page(rows: &[(&str, f32, bool)]) -> Vec<Row> {
    let row = |(at, (text, size, bold)): (usize, &(&str, f32, bool))| Row {
        segments: vec![Segment {
            text: (*text).into(),
            left: 50.0,
            right: 300.0,
            size: *size,
            bold: *bold,
        }],
        middle: 800.0 - 14.0 * at as f32,
    };
    rows.iter().enumerate().map(row).collect()
}

#[track_caller]
fn check(rows: &[(&str, f32, bool)], expected: &[Option<u8>]) {
    let rows = page(rows);
    let page = Page { rows: rows.clone(), recognised: false };
    let typography = Typography::of(&[&page]);
    let levels: Vec<Option<u8>> = (0..rows.len())
        .map(|at| {
            let above = at.checked_sub(1).map(|above| &rows[above]);
            typography.heading_level(&rows[at], above, rows.get(at + 1))
        })
        .collect();
    assert_eq!(levels, expected);
}

const BODY: (&str, f32, bool) =
    ("Une ligne de texte courant, ni grande ni grasse, qui va au bord.", 10.0, false);

#[test]
fn larger_sizes_are_levels() {
    check(
        &[
            ("Grand", 20.0, false),
            BODY,
            BODY,
            ("Moyen", 14.0, false),
            BODY,
            BODY,
            ("Le 12/03/26", 14.0, false),
            BODY,
        ],
        &[Some(1), None, None, Some(2), None, None, None, None],
    );
}

#[test]
fn bold_lines_are_the_level_below() {
    check(
        &[
            BODY,
            ("Objet", 10.0, true),
            BODY,
            ("Total :", 10.0, true),
            BODY,
            BODY,
            ("Fin", 10.0, true),
        ],
        &[None, Some(1), None, None, None, None, None],
    );
}

#[test]
fn what_is_everywhere_says_nothing() {
    let bold = ("Une ligne grasse parmi tant d'autres", 10.0, true);
    check(&[bold, BODY, bold, BODY], &[None; 4]);
    let large = ("Réclame", 20.0, false);
    check(&[large, BODY, large, large, BODY], &[None; 5]);
}

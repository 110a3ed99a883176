//! Checks the joining of runs to rows.

use pdf_oxide::geometry::Rect;
use pdf_oxide::layout::TextSpan;

use super::rows;
use crate::format::pdf::frame::Frame;

fn run(text: &str, left: f32, bottom: f32, width: f32) -> TextSpan {
    TextSpan {
        text: text.to_owned(),
        bbox: Rect::new(left, bottom, width, 10.0),
        font_size: 10.0,
        ..TextSpan::default()
    }
}

/// Rows are separated by `/`, segments by `|`.
#[track_caller]
fn check(runs: Vec<TextSpan>, expected: &str) {
    let (rows, turned) = rows(Frame::runs(None, runs));
    let text: Vec<String> = rows
        .iter()
        .chain(&turned)
        .map(|row| row.segments.iter().map(|s| s.text.to_string()).collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(text.join("/"), expected);
}

#[test]
fn runs_on_one_line_are_joined_by_their_gaps() {
    check(
        vec![
            run("de", 62.0, 700.0, 10.0),
            run("Fin", 10.0, 700.0, 50.0),
            run("x", 72.5, 701.0, 5.0),
        ],
        "Fin dex",
    );
    check(vec![run("Nom", 10.0, 700.0, 20.0), run("Prix", 80.0, 700.0, 20.0)], "Nom|Prix");
    check(vec![run("Nom ", 10.0, 700.0, 20.0), run("long", 34.0, 700.0, 20.0)], "Nom long");
}

#[test]
fn rows_go_from_top_to_bottom() {
    check(vec![run("bas", 10.0, 600.0, 20.0), run("haut", 10.0, 700.0, 20.0)], "haut/bas");
    check(vec![run("m", 10.0, 700.0, 8.0), run("2", 18.2, 703.5, 4.0)], "m2");
}

#[test]
fn overprinted_runs_are_read_once() {
    check(vec![run("Gras", 10.0, 700.0, 20.0), run("Gras", 10.3, 700.0, 20.0)], "Gras");
}

#[test]
fn turned_runs_come_last_and_nonsense_not_at_all() {
    let turned = TextSpan { rotation_degrees: 90.0, ..run("marge", 5.0, 750.0, 20.0) };
    let nowhere = run("x", f32::NAN, 700.0, 5.0);
    check(vec![turned, nowhere, run("corps", 10.0, 700.0, 20.0)], "corps/marge");
}

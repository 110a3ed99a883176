//! Checks how page images are made straight and what becomes of the program's answer.

use std::time::{Duration, Instant};

use super::{Gray, Recognised, doubts, hocr, process, rules, settled, skew};
use crate::OcrConfig;

/// A page with lines of little strokes, like text, `every` pixels apart.
fn page(width: usize, height: usize) -> Gray {
    let ink = |x: usize, y: usize| {
        (60..width - 60).contains(&x) && (60..height - 60).contains(&y) && y % 30 < 12 && x % 9 < 4
    };
    let pixels = (0..width * height).map(|at| if ink(at % width, at / width) { 0 } else { 255 });
    Gray::new(width, height, pixels.collect()).unwrap()
}

#[track_caller]
fn check_skew(image: &Gray, expected: f32) {
    let angle = skew::angle(image);
    assert!((angle - expected).abs() <= 0.1, "{angle}, expected {expected}");
}

#[test]
fn skew_is_measured_and_undone() {
    let straight = page(800, 1_000);
    check_skew(&straight, 0.0);
    for angle in [-5.0, -1.0, 0.6, 3.0] {
        let turned = straight.turned(angle);
        check_skew(&turned, -angle);
        let (x, y) = straight.before_turning((0.0, 0.0), angle);
        assert!(x != 0.0 && y != 0.0);
    }
    let blank = Gray::new(300, 300, vec![255; 90_000]).unwrap();
    check_skew(&blank, 0.0);
}

#[test]
fn turning_keeps_track_of_places() {
    let mut image = Gray::new(101, 61, vec![255; 101 * 61]).unwrap();
    image.pixels[20 * 101 + 80] = 0;
    let turned = image.turned(10.0);
    let darkest = (0..turned.pixels.len()).min_by_key(|at| turned.pixels[*at]).unwrap();
    let at = ((darkest % turned.width) as f32 + 0.5, (darkest / turned.width) as f32 + 0.5);
    let (x, y) = image.before_turning(at, 10.0);
    assert!((x - 80.5).abs() < 1.0 && (y - 20.5).abs() < 1.0, "{x} {y}");
}

#[test]
fn ruled_lines_go_and_letters_stay() {
    let mut image = page(800, 400);
    let text = image.clone();
    for x in 20..780 {
        image.pixels[200 * 800 + x] = 0;
    }
    for y in 20..380 {
        image.pixels[y * 800 + 30] = 0;
    }
    rules::erase(&mut image, 150.0, 128);
    assert!(image.pixels[200 * 800 + 40] == 255 && image.pixels[300 * 800 + 30] == 255);
    let kept = image.pixels.iter().filter(|pixel| **pixel == 0).count();
    let before = text.pixels.iter().filter(|pixel| **pixel == 0).count();
    assert!(kept * 10 > before * 7, "{kept} of {before}");
}

#[test]
fn sizes_settle_on_steps() {
    assert_eq!([26.0, 23.0, 29.0].map(|size| settled(size, 26.0)), [26.0; 3]);
    assert!(settled(36.0, 26.0) > 30.0);
    assert_eq!(settled(f32::NAN, 26.0), 26.0);
}

const ANSWER: &str = "<html><body><div class='ocr_page'><span class='ocr_line' title=\"bbox 10 20 \
    90 40; textangle 90; x_size 18.5\"><span class='ocrx_word' title='bbox 10 20 50 40; x_wconf \
    91'><strong>R&amp;D</strong></span> <span class='ocrx_word' title='bbox 60 20 90 40; x_wconf \
    33'>n&#39;y</span><span class='ocrx_word' title='bbox 9 2 1 4'>x</span></span></div></body></html>";

#[test]
fn answers_are_read() {
    let lines = hocr::parse(ANSWER).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].size, lines[0].quarter), (18.5, 1));
    let words: Vec<(&str, f32)> =
        lines[0].words.iter().map(|word| (word.text.as_str(), word.confidence)).collect();
    assert_eq!(words, [("R&D", 91.0), ("n'y", 33.0)]);
    assert!(hocr::parse("").unwrap().is_empty());
    assert!(hocr::parse("<a <b").is_err());
}

#[track_caller]
fn check_failure(program: &str, is_start: bool) {
    let config = OcrConfig { program: program.into(), languages: "fra".to_owned() };
    let limit = Duration::from_millis(200);
    let started = Instant::now();
    let image = page(400, 400);
    let failure = process::run(&config, &image, 200.0, process::Mode::Page, limit).unwrap_err();
    assert_eq!(matches!(failure, process::Failure::Start(_)), is_start, "{failure:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn programs_that_fail_or_hang_are_failures() {
    check_failure("/nowhere/tesseract", true);
    check_failure("/bin/false", false);
    // Waits for input that never ends and ignores its arguments.
    check_failure("/usr/bin/yes", false);
}

#[track_caller]
fn check_doubts(confidences: &[(f32, usize)], expected: Option<&str>) {
    let page = Recognised { lines: Vec::new(), confidences: confidences.to_vec() };
    let warning = doubts(&page, 7);
    assert!(
        warning.as_ref().is_none_or(|w| w.code == "recognised_with_doubt" && w.page == Some(7))
    );
    let text = warning.map(|warning| warning.text);
    assert_eq!(text.is_some(), expected.is_some(), "{text:?}");
    assert!(expected.is_none_or(|part| text.is_some_and(|text| text.contains(part))));
}

#[test]
fn doubtful_pages_are_named_with_their_confidence() {
    check_doubts(&[], None);
    check_doubts(&[(95.0, 5); 20], None);
    check_doubts(&[(90.0, 10), (50.0, 10)], Some("mean confidence of 70 % (1 of 2"));
    let mostly = [[(96.0, 8); 8].as_slice(), &[(40.0, 2); 2]].concat();
    check_doubts(&mostly, Some("(2 of 10"));
}

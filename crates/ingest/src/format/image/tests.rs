//! Checks the reading of pictures.

use intramuros_types::DocumentFormat;

use crate::extract::tests::{SCANS, read_with_ocr, read_within, tesseract};
use crate::{ExtractLimits, IngestError};

fn picture(name: &str) -> &'static [u8] {
    SCANS.iter().find(|(known, _)| *known == name).expect("a fixture").1
}

/// Checks the pages' first lines.
#[track_caller]
fn check(name: &str, expected: &[&str]) {
    let limits = ExtractLimits::default();
    let document = read_with_ocr(picture(name), name, tesseract(), &limits).unwrap();
    assert_eq!(document.format, DocumentFormat::Image);
    assert_eq!(document.pages, Some(expected.len() as u32));
    for (page, expected) in (1..).zip(expected) {
        let block = document.blocks.iter().find(|block| block.page == Some(page)).unwrap();
        let first = block.span.slice(&document.text).lines().next().unwrap_or_default();
        assert!(first.starts_with(expected), "{:?}", document.text);
    }
}

#[test]
fn pictures_are_read_with_their_frames_and_the_right_way_up() {
    check("capture.png", &["Capture d'écran sur fond transparent."]);
    check("fax.tif", &["Première page du fax.", "Deuxième page du fax."]);
    check("photo.jpg", &["Photographie couchée."]);
}

#[test]
fn words_stand_where_they_are_shown() {
    let limits = ExtractLimits::default();
    let photo = read_with_ocr(picture("photo.jpg"), "photo.jpg", tesseract(), &limits).unwrap();
    let place = photo.words[0].place;
    assert_eq!(photo.words[0].span.slice(&photo.text), "Photographie");
    // Drawn at (100, 60) on a page of 900 by 220.
    assert!((place.left - 0.111).abs() < 0.02 && (place.top - 0.28).abs() < 0.06, "{place:?}");
    assert!(
        place.right - place.left > 2.0 * (place.bottom - place.top) * 220.0 / 900.0,
        "{place:?}"
    );
}

#[track_caller]
fn check_error(bytes: &[u8], name: &str, limits: &ExtractLimits, expected: &IngestError) {
    let error = read_with_ocr(bytes, name, tesseract(), limits).unwrap_err();
    assert_eq!(&error, expected);
}

#[test]
fn pictures_without_recognition_or_beyond_the_limits_are_errors() {
    let limits = ExtractLimits::default();
    let error = read_within(picture("fax.tif"), "fax.tif", &limits).unwrap_err();
    assert_eq!(error, IngestError::NoText { pages: 2 });
    let limits = ExtractLimits { max_image_pixels: 1_000, ..ExtractLimits::default() };
    let expected = IngestError::LimitExceeded { what: "pixels".into(), limit: 1_000 };
    check_error(picture("capture.png"), "capture.png", &limits, &expected);
    let limits = ExtractLimits { max_ocr_pages: 1, ..ExtractLimits::default() };
    let expected = IngestError::LimitExceeded { what: "pages".into(), limit: 1 };
    check_error(picture("fax.tif"), "fax.tif", &limits, &expected);
    let cut = &picture("capture.png")[..60];
    let error = read_with_ocr(cut, "a.png", tesseract(), &ExtractLimits::default()).unwrap_err();
    assert!(matches!(error, IngestError::Damaged { .. }), "{error:?}");
}

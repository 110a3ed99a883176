//! Checks the recognition of formats.

use intramuros_types::DocumentFormat;

use super::detect;
use crate::IngestError;
use crate::extract::tests::zip_of;

#[track_caller]
fn check(bytes: &[u8], file_name: &str, expected: DocumentFormat) {
    assert_eq!(detect(bytes, file_name), Ok(expected));
}

#[track_caller]
fn check_unsupported(bytes: &[u8], file_name: &str, expected: &str) {
    let error = detect(bytes, file_name).unwrap_err();
    let IngestError::Unsupported { found } = &error else { panic!("{error:?}") };
    assert_eq!(found, expected);
    assert!(error.to_string().contains("PDF, DOCX, HTML"), "{error}");
}

#[test]
fn content_decides_before_the_name() {
    check(b"%PDF-1.7\n", "a.txt", DocumentFormat::Pdf);
    check(b"\n\n%PDF-1.4\n", "a", DocumentFormat::Pdf);
    check(include_bytes!("../../fixtures/procedure.docx"), "a.txt", DocumentFormat::Docx);
    check(b" <!DOCTYPE HTML><p>x", "a.txt", DocumentFormat::Html);
    check(b"\xef\xbb\xbf<html lang=fr>", "", DocumentFormat::Html);
    check(b"<?xml version='1.0'?><html>", "page", DocumentFormat::Html);
    check(b"\x89PNG\r\n\x1a\n\0\0", "a.pdf", DocumentFormat::Image);
    check(b"\xff\xd8\xff\xe0", "a.jpg", DocumentFormat::Image);
    check(b"BM\x10\0\0\0", "a", DocumentFormat::Image);
    check(b"RIFF\0\0\0\0WEBP", "a", DocumentFormat::Image);
    check(b"MM\0*\0\0\0\x08", "a", DocumentFormat::Image);
}

#[test]
fn name_decides_between_text_formats() {
    check(b"# x", "LISEZMOI.MD", DocumentFormat::Markdown);
    check(b"x", "index.htm", DocumentFormat::Html);
    check(b"a;b", "export.csv", DocumentFormat::Text);
    check(b"BMW et MZ sont des marques", "a.txt", DocumentFormat::Text);
    check(b"x", "sans-extension", DocumentFormat::Text);
}

#[test]
fn other_formats_are_named() {
    check_unsupported(b"\0\0\0\x18ftypheic", "a.heic", "a HEIC or AVIF image");
    check_unsupported(b"{\\rtf1", "a.doc", "an RTF document");
    check_unsupported(b"From: x", "a.eml", "an e-mail (EML)");
    check_unsupported(b"<?xml version='1.0'?><facture/>", "a.txt", "an XML file");
    check_unsupported(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
        "lettre.DOC",
        "a Word document of the format before 2007 (DOC)",
    );
    check_unsupported(&zip_of(&[("xl/workbook.xml", b"")]), "a", "an Excel workbook (XLSX)");
    check_unsupported(
        &zip_of(&[("mimetype", b"x"), ("content.xml", b"x")]),
        "a.odt",
        "an OpenDocument file",
    );
    check_unsupported(&zip_of(&[("photo.jpg", b"x")]), "a.docx", "a ZIP archive");
}

#[test]
fn broken_promises_are_damage() {
    assert_eq!(detect(b"", "a.pdf"), Err(IngestError::Empty));
    assert!(matches!(detect(b"PK\x03\x04oops", "a.docx"), Err(IngestError::Damaged { .. })));
    assert!(matches!(detect(b"bonjour", "a.pdf"), Err(IngestError::Damaged { .. })));
    let mut encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    encrypted.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(detect(&encrypted, "a.docx"), Err(IngestError::Encrypted));
}

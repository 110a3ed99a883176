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
    assert!(error.to_string().contains("PDF, DOCX, ODT"), "{error}");
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
fn office_archives_are_told_by_what_is_in_them() {
    let types: (&str, &[u8]) = ("[Content_Types].xml", b"");
    check(&zip_of(&[types, ("xl/workbook.xml", b"")]), "a.zip", DocumentFormat::Xlsx);
    check(
        &zip_of(&[types, ("ppt/presentation.xml", b""), ("xl/x", b"")]),
        "a",
        DocumentFormat::Pptx,
    );
    let kind = |kind: &[u8]| [b"application/vnd.oasis.opendocument.", kind].concat();
    let of = |mimetype: &[u8]| zip_of(&[("mimetype", &kind(mimetype)), ("content.xml", b"")]);
    check(&of(b"text"), "a.docx", DocumentFormat::Odt);
    check(&of(b"text-template"), "a", DocumentFormat::Odt);
    check(&of(b"spreadsheet"), "a", DocumentFormat::Ods);
    check(&of(b"presentation"), "a", DocumentFormat::Odp);
    let manifest = b"<m:file-entry m:full-path='/' \
        m:media-type='application/vnd.oasis.opendocument.spreadsheet'/>";
    check(&zip_of(&[("META-INF/manifest.xml", manifest)]), "a", DocumentFormat::Ods);
}

#[test]
fn name_decides_between_text_formats() {
    check(b"# x", "LISEZMOI.MD", DocumentFormat::Markdown);
    check(b"x", "index.htm", DocumentFormat::Html);
    check(b"a;b", "export.CSV", DocumentFormat::Csv);
    check(b"a\tb", "export.tsv", DocumentFormat::Csv);
    check(b"a;b\nc;d", "export.txt", DocumentFormat::Text);
    check(b"BMW et MZ sont des marques", "a.txt", DocumentFormat::Text);
    check(b"x", "sans-extension", DocumentFormat::Text);
}

#[test]
fn other_formats_are_named() {
    check_unsupported(b"\0\0\0\x18ftypheic", "a.heic", "a HEIC or AVIF image");
    check_unsupported(b"{\\rtf1", "a.doc", "an RTF document");
    check_unsupported(b"<?xml version='1.0'?><facture/>", "a.txt", "an XML file");
    check_unsupported(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
        "lettre.DOC",
        "a Word document of the format before 2007 (DOC)",
    );
    check_unsupported(
        &zip_of(&[("[Content_Types].xml", b""), ("xl/workbook.bin", b"")]),
        "a.xlsb",
        "a binary Excel workbook (XLSB)",
    );
    check_unsupported(
        &zip_of(&[("mimetype", b"application/vnd.oasis.opendocument.graphics")]),
        "a.odg",
        "an OpenDocument file that is neither text, sheet nor slides",
    );
    check_unsupported(
        &zip_of(&[("[Content_Types].xml", b"x"), ("visio/document.xml", b"x")]),
        "plan.vsdx",
        "an Office file of another kind",
    );
    check_unsupported(&zip_of(&[("META-INF/MANIFEST.MF", b"x")]), "a.jar", "a Java program");
    check_unsupported(b"\x1f\x8b\x08\0", "a.tar.gz", "a gzip archive");
    check_unsupported(b"7z\xbc\xaf\x27\x1c\0\x04", "a.7z", "a 7-Zip archive");
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    check_unsupported(&tar, "a.tar", "a tar archive");
}

#[test]
fn archives_are_told_from_office_files() {
    check(&zip_of(&[("photo.jpg", b"x")]), "a.docx", DocumentFormat::Zip);
    check(&zip_of(&[]), "a.zip", DocumentFormat::Zip);
    check(include_bytes!("../../fixtures/procedure.docx"), "a.zip", DocumentFormat::Docx);
}

#[test]
fn mail_is_recognised_by_what_programs_write() {
    check(b"Bonjour", "a.eml", DocumentFormat::Eml);
    check(b"Received: x\r\n\tby y\r\nFrom: a@b\r\n\r\nBonjour", "a", DocumentFormat::Eml);
    check(b"From: a@b\nMIME-Version: 1.0\n\nBonjour", "a.txt", DocumentFormat::Eml);
    check(b"From a@b Thu Jan  1\nFrom: a@b\nMessage-ID: <1>\n\nx", "boite", DocumentFormat::Eml);
    let long = format!("From: a@b\nReceived: x\nTo: {}", "a@b.fr,\n ".repeat(10_000));
    check(long.as_bytes(), "a", DocumentFormat::Eml);
}

#[test]
fn text_about_mail_is_text() {
    check(b"From: Marie\nTo: Paul\nSubject: x\n\nBonjour", "a.txt", DocumentFormat::Text);
    check(b"De : Marie\nObjet : x\n\nReceived: oui", "a.txt", DocumentFormat::Text);
    check(b"Un en-tete Received: x\nFrom: y\n\nz", "a.txt", DocumentFormat::Text);
    check(b"From: a@b\nReceived: x\nUne phrase sans champ\n\nz", "a.txt", DocumentFormat::Text);
    check(b"From: a@b\nMessage-ID: x\n\nz", "a.md", DocumentFormat::Markdown);
}

#[test]
fn broken_promises_are_damage() {
    assert_eq!(detect(b"", "a.pdf"), Err(IngestError::Empty));
    assert!(matches!(detect(b"PK\x03\x04oops", "a.docx"), Err(IngestError::Damaged { .. })));
    assert!(matches!(detect(b"bonjour", "a.xlsx"), Err(IngestError::Damaged { .. })));
    assert!(matches!(detect(b"bonjour", "a.pdf"), Err(IngestError::Damaged { .. })));
    let mut encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    encrypted.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(detect(&encrypted, "a.docx"), Err(IngestError::Encrypted));
}

//! Checks that archives give their entries, and that hostile ones end in errors.

use std::io::{Cursor, Write};

use intramuros_types::DocumentFormat;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::decode_name;
use crate::extract::tests::zip_of;
use crate::{ExtractConfig, ExtractLimits, Extraction, IngestError, detect, extract};

fn read(bytes: &[u8], limits: ExtractLimits) -> Result<Extraction, IngestError> {
    extract(bytes, "envoi.zip", &ExtractConfig { limits, ocr: None })
}

#[track_caller]
fn check(bytes: &[u8], expected: &[(&str, &str)], warnings: &[&str]) {
    assert_eq!(detect(bytes, "envoi.zip"), Ok(DocumentFormat::Zip));
    let extraction = read(bytes, ExtractLimits::default()).unwrap();
    assert_eq!(extraction.document, None);
    let files: Vec<(&str, &str)> = extraction
        .files
        .iter()
        .map(|file| (file.name.as_str(), std::str::from_utf8(&file.bytes).unwrap()))
        .collect();
    assert_eq!(files, expected);
    let codes: Vec<&str> = extraction.warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(codes, warnings);
}

#[track_caller]
fn check_error(bytes: &[u8], limits: ExtractLimits, expected: &IngestError) {
    assert_eq!(&read(bytes, limits).unwrap_err(), expected);
}

/// Sets the flag of encryption of every entry, in both places where it stands.
fn locked(bytes: &[u8], only: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (mark, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let places: Vec<usize> =
            (0..out.len() - 4).filter(|from| &out[*from..*from + 4] == mark).collect();
        for place in places.into_iter().take(only) {
            out[place + at] |= 1;
        }
    }
    out
}

#[test]
fn entries_keep_their_folders_and_order() {
    check(
        &zip_of(&[("b/devis.txt", b"un"), ("a.txt", b"deux"), ("b/", b"")]),
        &[("b/devis.txt", "un"), ("a.txt", "deux")],
        &[],
    );
}

#[test]
fn what_file_managers_leave_is_no_document() {
    let files: &[(&str, &[u8])] = &[
        ("__MACOSX/._a.txt", b"x"),
        ("photos/.DS_Store", b"x"),
        ("photos/Thumbs.db", b"x"),
        ("a.txt", b"un"),
    ];
    check(&zip_of(files), &[("a.txt", "un")], &[]);
}

#[test]
fn names_are_never_paths() {
    let files: &[(&str, &[u8])] = &[
        ("../../etc/passwd", b"un"),
        ("/etc/passwd", b"deux"),
        ("C:\\etc\\passwd", b"trois"),
        ("..", b"quatre"),
    ];
    let expected = [
        ("etc/passwd", "un"),
        ("etc/passwd (2)", "deux"),
        ("etc/passwd (3)", "trois"),
        ("sans nom", "quatre"),
    ];
    check(&zip_of(files), &expected, &[]);
}

#[test]
fn old_encodings_of_names_are_told_apart() {
    assert_eq!(decode_name("Été.txt".as_bytes()), "Été.txt");
    assert_eq!(decode_name(b"\x90t\x82 \x85 la mer.txt"), "Été à la mer.txt");
    assert_eq!(decode_name(b"\xb7 payer.txt"), "À payer.txt");
    assert_eq!(decode_name(b"\xc9t\xe9 fran\xe7ais.txt"), "Été français.txt");
}

#[test]
fn links_are_not_followed() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("lien", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    writer.start_file("a.txt", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"un").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    check(&bytes, &[("a.txt", "un")], &["archive_links"]);
}

#[test]
fn passwords_are_named() {
    let archive = zip_of(&[("a.txt", b"un"), ("b.txt", b"deux")]);
    check(&locked(&archive, 1), &[("b.txt", "deux")], &["archive_encrypted"]);
    check_error(&locked(&archive, 2), ExtractLimits::default(), &IngestError::Encrypted);
}

#[test]
fn damage_costs_one_entry() {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [("a.txt", "contenu"), ("b.txt", "autre")] {
        writer.start_file(name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    let at = bytes.windows(7).position(|window| window == b"contenu").unwrap();
    bytes[at] = b'C';
    check(&bytes, &[("b.txt", "autre")], &["archive_damaged"]);
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 3 << 20];
    let bomb = zip_of(&[("bombe.txt", &zeros), ("a.txt", b"un")]);
    check(&bomb, &[("a.txt", "un")], &["archive_too_large"]);
    let files: Vec<(String, &[u8])> =
        (0..50).map(|n| (format!("{n}.txt"), &zeros[..1 << 20])).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, b)| (name.as_str(), *b)).collect();
    let many = zip_of(&files);
    let limits = ExtractLimits { max_unzipped_bytes: 10 << 20, ..ExtractLimits::default() };
    let what = "decompressed bytes".into();
    check_error(&many, limits, &IngestError::LimitExceeded { what, limit: 10 << 20 });
    let limits = ExtractLimits { max_zip_entries: 49, ..ExtractLimits::default() };
    let what = "files in the archive".into();
    check_error(&many, limits, &IngestError::LimitExceeded { what, limit: 49 });
}

#[test]
fn nothing_to_read_is_an_error() {
    check_error(&zip_of(&[("vide/", b"")]), ExtractLimits::default(), &IngestError::Empty);
}

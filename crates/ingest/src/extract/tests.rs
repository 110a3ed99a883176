//! Checks what holds for every format: positions, limits, and that no input panics or hangs.

use std::io::{Cursor, Read, Write};
use std::time::{Duration, Instant};

use intramuros_types::{ExtractedDocument, Fault, PageBox};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{ChunkConfig, ExtractConfig, ExtractLimits, IngestError, OcrConfig, chunk, extract};

const FIXTURES: [(&str, &[u8]); 16] = [
    ("procedure.docx", include_bytes!("../../fixtures/procedure.docx")),
    ("tarifs.xlsx", include_bytes!("../../fixtures/tarifs.xlsx")),
    ("tarifs.ods", include_bytes!("../../fixtures/tarifs.ods")),
    ("note.odt", include_bytes!("../../fixtures/note.odt")),
    ("bilan.odp", include_bytes!("../../fixtures/bilan.odp")),
    ("bilan.pptx", include_bytes!("../../fixtures/bilan.pptx")),
    (
        "export.csv",
        b"Export du 12/03/2026\n\nR\xe9f;Libell\xe9;Prix\nA1;\"Vis;\n\"\"lot\"\"\";1 234,50\nB2;Clou\n",
    ),
    ("export.tsv", "Nom\tVille\nZoé\tLyon\n".as_bytes()),
    ("notice.pdf", include_bytes!("../../fixtures/notice.pdf")),
    ("owner_password.pdf", include_bytes!("../../fixtures/owner_password.pdf")),
    ("aes256_owner.pdf", include_bytes!("../../fixtures/aes256_owner.pdf")),
    ("page.html", PAGE.as_bytes()),
    (
        "page.md",
        "# Un\n\n- a\n  1. b\n\n| c | d |\n|--|--|\n| 1 | 2 |\n\n`x` <b>y</b>\n".as_bytes(),
    ),
    ("courrier.eml", include_bytes!("../../fixtures/courrier.eml")),
    ("note.txt", "Été\n\ndeux  lignes\nici".as_bytes()),
    ("latin.txt", b"D\xe9j\xe0 l'\xe9t\xe9, o\xf9 l'on va \xe0 la mer.\n\nFin."),
];

const PAGE: &str = "<!doctype html><html lang=fr><title>Page</title><nav>menu</nav><main><h1>Un</h1>\
    <p>du &eacute; <b>gras</b><ul><li>a<li>b</ul><table><tr><th>c<th>d<tr><td>1<td>2</table>\
    <pre>x\n y</pre></main>";

/// An archive with these files.
pub(crate) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Page images, which need character recognition.
pub(crate) const SCANS: [(&str, &[u8]); 5] = [
    ("facture_scan.pdf", include_bytes!("../../fixtures/facture_scan.pdf")),
    ("mixte.pdf", include_bytes!("../../fixtures/mixte.pdf")),
    ("capture.png", include_bytes!("../../fixtures/capture.png")),
    ("fax.tif", include_bytes!("../../fixtures/fax.tif")),
    ("photo.jpg", include_bytes!("../../fixtures/photo.jpg")),
];

/// Recognition by the installed program.
pub(crate) fn tesseract() -> OcrConfig {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::env::split_paths(&path).map(|folder| folder.join("tesseract"));
    let program = program.into_iter().find(|program| program.is_file());
    OcrConfig {
        program: program.expect("tesseract is missing: run scripts/install-build-tools"),
        languages: "fra+eng".to_owned(),
    }
}

/// Reads a document with character recognition.
pub(crate) fn read_with_ocr(
    bytes: &[u8],
    name: &str,
    ocr: OcrConfig,
    limits: &ExtractLimits,
) -> Result<ExtractedDocument, IngestError> {
    let config = ExtractConfig { limits: limits.clone(), ocr: Some(ocr) };
    extract(bytes, name, &config).map(|extraction| extraction.document.expect("a text"))
}

/// Reads a document without character recognition; what has no text of its own, such as an archive
/// that a mutated office file turned into, counts as empty.
pub(crate) fn read_within(
    bytes: &[u8],
    name: &str,
    limits: &ExtractLimits,
) -> Result<ExtractedDocument, IngestError> {
    let config = ExtractConfig { limits: limits.clone(), ocr: None };
    extract(bytes, name, &config)?.document.ok_or(IngestError::Empty)
}

/// What every document promises about its blocks, and its passages.
#[track_caller]
pub(crate) fn check_promises(document: &ExtractedDocument) {
    let chars: Vec<char> = document.text.chars().collect();
    let mut end = 0;
    for block in &document.blocks {
        assert!(block.span.start >= end as u32 && !block.span.is_empty(), "{block:?}");
        let between = &chars[end..block.span.start as usize];
        assert!(between.iter().all(|c| c.is_whitespace()), "text between blocks: {between:?}");
        end = block.span.end as usize;
        let text = block.span.slice(&document.text);
        assert!(!text.trim().is_empty() && text.trim_end() == text, "{text:?}");
        assert!(block.page.is_none_or(|page| page >= 1 && Some(page) <= document.pages));
    }
    assert_eq!(end, chars.len(), "the text ends with the last block");
    check_words(document);
    assert!(!document.text.contains(['\r', '\0', '\u{feff}']) && !document.text.contains("\n\n\n"));
    assert!(!document.title.is_empty());
    let config = ChunkConfig { target_tokens: 8, max_tokens: 12, overlap_tokens: 0 };
    let passages = chunk(document, &config, &|text| text.split_whitespace().count());
    let mut end = 0;
    for passage in passages {
        assert_eq!(passage.text, passage.span.slice(&document.text));
        let skipped = &chars[end..passage.span.start as usize];
        assert!(skipped.iter().all(|c| c.is_whitespace()), "passages hold every block");
        end = passage.span.end as usize;
    }
    assert_eq!(end, chars.len(), "passages hold every block");
}

/// Words are in order, apart, without white space, each on a page and inside it.
#[track_caller]
fn check_words(document: &ExtractedDocument) {
    let mut end = 0;
    for word in &document.words {
        assert!(word.span.start >= end && !word.span.is_empty(), "{word:?}");
        end = word.span.end;
        let text = word.span.slice(&document.text);
        assert!(!text.contains(char::is_whitespace), "{text:?}");
        let PageBox { page, left, top, right, bottom } = word.place;
        assert!(page >= 1 && Some(page) <= document.pages, "{word:?}");
        assert!(0.0 <= left && left <= right && right <= 1.0, "{word:?}");
        assert!(0.0 <= top && top <= bottom && bottom <= 1.0, "{word:?}");
    }
    assert!(end as usize <= document.text.chars().count());
}

#[test]
fn every_fixture_keeps_the_promises() {
    for (name, bytes) in FIXTURES {
        let document = read_within(bytes, name, &ExtractLimits::default()).unwrap();
        check_promises(&document);
    }
}

#[test]
fn every_scan_keeps_the_promises() {
    for (name, bytes) in SCANS {
        let limits = ExtractLimits::default();
        let document = read_with_ocr(bytes, name, tesseract(), &limits).unwrap();
        check_promises(&document);
        let words = document.text.split_whitespace().count();
        assert!(document.words.len() * 2 >= words, "{name}: most words have a place");
        assert!(document.warnings.is_empty(), "{name}: {:?}", document.warnings);
    }
}

#[test]
fn mutated_scans_end_in_a_document_or_an_error() {
    // The pictures are decoded and drawn; a program that says nothing stands for the recognition.
    let silent = OcrConfig { program: "/bin/true".into(), languages: "fra".to_owned() };
    let limits = ExtractLimits { max_duration: Duration::from_secs(5), ..ExtractLimits::default() };
    for (name, bytes) in SCANS {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        for round in 0..60 {
            let hostile = mutated(bytes, &mut random);
            let start = Instant::now();
            if let Ok(document) = read_with_ocr(&hostile, name, silent.clone(), &limits) {
                check_promises(&document);
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{name} {round}");
        }
    }
}

/// A small deterministic generator (Marsaglia 2003, xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

/// Changes, removes, repeats or cuts a few bytes.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=random.next(6) {
        let at = random.next(out.len());
        let to = (at + random.next(40)).min(out.len());
        match random.next(5) {
            0 => out[at..to].iter_mut().for_each(|b| *b ^= 0x55),
            1 => drop(out.drain(at..to)),
            2 => {
                let piece = out[at..to].to_vec();
                let into = random.next(out.len());
                out.splice(into..into, piece);
            }
            3 => out.truncate(at.max(1)),
            _ => {
                let digit = b'0' + random.next(10) as u8;
                let number = out.iter_mut().skip(at).find(|b| b.is_ascii_digit());
                number.into_iter().for_each(|b| *b = digit);
            }
        }
        if out.is_empty() {
            out.push(0);
        }
    }
    out
}

#[test]
fn mutations_end_in_a_document_or_an_error() {
    let limits = ExtractLimits { max_duration: Duration::from_secs(5), ..ExtractLimits::default() };
    let mut slowest = (Duration::ZERO, "", 0);
    for (name, bytes) in FIXTURES {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..2_000 {
            let hostile = mutated(bytes, &mut random);
            let start = Instant::now();
            if let Ok(document) = read_within(&hostile, name, &limits) {
                check_promises(&document);
            }
            slowest = slowest.max((start.elapsed(), name, round));
        }
    }
    assert!(slowest.0 < Duration::from_secs(20), "{slowest:?}");
}

/// The entries of an archive.
fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|at| {
            let mut file = archive.by_index(at).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect()
}

/// Bytes changed within an archive break its checksums, so most never reach the readers of the
/// parts; these do.
#[test]
fn mutated_parts_end_in_a_document_or_an_error() {
    let limits = ExtractLimits { max_duration: Duration::from_secs(5), ..ExtractLimits::default() };
    let mut slowest = (Duration::ZERO, "", 0);
    let mut read = 0;
    for (name, bytes) in FIXTURES.iter().filter(|(_, bytes)| bytes.starts_with(b"PK")) {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let parts = entries(bytes);
        for round in 0..600 {
            let mut parts = parts.clone();
            let at = random.next(parts.len());
            let part = &mut parts[at];
            part.1.push(b' ');
            part.1 = mutated(&part.1, &mut random);
            let files: Vec<(&str, &[u8])> =
                parts.iter().map(|(name, part)| (name.as_str(), part.as_slice())).collect();
            let hostile = zip_of(&files);
            let start = Instant::now();
            if let Ok(document) = read_within(&hostile, name, &limits) {
                check_promises(&document);
                read += 1;
            }
            slowest = slowest.max((start.elapsed(), name, round));
        }
    }
    assert!(slowest.0 < Duration::from_secs(20), "{slowest:?}");
    assert!(read > 500, "too few reach the readers: {read}");
}

#[test]
fn random_bytes_end_in_an_error_or_text() {
    let mut random = Random(7);
    for name in ["a.pdf", "a.docx", "a.xlsx", "a.csv", "a.eml", "a.html", "a.md", "a.txt", "a"] {
        for size in [1, 2, 5, 100, 5_000] {
            let noise: Vec<u8> = (0..size).map(|_| random.next(256) as u8).collect();
            if let Ok(document) = read_within(&noise, name, &ExtractLimits::default()) {
                check_promises(&document);
            }
        }
    }
}

#[track_caller]
fn check_error(bytes: &[u8], name: &str, limits: &ExtractLimits, expected: &IngestError) {
    let error = read_within(bytes, name, limits).unwrap_err();
    assert_eq!(&error, expected);
    assert_eq!(error.fault(), Fault::User);
}

#[test]
fn sizes_are_limited() {
    let limits = ExtractLimits { max_bytes: 4, ..ExtractLimits::default() };
    check_error(b"12345", "a.txt", &limits, &IngestError::TooLarge { bytes: 5, limit: 4 });
    check_error(b"", "a.txt", &limits, &IngestError::Empty);
    let limits = ExtractLimits { max_text_chars: 4, ..ExtractLimits::default() };
    let expected = IngestError::LimitExceeded { what: "characters".into(), limit: 4 };
    check_error(b"12345", "a.txt", &limits, &expected);
}

#[test]
fn time_is_limited() {
    let limits = ExtractLimits { max_duration: Duration::ZERO, ..ExtractLimits::default() };
    let expected = IngestError::LimitExceeded { what: "seconds of reading".into(), limit: 0 };
    for (name, bytes) in FIXTURES {
        check_error(bytes, name, &limits, &expected);
    }
}

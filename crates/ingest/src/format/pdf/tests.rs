//! Checks the reading of PDF on files made by reportlab.

use intramuros_types::{BlockKind, ExtractedDocument, PageBox};

use crate::extract::tests::{SCANS, read_with_ocr, read_within, tesseract};
use crate::{ExtractLimits, IngestError, OcrConfig};

use BlockKind::{Heading, ListItem, Paragraph, TableRow};

const NOTICE: &[u8] = include_bytes!("../../../fixtures/notice.pdf");

#[test]
fn notice_is_read_in_order_with_its_structure() {
    let document = read_within(NOTICE, "a.pdf", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(u32, BlockKind, &str)> = document
        .blocks
        .iter()
        .map(|b| (b.page.unwrap(), b.kind, b.span.slice(&document.text)))
        .collect();
    let expected = [
        (1, Paragraph, "Notice technique ACME - réf. NT-42"),
        (1, Heading(1), "Mise en service"),
        (
            1,
            Paragraph,
            "La pompe se raccorde au réseau d'eau froide. Avant la première utilisation, ouvrez \
             la vanne et purgez l'air du circuit pendant deux minutes pleines.",
        ),
        (1, Heading(2), "Contrôles"),
        (1, ListItem, "- vérifier la pression"),
        (1, ListItem, "- relever le débit"),
        (2, Heading(2), "Deux colonnes"),
        (
            2,
            Paragraph,
            "La colonne de gauche explique le montage de la pompe sur son socle en béton, avec \
             quatre vis de douze millimètres serrées en croix, puis contrôlées au couple. \
             Elle se termine par ce mot : gauche.",
        ),
        (
            2,
            Paragraph,
            "La colonne de droite traite du réglage électrique du moteur, dont la tension se \
             choisit par deux cavaliers sur la carte de puissance, hors tension évidemment. \
             Elle se termine par ce mot : droite.",
        ),
        (3, Heading(2), "Pièces"),
        (3, TableRow, "Désignation: Joint torique ; Référence: JT-12 ; Prix HT: 4,20"),
        (3, TableRow, "Désignation: Roue à aubes ; Référence: RA-200 ; Prix HT: 129,00"),
        (3, TableRow, "Désignation: Clapet ; Référence: CL-7 ; Prix HT: 18,50"),
        (4, Heading(2), "Garantie"),
        (4, Paragraph, "La garantie dure vingt-quatre mois."),
    ];
    assert_eq!(blocks, expected);
    assert_eq!(document.title, "Notice de la pompe P200");
    assert_eq!(document.pages, Some(4));
    assert_eq!(document.language.as_deref(), Some("fr"));
}

#[test]
fn an_owner_password_does_not_hinder_reading() {
    let rc4 = &include_bytes!("../../../fixtures/owner_password.pdf")[..];
    for bytes in [rc4, include_bytes!("../../../fixtures/aes256_owner.pdf")] {
        let document = read_within(bytes, "a.pdf", &ExtractLimits::default()).unwrap();
        assert_eq!(document.text, "Le code du coffre est inscrit ici.");
    }
}

#[track_caller]
fn check_error(bytes: &[u8], limits: &ExtractLimits, expected: &IngestError) {
    assert_eq!(&read_within(bytes, "a.pdf", limits).unwrap_err(), expected);
}

#[test]
fn what_cannot_be_read_is_an_error_that_says_why() {
    let limits = ExtractLimits::default();
    let scan = include_bytes!("../../../fixtures/scan.pdf");
    check_error(scan, &limits, &IngestError::NoText { pages: 1 });
    let encrypted = include_bytes!("../../../fixtures/encrypted.pdf");
    check_error(encrypted, &limits, &IngestError::Encrypted);
    let encrypted = include_bytes!("../../../fixtures/aes256.pdf");
    check_error(encrypted, &limits, &IngestError::Encrypted);
    check_error(scan_of_invoice(), &limits, &IngestError::NoText { pages: 1 });
    let limits = ExtractLimits { max_pages: 3, ..ExtractLimits::default() };
    check_error(NOTICE, &limits, &IngestError::LimitExceeded { what: "pages".into(), limit: 3 });
}

/// A file with these objects and a table of where they are.
fn pdf(objects: &[String]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", at + 1).into_bytes());
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    for place in places {
        out.extend(format!("{place:010} 00000 n \n").into_bytes());
    }
    let trailer = format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    );
    out.extend(trailer.into_bytes());
    out
}

#[test]
fn loops_in_the_file_end_in_an_error() {
    let catalog = "<< /Type /Catalog /Pages 2 0 R >>".to_owned();
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents 4 0 R \
                /Resources << /XObject << /X 5 0 R >> >> >>"
        .to_owned();
    let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 12 /Resources \
                << /XObject << /X 5 0 R >> >> >>\nstream\n/X Do /X Do \nendstream"
        .to_owned();
    let contents = "<< /Length 5 >>\nstream\n/X Do\nendstream".to_owned();
    let pages = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned();
    let own_child = "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2000000000 >>".to_owned();
    let own_length = "<< /Length 4 0 R >>\nstream\n\nendstream".to_owned();
    for objects in [
        vec![catalog.clone(), pages.clone(), page.clone(), contents, form.clone()],
        vec![catalog.clone(), own_child, page.clone(), own_length.clone(), form.clone()],
        vec![catalog, pages, page, own_length, form],
        vec!["1 0 R".to_owned()],
    ] {
        let result = read_within(&pdf(&objects), "a.pdf", &ExtractLimits::default());
        assert!(result.is_err(), "{result:?}");
    }
}

fn scan_of_invoice() -> &'static [u8] {
    SCANS[0].1
}

/// A file with these pages: further entries of the page's dictionary, and its content.
fn pdf_of(pages: &[(&str, &str)]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|at| format!("{} 0 R", 5 + 2 * at)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R /Lang (de-DE) >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray \
         /BitsPerComponent 8 /Length 1 >>\nstream\n0\nendstream"
            .to_owned(),
    ];
    for (at, (entries, content)) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 400] /Contents {} 0 R {entries} \
             /Resources << /Font << /F 3 0 R >> /XObject << /I 4 0 R >> >> >>",
            6 + 2 * at
        ));
        let length = content.len();
        objects.push(format!("<< /Length {length} >>\nstream\n{content}\nendstream"));
    }
    pdf(&objects)
}

#[track_caller]
fn read(bytes: &[u8]) -> ExtractedDocument {
    read_within(bytes, "a.pdf", &ExtractLimits::default()).unwrap()
}

/// Checks the first word's left and upper edge.
#[track_caller]
fn check_place(entries: &str, matrix: &str, left: f32, top: f32) {
    let content = format!("BT /F 10 Tf {matrix} Tm (Hier steht etwas) Tj ET");
    let document = read(&pdf_of(&[(entries, &content)]));
    assert_eq!(document.text, "Hier steht etwas");
    let words: Vec<&str> = document.words.iter().map(|w| w.span.slice(&document.text)).collect();
    assert_eq!(words, ["Hier", "steht", "etwas"]);
    let PageBox { left: l, top: t, .. } = document.words[0].place;
    assert!((l - left).abs() < 0.01 && (t - top).abs() < 0.01, "{:?}", document.words[0].place);
}

#[test]
fn words_are_placed_on_the_page_as_it_is_displayed() {
    // The letters reach 8.5 points above (50, 300).
    check_place("", "1 0 0 1 50 300", 0.25, 0.229);
    check_place("/CropBox [20 100 120 350]", "1 0 0 1 50 300", 0.3, 0.166);
    check_place("/Rotate 180", "-1 0 0 -1 150 100", 0.25, 0.229);
    // Upright when displayed, 400 points wide.
    check_place("/Rotate 90", "0 1 -1 0 100 40", 0.1, 0.4575);
    check_place("/Rotate 270", "0 -1 1 0 100 360", 0.1, 0.4575);
    // Sideways: the word goes up, so its upper edge is where it ends.
    check_place("", "0 1 -1 0 100 40", 0.4575, 0.848);
}

#[test]
fn a_damaged_page_costs_only_itself() {
    let good = ("", "BT /F 10 Tf 50 300 Td (Diese Seite ist heil.) Tj ET");
    let whole = pdf_of(&[good, good, good]);
    check_damage(&whole, b"/Contents 8 0 R", b"/Contents 7 0 R");
    let lost = pdf_of(&[good, ("", "/Filter /FlateDecode"), good]);
    let length = b"<< /Length 20 >>\nstream\n/Filter /FlateDecode";
    check_damage(&lost, length, b"<< /Length 1 /Filter /FlateDecode >>\nstream\nx");
    let only = String::from_utf8(pdf_of(&[good])).unwrap();
    let only = only.replace("/Contents 6 0 R", "/Contents 5 0 R").into_bytes();
    let error = read_within(&only, "a.pdf", &ExtractLimits::default()).unwrap_err();
    assert!(matches!(error, IngestError::Damaged { .. }), "{error:?}");
}

/// Checks that a file of three pages loses only the second when `part` of it becomes `damage`.
#[track_caller]
fn check_damage(bytes: &[u8], part: &[u8], damage: &[u8]) {
    let at = bytes.windows(part.len()).position(|window| window == part).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + damage.len()].copy_from_slice(damage);
    let document = read(&bytes);
    let pages: Vec<Option<u32>> = document.blocks.iter().map(|block| block.page).collect();
    assert_eq!(pages, [Some(1), Some(3)]);
    assert_eq!(document.language.as_deref(), Some("de"));
    let warnings: Vec<(&str, Option<u32>)> =
        document.warnings.iter().map(|w| (w.code.as_str(), w.page)).collect();
    assert_eq!(warnings, [("page_unreadable", Some(2))]);
}

#[test]
fn hidden_text_of_a_scan_is_its_text() {
    let text = "Der Text dieser Seite wurde schon einmal erkannt und steht verborgen im Bild.";
    let content = format!("q 200 0 0 400 0 0 cm /I Do Q BT 3 Tr /F 5 Tf 5 300 Td ({text}) Tj ET");
    assert_eq!(read(&pdf_of(&[("", &content)])).text, text);
    let garbage = "\\001\\002".repeat(40);
    let content =
        format!("q 200 0 0 400 0 0 cm /I Do Q BT 3 Tr /F 5 Tf 5 300 Td ({garbage}) Tj ET");
    check_error(
        &pdf_of(&[("", &content)]),
        &ExtractLimits::default(),
        &IngestError::NoText { pages: 1 },
    );
}

#[test]
fn scans_are_read_with_their_tables() {
    let limits = ExtractLimits::default();
    let scan = read_with_ocr(scan_of_invoice(), "a.pdf", tesseract(), &limits).unwrap();
    let rows: Vec<&str> = scan
        .blocks
        .iter()
        .filter(|block| block.kind == TableRow)
        .map(|block| block.span.slice(&scan.text))
        .collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[1].ends_with("Qté: 14 ; Montant HT: 98,00"), "{rows:?}");
    assert!(rows[2].ends_with("Qté: 1 ; Montant HT: 180,00"), "{rows:?}");
    // Drawn at (130, 358) on 1240 by 700 pixels, then turned by two degrees.
    let word = scan.words.iter().find(|w| w.span.slice(&scan.text) == "Porte").unwrap();
    let place = word.place;
    assert!((place.left - 0.113).abs() < 0.03 && (place.top - 0.55).abs() < 0.05, "{place:?}");
}

#[test]
fn pages_that_are_images_are_recognised_or_named() {
    let mixed = SCANS[1].1;
    let document = read(mixed);
    assert!(document.text.contains("couche de texte") && !document.text.contains("seconde"));
    assert_eq!(document.warnings[0].code, "page_without_text");
    assert_eq!(document.warnings[0].page, Some(2));
    let limits = ExtractLimits::default();
    let document = read_with_ocr(mixed, "a.pdf", tesseract(), &limits).unwrap();
    assert!(document.text.contains("La seconde page est une image."));
    assert!(document.warnings.is_empty());
    let missing = OcrConfig { program: "/nowhere".into(), languages: "fra".to_owned() };
    let error = read_with_ocr(mixed, "a.pdf", missing, &limits).unwrap_err();
    assert!(matches!(error, IngestError::Recognition { .. }), "{error:?}");
    let unknown = OcrConfig { languages: "xyz".to_owned(), ..tesseract() };
    let error = read_with_ocr(scan_of_invoice(), "a.pdf", unknown, &limits).unwrap_err();
    assert!(matches!(error, IngestError::Recognition { .. }), "{error:?}");
    let limits = ExtractLimits { max_ocr_pages: 0, ..limits };
    let error = read_with_ocr(scan_of_invoice(), "a.pdf", tesseract(), &limits).unwrap_err();
    assert_eq!(error, IngestError::LimitExceeded { what: "scanned pages".into(), limit: 0 });
}

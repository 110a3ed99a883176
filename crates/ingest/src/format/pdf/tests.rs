//! Checks the reading of PDF on files made by reportlab.

use intramuros_types::BlockKind;

use crate::extract::tests::read_within;
use crate::{ExtractLimits, IngestError};

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
    let bytes = include_bytes!("../../../fixtures/owner_password.pdf");
    let document = read_within(bytes, "a.pdf", &ExtractLimits::default()).unwrap();
    assert_eq!(document.text, "Le code du coffre est inscrit ici.");
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

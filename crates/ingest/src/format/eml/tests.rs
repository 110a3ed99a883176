//! Checks what is read of e-mails and mailboxes.

use intramuros_types::{BlockKind, DocumentFormat, ExtractedDocument};

use crate::{ExtractConfig, ExtractLimits, Extraction, IngestError, extract};

const COURRIER: &[u8] = include_bytes!("../../../fixtures/courrier.eml");
const HEADER: &str = "From: Paul <paul@exemple.fr>\r\nTo: marie@exemple.fr\r\nSubject: Essai\r\n\
    MIME-Version: 1.0\r\n";

fn read(bytes: &[u8]) -> Result<Extraction, IngestError> {
    extract(bytes, "courrier.eml", &ExtractConfig::default())
}

fn document(bytes: &[u8]) -> ExtractedDocument {
    read(bytes).unwrap().document.unwrap()
}

fn mail(rest: &str) -> Vec<u8> {
    format!("{HEADER}{}", rest.replace('\n', "\r\n")).into_bytes()
}

/// The text below the header row.
#[track_caller]
fn check_body(message: &[u8], expected: &str) {
    let document = document(message);
    assert_eq!(document.blocks[0].kind, BlockKind::TableRow);
    let (_, body) = document.text.split_once("\n\n").unwrap_or((&document.text, ""));
    assert_eq!(body, expected);
}

#[track_caller]
fn check_files(message: &[u8], names: &[&str], warnings: &[&str]) -> Extraction {
    let extraction = read(message).unwrap();
    let found: Vec<&str> = extraction.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(found, names);
    let document = extraction.document.as_ref();
    let given = document.map_or(&extraction.warnings, |document| &document.warnings);
    let codes: Vec<&str> = given.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(codes, warnings);
    extraction
}

#[test]
fn a_message_has_a_header_row_a_body_and_files() {
    let names = ["échéancier 2026.csv"];
    let extraction = check_files(COURRIER, &names, &["mail_layout_images"]);
    assert_eq!(extraction.files[0].bytes, b"R\xe9f;Montant\nF-2026-118;1240,50\n");
    let document = extraction.document.unwrap();
    assert_eq!(document.format, DocumentFormat::Eml);
    assert_eq!(document.title, "Facture n° F-2026-118 à régler avant le 30 avril");
    assert_eq!(document.author.as_deref(), Some("Élodie Martin <elodie.martin@exemple.fr>"));
    assert_eq!(document.created.as_deref(), Some("2026-03-12T10:32:05+01:00"));
    assert_eq!(document.language.as_deref(), Some("fr"));
    let expected = "De: Élodie Martin <elodie.martin@exemple.fr> ; \
        À: Comptabilité <compta@exemple.fr>, paul@exemple.fr ; Cc: direction@exemple.fr ; \
        Date: 12 mars 2026, 10:32 (+01:00) ; \
        Objet: Facture n° F-2026-118 à régler avant le 30 avril ; \
        Pièces jointes: échéancier 2026.csv\n\n\
        Bonjour,\n\n\
        Vous trouverez ci-joint la facture F-2026-118 d'un montant de 1 240,50 €.\n\
        Merci de la régler avant le 30 avril.\n\n\
        --\nÉlodie Martin\n01 23 45 67 89\n\n\
        Le 10 mars 2026, Paul a écrit :\n> Où en est la facture ?";
    assert_eq!(document.text, expected);
}

#[test]
fn labels_follow_the_language() {
    let english = mail(
        "Date: Tue, 3 Feb 2026 08:05:00 -0500\n\n\
         Please find attached the signed contract, and let us know when you will deliver it.\n",
    );
    let text = document(&english).text;
    assert!(text.starts_with("From: Paul <paul@exemple.fr> ; To: marie@exemple.fr ; "), "{text}");
    assert!(text.contains("Date: 3 February 2026, 08:05 (-05:00) ; Subject: Essai"), "{text}");
    assert!(document(&mail("\nOK\n")).text.starts_with("De: Paul"));
}

#[test]
fn html_is_read_where_plain_text_is_missing_or_a_stub() {
    let html = "<p>Le <b>devis</b> est accept&eacute; : commencez les travaux lundi matin, s'il \
                vous pla&icirc;t, et pr&eacute;venez le gardien.</p>";
    let body = "Le devis est accepté : commencez les travaux lundi matin, s'il vous plaît, et \
                prévenez le gardien.";
    check_body(&mail(&format!("Content-Type: text/html\n\n{html}\n")), body);
    let both = |plain: &str| {
        mail(&format!(
            "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n\
             {plain}\n--b\nContent-Type: text/html; charset=us-ascii\n\n{html}\n--b--\n"
        ))
    };
    check_body(&both("Version HTML."), body);
    check_body(&both(""), body);
    check_body(&both("Devis accepté, travaux lundi."), "Devis accepté, travaux lundi.");
}

#[test]
fn character_sets_are_decoded() {
    let mut latin = mail("Content-Type: text/plain; charset=iso-8859-1\n\nD");
    latin.extend(b"\xe9j\xe0 \xe9t\xe9\r\n");
    check_body(&latin, "Déjà été");
    let mut wrong = mail("Content-Type: text/plain; charset=iso-8859-1\n\n");
    wrong.extend("Déjà été".bytes());
    check_body(&wrong, "Déjà été");
    let mut silent = mail("\n");
    silent.extend(b"L'\xe9t\xe9 dernier, nous avons d\xe9j\xe0 pay\xe9 la facture.");
    check_body(&silent, "L'été dernier, nous avons déjà payé la facture.");
    check_body(&mail("Content-Type: text/plain; charset=utf-7\n\nD+AOk-j+AOA-\n"), "Déjà");
    check_body(&mail("Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B0z\x1b(B\n"), "引");
    let mut head = b"From: a@b\r\nSubject: D\xe9j\xe0 pay\xe9 cet \xe9t\xe9\r\n".to_vec();
    head.extend(b"Content-Disposition: inline\r\n\r\nx");
    assert_eq!(document(&head).title, "Déjà payé cet été");
    let mixed = b"From: a@b\r\nSubject: =?iso-8859-1?Q?D\xe9j=E0?=\r\n\r\nx";
    assert_eq!(document(mixed).title, "Déjà");
}

#[test]
fn wrapped_lines_are_joined_where_the_sender_says_so() {
    let flowed = mail(
        "Content-Type: text/plain; format=flowed\n\n\
         Une phrase \ncoupée.\n> Une autre \n> coupée.\n> Fin.\n-- \nPaul\n",
    );
    check_body(&flowed, "Une phrase coupée.\n> Une autre coupée.\n> Fin.\n--\nPaul");
    check_body(&mail("\nUne phrase \nentière.\n"), "Une phrase\nentière.");
}

#[test]
fn messages_within_a_message_are_files() {
    let outer = mail(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nVoir ci-dessous.\n\
         --b\nContent-Type: message/rfc822\n\nFrom: x@y\nSubject: Suite a/b\n\nDedans.\n\
         --b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\
         Content-Disposition: attachment; filename=\"avis\"\n\nRnJvbTogeEB5CgpPdWk=\n--b--\n",
    );
    let extraction = check_files(&outer, &["Suite a-b.eml", "avis.eml"], &[]);
    assert_eq!(extraction.files[0].bytes, b"From: x@y\r\nSubject: Suite a/b\r\n\r\nDedans.");
    assert_eq!(extraction.files[1].bytes, b"From: x@y\n\nOui");
    check_body(&outer, "Voir ci-dessous.");
}

#[test]
fn names_of_attachments_are_safe_and_distinct() {
    let part = |head: &str| format!("--b\nContent-Type: application/pdf{head}\n\n%PDF-\n");
    let message = mail(&format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}{}{}{}--b--\n",
        part("\nContent-Disposition: attachment; filename=\"../../a.pdf\""),
        part("; name=\"=?iso-8859-1?Q?=E9t=E9.pdf?=\""),
        part("; name=a.pdf"),
        part(""),
    ));
    check_files(&message, &["a.pdf", "été.pdf", "a (2).pdf", "piece-jointe-4.pdf"], &[]);
}

#[test]
fn images_of_the_layout_are_left_out() {
    let image = |size: usize, head: &str| {
        format!("--b\nContent-Type: image/png{head}\n\n{}\n", "x".repeat(size))
    };
    let message = mail(&format!(
        "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n\
         <p>Voici</p><img src=\"cid:logo@x\"><img src='cid:photo@x'>\n{}{}{}{}--b--\n",
        image(20_000, "; name=logo.png\nContent-ID: <logo@x>"),
        image(200_000, "; name=photo.png\nContent-ID: <photo@x>"),
        image(20_000, "; name=ticket.png\nContent-ID: <ailleurs@x>"),
        image(1_000, "; name=point.png"),
    ));
    check_files(&message, &["photo.png", "ticket.png"], &["mail_layout_images"]);
}

#[test]
fn what_is_signed_is_read() {
    let clear = mail(
        "Content-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"\n\n\
         --b\nContent-Type: text/plain\n\nBon pour accord.\n--b\n\
         Content-Type: application/pkcs7-signature; name=smime.p7s\n\nxxxx\n--b--\n",
    );
    check_files(&clear, &[], &[]);
    check_body(&clear, "Bon pour accord.");
    // A content in two pieces of indefinite length, as Outlook writes it.
    let mut der = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\
        \x01\x31\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80\x04\x1c"
        .to_vec();
    der.extend(b"Content-Type: text/plain\r\n\r\n\x04\x10Bon pour accord.\0\0\0\0");
    let mut opaque = mail("Content-Type: application/pkcs7-mime; smime-type=signed-data\n\n");
    opaque.extend(der);
    check_body(&opaque, "Bon pour accord.");
}

#[test]
fn what_is_encrypted_is_refused() {
    let enveloped = "Content-Type: application/pkcs7-mime; name=smime.p7m\n\
        Content-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CAMIACAQA=\n";
    let pgp = "Content-Type: multipart/encrypted; boundary=b\n\n--b\n\
        Content-Type: application/pgp-encrypted\n\nVersion: 1\n--b--\n";
    let inline = "\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n";
    for rest in [enveloped, pgp, inline] {
        assert_eq!(read(&mail(rest)).unwrap_err(), IngestError::Encrypted);
    }
    let mixed = mail(&format!(
        "Content-Type: multipart/mixed; boundary=m\n\n--m\n\nLisible.\n--m\n{inline}\n--m--\n"
    ));
    check_files(&mixed, &[], &["mail_encrypted_part"]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let message = mail(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nVoir.\n--b\n\
         Content-Type: application/ms-tnef; name=winmail.dat\n\nxxxx\n--b\n\
         Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\n\
         JVBERi0=\n*** liste de diffusion ***\n--b--\n",
    );
    check_files(&message, &["a.pdf"], &["mail_winmail_dat", "mail_broken_encoding"]);
}

#[test]
fn nesting_and_numbers_are_bounded() {
    let mut deep = String::new();
    for level in 0..20_000 {
        deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
    }
    check_files(&mail(&deep), &[], &["mail_nested_too_deep"]);
    let many = mail(&format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n",
        "--b\nContent-Type: application/pdf\n\nx\n".repeat(200)
    ));
    let limits = ExtractLimits { max_zip_entries: 100, ..ExtractLimits::default() };
    let error = extract(&many, "a.eml", &ExtractConfig { limits, ocr: None }).unwrap_err();
    let what = "parts of the e-mail".into();
    assert_eq!(error, IngestError::LimitExceeded { what, limit: 100 });
    let wide = format!("From: a@b\nTo: {}\n\nx", "a@b.fr, ".repeat(200_000));
    let what = "bytes in the header of an e-mail".into();
    let expected = IngestError::LimitExceeded { what, limit: 1 << 20 };
    assert_eq!(read(wide.as_bytes()).unwrap_err(), expected);
    let endless = "Content-Type: multipart/mixed; boundary=b\n\n".repeat(50_000);
    assert!(
        read(&mail(&format!("Content-Type: multipart/mixed; boundary=a\n\n{endless}"))).is_ok()
    );
}

#[test]
fn a_mailbox_holds_messages() {
    let one = "From paul@exemple.fr Thu Jan  1 00:00:00 2026\nFrom: Paul <paul@exemple.fr>\n\
               Message-ID: <1@x>\nSubject: Un\n\nPremier.\n>From ici.\n\n";
    let two = "From marie@exemple.fr Fri Jan  2 00:00:00 2026\nFrom: marie@exemple.fr\n\
               Message-ID: <2@x>\nSubject: Un\n\nSecond.\n";
    let extraction = check_files(format!("{one}{two}").as_bytes(), &["Un.eml", "Un (2).eml"], &[]);
    assert_eq!(extraction.document, None);
    check_body(&extraction.files[1].bytes, "Second.");
    check_body(one.as_bytes(), "Premier.\nFrom ici.");
}

#[test]
fn what_is_no_mail_is_refused() {
    assert!(matches!(read(b"Bonjour, sans en-tete."), Err(IngestError::Damaged { .. })));
    assert!(matches!(read(b"\n\n"), Err(IngestError::Empty | IngestError::Damaged { .. })));
}

//! Checks positions, section paths, titles and limits of documents under construction.

use intramuros_types::{BlockKind, DocumentFormat};

use super::Builder;
use crate::{ExtractConfig, ExtractLimits, IngestError};

#[track_caller]
fn check_title(metadata: Option<&str>, heading: Option<&str>, file_name: &str, expected: &str) {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    builder.title = metadata.map(str::to_owned);
    if let Some(heading) = heading {
        builder.push(BlockKind::Heading(2), heading).unwrap();
    }
    builder.push(BlockKind::Paragraph, "texte").unwrap();
    assert_eq!(
        builder.finish(DocumentFormat::Text, file_name).unwrap().document.unwrap().title,
        expected
    );
}

#[test]
fn title_comes_from_metadata_then_heading_then_file_name() {
    check_title(Some(" Mon\nguide "), Some("Un"), "f.txt", "Mon guide");
    check_title(Some(" "), Some("Un"), "f.txt", "Un");
    check_title(None, None, "dir/notice v1.2.txt", "notice v1.2");
    check_title(None, None, ".profile", ".profile");
}

#[test]
fn spans_and_paths_follow_the_blocks() {
    let config = ExtractConfig::default();
    let mut builder = Builder::new(&config);
    builder.push(BlockKind::Heading(1), "Été").unwrap();
    builder.push(BlockKind::Paragraph, "  ").unwrap();
    builder.push(BlockKind::Heading(3), "Août").unwrap();
    builder.push(BlockKind::ListItem, "- un").unwrap();
    builder.push(BlockKind::ListItem, "- deux").unwrap();
    builder.push(BlockKind::Heading(2), "Pluie").unwrap();
    builder.push(BlockKind::Code, "  x").unwrap();
    let document = builder.finish(DocumentFormat::Text, "a").unwrap().document.unwrap();
    assert_eq!(document.text, "Été\n\nAoût\n\n- un\n- deux\n\nPluie\n\n  x");
    let seen: Vec<(String, String)> = document
        .blocks
        .iter()
        .map(|b| (b.span.slice(&document.text).to_owned(), b.section_path.join("/")))
        .collect();
    let expected = [
        ("Été", ""),
        ("Août", "Été"),
        ("- un", "Été/Août"),
        ("- deux", "Été/Août"),
        ("Pluie", "Été"),
        ("  x", "Été/Pluie"),
    ];
    assert_eq!(seen, expected.map(|(text, path)| (text.to_owned(), path.to_owned())));
}

#[test]
fn limits_are_enforced() {
    let limits = ExtractLimits { max_text_chars: 10, ..ExtractLimits::default() };
    let config = ExtractConfig { limits, ..ExtractConfig::default() };
    let mut builder = Builder::new(&config);
    builder.push(BlockKind::Paragraph, "12345").unwrap();
    let error = builder.push(BlockKind::Paragraph, "6789").unwrap_err();
    assert_eq!(error, IngestError::LimitExceeded { what: "characters".into(), limit: 10 });

    let limits = ExtractLimits { max_blocks: 1, ..ExtractLimits::default() };
    let config = ExtractConfig { limits, ..ExtractConfig::default() };
    let mut builder = Builder::new(&config);
    builder.push(BlockKind::Paragraph, "a").unwrap();
    let error = builder.push(BlockKind::Paragraph, "b").unwrap_err();
    assert_eq!(error, IngestError::LimitExceeded { what: "paragraphs".into(), limit: 1 });
    assert_eq!(
        Builder::new(&config).finish(DocumentFormat::Text, "a").unwrap_err(),
        IngestError::Empty
    );
}

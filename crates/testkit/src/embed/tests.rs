//! Tests that the fake encoder ranks by shared words.

use intramuros_backend::{BackendError, EmbedBackend, EmbedBatch, EmbedCodec, InputKind};

use super::{FakeEmbed, FakeEmbedCodec};

fn cosine(a: &str, b: &str) -> f32 {
    let codec = FakeEmbedCodec::default();
    let sequences = vec![
        codec.encode(a, InputKind::Query).unwrap(),
        codec.encode(b, InputKind::Passage).unwrap(),
    ];
    let vectors = FakeEmbed::new(64).embed(&EmbedBatch::of(sequences)).unwrap();
    vectors[0].vector.iter().zip(&vectors[1].vector).map(|(a, b)| a * b).sum()
}

#[test]
fn shared_words_bring_texts_together() {
    assert!((cosine("Prix de la nacelle", "prix de la NACELLE !") - 1.0).abs() < 1e-5);
    let near = cosine("prix de la nacelle", "la nacelle coûte 90 euros");
    let far = cosine("prix de la nacelle", "heures d'ouverture");
    assert!(near > far + 0.2, "{near} against {far}");
    assert!(cosine("", "").is_finite());
}

#[test]
fn too_long_text_is_refused_with_both_counts() {
    let error = FakeEmbedCodec::with_max_tokens(3).encode("un deux trois", InputKind::Plain);
    let Err(BackendError::Input(reason)) = error else { panic!("{error:?}") };
    assert_eq!(reason, "text has 4 tokens, the model takes 3");
}

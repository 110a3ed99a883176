use super::{Prompts, Scale, corpus};

fn prompts(scale: Scale) -> Prompts {
    Prompts { corpus: corpus().unwrap(), seed: 7, scale }
}

#[test]
fn two_texts_tell_the_length_of_a_word() {
    let scale = Scale::from([20.0, 120.0], [70.0, 270.0]);
    assert!((scale.per_word - 2.0).abs() < 1e-9 && (scale.fixed - 30.0).abs() < 1e-9, "{scale:?}");
}

#[test]
fn a_text_has_the_words_that_its_tokens_ask_for() {
    let prompts = prompts(Scale { fixed: 30.0, per_word: 2.0 });
    for tokens in [128, 1000, 4001] {
        let text = prompts.text(tokens, "Résume ceci.", 3);
        let words = text.split_whitespace().count() as f64;
        assert!((words - (f64::from(tokens) - 30.0) / 2.0).abs() <= 1.0, "{tokens}: {words}");
    }
    assert!(prompts.text(0, "x", 3).starts_with("Notes "));
}

#[test]
fn a_seed_makes_one_text_and_no_other() {
    let prompts = prompts(Scale { fixed: 0.0, per_word: 1.0 });
    let text = |name: &str, run| prompts.words(60, prompts.seed_of(name, run));
    assert_eq!(text("a", 0), text("a", 0));
    let first_words = |text: String| text.split_whitespace().take(3).collect::<String>();
    let all = [text("a", 0), text("a", 1), text("b", 0), text("b", 1)].map(first_words);
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
}

#[test]
fn every_place_of_the_sentences_is_filled() {
    let text = prompts(Scale { fixed: 0.0, per_word: 1.0 }).words(3000, 1);
    assert!(!text.contains(['{', '}']), "{text}");
}

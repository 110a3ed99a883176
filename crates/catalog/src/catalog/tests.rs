//! Tests the embedded catalogue and what a catalogue may not say.

use std::collections::HashSet;

use super::{Catalog, Status, Task};
use crate::CatalogError;

const ENTRY: &str = r#"
[[model]]
id = "m"
name = "M"
family = "f"
task = "text"
parameters = 1_000
quantisation = "Q8_0"
licence = "MIT"
languages = ["fr"]
context_tokens = 512
layers = 2
kv_heads = 3
head_dim = 5
status = "untried"
hub = { repository = "owner/name", revision = "main" }

[[model.file]]
path = "model.gguf"
about_bytes = 1_000
hub = { file = "m.gguf" }
"#;

#[track_caller]
fn check_refused(from: &str, to: &str, part: &str) {
    assert!(ENTRY.contains(from), "the entry has no {from:?}");
    let text = ENTRY.replacen(from, to, 1);
    let error = Catalog::parse(&text).expect_err("it should be refused").to_string();
    assert!(error.contains(part), "{error:?} does not contain {part:?}");
}

#[test]
fn entry_is_read() {
    let catalog = Catalog::parse(ENTRY).unwrap();
    let model = catalog.get("m").unwrap();
    assert_eq!(model.kv_bytes_per_token(), 2 * 3 * 5 * 2 * 2);
    assert_eq!(model.download_bytes(), 1000);
    assert!(model.is_on_hub() && !model.is_in_packages() && !model.sizes_are_exact());
}

#[test]
fn wrong_entries_are_refused_with_the_reason() {
    check_refused("family", "familly", "unknown field `familly`");
    check_refused("about_bytes = 1_000", "bytez = 1", "unknown field `bytez`");
    check_refused("id = \"m\"", "id = \"../m\"", "not a model id");
    check_refused("path = \"model.gguf\"", "path = \"../x\"", "not a file of a model");
    check_refused("file = \"m.gguf\"", "file = \"/m.gguf\"", "not a file of a model");
    check_refused("owner/name", "owner/na me", "not owner/name");
    check_refused("layers = 2\n", "", "needs layers");
    check_refused("layers = 2", "layers = 0", "needs layers");
    check_refused("layers = 2", "layers = -2", "invalid value");
    check_refused("\"text\"", "\"embedding\"", "needs a profile");
    check_refused("\"text\"", "\"music\"", "unknown variant");
    check_refused("about_bytes = 1_000\n", "", "neither bytes nor about_bytes");
    check_refused("hub = { file = \"m.gguf\" }", "", "neither a hub nor a package");
    check_refused(
        "hub = { repository = \"owner/name\", revision = \"main\" }",
        "",
        "no repository",
    );
    check_refused("\"MIT\"", "\"\"", "no licence");
    let twice = format!("{ENTRY}{ENTRY}");
    assert!(Catalog::parse(&twice).unwrap_err().to_string().contains("occurs twice"));
    assert!(matches!(Catalog::parse(""), Err(CatalogError::InvalidCatalogue { .. })));
}

#[test]
fn embedded_catalogue_has_what_customers_run() {
    let catalog = Catalog::embedded();
    let families: HashSet<&str> = catalog.models().iter().map(|m| m.family.as_str()).collect();
    for family in ["mistral", "llama", "smollm2", "qwen2.5", "qwen2.5-coder", "e5", "bge", "minilm"]
    {
        assert!(families.contains(family), "no model of {family}");
    }
    for task in [Task::Text, Task::Embedding, Task::Rerank] {
        assert!(catalog.models().iter().any(|m| m.task == task), "no model for {task:?}");
    }
    assert!(catalog.models().iter().all(|m| m.is_on_hub()), "a model is on no hub");
}

#[test]
fn exact_sizes_and_trials_belong_to_models_of_the_registry() {
    for model in Catalog::embedded().models() {
        let tried = model.status == Status::Tried;
        assert_eq!(tried, model.is_in_packages(), "{}", model.id);
        assert!(!model.sizes_are_exact() || tried, "{}: a size nobody could check", model.id);
    }
}

#[test]
fn computed_sizes_follow_from_parameters_and_format() {
    for model in Catalog::embedded().models() {
        let Some(about) = model.files[0].about_bytes else { continue };
        let hundredths_of_bits = match model.quantisation.as_str() {
            "Q4_K_M" => 485,
            "Q5_K_M" => 570,
            "Q8_0" => 850,
            "F32" => 3200,
            other => panic!("{}: no bits per weight for {other}", model.id),
        };
        let computed = model.parameters * hundredths_of_bits / 800;
        assert!(about.abs_diff(computed) <= computed / 100, "{}: {about} {computed}", model.id);
    }
}

#[test]
fn e5_prefixes_are_in_the_catalogue() {
    let profile = Catalog::embedded().get("multilingual-e5-small").unwrap().profile.clone();
    let profile = profile.unwrap();
    assert_eq!((&*profile.query_prefix, &*profile.passage_prefix), ("query: ", "passage: "));
}

#[track_caller]
fn near(id: &str) -> Vec<String> {
    match Catalog::embedded().get(id) {
        Err(CatalogError::UnknownModel { near, .. }) => near,
        other => panic!("{id} should be unknown: {other:?}"),
    }
}

#[test]
fn unknown_ids_are_answered_with_near_ones() {
    assert!(near("mistral-7b").contains(&"mistral-7b-instruct-v0.3-q4_k_m".to_owned()));
    assert_eq!(near("multilingual-e5-smal")[0], "multilingual-e5-small");
    assert_eq!(near("BGE-M3")[0], "bge-m3");
    assert!(near("").is_empty());
    assert!(near("zzzz").is_empty());
    assert!(near(&"x\n".repeat(1_000_000)).is_empty());
}

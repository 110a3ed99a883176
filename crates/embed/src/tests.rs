//! Tests the crate as its users see it, on the models that `scripts/fetch-models` fetches and on
//! the tiny one under `golden/`.

mod codec;
mod golden;
mod hostile;
mod profile;

use std::fs;
use std::path::{Path, PathBuf};

use intramuros_types::{EncoderProfile, Pooling};
use tempfile::TempDir;

use crate::EncoderFiles;

/// The folder of an installed model.
#[track_caller]
fn installed(id: &str) -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home);
        cache.expect("HOME is set").join("intramuros").join("models")
    };
    let models = std::env::var_os("INTRAMUROS_MODELS_DIR").map_or_else(cache, PathBuf::from);
    let folder = models.join(id);
    assert!(
        folder.join("manifest.json").is_file(),
        "model {id} is not in {}: fetch it with scripts/fetch-models",
        models.display()
    );
    folder
}

/// The folder of the golden files.
fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The tiny XLM-RoBERTa that is committed beside its golden vectors.
fn tiny_folder() -> PathBuf {
    golden_folder().join("tiny-xlm-roberta")
}

/// A copy of the tiny model that a test may damage.
fn tiny_copy() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(tiny_folder().join(name), folder.path().join(name)).expect("the file is copied");
    }
    folder
}

#[track_caller]
fn files(folder: &Path) -> EncoderFiles {
    EncoderFiles::discover(folder).expect("the files are there")
}

/// How the tiny model was made: first token, not normalised, no prefixes.
fn tiny_profile() -> EncoderProfile {
    EncoderProfile {
        pooling: Pooling::Cls,
        normalise: false,
        query_prefix: String::new(),
        passage_prefix: String::new(),
        max_tokens: None,
    }
}

/// The profile of multilingual-e5-small.
fn e5_profile() -> EncoderProfile {
    EncoderProfile {
        pooling: Pooling::Mean,
        normalise: true,
        query_prefix: "query: ".to_owned(),
        passage_prefix: "passage: ".to_owned(),
        max_tokens: None,
    }
}

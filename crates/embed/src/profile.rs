//! Reads the prompt profile that a model declares in the files of sentence-transformers.
//!
//! Source: sentence-transformers 5, `SentenceTransformer.save` (the file names) and
//! `models/Pooling.py` (the keys).

use std::collections::BTreeMap;
use std::path::Path;

use intramuros_types::{EncoderProfile, Pooling};
use serde::Deserialize;
use serde_json::Value;

use crate::EmbedError;
use crate::files::read_json;

/// One step of a sentence-transformers model.
#[derive(Deserialize)]
struct Module {
    /// Python class, such as `sentence_transformers.models.Pooling`.
    #[serde(rename = "type")]
    class: String,
}

/// The longest input, from `sentence_bert_config.json`.
#[derive(Deserialize)]
struct Longest {
    max_seq_length: Option<u32>,
}

/// Prompts by name, from `config_sentence_transformers.json`.
#[derive(Deserialize)]
struct Prompts {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
}

/// The profile declared in `folder`, `None` when it declares no pooling.
pub(crate) fn declared(folder: &Path) -> Result<Option<EncoderProfile>, EmbedError> {
    let Some(pooling) = declared_pooling(folder)? else { return Ok(None) };
    let normalise = modules(folder)?.iter().any(|class| class.ends_with(".Normalize"));
    let max_tokens = optional::<Longest>(folder, "sentence_bert_config.json")?
        .and_then(|longest| longest.max_seq_length);
    let prompts = optional::<Prompts>(folder, "config_sentence_transformers.json")?
        .map(|found| found.prompts)
        .unwrap_or_default();
    let prompt = |names: &[&str]| {
        names.iter().find_map(|name| prompts.get(*name)).cloned().unwrap_or_default()
    };
    Ok(Some(EncoderProfile {
        pooling,
        normalise,
        query_prefix: prompt(&["query"]),
        passage_prefix: prompt(&["passage", "document"]),
        max_tokens,
    }))
}

/// Refuses a profile whose pooling is not the one that the model declares: it would not fail, it
/// would rank badly.
pub(crate) fn check(folder: &Path, profile: &EncoderProfile) -> Result<(), EmbedError> {
    match declared_pooling(folder)? {
        Some(declared) if declared != profile.pooling => Err(EmbedError::Profile {
            folder: folder.to_owned(),
            reason: format!(
                "pooling is {:?}, the model's 1_Pooling/config.json says {declared:?}",
                profile.pooling
            ),
        }),
        _ => Ok(()),
    }
}

/// The classes of `modules.json`, each known to be computed here.
fn modules(folder: &Path) -> Result<Vec<String>, EmbedError> {
    let modules = optional::<Vec<Module>>(folder, "modules.json")?.unwrap_or_default();
    let known = [".Transformer", ".Pooling", ".Normalize"];
    for module in &modules {
        if !known.iter().any(|name| module.class.ends_with(name)) {
            return Err(EmbedError::Unsupported {
                path: folder.join("modules.json"),
                what: "module",
                found: module.class.clone(),
                supported: "Transformer, Pooling, Normalize",
            });
        }
    }
    Ok(modules.into_iter().map(|module| module.class).collect())
}

/// What `1_Pooling/config.json` says, if it is there; also checks `modules.json`.
fn declared_pooling(folder: &Path) -> Result<Option<Pooling>, EmbedError> {
    modules(folder)?;
    let name = "1_Pooling/config.json";
    let Some(keys) = optional::<BTreeMap<String, Value>>(folder, name)? else {
        return Ok(None);
    };
    // Flags in files of versions up to 5, one `pooling_mode` in later ones.
    let mut modes: Vec<&str> = keys
        .iter()
        .filter(|(_, value)| **value == Value::Bool(true))
        .filter_map(|(key, _)| key.strip_prefix("pooling_mode_"))
        .collect();
    if let Some(Value::String(mode)) = keys.get("pooling_mode") {
        modes.push(mode);
    }
    match modes[..] {
        ["mean_tokens" | "mean"] => Ok(Some(Pooling::Mean)),
        ["cls_token" | "cls"] => Ok(Some(Pooling::Cls)),
        _ => Err(EmbedError::Unsupported {
            path: folder.join(name),
            what: "pooling",
            found: format!("`{}`", modes.join(", ")),
            supported: "mean, cls",
        }),
    }
}

/// Parses `name` within `folder`, `None` when there is no such file.
fn optional<T: serde::de::DeserializeOwned>(
    folder: &Path,
    name: &str,
) -> Result<Option<T>, EmbedError> {
    let path = folder.join(name);
    if path.is_file() { read_json(&path).map(Some) } else { Ok(None) }
}

//! Assembles a codec from `tokenizer.json` and the small files beside it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::Deserialize;
use tokenizers::{DecoderWrapper, Tokenizer};

use super::added::{AddedKind, AddedToken, AddedTokens};
use super::byte_level;
use super::gguf::byte_token;
use super::segmenter::{Pipeline, Segmenter};
use super::source::{MAX_TOKENS, NamedTokens, Parts, is_turn_marker, is_well_known_stop};
use super::spm::SPACE;
use super::token_bytes::TokenBytes;
use crate::files::{read_json, read_text};
use crate::{ModelError, ModelFiles};

#[cfg(test)]
mod tests;

/// The most bytes of `tokenizer.json`; Gemma's, the largest known, has 33 MB.
const MAX_TOKENIZER_BYTES: u64 = 128 << 20;
/// The most bytes of each of the other files.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// What of `tokenizer_config.json` matters.
#[derive(Debug, Default, Deserialize)]
struct TokenizerConfig {
    tokenizer_class: Option<String>,
    bos_token: Option<NamedToken>,
    eos_token: Option<NamedToken>,
    unk_token: Option<NamedToken>,
    pad_token: Option<NamedToken>,
    add_bos_token: Option<bool>,
    add_eos_token: Option<bool>,
    chat_template: Option<Templates>,
}

/// A token by its text, in one of the two ways that it is written.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NamedToken {
    Text(String),
    Described { content: String },
}

impl NamedToken {
    fn into_text(self) -> String {
        match self {
            NamedToken::Text(text) | NamedToken::Described { content: text } => text,
        }
    }
}

/// One template, or several of which one is called `default`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Debug, Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

/// What of `generation_config.json` matters.
#[derive(Debug, Default, Deserialize)]
struct GenerationConfig {
    eos_token_id: Option<OneOrMany>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

/// How pieces of the vocabulary spell bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// In GPT-2's alphabet.
    ByteLevel,
    /// As text with `▁` for the space and `<0xNN>` for bytes.
    SentencePiece,
}

/// Reads `tokenizer`, a `tokenizer.json`, and what lies beside it.
///
/// # Errors
/// [`ModelError::Tokenizer`] when the file cannot be used; [`ModelError::Io`],
/// [`ModelError::Malformed`] and [`ModelError::Json`] as reading goes.
pub(super) fn load(files: &ModelFiles, tokenizer: &Path) -> Result<Parts, ModelError> {
    let problem = |problem: String| ModelError::Tokenizer { path: tokenizer.to_owned(), problem };
    let config: TokenizerConfig = match &files.tokenizer_config {
        Some(path) => read_json(path, MAX_CONFIG_BYTES)?,
        None => TokenizerConfig::default(),
    };
    let text = read_text(tokenizer, MAX_TOKENIZER_BYTES)?;
    let library = parse(&text).map_err(problem)?;
    drop(text);
    let id_of = |token: &Option<String>| token.as_deref().and_then(|t| library.token_to_id(t));

    let class = config.tokenizer_class.unwrap_or_default();
    let (adds_bos, adds_eos) = (config.add_bos_token, config.add_eos_token);
    let (template, tool_template) = pick_templates(config.chat_template);
    let named = NamedTokens {
        bos: config.bos_token.map(NamedToken::into_text),
        eos: config.eos_token.map(NamedToken::into_text),
        unknown: config.unk_token.map(NamedToken::into_text),
        pad: config.pad_token.map(NamedToken::into_text),
    };
    let (bos, eos) = (id_of(&named.bos), id_of(&named.eos));
    let (mut before, mut after) = around(&library).map_err(problem)?;
    if rebuilds_post_processor(&class) {
        override_with(&mut before, adds_bos, bos);
        override_with(&mut after, adds_eos, eos);
    }

    let mut steering: Vec<u32> = eos.into_iter().collect();
    steering.extend(generation_stops(files)?);
    let mut stops = steering.clone();
    steering.extend(bos);
    let templates = [&template, &tool_template].map(|t| t.as_deref().unwrap_or_default());
    let added = added_tokens(&library, &steering, &templates.concat());
    stops.extend(added.tokens().iter().filter(|t| is_stop(t)).map(|t| t.id));
    stops.sort_unstable();
    stops.dedup();

    let bytes = token_bytes(&library, &added).map_err(problem)?;
    let segmenter = Segmenter::Pipeline(Box::new(Pipeline {
        normalizer: library.get_normalizer().cloned(),
        pre_tokenizer: library.get_pre_tokenizer().cloned(),
        model: library.get_model().clone(),
    }));
    Ok(Parts { added, segmenter, bytes, bos, before, after, stops, template, tool_template, named })
}

fn parse(text: &str) -> Result<Tokenizer, String> {
    // The library indexes and unwraps on some damaged files instead of refusing them. It holds
    // nothing of ours, so nothing half-made survives the panic.
    let parsed = catch_unwind(AssertUnwindSafe(|| Tokenizer::from_bytes(text)));
    let parsed = parsed.map_err(|_| "its merges do not belong to its vocabulary".to_owned())?;
    let mut library = parsed.map_err(|e| format!("it is not a tokenizer: {e}"))?;
    library.with_padding(None);
    library.with_truncation(None).map_err(|e| e.to_string())?;
    Ok(library)
}

/// The template called `default`, else the first, and the one called `tool_use`.
///
/// Source: Hugging Face `transformers` 4.57, `get_chat_template`.
fn pick_templates(templates: Option<Templates>) -> (Option<String>, Option<String>) {
    match templates {
        None => (None, None),
        Some(Templates::One(template)) => (Some(template), None),
        Some(Templates::Named(named)) => {
            let find = |name: &str| named.iter().find(|t| t.name == name);
            let text = |template: &NamedTemplate| template.template.clone();
            let default = find("default").or(named.first()).map(text);
            (default, find("tool_use").map(text))
        }
    }
}

/// Whether the reference replaces the file's post-processor by `add_bos_token` and
/// `add_eos_token`. Source: Hugging Face `transformers` 4.57, `update_post_processor`.
fn rebuilds_post_processor(class: &str) -> bool {
    ["LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer"]
        .iter()
        .any(|name| class.strip_suffix("Fast").unwrap_or(class) == *name)
}

fn override_with(tokens: &mut Vec<u32>, wanted: Option<bool>, token: Option<u32>) {
    match (wanted, token) {
        (Some(true), Some(token)) => *tokens = vec![token],
        (Some(false), _) => tokens.clear(),
        (Some(true), None) | (None, _) => {}
    }
}

/// The tokens that the post-processor puts before and after a text.
fn around(library: &Tokenizer) -> Result<(Vec<u32>, Vec<u32>), String> {
    let ids = |special| {
        let encoding = catch_unwind(AssertUnwindSafe(|| library.encode_fast("a", special)));
        let encoding = encoding.map_err(|_| "it fails on the text `a`".to_owned())?;
        encoding.map(|e| e.get_ids().to_vec()).map_err(|e| e.to_string())
    };
    let (plain, full) = (ids(false)?, ids(true)?);
    let at = full.windows(plain.len().max(1)).position(|window| window == plain.as_slice());
    let Some(at) = at else { return Ok((Vec::new(), Vec::new())) };
    Ok((full[..at].to_vec(), full[at + plain.len()..].to_vec()))
}

/// The ids that `generation_config.json` ends a text with; none when there is no such file.
///
/// # Errors
/// [`ModelError::Io`], [`ModelError::Malformed`] and [`ModelError::Json`] as reading goes.
pub(super) fn generation_stops(files: &ModelFiles) -> Result<Vec<u32>, ModelError> {
    let Some(path) = &files.generation_config else { return Ok(Vec::new()) };
    let config: GenerationConfig = read_json(path, MAX_CONFIG_BYTES)?;
    Ok(match config.eos_token_id {
        None => Vec::new(),
        Some(OneOrMany::One(id)) => vec![id],
        Some(OneOrMany::Many(ids)) => ids,
    })
}

fn is_stop(token: &AddedToken) -> bool {
    token.kind == AddedKind::Control && is_well_known_stop(&token.text)
}

fn added_tokens(library: &Tokenizer, steering: &[u32], templates: &str) -> AddedTokens {
    let mut found: Vec<_> = library.get_added_tokens_decoder().into_iter().collect();
    found.sort_unstable_by_key(|(id, _)| *id);
    let added = found.into_iter().map(|(id, token)| {
        let control = token.special
            || steering.contains(&id)
            || is_well_known_stop(&token.content)
            || is_turn_marker(&token.content, templates);
        AddedToken {
            id,
            text: token.content,
            kind: if control { AddedKind::Control } else { AddedKind::Text },
            lstrip: token.lstrip,
            rstrip: token.rstrip,
            single_word: token.single_word,
        }
    });
    AddedTokens::new(added.collect())
}

fn token_bytes(library: &Tokenizer, added: &AddedTokens) -> Result<TokenBytes, String> {
    let spelling = library.get_decoder().and_then(spelling_of).ok_or_else(|| {
        "its decoder is not supported; supported are ByteLevel, and ByteFallback or Metaspace for \
         SentencePiece"
            .to_owned()
    })?;
    let mut spelled: Vec<(u32, Vec<u8>)> = library
        .get_vocab(false)
        .into_iter()
        .map(|(text, id)| (id, spelling.bytes_of(&text)))
        .collect();
    for token in added.tokens() {
        let bytes = match token.kind {
            AddedKind::Control => Vec::new(),
            AddedKind::Text => token.text.clone().into_bytes(),
        };
        spelled.push((token.id, bytes));
    }
    // Stable: an added token comes after, and overrides, the vocabulary's entry of the same id.
    spelled.sort_by_key(|(id, _)| *id);
    let largest = spelled.last().map_or(0, |(id, _)| *id as usize);
    if spelled.is_empty() || largest >= MAX_TOKENS {
        return Err(format!("its largest token id is {largest}, the limit is {MAX_TOKENS}"));
    }
    let mut table = TokenBytes::default();
    let mut entries = spelled.into_iter().peekable();
    while let Some((id, bytes)) = entries.next() {
        if entries.peek().is_some_and(|(next, _)| *next == id) {
            continue;
        }
        while table.len() < id as usize {
            table.push(&[]);
        }
        table.push(&bytes);
    }
    Ok(table)
}

fn spelling_of(decoder: &DecoderWrapper) -> Option<Spelling> {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the library's other decoders, and those it will get, are all unsupported"
    )]
    match decoder {
        DecoderWrapper::ByteLevel(_) => Some(Spelling::ByteLevel),
        DecoderWrapper::ByteFallback(_) | DecoderWrapper::Metaspace(_) => {
            Some(Spelling::SentencePiece)
        }
        DecoderWrapper::Sequence(steps) => steps.get_decoders().iter().find_map(spelling_of),
        _ => None,
    }
}

impl Spelling {
    fn bytes_of(self, text: &str) -> Vec<u8> {
        match self {
            Spelling::ByteLevel => byte_level::bytes_of(text),
            Spelling::SentencePiece => match byte_token(text) {
                Some(byte) => vec![byte],
                None => text.replace(SPACE, " ").into_bytes(),
            },
        }
    }
}

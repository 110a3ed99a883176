//! Assembles a codec from the tokenizer metadata of a GGUF file.

use self::segmenters::{byte_level_segmenter, sentence_piece_segmenter};
use super::added::{AddedKind, AddedToken, AddedTokens};
use super::byte_level;
use super::source::{MAX_TOKENS, NamedTokens, Parts, is_turn_marker, is_well_known_stop};
use super::spm::SPACE;
use super::token_bytes::TokenBytes;
use crate::{Gguf, ModelError};

mod segmenters;
#[cfg(test)]
mod tests;

const MODEL: &str = "tokenizer.ggml.model";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TOKEN_TYPES: &str = "tokenizer.ggml.token_type";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_EOS: &str = "tokenizer.ggml.add_eos_token";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
const EOT: &str = "tokenizer.ggml.eot_token_id";
const EOM: &str = "tokenizer.ggml.eom_token_id";
const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";
const PAD: &str = "tokenizer.ggml.padding_token_id";
pub(super) const TEMPLATE: &str = "tokenizer.chat_template";
pub(super) const TOOL_TEMPLATE: &str = "tokenizer.chat_template.tool_use";

/// What a token is. Source: ggml, `docs/gguf.md`, `tokenizer.ggml.token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

/// The two families of tokenizers that a GGUF of a supported architecture carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// `gpt2`: byte-level BPE with ranked merges.
    ByteLevel,
    /// `llama`: SentencePiece BPE with scores.
    SentencePiece,
}

/// Ids that the metadata names; each lies within the vocabulary.
#[derive(Debug, Default)]
struct NamedIds {
    bos: Option<u32>,
    eos: Option<u32>,
    unknown: Option<u32>,
    pad: Option<u32>,
    /// End of text, of turn, of message.
    ends: Vec<u32>,
}

/// The vocabulary, each token with its kind.
struct Vocabulary<'a> {
    texts: &'a [String],
    kinds: Vec<TokenKind>,
}

/// Reads the tokenizer of `gguf`.
///
/// # Errors
/// [`ModelError::Metadata`] when a key is missing, contradicts another one, or names a tokenizer
/// or pre-tokenizer that is not known.
pub(super) fn load(gguf: &Gguf) -> Result<Parts, ModelError> {
    let family = read_family(gguf)?;
    let mut vocabulary = read_vocabulary(gguf)?;
    let ids = read_ids(gguf, family, vocabulary.texts.len())?;
    let template = gguf.string(TEMPLATE)?.map(str::to_owned);
    let tool_template = gguf.string(TOOL_TEMPLATE)?.map(str::to_owned);
    let templates = [&template, &tool_template].map(|t| t.as_deref().unwrap_or_default());
    protect(&mut vocabulary, &ids, &templates.concat());
    let (segmenter, adds_bos) = match family {
        Family::ByteLevel => byte_level_segmenter(gguf, &vocabulary)?,
        Family::SentencePiece => (sentence_piece_segmenter(gguf, &vocabulary, &ids)?, true),
    };
    let before = wanted(gguf, ADD_BOS, adds_bos, BOS, ids.bos)?;
    let after = wanted(gguf, ADD_EOS, false, EOS, ids.eos)?;
    let text_of = |id: Option<u32>| id.map(|id| vocabulary.texts[id as usize].clone());
    let named = NamedTokens {
        bos: text_of(ids.bos),
        eos: text_of(ids.eos),
        unknown: text_of(ids.unknown),
        pad: text_of(ids.pad),
    };
    Ok(Parts {
        added: added_tokens(&vocabulary),
        segmenter,
        bytes: token_bytes(&vocabulary, family),
        bos: ids.bos,
        before,
        after,
        stops: stops(&vocabulary, &ids),
        template,
        tool_template,
        named,
    })
}

fn read_family(gguf: &Gguf) -> Result<Family, ModelError> {
    match gguf.required(MODEL, gguf.string(MODEL)?)? {
        "gpt2" => Ok(Family::ByteLevel),
        "llama" => Ok(Family::SentencePiece),
        other => {
            let other: String = other.chars().take(64).collect();
            let problem =
                format!("tokenizer `{other}` is not supported; supported are gpt2, llama");
            Err(gguf.metadata_error(MODEL, problem))
        }
    }
}

fn read_vocabulary(gguf: &Gguf) -> Result<Vocabulary<'_>, ModelError> {
    let texts = gguf.required(TOKENS, gguf.strings(TOKENS)?)?;
    if texts.is_empty() || texts.len() > MAX_TOKENS {
        let problem = format!("it has {} tokens, the limit is {MAX_TOKENS}", texts.len());
        return Err(gguf.metadata_error(TOKENS, problem));
    }
    let kinds = match gguf.integers(TOKEN_TYPES)? {
        None => vec![TokenKind::Normal; texts.len()],
        Some(types) => {
            same_length(gguf, TOKEN_TYPES, types.len(), texts.len())?;
            types.iter().map(|code| kind_of(*code)).collect()
        }
    };
    Ok(Vocabulary { texts, kinds })
}

fn same_length(gguf: &Gguf, key: &str, has: usize, tokens: usize) -> Result<(), ModelError> {
    if has == tokens {
        return Ok(());
    }
    Err(gguf.metadata_error(key, format!("it has {has} entries for {tokens} tokens")))
}

fn kind_of(code: i64) -> TokenKind {
    match code {
        2 => TokenKind::Unknown,
        3 => TokenKind::Control,
        4 => TokenKind::UserDefined,
        5 => TokenKind::Unused,
        6 => TokenKind::Byte,
        _ => TokenKind::Normal,
    }
}

fn read_ids(gguf: &Gguf, family: Family, tokens: usize) -> Result<NamedIds, ModelError> {
    let id = |key: &str| -> Result<Option<u32>, ModelError> {
        let found = gguf.u32(key)?;
        if let Some(id) = found.filter(|id| *id as usize >= tokens) {
            let problem = format!("it is {id}, the vocabulary has {tokens} tokens");
            return Err(gguf.metadata_error(key, problem));
        }
        Ok(found)
    };
    // SentencePiece models of old files rely on these. Source: llama.cpp, `llama-vocab.cpp`.
    let usual =
        |id: u32| Some(id).filter(|id| family == Family::SentencePiece && (*id as usize) < tokens);
    let eos = id(EOS)?.or(usual(2));
    let ends = [eos, id(EOT)?, id(EOM)?].into_iter().flatten().collect();
    let (bos, unknown) = (id(BOS)?.or(usual(1)), id(UNKNOWN)?.or(usual(0)));
    Ok(NamedIds { bos, eos, unknown, pad: id(PAD)?, ends })
}

/// Makes control tokens of what the file calls text although it steers the model.
fn protect(vocabulary: &mut Vocabulary<'_>, ids: &NamedIds, templates: &str) {
    for id in ids.ends.iter().copied().chain(ids.bos) {
        vocabulary.kinds[id as usize] = TokenKind::Control;
    }
    for (text, kind) in vocabulary.texts.iter().zip(&mut vocabulary.kinds) {
        let declared_as_text = *kind == TokenKind::UserDefined;
        if declared_as_text && (is_well_known_stop(text) || is_turn_marker(text, templates)) {
            *kind = TokenKind::Control;
        }
    }
}

/// `[id]` when the file, or `by_default`, wants the token around a text.
fn wanted(
    gguf: &Gguf,
    key: &str,
    by_default: bool,
    id_key: &str,
    id: Option<u32>,
) -> Result<Vec<u32>, ModelError> {
    let asked = gguf.bool(key)?;
    match (asked.unwrap_or(by_default), id) {
        (true, Some(id)) => Ok(vec![id]),
        (true, None) if asked.is_some() => {
            Err(gguf.metadata_error(key, format!("it is true, but {id_key} is missing")))
        }
        _ => Ok(Vec::new()),
    }
}

fn added_tokens(vocabulary: &Vocabulary<'_>) -> AddedTokens {
    let mut added = Vec::new();
    for (id, (text, kind)) in vocabulary.texts.iter().zip(&vocabulary.kinds).enumerate() {
        let kind = match kind {
            TokenKind::Control | TokenKind::Unknown => AddedKind::Control,
            TokenKind::UserDefined => AddedKind::Text,
            TokenKind::Normal | TokenKind::Unused | TokenKind::Byte => continue,
        };
        added.push(AddedToken::new(id as u32, text.as_str(), kind));
    }
    AddedTokens::new(added)
}

fn stops(vocabulary: &Vocabulary<'_>, ids: &NamedIds) -> Vec<u32> {
    let mut stops = ids.ends.clone();
    for (id, (text, kind)) in vocabulary.texts.iter().zip(&vocabulary.kinds).enumerate() {
        if *kind == TokenKind::Control && is_well_known_stop(text) {
            stops.push(id as u32);
        }
    }
    stops.sort_unstable();
    stops.dedup();
    stops
}

fn token_bytes(vocabulary: &Vocabulary<'_>, family: Family) -> TokenBytes {
    let mut table = TokenBytes::default();
    for (text, kind) in vocabulary.texts.iter().zip(&vocabulary.kinds) {
        match kind {
            TokenKind::Control | TokenKind::Unknown => table.push(&[]),
            TokenKind::UserDefined => table.push(text.as_bytes()),
            TokenKind::Byte => table.push(byte_token(text).as_slice()),
            TokenKind::Normal | TokenKind::Unused if family == Family::ByteLevel => {
                table.push(&byte_level::bytes_of(text));
            }
            TokenKind::Normal | TokenKind::Unused => {
                table.push(text.replace(SPACE, " ").as_bytes())
            }
        }
    }
    table
}

/// The byte that `<0xNN>` stands for.
pub(super) fn byte_token(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let hexadecimal = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal { u8::from_str_radix(digits, 16).ok() } else { None }
}

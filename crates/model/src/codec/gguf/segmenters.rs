//! Builds the segmenters of the two families that a GGUF carries.

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

use super::{NamedIds, TokenKind, Vocabulary, byte_token, same_length};
use crate::codec::pretokenizer::{PreTokenizerRules, rules_of};
use crate::codec::segmenter::{Pipeline, Segmenter};
use crate::codec::source::MAX_TOKENS;
use crate::codec::spm::{SpacePrefix, Spm, SpmVocabulary};
use crate::{Gguf, ModelError};

const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";
const PRE: &str = "tokenizer.ggml.pre";
const SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";

/// SentencePiece BPE with scores.
///
/// # Errors
/// [`ModelError::Metadata`] when scores are missing or too few.
pub(super) fn sentence_piece_segmenter(
    gguf: &Gguf,
    vocabulary: &Vocabulary<'_>,
    ids: &NamedIds,
) -> Result<Segmenter, ModelError> {
    let texts = vocabulary.texts;
    let scores = gguf.required(SCORES, gguf.floats(SCORES)?)?;
    same_length(gguf, SCORES, scores.len(), texts.len())?;
    let mut pieces = Vec::with_capacity(texts.len());
    let mut bytes = vec![None; 256];
    let mut separates_turns = false;
    for (id, (text, kind)) in texts.iter().zip(&vocabulary.kinds).enumerate() {
        match kind {
            TokenKind::Normal | TokenKind::UserDefined => {
                pieces.push((text.clone(), scores[id], id as u32));
            }
            TokenKind::Byte => {
                if let Some(byte) = byte_token(text) {
                    bytes[usize::from(byte)] = Some(id as u32);
                }
            }
            // Mistral's tokenizers with control tokens for turns are the ones that put the space
            // only at the start (`legacy: false`); a GGUF does not say so itself.
            TokenKind::Control => separates_turns |= text == "[INST]",
            TokenKind::Unknown | TokenKind::Unused => {}
        }
    }
    let prefix = match gguf.bool(SPACE_PREFIX)? {
        Some(false) => SpacePrefix::Never,
        _ if separates_turns => SpacePrefix::First,
        _ => SpacePrefix::Always,
    };
    let unknown = ids.unknown;
    Ok(Segmenter::Spm(Spm::new(SpmVocabulary { pieces, bytes, unknown, prefix })))
}

/// Byte-level BPE with merges, and whether the family puts begin-of-text before a text.
///
/// # Errors
/// [`ModelError::Metadata`] when the pre-tokenizer is not known or the merges are damaged.
pub(super) fn byte_level_segmenter(
    gguf: &Gguf,
    vocabulary: &Vocabulary<'_>,
) -> Result<(Segmenter, bool), ModelError> {
    let name = gguf.string(PRE)?.unwrap_or_else(|| {
        tracing::warn!(
            file = %gguf.path().display(),
            "the file does not name its pre-tokenizer; taking `default`, answers may suffer"
        );
        "default"
    });
    let rules = rules_of(name).map_err(|problem| gguf.metadata_error(PRE, problem))?;
    let mut vocab = Vocab::default();
    for (id, (text, kind)) in vocabulary.texts.iter().zip(&vocabulary.kinds).enumerate() {
        // Control tokens are not among them, so plain text never becomes one by merging.
        if !matches!(kind, TokenKind::Control | TokenKind::Unknown) {
            vocab.entry(text.clone()).or_insert(id as u32);
        }
    }
    let merges = read_merges(gguf, &vocab)?;
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .ignore_merges(rules.ignore_merges)
        .build()
        .map_err(|e| gguf.metadata_error(MERGES, e.to_string()))?;
    let pre_tokenizer = pre_tokenizer(rules).map_err(|e| gguf.metadata_error(PRE, e))?;
    let pipeline = Pipeline {
        normalizer: rules.compose.then(|| NFC.into()),
        pre_tokenizer: Some(pre_tokenizer),
        model: model.into(),
    };
    Ok((Segmenter::Pipeline(Box::new(pipeline)), rules.add_bos))
}

/// The merges, best first. Each is checked against the vocabulary here: the library's own builder
/// panics on some that do not belong to it.
fn read_merges(gguf: &Gguf, vocab: &Vocab) -> Result<Vec<(String, String)>, ModelError> {
    let lines = gguf.required(MERGES, gguf.strings(MERGES)?)?;
    if lines.len() > 2 * MAX_TOKENS {
        let problem = format!("it has {} entries, the limit is {}", lines.len(), 2 * MAX_TOKENS);
        return Err(gguf.metadata_error(MERGES, problem));
    }
    let mut merges = Vec::with_capacity(lines.len());
    let mut joined = String::new();
    for (index, line) in lines.iter().enumerate() {
        let parts = line.split_once(' ').filter(|(left, right)| {
            joined.clear();
            joined.push_str(left);
            joined.push_str(right);
            [left, right, joined.as_str()].iter().all(|text| vocab.contains_key(*text))
        });
        let Some((left, right)) = parts else {
            let problem = format!("entry {index} is not two tokens that make a third");
            return Err(gguf.metadata_error(MERGES, problem));
        };
        merges.push((left.to_owned(), right.to_owned()));
    }
    Ok(merges)
}

fn pre_tokenizer(rules: PreTokenizerRules) -> Result<PreTokenizerWrapper, String> {
    let mut steps: Vec<PreTokenizerWrapper> = Vec::with_capacity(rules.patterns.len() + 1);
    for pattern in rules.patterns {
        let pattern = SplitPattern::Regex((*pattern).to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
        steps.push(split.map_err(|e| e.to_string())?.into());
    }
    steps.push(ByteLevel::new(false, true, false).into());
    Ok(Sequence::new(steps).into())
}

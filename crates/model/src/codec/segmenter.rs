//! Cuts plain text into tokens, by the rules of the model's tokenizer family.

use tokenizers::tokenizer::normalizer::Range;
use tokenizers::{
    Model, ModelWrapper, Normalizer, NormalizerWrapper, OffsetType, PreTokenizedString,
    PreTokenizer, PreTokenizerWrapper, Token,
};

use super::added::Part;
use super::spm::Spm;

/// Parts of a text that go through a pipeline together, at least.
const CHUNK_PARTS: usize = 32;

/// The tokenizer behind a codec.
#[derive(Debug)]
pub(super) enum Segmenter {
    /// Normaliser, pre-tokenizer and model as Hugging Face's `tokenizers` runs them.
    Pipeline(Box<Pipeline>),
    /// SentencePiece BPE with scores, from a GGUF.
    Spm(Spm),
}

/// The three steps of a `tokenizers` pipeline that look at plain text.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: Option<PreTokenizerWrapper>,
    pub(super) model: ModelWrapper,
}

impl Segmenter {
    /// Tokens of `text`, of which `parts` says what is plain and what is a token already.
    ///
    /// # Errors
    /// The message, when the tokenizer fails on a stretch of plain text.
    pub(super) fn encode(
        &self,
        text: &str,
        parts: &[Part],
        bos: Option<u32>,
    ) -> Result<Vec<u32>, String> {
        match self {
            Segmenter::Pipeline(pipeline) => pipeline.encode(text, parts),
            Segmenter::Spm(spm) => {
                let mut ids = Vec::new();
                let mut previous = None;
                for part in parts {
                    if let Some(token) = part.token {
                        ids.push(token);
                    } else {
                        let with_prefix = spm.prefixes_after(previous, bos);
                        spm.encode(&text[part.range.clone()], with_prefix, &mut ids)?;
                    }
                    previous = part.token;
                }
                Ok(ids)
            }
        }
    }
}

impl Pipeline {
    /// Does what `tokenizers::Tokenizer::encode` does, with our own decision about which added
    /// tokens are recognised where. Parts go through some at a time: the library looks at all of
    /// a text for each part of it.
    fn encode(&self, text: &str, parts: &[Part]) -> Result<Vec<u32>, String> {
        let mut ids = Vec::new();
        let mut rest = parts;
        while !rest.is_empty() {
            // Some pre-tokenizers (Metaspace with `first`) ask whether a part is the start of the
            // text; behind the first chunk none is, because each of them starts with a token.
            let cut = (CHUNK_PARTS..rest.len()).find(|at| rest[*at].token.is_some());
            let (chunk, more) = rest.split_at(cut.unwrap_or(rest.len()));
            ids.extend(self.encode_chunk(text, chunk)?);
            rest = more;
        }
        Ok(ids)
    }

    /// Source: Hugging Face `tokenizers` 0.23, `src/tokenizer/mod.rs`, `encode_single_sequence`.
    fn encode_chunk(&self, text: &str, parts: &[Part]) -> Result<Vec<u32>, String> {
        let start = parts.first().map_or(0, |part| part.range.start);
        let end = parts.last().map_or(start, |part| part.range.end);
        let mut pieces = PreTokenizedString::from(&text[start..end]);
        let cut = pieces.split(|_, whole| {
            let mut splits = Vec::with_capacity(parts.len());
            for Part { range, token } in parts {
                let range = range.start - start..range.end - start;
                let slice = whole.slice(Range::Original(range)).ok_or("parts overlap")?;
                let tokens = token.map(|id| vec![Token::new(id, String::new(), (0, 0))]);
                splits.push((slice, tokens));
            }
            Ok(splits)
        });
        cut.map_err(|e| e.to_string())?;
        if let Some(normalizer) = &self.normalizer {
            pieces.normalize(|piece| normalizer.normalize(piece)).map_err(|e| e.to_string())?;
        }
        if let Some(pre_tokenizer) = &self.pre_tokenizer {
            pre_tokenizer.pre_tokenize(&mut pieces).map_err(|e| e.to_string())?;
        }
        pieces.tokenize(|piece| self.model.tokenize(piece.get())).map_err(|e| e.to_string())?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::None);
        Ok(encoding.map_err(|e| e.to_string())?.get_ids().to_vec())
    }
}

//! Reads and checks an encoder's `config.json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::EmbedError;
use crate::files::read_json;

/// The fewest tokens that an encoder must take: an opening one, one of text, a closing one.
const MIN_TOKENS: usize = 3;

/// Which of the two ways of laying things out a checkpoint has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Bert,
    /// RoBERTa, XLM-RoBERTa, CamemBERT.
    Roberta,
}

/// Shape of a BERT-family encoder; every value is within sane bounds.
#[derive(Debug, Clone)]
pub(crate) struct EncoderConfig {
    pub(crate) family: Family,
    /// Length of a token's vector.
    pub(crate) hidden: usize,
    /// Number of layers.
    pub(crate) layers: usize,
    /// Attention heads; divides `hidden`.
    pub(crate) heads: usize,
    /// Width of the feed-forward layer.
    pub(crate) feed_forward: usize,
    /// Rows of the token embedding table.
    pub(crate) vocabulary: usize,
    /// Rows of the position embedding table.
    pub(crate) positions: usize,
    /// Row of the position table that the first token takes: 0 in BERT, pad + 1 in RoBERTa.
    pub(crate) first_position: usize,
    /// Rows of the token type table.
    pub(crate) token_types: usize,
    /// Added to the variance in layer normalisation.
    pub(crate) norm_epsilon: f32,
}

/// The keys of `config.json` that matter. Source: transformers, `BertConfig`, `XLMRobertaConfig`.
#[derive(Deserialize)]
struct RawConfig {
    model_type: String,
    hidden_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    intermediate_size: u64,
    vocab_size: u64,
    max_position_embeddings: u64,
    #[serde(default = "two")]
    type_vocab_size: u64,
    #[serde(default = "bert_epsilon")]
    layer_norm_eps: f64,
    #[serde(default = "gelu")]
    hidden_act: Value,
    position_embedding_type: Option<String>,
    pad_token_id: Option<u64>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> u64 {
    2
}

fn bert_epsilon() -> f64 {
    1e-12
}

fn gelu() -> Value {
    Value::String("gelu".to_owned())
}

impl EncoderConfig {
    /// Reads `path`.
    ///
    /// # Errors
    /// [`EmbedError::Read`], [`EmbedError::Json`], [`EmbedError::Unsupported`] for another
    /// architecture, [`EmbedError::Config`] for a value out of bounds.
    pub(crate) fn read(path: &Path) -> Result<Self, EmbedError> {
        let raw: RawConfig = read_json(path)?;
        let family = family(&raw, path)?;
        let checked = Checked { path };
        let hidden = checked.within("hidden_size", raw.hidden_size, 1, 16_384)?;
        let heads = checked.within("num_attention_heads", raw.num_attention_heads, 1, 1_024)?;
        if hidden % heads != 0 {
            return Err(checked.error("num_attention_heads", heads, "a divisor of hidden_size"));
        }
        let first_position = match family {
            Family::Bert => 0,
            Family::Roberta => {
                checked.within("pad_token_id", raw.pad_token_id.unwrap_or(1), 0, 1_000)? + 1
            }
        };
        let fewest = (first_position + MIN_TOKENS) as u64;
        let epsilon = raw.layer_norm_eps;
        if !(epsilon > 0.0 && epsilon <= 0.1) {
            return Err(checked.error("layer_norm_eps", epsilon, "more than 0 and at most 0.1"));
        }
        let positions = raw.max_position_embeddings;
        Ok(Self {
            family,
            hidden,
            heads,
            first_position,
            layers: checked.within("num_hidden_layers", raw.num_hidden_layers, 1, 256)?,
            feed_forward: checked.within("intermediate_size", raw.intermediate_size, 1, 131_072)?,
            vocabulary: checked.within("vocab_size", raw.vocab_size, 1, 16_777_216)?,
            positions: checked.within("max_position_embeddings", positions, fewest, 1_048_576)?,
            token_types: checked.within("type_vocab_size", raw.type_vocab_size, 1, 1_024)?,
            norm_epsilon: epsilon as f32,
        })
    }

    /// The most tokens of one input that the position table allows.
    pub(crate) fn max_tokens(&self) -> usize {
        self.positions - self.first_position
    }
}

/// Tells the two families apart and refuses what is neither.
fn family(raw: &RawConfig, path: &Path) -> Result<Family, EmbedError> {
    let unsupported = |what, found: String, supported| {
        Err(EmbedError::Unsupported { path: path.to_owned(), what, found, supported })
    };
    match &raw.position_embedding_type {
        Some(kind) if kind != "absolute" => {
            return unsupported("position_embedding_type", kind.clone(), "absolute");
        }
        _ => {}
    }
    if raw.hidden_act != gelu() {
        return unsupported("hidden_act", raw.hidden_act.to_string(), "gelu");
    }
    if raw.is_decoder {
        return unsupported("is_decoder", "true".to_owned(), "false");
    }
    match raw.model_type.as_str() {
        "bert" => Ok(Family::Bert),
        "roberta" | "xlm-roberta" | "camembert" => Ok(Family::Roberta),
        other => {
            let supported = "bert, roberta, xlm-roberta, camembert";
            unsupported("architecture", other.to_owned(), supported)
        }
    }
}

/// Checks values and names the file in what it refuses.
struct Checked<'a> {
    path: &'a Path,
}

impl Checked<'_> {
    fn within(
        &self,
        key: &'static str,
        value: u64,
        least: u64,
        most: u64,
    ) -> Result<usize, EmbedError> {
        match usize::try_from(value) {
            Ok(size) if (least..=most).contains(&value) => Ok(size),
            _ => Err(self.error(key, value, &format!("{least} to {most}"))),
        }
    }

    fn error(&self, key: &'static str, found: impl ToString, expected: &str) -> EmbedError {
        EmbedError::Config {
            path: self.path.to_owned(),
            key,
            found: found.to_string(),
            expected: expected.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;

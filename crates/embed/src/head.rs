//! Turns the hidden state of the first token into one number: how well a passage answers.
//!
//! Source: Nogueira and Cho 2019, "Passage Re-ranking with BERT", section 2; transformers'
//! `BertForSequenceClassification` and `XLMRobertaClassificationHead` for the two layouts. Dropout
//! does nothing at inference.

use crate::EmbedError;
use crate::config::{EncoderConfig, Family};
use crate::weights::Weights;

/// A dense layer with tanh, and one row of weights.
pub(crate) struct ScoreHead {
    /// Shape `(hidden, hidden)`, row-major, one row an output.
    dense: Vec<f32>,
    /// Shape `(hidden)`.
    dense_bias: Vec<f32>,
    /// Shape `(hidden)`.
    out: Vec<f32>,
    out_bias: f32,
}

impl ScoreHead {
    /// Reads the head of a cross-encoder with one output.
    ///
    /// # Errors
    /// [`EmbedError::MissingTensor`] for an encoder without head, [`EmbedError::TensorShape`] for a
    /// classifier of several labels, [`EmbedError::TensorType`].
    pub(crate) fn load(config: &EncoderConfig, weights: &Weights) -> Result<Self, EmbedError> {
        let hidden = config.hidden;
        let (dense, dense_bias, out, out_bias) = match config.family {
            Family::Bert => (
                weights.tensor("pooler.dense.weight", &[hidden, hidden])?,
                weights.tensor("pooler.dense.bias", &[hidden])?,
                weights.head("classifier.weight", &[1, hidden])?,
                weights.head("classifier.bias", &[1])?,
            ),
            Family::Roberta => (
                weights.head("classifier.dense.weight", &[hidden, hidden])?,
                weights.head("classifier.dense.bias", &[hidden])?,
                weights.head("classifier.out_proj.weight", &[1, hidden])?,
                weights.head("classifier.out_proj.bias", &[1])?,
            ),
        };
        Ok(Self { dense, dense_bias, out, out_bias: out_bias[0] })
    }

    /// Bytes that the weights take.
    pub(crate) fn weight_bytes(&self) -> u64 {
        4 * (self.dense.len() + self.dense_bias.len() + self.out.len() + 1) as u64
    }

    /// The logit of relevance. `first` is the hidden state of the first token, shape `(hidden)`.
    pub(crate) fn score(&self, first: &[f32]) -> f32 {
        let dot = |row: &[f32]| -> f32 { row.iter().zip(first).map(|(a, b)| a * b).sum() };
        let rows = self.dense.chunks_exact(first.len()).zip(&self.dense_bias);
        let hidden = rows.map(|(row, bias)| (dot(row) + bias).tanh());
        hidden.zip(&self.out).map(|(value, weight)| value * weight).sum::<f32>() + self.out_bias
    }
}

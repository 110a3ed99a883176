//! Describes how the next token is chosen from the logits, and when generation ends.

/// How tokens are drawn. Field meanings and neutral values are those of the OpenAI API, with
/// `top_k` and `min_p` as in llama.cpp.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingParams {
    /// Divides the logits; 0 means greedy (the most likely token, ties to the lowest id).
    pub temperature: f32,
    /// Keeps the smallest set of tokens whose probability reaches this; 1 keeps all.
    pub top_p: f32,
    /// Keeps this many most likely tokens; 0 keeps all.
    pub top_k: u32,
    /// Drops tokens less likely than this share of the most likely one; 0 drops none.
    pub min_p: f32,
    /// Penalties on tokens already seen.
    pub penalties: Penalties,
    /// Seed of the per-request generator. `None` draws one from the system.
    pub seed: Option<u64>,
    /// The most tokens to generate; `None` means up to the context's end.
    pub max_tokens: Option<u32>,
    /// Text that ends the answer; it is not part of the answer.
    pub stop: Vec<String>,
    /// Added to the logits of these tokens before anything else, by ascending token id; −100 and
    /// 100 all but forbid and force, as in the OpenAI API.
    pub logit_bias: Vec<(u32, f32)>,
    /// Tell each token's log-probability, with this many likeliest alternatives. They are those
    /// of the model itself, before bias, penalties, temperature and constraint.
    pub logprobs: Option<u32>,
}

/// Penalties on tokens of the answer so far (OpenAI's formula) and of prompt and answer
/// (`repetition`, CTRL's formula).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Penalties {
    /// Subtracted from the logit of a token per occurrence in the answer; 0 is neutral.
    pub frequency: f32,
    /// Subtracted once from the logit of a token that occurs in the answer; 0 is neutral.
    pub presence: f32,
    /// Divides positive and multiplies negative logits of tokens of prompt and answer; 1 is
    /// neutral. Source: Keskar et al. 2019 (CTRL), section 4.1.
    pub repetition: f32,
}

impl Default for Penalties {
    fn default() -> Self {
        Self { frequency: 0.0, presence: 0.0, repetition: 1.0 }
    }
}

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            penalties: Penalties::default(),
            seed: None,
            max_tokens: None,
            stop: Vec::new(),
            logit_bias: Vec::new(),
            logprobs: None,
        }
    }
}

impl SamplingParams {
    /// Deterministic decoding of at most `max_tokens` tokens.
    pub fn greedy(max_tokens: u32) -> Self {
        Self { temperature: 0.0, max_tokens: Some(max_tokens), ..Self::default() }
    }
}

//! Writes prompts of a wanted length, the same ones for the same seed.

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::chat::{Chat, Message};
use super::target::Target;

const CORPUS: &str = include_str!("../../../../../tests/workloads/corpus.toml");

/// Words of the two prompts that the length of a word is taken from: about one round of the
/// sentences lies between them.
const CALIBRATION_WORDS: [usize; 2] = [20, 150];

/// What texts are made of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    sentences: Vec<String>,
    words: std::collections::BTreeMap<String, Vec<String>>,
}

/// Texts in tokens of one model.
pub(super) struct Prompts {
    corpus: Corpus,
    seed: u64,
    scale: Scale,
}

/// How words become tokens: `fixed` for the chat template, `per_word` for each word.
#[derive(Debug, Clone, Copy)]
struct Scale {
    fixed: f64,
    per_word: f64,
}

impl Prompts {
    /// Asks the server how many tokens two texts have. These are also the first requests, after
    /// which nothing is measured cold.
    ///
    /// # Errors
    /// When the server does not answer, or does not tell `usage`.
    pub(super) fn calibrated(target: &Target, seed: u64) -> anyhow::Result<Self> {
        let scale = Scale { fixed: 0.0, per_word: 1.0 };
        let mut prompts = Self { corpus: corpus()?, seed, scale };
        let mut tokens = [0.0; 2];
        for (tokens, words) in tokens.iter_mut().zip(CALIBRATION_WORDS) {
            let text = prompts.words(words, prompts.seed_of("calibration", words as u64));
            let told = target.chat(&Chat::new(vec![Message::user(text)], 1))?.usage.prompt_tokens;
            ensure!(told > 0, "the stream ended without usage.prompt_tokens");
            *tokens = told as f64;
        }
        prompts.scale = Scale::from(CALIBRATION_WORDS.map(|words| words as f64), tokens);
        Ok(prompts)
    }

    /// A seed for one run of a case (FNV-1a over the name, mixed).
    pub(super) fn seed_of(&self, name: &str, run: u64) -> u64 {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        let mut draw = Draw(self.seed ^ hash.rotate_left(17) ^ run.wrapping_mul(0x9E37_79B9));
        draw.next()
    }

    /// A text that makes, with the chat template and `instruction` below it, a prompt of about
    /// `tokens` tokens. Its first words differ from seed to seed.
    pub(super) fn text(&self, tokens: u32, instruction: &str, seed: u64) -> String {
        let taken = instruction.split_whitespace().count() as f64 * self.scale.per_word;
        let wanted = f64::from(tokens) - self.scale.fixed - taken;
        let words = (wanted / self.scale.per_word).round().max(1.0) as usize;
        format!("{}\n\n{instruction}", self.words(words, seed))
    }

    /// `count` words of sentences.
    fn words(&self, count: usize, seed: u64) -> String {
        let mut draw = Draw(seed);
        let mut words = vec![format!("Notes {} :", draw.below(1_000_000_000))];
        let mut length = 3;
        // In turns from a drawn one on, so that all long texts have the same mix of sentences and
        // so the same tokens a word.
        let first = draw.below(self.corpus.sentences.len() as u64) as usize;
        let mut sentences = self.corpus.sentences.iter().cycle().skip(first);
        while let Some(sentence) = sentences.next().filter(|_| length < count) {
            let sentence = self.filled(sentence, &mut draw);
            let kept: Vec<&str> = sentence.split_whitespace().take(count - length).collect();
            length += kept.len();
            words.push(kept.join(" "));
        }
        words.join(" ")
    }

    /// A sentence with words in its places.
    fn filled(&self, sentence: &str, draw: &mut Draw) -> String {
        let mut rest = sentence;
        let mut sentence = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            sentence.push_str(before);
            match self.corpus.words.get(name) {
                Some(words) => sentence.push_str(draw.pick(words)),
                None => sentence.push_str(&draw.between(2, 9999).to_string()),
            }
            rest = after;
        }
        sentence + rest
    }
}

impl Scale {
    /// The line through two texts of `words` words and `tokens` tokens.
    fn from(words: [f64; 2], tokens: [f64; 2]) -> Self {
        let per_word = ((tokens[1] - tokens[0]) / (words[1] - words[0])).max(0.1);
        Self { fixed: (tokens[0] - words[0] * per_word).max(0.0), per_word }
    }
}

fn corpus() -> anyhow::Result<Corpus> {
    toml::from_str(CORPUS).context("tests/workloads/corpus.toml")
}

/// Draws numbers. Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
/// generators" (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// One of `words`; nothing of an empty list.
    fn pick<'a>(&mut self, words: &'a [String]) -> &'a str {
        let index = self.below(words.len() as u64) as usize;
        words.get(index).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests;

//! Measures how fast one answer is written after a prompt of some length.

use serde::Deserialize;

use super::chat::{Chat, Message};
use super::metric::Metric;
use super::prompts::Prompts;
use super::sample::Sample;
use super::stats::millis;
use super::target::Target;

/// A prompt, and an answer that nobody else disturbs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decode {
    depth_tokens: u32,
    max_tokens: u32,
    instruction: String,
}

impl Decode {
    pub(super) fn needed_tokens(&self) -> u32 {
        self.depth_tokens + self.max_tokens
    }

    pub(super) fn measure(
        &self,
        target: &Target,
        prompts: &Prompts,
        seed: u64,
    ) -> anyhow::Result<Sample> {
        let text = prompts.text(self.depth_tokens, &self.instruction, seed);
        let answer = target.chat(&Chat::new(vec![Message::user(text)], self.max_tokens))?;
        let mut sample = Sample::default();
        if let Some(speed) = answer.decode_speed() {
            sample.add(Metric::DecodeSpeed, speed);
        }
        sample.add_gaps(&[&answer.pieces]);
        sample.add(Metric::Ttft, millis(answer.ttft()));
        sample.add_usage(&answer);
        Ok(sample)
    }
}

//! Measures how fast a prompt is read.

use serde::Deserialize;

use super::chat::{Chat, Message};
use super::metric::Metric;
use super::prompts::Prompts;
use super::sample::Sample;
use super::stats::millis;
use super::target::Target;

/// A prompt, and one token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefill {
    prompt_tokens: u32,
    instruction: String,
}

impl Prefill {
    pub(super) fn needed_tokens(&self) -> u32 {
        self.prompt_tokens + 1
    }

    pub(super) fn measure(
        &self,
        target: &Target,
        prompts: &Prompts,
        seed: u64,
    ) -> anyhow::Result<Sample> {
        let text = prompts.text(self.prompt_tokens, &self.instruction, seed);
        let answer = target.chat(&Chat::new(vec![Message::user(text)], 1))?;
        let mut sample = Sample::default();
        sample.add(Metric::PrefillSpeed, answer.prefill_speed());
        sample.add(Metric::Ttft, millis(answer.ttft()));
        sample.add_usage(&answer);
        Ok(sample)
    }
}

//! Measures what a system prompt costs the second time.

use serde::Deserialize;

use super::chat::{Chat, Message};
use super::metric::Metric;
use super::prompts::Prompts;
use super::sample::Sample;
use super::stats::millis;
use super::target::Target;

/// The same system prompt with two questions, one after the other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SharedPrefix {
    shared_tokens: u32,
    max_tokens: u32,
    questions: [String; 2],
}

/// Room for a question.
const QUESTION_TOKENS: u32 = 64;

impl SharedPrefix {
    pub(super) fn needed_tokens(&self) -> u32 {
        self.shared_tokens + QUESTION_TOKENS + self.max_tokens
    }

    pub(super) fn measure(
        &self,
        target: &Target,
        prompts: &Prompts,
        seed: u64,
    ) -> anyhow::Result<Sample> {
        let shared = prompts.text(self.shared_tokens, "", seed);
        let [first, second] = &self.questions;
        let ask = |question: &String| {
            let messages = vec![Message::system(shared.clone()), Message::user(question.clone())];
            target.chat(&Chat::new(messages, self.max_tokens))
        };
        let (first, second) = (ask(first)?, ask(second)?);
        let mut sample = Sample::default();
        sample.add(Metric::FirstTtft, millis(first.ttft()));
        sample.add(Metric::SecondTtft, millis(second.ttft()));
        sample.add_usage(&second);
        Ok(sample)
    }
}

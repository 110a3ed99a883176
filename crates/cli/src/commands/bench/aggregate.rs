//! Measures several clients who ask at the same moment.

use std::sync::Barrier;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use super::chat::{Answer, Chat, Message};
use super::metric::Metric;
use super::prompts::Prompts;
use super::sample::Sample;
use super::stats::{millis, per_second};
use super::target::Target;

/// One chat a client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Aggregate {
    instruction: String,
    chats: Vec<Sizes>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    prompt_tokens: u32,
    max_tokens: u32,
}

impl Aggregate {
    pub(super) fn needed_tokens(&self) -> u32 {
        let needed = self.chats.iter().map(|sizes| sizes.prompt_tokens + sizes.max_tokens);
        needed.max().unwrap_or(0)
    }

    /// # Errors
    /// When every client fails; the failures of some are counted.
    pub(super) fn measure(
        &self,
        target: &Target,
        prompts: &Prompts,
        seed: u64,
    ) -> anyhow::Result<Sample> {
        let chats = self.chats.iter().enumerate().map(|(client, sizes)| {
            let seed = seed.wrapping_add(client as u64);
            let text = prompts.text(sizes.prompt_tokens, &self.instruction, seed);
            Chat::new(vec![Message::user(text)], sizes.max_tokens)
        });
        let mut answers = Vec::new();
        let mut errors = Vec::new();
        for result in ask_together(target, &chats.collect::<Vec<_>>()) {
            match result {
                Ok(answer) => answers.push(answer),
                Err(error) => errors.push(error),
            }
        }
        let failed = errors.len();
        if answers.is_empty() {
            let first = errors.into_iter().next().unwrap_or_else(|| anyhow!("no clients"));
            return Err(first).context(format!("all {failed} clients failed"));
        }
        let mut sample = sample(&answers);
        sample.count(Metric::Errors, failed as u64);
        Ok(sample)
    }
}

/// Sends all chats at the same moment, each from a thread of its own, and waits for all.
fn ask_together(target: &Target, chats: &[Chat]) -> Vec<anyhow::Result<Answer>> {
    // Nobody begins before everybody is there.
    let barrier = Barrier::new(chats.len());
    let ask = |chat| {
        barrier.wait();
        target.chat(chat)
    };
    std::thread::scope(|scope| {
        let ask = &ask;
        let clients: Vec<_> = chats.iter().map(|chat| scope.spawn(move || ask(chat))).collect();
        let finished = clients.into_iter().map(std::thread::ScopedJoinHandle::join);
        let panicked = |_| Err(anyhow!("a client panicked"));
        finished.map(|joined| joined.unwrap_or_else(panicked)).collect()
    })
}

fn sample(answers: &[Answer]) -> Sample {
    let mut sample = Sample::default();
    let generated = answers.iter().map(|answer| answer.usage.completion_tokens).sum();
    let began: Option<Instant> = answers.iter().map(|answer| answer.sent).min();
    let ended: Option<Instant> = answers.iter().map(|answer| answer.ended).max();
    if let (Some(began), Some(ended)) = (began, ended) {
        let time = ended.duration_since(began);
        sample.add(Metric::AggregateSpeed, per_second(generated, time));
        sample.add(Metric::Total, millis(time));
    }
    let ttfts: Vec<f64> = answers.iter().map(|answer| millis(answer.ttft())).collect();
    sample.add_percentiles(&ttfts, [Metric::TtftP50, Metric::TtftP95, Metric::TtftMax]);
    let streams: Vec<&[Instant]> = answers.iter().map(|answer| &answer.pieces[..]).collect();
    sample.add_gaps(&streams);
    let read = answers.iter().map(|answer| answer.usage.prompt_tokens).sum();
    sample.count(Metric::PromptTokens, read);
    sample.count(Metric::GeneratedTokens, generated);
    sample
}

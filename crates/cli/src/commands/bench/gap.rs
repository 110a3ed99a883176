//! Measures how long a running answer waits while somebody else's long prompt is read.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use super::chat::{Answer, Chat, Message};
use super::metric::Metric;
use super::prompts::Prompts;
use super::sample::Sample;
use super::stats::{gaps, millis, percentile};
use super::target::Target;

/// A stream, and a long prompt that arrives meanwhile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gap {
    stream_prompt_tokens: u32,
    stream_max_tokens: u32,
    stream_instruction: String,
    arrival_after: usize,
    arrival_tokens: u32,
    arrival_instruction: String,
}

impl Gap {
    pub(super) fn needed_tokens(&self) -> u32 {
        let stream = self.stream_prompt_tokens + self.stream_max_tokens;
        stream.max(self.arrival_tokens + 1)
    }

    pub(super) fn measure(
        &self,
        target: &Target,
        prompts: &Prompts,
        seed: u64,
    ) -> anyhow::Result<Sample> {
        let chat = |tokens, instruction, seed, max_tokens| {
            let text = prompts.text(tokens, instruction, seed);
            Chat::new(vec![Message::user(text)], max_tokens)
        };
        let (tokens, most) = (self.stream_prompt_tokens, self.stream_max_tokens);
        let stream = chat(tokens, &self.stream_instruction, seed, most);
        let later = seed.wrapping_add(1);
        let arrival = chat(self.arrival_tokens, &self.arrival_instruction, later, 1);
        let (running, arrived) = self.overlap(target, &stream, &arrival)?;
        Ok(sample(&running, &arrived))
    }

    /// Sends `arrival` once `stream` runs; leaves the stream when the arrival is answered.
    fn overlap(
        &self,
        target: &Target,
        stream: &Chat,
        arrival: &Chat,
    ) -> anyhow::Result<(Answer, Answer)> {
        // Set by the arrival's thread (this one) and read by the stream's after every piece.
        let answered = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                // Dropped with this thread, so that the other does not wait for a failed stream.
                let sender = sender;
                target.watch(stream, |answer| {
                    if answer.pieces.len() == self.arrival_after {
                        let _ = sender.send(());
                    }
                    match answered.load(Ordering::Relaxed) {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                })
            });
            let started = receiver.recv().is_ok();
            let arrived = started.then(|| target.chat(arrival));
            answered.store(true, Ordering::Relaxed);
            let running = running.join().map_err(|_| anyhow!("the stream's thread failed"))?;
            let running = running.context("the stream")?;
            let arrived = arrived.context("the stream ended before the long prompt was sent")?;
            Ok((running, arrived.context("the long prompt")?))
        })
    }
}

fn sample(running: &Answer, arrived: &Answer) -> Sample {
    let first = arrived.sent + arrived.ttft();
    let before: Vec<Instant> =
        running.pieces.iter().copied().filter(|moment| *moment < arrived.sent).collect();
    let meanwhile: Vec<Instant> = running
        .pieces
        .iter()
        .copied()
        .filter(|moment| (arrived.sent..=first).contains(moment))
        .collect();
    // The wait may reach back before the arrival and beyond its first token.
    let last_before = before.last().copied();
    let first_after = running.pieces.iter().copied().find(|moment| *moment > first);
    let around: Vec<Instant> =
        last_before.into_iter().chain(meanwhile.iter().copied()).chain(first_after).collect();
    let mut sample = Sample::default();
    if let Some(worst) = percentile(&gaps(&around), 100.0) {
        sample.add(Metric::WorstGap, worst);
    }
    if let Some(quiet) = percentile(&gaps(&before), 50.0) {
        sample.add(Metric::QuietItlP50, quiet);
    }
    sample.add(Metric::ArrivalTtft, millis(arrived.ttft()));
    sample.count(Metric::PiecesDuringArrival, meanwhile.len() as u64);
    sample.count(Metric::PromptTokens, arrived.usage.prompt_tokens);
    sample
}

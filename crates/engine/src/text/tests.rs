//! Tests the whole way of a request, with a model that has no weights.

mod answers;
mod constraints;
mod drafts;
mod fairness;
mod faults;
mod figures;
mod leaving;
mod limits;
mod logprobs;
mod memory;
mod prefixes;
mod tool_calls;

use std::sync::Arc;
use std::time::Duration;

use intramuros_backend::TextBatch;
use intramuros_testkit::{Control, FakeCodec, FakeText, Reply};
use intramuros_types::{RequestId, SamplingParams};

use super::TextEngine;
use crate::clock::Clock;
use crate::testing::{eventually, poll_once};
use crate::{ComputeGate, EngineConfig, EngineError, GenerateRequest, Generation, Prompt};

/// An engine over a fake, with what a test needs to disturb it.
struct Bench {
    engine: TextEngine,
    control: Control<TextBatch>,
    clock: Clock,
    gate: ComputeGate,
}

impl Bench {
    fn new(model: FakeText, config: EngineConfig) -> Self {
        let (control, clock) = (model.control(), Clock::manual());
        let gate = ComputeGate::default();
        let load = move || Ok(Box::new(model) as Box<_>);
        let engine =
            TextEngine::start_at(load, Arc::new(FakeCodec), config, (gate.clone(), clock.clone()));
        Self { engine: engine.unwrap(), control, clock, gate }
    }

    async fn submit(&self, prompt: &str, max_tokens: u32) -> Result<Generation, EngineError> {
        self.engine.submit(request(prompt, SamplingParams::greedy(max_tokens))).await
    }

    /// Submits a request that must be accepted.
    async fn accept(&self, prompt: &str, max_tokens: u32) -> Generation {
        self.submit(prompt, max_tokens).await.unwrap()
    }

    /// The whole answer of a request that must succeed.
    async fn answer(&self, prompt: &str, max_tokens: u32) -> String {
        self.accept(prompt, max_tokens).await.collect().await.unwrap().text
    }

    /// Of each row of a step the sequence, by its first block, and how many tokens it had.
    fn rows(&self, step: usize) -> Vec<(u32, usize)> {
        let batch = self.control.batches()[step - 1].clone();
        batch.rows.iter().map(|row| (row.blocks[0].0, row.tokens.len())).collect()
    }

    /// Blocks that sequences have.
    fn used_blocks(&self) -> usize {
        self.engine.status().kv_used_blocks
    }
}

fn config() -> EngineConfig {
    EngineConfig {
        max_queue: 16,
        max_sequences: 8,
        prefill_chunk_tokens: 16,
        max_token_gap: Duration::from_secs(60),
        max_draft_tokens: 0,
        share_prefixes: true,
        default_max_tokens: None,
        request_timeout: Duration::from_secs(600),
    }
}

fn hashed() -> FakeText {
    FakeText::new(Reply::Hashed)
}

/// A model that says `reply` to everything.
fn saying(reply: &str) -> FakeText {
    FakeText::new(Reply::Bytes(reply.as_bytes().to_vec()))
}

fn request(prompt: &str, sampling: SamplingParams) -> GenerateRequest {
    let prompt = Prompt::Text(prompt.to_owned());
    GenerateRequest::new(RequestId::new("req_test"), prompt, sampling)
}

//! Measures how long a document takes to become JSON of a schema.

use std::ops::ControlFlow;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use super::chat::{Chat, Message};
use super::metric::Metric;
use super::prompts::Prompts;
use super::sample::Sample;
use super::stats::millis;
use super::target::Target;

const DOCUMENT: &str = include_str!("../../../../../tests/workloads/invoice.txt");
const SCHEMA: &str = include_str!("../../../../../tests/workloads/invoice.schema.json");

/// Tokens of what stands before the document, so that runs begin differently.
const HEAD_TOKENS: u32 = 48;

/// A document in, JSON out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extraction {
    prompt_tokens: u32,
    max_tokens: u32,
    instruction: String,
}

impl Extraction {
    pub(super) fn needed_tokens(&self) -> u32 {
        self.prompt_tokens + self.max_tokens
    }

    pub(super) fn measure(
        &self,
        target: &Target,
        prompts: &Prompts,
        seed: u64,
    ) -> anyhow::Result<Sample> {
        let schema: Value =
            serde_json::from_str(SCHEMA).context("tests/workloads/invoice.schema.json")?;
        let head = prompts.text(HEAD_TOKENS, "", seed);
        let text = format!("{head}{DOCUMENT}\n{}", self.instruction);
        let chat = Chat::new(vec![Message::user(text)], self.max_tokens).held_to(schema.clone());
        // Passes are counted from the first piece on: reading the prompt is measured elsewhere.
        let mut steps_at_first = None;
        let answer = target.watch(&chat, |answer| {
            if answer.pieces.len() == 1 {
                steps_at_first = target.counters().map(|counters| counters.steps);
            }
            ControlFlow::Continue(())
        })?;
        let mut sample = Sample::default();
        sample.add(Metric::Total, millis(answer.total()));
        sample.add(Metric::Ttft, millis(answer.ttft()));
        if let Some(speed) = answer.decode_speed() {
            sample.add(Metric::DecodeSpeed, speed);
        }
        sample.add(Metric::Valid, if is_valid(&answer.text, &schema) { 1.0 } else { 0.0 });
        let after = answer.usage.completion_tokens.saturating_sub(1);
        if let (Some(first), Some(last), 1..) = (steps_at_first, target.counters(), after) {
            let passes = last.steps.saturating_sub(first);
            sample.add(Metric::PassesPerToken, passes as f64 / after as f64);
        }
        sample.add_usage(&answer);
        Ok(sample)
    }
}

/// Whether `answer` is JSON with exactly the schema's fields, each of its type. Patterns and
/// lengths are the server's word.
fn is_valid(answer: &str, schema: &Value) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(answer) else { return false };
    let Some(properties) = schema["properties"].as_object() else { return false };
    let typed = properties.iter().all(|(name, property)| {
        let field = fields.get(name).unwrap_or(&Value::Null);
        match property["type"].as_str() {
            Some("number") => field.is_number(),
            Some("string") => {
                let allowed = property["enum"].as_array();
                field.is_string() && allowed.is_none_or(|allowed| allowed.contains(field))
            }
            _ => false,
        }
    });
    typed && fields.keys().all(|name| properties.contains_key(name))
}

#[cfg(test)]
mod tests;

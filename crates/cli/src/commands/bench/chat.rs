//! Sends a chat and notes when each piece of its streamed answer arrives.

use std::io::BufReader;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::sse::Events;
use super::stats;
use super::target::Target;
use crate::client::Problem;

/// A turn of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Message {
    role: &'static str,
    content: String,
}

impl Message {
    pub(super) fn user(content: String) -> Self {
        Self { role: "user", content }
    }

    pub(super) fn system(content: String) -> Self {
        Self { role: "system", content }
    }
}

/// A request, always greedy and streamed.
#[derive(Debug, Clone)]
pub(super) struct Chat {
    messages: Vec<Message>,
    max_tokens: u32,
    /// The schema that the answer is held to.
    schema: Option<Value>,
}

impl Chat {
    pub(super) fn new(messages: Vec<Message>, max_tokens: u32) -> Self {
        Self { messages, max_tokens, schema: None }
    }

    pub(super) fn held_to(self, schema: Value) -> Self {
        Self { schema: Some(schema), ..self }
    }

    /// Only fields that every server of this API knows.
    fn body(&self, model: &str) -> Value {
        let messages = self.messages.iter();
        let messages: Vec<Value> = messages
            .map(|message| json!({"role": message.role, "content": message.content}))
            .collect();
        let mut body = json!({
            "model": model,
            "messages": messages,
            "max_tokens": self.max_tokens,
            "temperature": 0,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        if let Some(schema) = &self.schema {
            body["response_format"] = json!({
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": true, "schema": schema},
            });
        }
        body
    }
}

/// Tokens as the server counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    /// `None` when the server does not tell.
    pub(super) cached_tokens: Option<u64>,
}

/// An answer and the moments of its pieces.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) sent: Instant,
    /// When each piece of text arrived. A piece may hold several tokens.
    pub(super) pieces: Vec<Instant>,
    pub(super) ended: Instant,
    pub(super) text: String,
    pub(super) usage: Usage,
    /// Whether the answer was read to its end, rather than left.
    pub(super) whole: bool,
    /// When the reason for the end arrived.
    finished: Option<Instant>,
}

impl Answer {
    fn new(sent: Instant) -> Self {
        let usage = Usage::default();
        let (pieces, text) = (Vec::new(), String::new());
        Self { sent, pieces, ended: sent, text, usage, whole: false, finished: None }
    }

    /// Time to the first piece; of an answer without text, to its end.
    pub(super) fn ttft(&self) -> Duration {
        let first = self.pieces.first().copied().or(self.finished).unwrap_or(self.ended);
        first.duration_since(self.sent)
    }

    /// Time from sending to the end.
    pub(super) fn total(&self) -> Duration {
        self.ended.duration_since(self.sent)
    }

    /// Prompt tokens that were computed, by the time to the first piece.
    pub(super) fn prefill_speed(&self) -> f64 {
        let cached = self.usage.cached_tokens.unwrap_or(0);
        stats::per_second(self.usage.prompt_tokens.saturating_sub(cached), self.ttft())
    }

    /// Tokens after the first one, by the time from the first piece to the last; `None` for an
    /// answer that came in one piece.
    pub(super) fn decode_speed(&self) -> Option<f64> {
        let (first, last) = (self.pieces.first()?, self.pieces.last()?);
        let time = last.duration_since(*first);
        let tokens = self.usage.completion_tokens.saturating_sub(1);
        (!time.is_zero()).then(|| stats::per_second(tokens, time))
    }

    /// Takes in one event that arrived at `now`.
    fn read(&mut self, event: &str, now: Instant) -> anyhow::Result<()> {
        let event: Value = serde_json::from_str(event).context("an event is not JSON")?;
        if let Some(message) = error_of(&event) {
            bail!(Problem { message, code: event["error"]["code"].as_str().map(str::to_string) });
        }
        let choice = &event["choices"][0];
        let delta = &choice["delta"];
        let texts = ["content", "reasoning_content"].map(|name| delta[name].as_str().unwrap_or(""));
        if texts.iter().any(|text| !text.is_empty()) {
            self.pieces.push(now);
            self.text.push_str(texts[0]);
        }
        if choice["finish_reason"].is_string() {
            self.finished = Some(now);
        }
        if let Some(told) = usage_of(&event) {
            self.usage = told;
        }
        Ok(())
    }
}

fn error_of(event: &Value) -> Option<String> {
    let error = event.get("error").filter(|error| !error.is_null())?;
    let message = error["message"].as_str().or(error.as_str());
    Some(message.map_or_else(|| error.to_string(), str::to_string))
}

fn usage_of(event: &Value) -> Option<Usage> {
    let usage = event.get("usage").filter(|usage| usage.is_object())?;
    Some(Usage {
        prompt_tokens: usage["prompt_tokens"].as_u64().unwrap_or(0),
        completion_tokens: usage["completion_tokens"].as_u64().unwrap_or(0),
        cached_tokens: usage["prompt_tokens_details"]["cached_tokens"].as_u64(),
    })
}

impl Target {
    /// Sends a chat and reads the whole answer.
    ///
    /// # Errors
    /// When the server does not answer, refuses, or breaks off.
    pub(super) fn chat(&self, chat: &Chat) -> anyhow::Result<Answer> {
        self.watch(chat, |_| ControlFlow::Continue(()))
    }

    /// As [`Target::chat`], and calls `on_piece` after every piece; a break leaves the answer.
    pub(super) fn watch(
        &self,
        chat: &Chat,
        mut on_piece: impl FnMut(&Answer) -> ControlFlow<()>,
    ) -> anyhow::Result<Answer> {
        let body = chat.body(&self.model);
        let mut answer = Answer::new(Instant::now());
        let reader = self.open("/v1/chat/completions", &body)?;
        for event in Events::new(BufReader::new(reader)) {
            let event = event.context("the stream broke off")?;
            let now = Instant::now();
            answer.ended = now;
            if event == "[DONE]" {
                answer.whole = true;
                break;
            }
            let pieces = answer.pieces.len();
            answer.read(&event, now)?;
            if answer.pieces.len() > pieces && on_piece(&answer).is_break() {
                return Ok(answer);
            }
        }
        answer.whole |= answer.finished.is_some();
        if !answer.whole {
            bail!("the stream ended without a finish_reason");
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;

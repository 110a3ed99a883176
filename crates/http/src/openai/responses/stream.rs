//! Writes the events of a streamed response.

use intramuros_engine::GenerationEvent;
use intramuros_types::{FinishReason, ToolCall, Usage};
use serde_json::{Value, json};

use super::{Draft, item_status, output_text};
use crate::openai::sse::ChunkWriter;

/// Follows one response from `response.created` to its end.
pub(super) struct ResponseEvents {
    draft: Draft,
    sequence_number: u64,
    /// Items that are finished.
    output: Vec<Value>,
    open: Option<Open>,
}

/// The item that is being written.
enum Open {
    Message(String),
    Call(ToolCall),
}

impl ResponseEvents {
    pub(super) fn new(draft: Draft) -> Self {
        Self { draft, sequence_number: 0, output: Vec::new(), open: None }
    }

    fn event(&mut self, kind: &str, fields: Value) -> Value {
        let mut event = json!({"type": kind, "sequence_number": self.sequence_number});
        self.sequence_number += 1;
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        event
    }

    /// Fields that name the open item.
    fn place(&self, kind: &str) -> Value {
        let index = self.output.len();
        json!({"item_id": self.draft.item_id(kind, index), "output_index": index})
    }

    fn with(mut place: Value, fields: Value) -> Value {
        if let (Some(place), Value::Object(fields)) = (place.as_object_mut(), fields) {
            place.extend(fields);
        }
        place
    }

    fn open_message(&mut self) -> Vec<Value> {
        let index = self.output.len();
        self.open = Some(Open::Message(String::new()));
        let item = self.draft.message(index, "", "in_progress");
        let added = json!({"output_index": index, "item": item});
        let part = json!({"content_index": 0, "part": output_text("")});
        let part = Self::with(self.place("msg"), part);
        vec![
            self.event("response.output_item.added", added),
            self.event("response.content_part.added", part),
        ]
    }

    /// Closes the open item with `status`.
    fn close(&mut self, status: &str) -> Vec<Value> {
        let index = self.output.len();
        let (mut events, item) = match self.open.take() {
            None => return Vec::new(),
            Some(Open::Message(text)) => {
                let place = self.place("msg");
                let done = json!({"content_index": 0, "text": text, "logprobs": []});
                let part = json!({"content_index": 0, "part": output_text(&text)});
                let events = vec![
                    self.event("response.output_text.done", Self::with(place.clone(), done)),
                    self.event("response.content_part.done", Self::with(place, part)),
                ];
                (events, self.draft.message(index, &text, status))
            }
            Some(Open::Call(call)) => {
                let done = json!({"name": call.name, "arguments": call.arguments});
                let done = Self::with(self.place("fc"), done);
                let events = vec![self.event("response.function_call_arguments.done", done)];
                (events, self.draft.function_call(index, &call, status))
            }
        };
        let done = json!({"output_index": index, "item": item});
        events.push(self.event("response.output_item.done", done));
        self.output.push(item);
        events
    }

    fn text(&mut self, piece: &str) -> Vec<Value> {
        if piece.is_empty() {
            return Vec::new();
        }
        let mut events = Vec::new();
        if !matches!(self.open, Some(Open::Message(_))) {
            events.extend(self.close("completed"));
            events.extend(self.open_message());
        }
        if let Some(Open::Message(text)) = &mut self.open {
            text.push_str(piece);
        }
        let delta = json!({"content_index": 0, "delta": piece, "logprobs": []});
        let delta = Self::with(self.place("msg"), delta);
        events.push(self.event("response.output_text.delta", delta));
        events
    }

    fn call(&mut self, id: String, name: String) -> Vec<Value> {
        let mut events = self.close("completed");
        let index = self.output.len();
        let call = ToolCall { id, name, arguments: String::new() };
        let item = self.draft.function_call(index, &call, "in_progress");
        let added = json!({"output_index": index, "item": item});
        events.push(self.event("response.output_item.added", added));
        self.open = Some(Open::Call(call));
        events
    }

    fn arguments(&mut self, fragment: &str) -> Vec<Value> {
        if let Some(Open::Call(call)) = &mut self.open {
            call.arguments.push_str(fragment);
        }
        let delta = Self::with(self.place("fc"), json!({"delta": fragment}));
        vec![self.event("response.function_call_arguments.delta", delta)]
    }

    fn finish(&mut self, reason: FinishReason, usage: Usage) -> Vec<Value> {
        let mut events = Vec::new();
        // An answer without a word is still a message.
        if self.output.is_empty() && self.open.is_none() {
            events.extend(self.open_message());
        }
        events.extend(self.close(item_status(reason, true)));
        let output = std::mem::take(&mut self.output);
        let response = self.draft.finished(output, reason, usage);
        let cut = reason == FinishReason::Length;
        let kind = if cut { "response.incomplete" } else { "response.completed" };
        events.push(self.event(kind, json!({"response": response})));
        events
    }
}

impl ChunkWriter for ResponseEvents {
    fn opening(&mut self) -> Vec<Value> {
        let response = self.draft.object("in_progress", Vec::new());
        ["response.created", "response.in_progress"]
            .map(|kind| self.event(kind, json!({"response": response.clone()})))
            .into()
    }

    fn event(&mut self, _choice: usize, event: GenerationEvent) -> Vec<Value> {
        match event {
            GenerationEvent::Prompt(_) | GenerationEvent::Hidden(_) => Vec::new(),
            GenerationEvent::Text { text, .. } => self.text(&text),
            GenerationEvent::ToolCall { id, name, .. } => self.call(id, name),
            GenerationEvent::ToolArguments { fragment, .. } => self.arguments(&fragment),
            GenerationEvent::Finished { reason, usage } => self.finish(reason, usage),
        }
    }

    fn closing(&mut self, _usages: Vec<Usage>) -> Vec<Value> {
        Vec::new()
    }
}

//! Streams the choices of a request as server-sent events in OpenAI's framing.
//!
//! The stream owns the [`Choices`]: when the client leaves, hyper drops the body, the stream drops
//! the generations and the engine frees their sequences at its next step. An error after the
//! headers were sent becomes an `error` object as the last event, and no `[DONE]` follows.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, BoxStream, StreamExt as _};
use intramuros_engine::{EngineError, GenerationEvent};
use intramuros_types::Usage;
use serde_json::Value;

use super::choices::Choices;
use crate::error::ApiError;
use crate::visit::{Visit, note_failure};

/// Writes the chunks of one kind of stream.
pub(crate) trait ChunkWriter: Send + 'static {
    /// The chunks before anything else.
    fn opening(&mut self) -> Vec<Value>;
    /// The chunks for an event of a choice.
    fn event(&mut self, choice: usize, event: GenerationEvent) -> Vec<Value>;
    /// The chunks at the end, when `usages` holds what each choice took.
    fn closing(&mut self, usages: Vec<Usage>) -> Vec<Value>;
}

struct State<W> {
    writer: W,
    events: BoxStream<'static, (usize, Result<GenerationEvent, EngineError>)>,
    ready: VecDeque<Event>,
    /// By choice, in whatever order they end.
    usages: Vec<Usage>,
    visit: Option<Arc<Visit>>,
    over: bool,
}

/// Answers with the choices as a stream of events.
pub(crate) fn respond<W: ChunkWriter>(choices: Choices, mut writer: W) -> Response {
    let queue_position = choices.queue_position;
    let visit = choices.visit.clone();
    let state = State {
        ready: writer.opening().iter().map(json_event).collect(),
        writer,
        events: choices.events().boxed(),
        usages: Vec::new(),
        visit,
        over: false,
    };
    let events = stream::unfold(state, |mut state| async move {
        while state.ready.is_empty() && !state.over {
            state.advance().await;
        }
        let event = state.ready.pop_front()?;
        Some((Ok::<_, Infallible>(event), state))
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10));
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    // Asks nginx not to hold tokens back.
    let no_buffering = axum::http::HeaderValue::from_static("no");
    response.headers_mut().insert("x-accel-buffering", no_buffering);
    tell_position(&mut response, queue_position);
    response
}

/// Says how many requests waited when this one was accepted.
pub(crate) fn tell_position(response: &mut Response, position: usize) {
    response.headers_mut().insert("x-queue-position", axum::http::HeaderValue::from(position));
}

impl<W: ChunkWriter> State<W> {
    async fn advance(&mut self) {
        match self.events.next().await {
            Some((choice, Ok(event))) => {
                if let GenerationEvent::Finished { usage, .. } = &event {
                    note(&mut self.usages, choice, *usage);
                }
                let chunks = self.writer.event(choice, event);
                self.ready.extend(chunks.iter().map(json_event));
            }
            Some((_, Err(error))) => {
                let error = ApiError::from(error);
                note_failure(self.visit.as_ref(), error.code);
                self.ready.push_back(json_event(&error.openai_body()));
                self.over = true;
            }
            None => {
                let chunks = self.writer.closing(std::mem::take(&mut self.usages));
                self.ready.extend(chunks.iter().map(json_event));
                self.ready.push_back(Event::default().data("[DONE]"));
                self.over = true;
            }
        }
    }
}

/// Puts the usage of a choice in its place; choices end in any order.
fn note(usages: &mut Vec<Usage>, choice: usize, usage: Usage) {
    let count = usages.len().max(choice + 1);
    usages.resize(count, Usage::default());
    usages[choice] = usage;
}

/// Events of `/v1/responses` carry their type as a name too.
fn json_event(value: &Value) -> Event {
    let event = Event::default().data(value.to_string());
    match value["type"].as_str() {
        Some(name) if name.starts_with("response.") => event.event(name),
        _ => event,
    }
}

#[cfg(test)]
mod tests;

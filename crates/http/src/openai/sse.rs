//! Streams a generation as server-sent events in OpenAI's framing.
//!
//! The stream owns the [`Generation`]: when the client leaves, hyper drops the body, the stream
//! drops the generation and the engine frees the sequence at its next step. An error after the
//! headers were sent becomes an `error` object as the last event, and no `[DONE]` follows.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use intramuros_engine::{Generation, GenerationEvent};
use intramuros_types::{FinishReason, Usage};
use serde_json::Value;

use crate::error::ApiError;

/// Writes the chunks of one kind of stream.
pub(crate) trait ChunkWriter: Send + Sync + 'static {
    /// The chunk before any text, where the format has one.
    fn opening(&self) -> Option<Value>;
    /// A piece of text.
    fn text(&self, text: &str) -> Value;
    /// The end of the answer.
    fn finished(&self, reason: FinishReason) -> Value;
    /// The usage chunk, when the client asked for it.
    fn usage(&self, usage: Usage) -> Option<Value>;
}

/// Where the stream stands.
enum Stage {
    Opening,
    Running,
    /// Events that follow the last text, in reverse order.
    Closing(Vec<Event>),
    Over,
}

/// Answers with the generation as a stream of events.
pub(crate) fn respond<W: ChunkWriter>(generation: Generation, writer: W) -> Response {
    let events = stream::unfold(
        (generation, writer, Stage::Opening),
        |(mut generation, writer, stage)| async move {
            let (event, stage) = next_event(&mut generation, &writer, stage).await?;
            Some((Ok::<_, Infallible>(event), (generation, writer, stage)))
        },
    );
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10));
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    // Asks nginx not to hold tokens back.
    let no_buffering = axum::http::HeaderValue::from_static("no");
    response.headers_mut().insert("x-accel-buffering", no_buffering);
    response
}

async fn next_event<W: ChunkWriter>(
    generation: &mut Generation,
    writer: &W,
    stage: Stage,
) -> Option<(Event, Stage)> {
    match stage {
        Stage::Opening => match writer.opening() {
            Some(chunk) => Some((json_event(&chunk), Stage::Running)),
            None => running(generation, writer).await,
        },
        Stage::Running => running(generation, writer).await,
        Stage::Closing(mut rest) => {
            let event = rest.pop()?;
            Some((event, Stage::Closing(rest)))
        }
        Stage::Over => None,
    }
}

async fn running<W: ChunkWriter>(
    generation: &mut Generation,
    writer: &W,
) -> Option<(Event, Stage)> {
    match generation.next().await? {
        Ok(GenerationEvent::Text(text)) => Some((json_event(&writer.text(&text)), Stage::Running)),
        Ok(GenerationEvent::Finished { reason, usage }) => {
            let mut rest = vec![Event::default().data("[DONE]")];
            rest.extend(writer.usage(usage).as_ref().map(json_event));
            Some((json_event(&writer.finished(reason)), Stage::Closing(rest)))
        }
        Err(error) => {
            let body = ApiError::from(error).openai_body();
            Some((json_event(&body), Stage::Over))
        }
    }
}

fn json_event(value: &Value) -> Event {
    Event::default().data(value.to_string())
}

//! Renders a conversation with the model's own chat template.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use intramuros_types::{Message, ToolDefinition};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value};
use minijinja_contrib::pycompat::unknown_method_callback;
use time::OffsetDateTime;

use self::probe::probe;
pub(super) use self::probe::{CallStyle, ToolSupport};
use self::python::{python_name, raise_exception, tojson};
pub(super) use self::values::tool_bytes;
use super::deadline::Deadline;
use super::source::NamedTokens;
use super::strftime::strftime;

mod probe;
mod python;
mod values;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tool_tests;

/// The most bytes of a template's source; the largest known ones have 20,000.
pub(super) const MAX_SOURCE_BYTES: usize = 256 << 10;
/// The most bytes that a template may write beside the messages' own.
const MAX_EXTRA_BYTES: usize = 256 << 10;
/// How often a template may repeat the messages.
const MAX_REPETITIONS: usize = 4;
/// How much larger JSON may become: templates indent it, each value on a line of its own.
const MAX_JSON_GROWTH: usize = 16;
/// Nested calls of macros, loops and blocks; real templates need fewer than ten.
const MAX_RECURSION: usize = 100;
/// Instructions that one rendering may take; a conversation of a thousand turns takes well below a
/// million.
const MAX_FUEL: u64 = 20_000_000;
/// How long one rendering may take; a real one takes well below a millisecond.
const MAX_TIME: Duration = Duration::from_secs(10);
const NAME: &str = "chat";

/// Reads the clock for templates that write today's date.
pub(super) type Clock = fn() -> OffsetDateTime;

/// A compiled chat template with the texts it may ask for.
///
/// Renders as the reference does: white space around blocks is trimmed, `documents` is none and so
/// is `tools` where there are none, Python's string and mapping methods work.
/// Source: Hugging Face `transformers` 4.57, `utils/chat_template_utils.py`.
#[derive(Debug)]
pub(super) struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    source: String,
    named: BTreeMap<&'static str, String>,
    deadline: Deadline,
    support: ToolSupport,
}

/// What a template is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chat<'a> {
    /// The conversation.
    pub(super) messages: &'a [Message],
    /// What the model may call.
    pub(super) tools: &'a [ToolDefinition],
    /// Whether to open the assistant's turn.
    pub(super) add_generation_prompt: bool,
}

impl Chat<'_> {
    /// The most bytes that a template may write for it.
    fn max_bytes(&self) -> usize {
        let contents: usize = self.messages.iter().map(|m| m.content.len()).sum();
        let calls = self.messages.iter().flat_map(|m| &m.tool_calls);
        let arguments: usize = calls.map(|call| call.arguments.len() + call.name.len()).sum();
        let tools: usize = self.tools.iter().map(tool_bytes).sum();
        MAX_EXTRA_BYTES
            + contents.saturating_mul(MAX_REPETITIONS)
            + (arguments + tools).saturating_mul(MAX_JSON_GROWTH)
            + (self.messages.len() + self.tools.len()).saturating_mul(1 << 10)
    }
}

/// Why a conversation was not rendered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum RenderError {
    /// The template raised an error of its own or used what it cannot have.
    #[error("the model's chat template refuses this conversation: {0}")]
    Refused(String),
    /// The template ran into a limit; another arrangement of the messages will not help.
    #[error("{0}")]
    Limit(String),
}

impl ChatTemplate {
    /// Compiles `source`.
    ///
    /// # Errors
    /// The message, when it is too large or is no template.
    pub(super) fn compile(
        source: String,
        named: &NamedTokens,
        clock: Clock,
    ) -> Result<Self, String> {
        if source.len() > MAX_SOURCE_BYTES {
            let bytes = source.len();
            return Err(format!("it has {bytes} bytes, the limit is {MAX_SOURCE_BYTES}"));
        }
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|e| describe(&e))?);
        environment.set_recursion_limit(MAX_RECURSION);
        environment.set_fuel(Some(MAX_FUEL));
        environment.set_unknown_method_callback(unknown_method_callback);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(|out, state, value| match python_name(value) {
            Some(name) => out.write_str(name).map_err(Error::from),
            None => minijinja::escape_formatter(out, state, value),
        });
        environment.add_filter("tojson", tojson);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", move |format: &str| {
            strftime(format, clock()).map_err(|e| Error::new(ErrorKind::InvalidOperation, e))
        });
        environment
            .add_template_owned(NAME, source.clone())
            .map_err(|e| format!("it does not compile: {}", describe(&e)))?;
        let texts = [
            ("bos_token", &named.bos),
            ("eos_token", &named.eos),
            ("unk_token", &named.unknown),
            ("pad_token", &named.pad),
        ];
        let named = texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?)));
        let mut template = Self {
            environment: Arc::new(environment),
            source,
            named: named.collect(),
            deadline: Deadline::new(MAX_TIME),
            support: ToolSupport::default(),
        };
        template.support = probe(&template);
        Ok(template)
    }

    /// The source.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// What the template does with tools.
    pub(super) fn support(&self) -> ToolSupport {
        self.support
    }

    /// The prompt of `chat`.
    ///
    /// # Errors
    /// [`RenderError::Refused`] when the template raises an error; [`RenderError::Limit`] when it
    /// writes too much or does not end.
    pub(super) fn render(&self, chat: &Chat<'_>) -> Result<String, RenderError> {
        self.render_as(chat, self.support.calls.unwrap_or_default())
    }

    /// [`Self::render`] with calls as `style` says.
    fn render_as(&self, chat: &Chat<'_>, style: CallStyle) -> Result<String, RenderError> {
        let max_bytes = chat.max_bytes();
        let context = self.context(chat, style);
        let environment = Arc::clone(&self.environment);
        let rendered = self.deadline.run(move || {
            let mut output = Bounded { bytes: Vec::new(), max_bytes, full: false };
            let template = environment.get_template(NAME)?;
            match template.render_captured_to(context, &mut output) {
                Err(_) if output.full => Ok(Err(max_bytes)),
                Err(error) => Err(error),
                Ok(_) => Ok(Ok(output.bytes)),
            }
        });
        match rendered {
            Err(problem) => Err(RenderError::Limit(format!("the model's chat template {problem}"))),
            Ok(Err(error)) => Err(RenderError::Refused(describe(&error))),
            Ok(Ok(Err(limit))) => Err(RenderError::Limit(format!(
                "the model's chat template writes more than {limit} bytes for this conversation"
            ))),
            Ok(Ok(Ok(bytes))) => String::from_utf8(bytes)
                .map_err(|_| RenderError::Limit("the chat template wrote no utf-8".to_owned())),
        }
    }

    fn context(&self, chat: &Chat<'_>, style: CallStyle) -> Value {
        let mut context: BTreeMap<&str, Value> =
            self.named.iter().map(|(name, text)| (*name, Value::from(text.as_str()))).collect();
        let tools = if chat.tools.is_empty() { Value::from(()) } else { values::tools(chat.tools) };
        context.insert("messages", values::turns(chat.messages, style));
        context.insert("add_generation_prompt", Value::from(chat.add_generation_prompt));
        context.insert("tools", tools);
        context.insert("documents", Value::from(()));
        Value::from(context)
    }
}

/// Collects output up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    max_bytes: usize,
    full: bool,
}

impl io::Write for &mut Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.max_bytes {
            self.full = true;
            return Err(io::Error::other("output limit"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error in one line: what happened, without the template's source around it.
fn describe(error: &Error) -> String {
    let mut text = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    if let (Some(line), true) = (error.line(), error.kind() != ErrorKind::InvalidOperation) {
        text.push_str(&format!(" (line {line} of the template)"));
    }
    text.chars().take(500).collect()
}

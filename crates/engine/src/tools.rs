//! Reads the tool calls that a model writes, as it writes them, and says in which grammar it may.
//!
//! [`ToolParser`] cuts the text of one answer into ordinary text and calls. Nothing is lost: what
//! looked like a call and is none (broken JSON, a tool that nobody offered, an answer cut short)
//! comes out as text, as it was written, marks included; only white space around calls, and at the
//! end of an answer that has some, is left out. A call is announced once its name is
//! known to be a tool's and its arguments have begun; from then on their text is passed on as the
//! model writes it, valid or not, as OpenAI's API does. An answer that ends in the middle of them
//! leaves a call with what there is of them; the finish reason tells.
//!
//! Marks such as `[TOOL_CALLS]` are special tokens in most vocabularies and have no text then. The
//! caller hands their texts to [`ToolParser::push_special`], after the text before them; marks that
//! are ordinary tokens arrive in [`ToolParser::push`] with the rest. Where a vocabulary has the
//! opening mark as a special token, the same characters in ordinary text do not open a call: a
//! model that quotes them calls nothing.
//!
//! Some models of [`ToolFormat::Hermes`] forget the marks. An answer that may hold calls and begins
//! exactly as one of an offered tool does is that call; the grammar holds it to that.
//!
//! Source: vLLM, `vllm/entrypoints/openai/tool_parsers`; llama.cpp, `common/chat.cpp`.

use intramuros_backend::ToolFormat;
use intramuros_types::{ToolCall, ToolDefinition};

use self::json::Scanner;
use self::marks::{HERMES_END, inner_marks, opening_mark};

pub(crate) mod grammar;
mod head;
mod ids;
mod json;
pub(crate) mod marks;
mod steps;

#[cfg(test)]
mod tests;

/// What became certain about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolDelta {
    /// Ordinary text.
    Text(String),
    /// A call begins; its arguments follow.
    CallStarted {
        /// Its place among the answer's calls, from 0.
        index: usize,
        /// Its id: `call_` and 24 letters and digits, or nine of them in Mistral's formats.
        id: String,
        /// Name of the tool, one of those offered.
        name: String,
    },
    /// More of a call's arguments.
    Arguments {
        /// Which call.
        index: usize,
        /// The next characters of the JSON text.
        fragment: String,
    },
}

/// Where in an answer the parser is. `pending` holds what was not decided yet.
#[derive(Debug)]
enum State {
    /// Nothing that tells so far, where a whole turn may be a call.
    Start,
    /// In text that a call may follow.
    Text,
    /// In text that no call follows.
    Plain,
    /// In what may become a call; its first `opened` bytes are white space, marks and separators.
    Head { opened: usize },
    /// In the arguments of the last call.
    Arguments(Scanner),
    /// Behind the arguments, inside the object that holds them.
    Tail,
    /// Behind the arguments of a call without marks, which ends so.
    Unmarked(&'static str),
    /// Behind a call.
    Between,
}

/// Cuts one answer into text and calls.
#[derive(Debug)]
pub(crate) struct ToolParser {
    format: ToolFormat,
    /// Names of the tools.
    offered: Vec<String>,
    /// Whether the opening mark is a special token.
    special_opening: bool,
    state: State,
    /// How the call without marks ends that the answer is.
    unmarked_end: Option<&'static str>,
    pending: String,
    calls: Vec<ToolCall>,
    deltas: Vec<ToolDelta>,
}

impl ToolParser {
    /// A parser of one answer of a model that was offered `tools`. `special_opening` says whether
    /// [`opening_mark`] of `format` is a special token of its vocabulary, `free` whether the answer
    /// may be text or calls.
    pub(crate) fn new(
        format: ToolFormat,
        tools: &[ToolDefinition],
        special_opening: bool,
        free: bool,
    ) -> Self {
        let state = match format {
            ToolFormat::Llama3 => State::Start,
            ToolFormat::Hermes if free => State::Start,
            ToolFormat::Hermes | ToolFormat::MistralList | ToolFormat::MistralArgs => State::Text,
        };
        Self {
            format,
            offered: tools.iter().map(|tool| tool.name.clone()).collect(),
            special_opening,
            state,
            unmarked_end: None,
            pending: String::new(),
            calls: Vec::new(),
            deltas: Vec::new(),
        }
    }

    /// Appends text and returns what became certain.
    pub(crate) fn push(&mut self, text: &str) -> Vec<ToolDelta> {
        self.pending.push_str(text);
        self.run(false)
    }

    /// Appends a special token, by the text that it is written with. Those that mean nothing in
    /// this format are ignored.
    pub(crate) fn push_special(&mut self, text: &str) -> Vec<ToolDelta> {
        if text == opening_mark(self.format) {
            let mut deltas = Vec::new();
            if matches!(self.state, State::Start) && self.format == ToolFormat::Hermes {
                // What might have become a call without marks is text.
                self.state = State::Text;
                deltas = self.run(false);
            } else if !matches!(self.state, State::Start | State::Text) {
                deltas = self.run(true);
            }
            self.pending.push_str(text);
            self.state = State::Head { opened: self.pending.len() };
            deltas.extend(self.run(false));
            return deltas;
        }
        if !inner_marks(self.format).contains(&text) {
            return self.run(false);
        }
        match self.state {
            State::Start | State::Text | State::Plain => {}
            // The arguments were never closed; a call after this one must not end up in them.
            State::Arguments(_) if text == HERMES_END => {
                let deltas = self.run(false);
                self.state = State::Text;
                return deltas;
            }
            State::Arguments(_) => {}
            State::Head { .. } | State::Tail | State::Unmarked(_) | State::Between => {
                self.pending.push_str(text);
            }
        }
        self.run(false)
    }

    /// Returns what was held back, when nothing follows.
    pub(crate) fn finish(&mut self) -> Vec<ToolDelta> {
        self.run(true)
    }

    /// The calls so far, whole once the answer is.
    pub(crate) fn calls(&self) -> &[ToolCall] {
        &self.calls
    }

    fn run(&mut self, last: bool) -> Vec<ToolDelta> {
        while self.step(last) {}
        std::mem::take(&mut self.deltas)
    }

    fn start_call(&mut self, name: String, id: Option<String>) {
        let id = id.filter(|id| self.calls.iter().all(|call| call.id != *id));
        let id = id.unwrap_or_else(|| ids::new(self.format));
        let index = self.calls.len();
        self.deltas.push(ToolDelta::CallStarted { index, id: id.clone(), name: name.clone() });
        self.calls.push(ToolCall { id, name, arguments: String::new() });
    }

    fn emit_arguments(&mut self, fragment: String) {
        if let (Some(call), false) = (self.calls.last_mut(), fragment.is_empty()) {
            call.arguments.push_str(&fragment);
            let index = self.calls.len() - 1;
            self.deltas.push(ToolDelta::Arguments { index, fragment });
        }
    }

    /// Passes the first `bytes` of what is pending on as text.
    fn emit_text(&mut self, bytes: usize) {
        let more: String = self.pending.drain(..bytes).collect();
        match self.deltas.last_mut() {
            _ if more.is_empty() => {}
            Some(ToolDelta::Text(text)) => text.push_str(&more),
            Some(_) | None => self.deltas.push(ToolDelta::Text(more)),
        }
    }
}

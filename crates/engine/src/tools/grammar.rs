//! Writes the grammar that holds an answer to text and well-formed calls of the offered tools.
//!
//! The grammar is in llguidance's variant of Lark. Calls are written as the models were taught,
//! with Python's spacing of JSON; arguments follow each tool's schema.
//!
//! Marks that are special tokens are named by id (`<[7]>`). No text can contain them, so text
//! before a call needs no further care. Marks that are ordinary text end the text before them by a
//! lazy rule: the first mark opens a call.
//!
//! Source: llguidance 1.9, `docs/syntax.md`, "Special tokens" and "Tool calling".

use intramuros_backend::ToolFormat;
use intramuros_types::{ToolChoice, ToolDefinition};
use serde_json::{Map, Value};

use super::marks::{ARGS, CALL_ID, HERMES_END, opening_mark, unmarked};

#[cfg(test)]
mod tests;

/// What an answer may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToolGrammar<'a> {
    /// How the model writes calls.
    pub(crate) format: ToolFormat,
    /// The tools that are offered, at least one.
    pub(crate) tools: &'a [ToolDefinition],
    /// Whether it must call.
    pub(crate) choice: &'a ToolChoice,
    /// Whether it may call more than once. A turn of [`ToolFormat::Llama3`] has one call at most,
    /// a named tool is called once.
    pub(crate) parallel: bool,
}

impl ToolGrammar<'_> {
    /// The grammar's text. `special` knows the ids of the vocabulary's special tokens by their
    /// texts.
    pub(crate) fn lark(&self, special: impl Fn(&str) -> Option<u32>) -> String {
        let opening = Mark::new(opening_mark(self.format), &special);
        let (start, calls) = match self.choice {
            ToolChoice::None => (self.text_only(&opening), false),
            ToolChoice::Auto => (self.text_or_calls(&opening), true),
            ToolChoice::Required | ToolChoice::Named(_) => (self.only_calls(&opening), true),
        };
        let mut rules = vec!["%llguidance {}".to_owned()];
        rules.extend(start);
        if calls {
            rules.extend(self.call_rules(&special));
        }
        rules.join("\n") + "\n"
    }

    /// The tools that may be called.
    fn callable(&self) -> impl Iterator<Item = &ToolDefinition> {
        self.tools.iter().filter(|tool| match self.choice {
            ToolChoice::Named(name) => tool.name == *name,
            ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => true,
        })
    }

    fn repeats(&self) -> bool {
        let named = matches!(self.choice, ToolChoice::Named(_));
        self.parallel && !named && self.format != ToolFormat::Llama3
    }

    fn text_only(&self, opening: &Mark) -> Vec<String> {
        let text = match (self.format, opening) {
            (ToolFormat::Llama3, _) | (_, Mark::Special(_)) => ANY_TEXT.to_owned(),
            (_, Mark::Text(mark)) => {
                let mark = literal(mark);
                format!("TEXT: /(?s:.*)/ & ~(/(?s:.*)/ {mark} /(?s:.*)/)")
            }
        };
        vec!["start: TEXT".to_owned(), text]
    }

    fn text_or_calls(&self, opening: &Mark) -> Vec<String> {
        match (self.format, opening) {
            (ToolFormat::Llama3, _) => vec![
                "start: TEXT | calls".to_owned(),
                // A turn that begins with a bracket is a call.
                r"TEXT: /(\s*[^\s{](?s:.*))?/".to_owned(),
                format!("calls: {}", self.calls(opening)),
            ],
            (_, Mark::Special(_)) => {
                let (unmarked, text) = self.text_or_unmarked();
                vec![
                    format!("start: TEXT calls?{unmarked}"),
                    text,
                    format!("calls: {}", self.calls(opening)),
                ]
            }
            (_, Mark::Text(mark)) => {
                let (unmarked, text) = self.text_or_unmarked();
                vec![
                    format!("start: TEXT | lead {}{unmarked}", self.behind_opening(opening)),
                    text,
                    format!("lead[lazy]: TEXT {}", literal(mark)),
                ]
            }
        }
    }

    /// What an answer may be besides text with calls, and the rule of text: a text that begins as
    /// a call without marks does is that call.
    fn text_or_unmarked(&self) -> (String, String) {
        if self.format != ToolFormat::Hermes {
            return (String::new(), ANY_TEXT.to_owned());
        }
        let (mut calls, mut heads) = (String::new(), Vec::new());
        for (n, tool) in self.callable().enumerate() {
            for (head, end) in unmarked(&tool.name) {
                let (head, end) = (literal(&head), literal(end));
                calls.push_str(&format!(" | {head} arguments_{n} {end}"));
                heads.push(head);
            }
        }
        (calls, format!("{ANY_TEXT} & ~(({}) /(?s:.*)/)", heads.join(" | ")))
    }

    fn only_calls(&self, opening: &Mark) -> Vec<String> {
        vec![format!("start: {}", self.calls(opening))]
    }

    /// An answer's calls, with the mark before the first.
    fn calls(&self, opening: &Mark) -> String {
        match (self.format, opening) {
            (ToolFormat::Llama3, Mark::Special(_)) => format!("{opening}? call"),
            // Without such a token the mark is no habit of the model.
            (ToolFormat::Llama3, Mark::Text(_)) => "call".to_owned(),
            (_, _) => format!("{opening} {}", self.behind_opening(opening)),
        }
    }

    /// An answer's calls, without the mark before the first.
    fn behind_opening(&self, opening: &Mark) -> String {
        let more = |between: &str| match self.repeats() {
            true => format!(" ({between} call)*"),
            false => String::new(),
        };
        match self.format {
            ToolFormat::Hermes => format!("call{}", more(&format!("\"\\n\" {opening}"))),
            ToolFormat::MistralList => format!("\" \"? \"[\" call{} \"]\"", more("\", \"")),
            ToolFormat::MistralArgs => format!("call{}", more(&opening.to_string())),
            ToolFormat::Llama3 => "call".to_owned(),
        }
    }

    /// The rule of one call, and two rules a tool: its call, and the arguments of it.
    fn call_rules(&self, special: &impl Fn(&str) -> Option<u32>) -> Vec<String> {
        let names: Vec<String> =
            (0..self.callable().count()).map(|n| format!("tool_{n}")).collect();
        let mut rules = vec![format!("call: {}", names.join(" | "))];
        for (n, (tool, rule)) in self.callable().zip(names).enumerate() {
            let name = Value::from(tool.name.as_str());
            let object = |key: &str| literal(&format!("{{\"name\": {name}, \"{key}\": "));
            let arguments = format!("arguments_{n}");
            rules.push(format!("{arguments}: %json {}", schema(&tool.parameters)));
            let call = match self.format {
                ToolFormat::Hermes => {
                    let end = Mark::new(HERMES_END, special);
                    let (before, last) = (object("arguments"), literal("}\n"));
                    format!("\"\\n\" {before} {arguments} {last} {end}")
                }
                ToolFormat::Llama3 => format!("{} {arguments} \"}}\"", object("parameters")),
                ToolFormat::MistralList => format!("{} {arguments} \"}}\"", object("arguments")),
                ToolFormat::MistralArgs => {
                    let (name, args) = (literal(&tool.name), Mark::new(ARGS, special));
                    let id = match Mark::new(CALL_ID, special) {
                        id @ Mark::Special(_) => format!("({id} /[a-zA-Z0-9]{{9}}/)? "),
                        Mark::Text(_) => String::new(),
                    };
                    format!("{name} {id}{args} {arguments}")
                }
            };
            rules.push(format!("{rule}: {call}"));
        }
        rules
    }
}

const ANY_TEXT: &str = "TEXT: /(?s:.*)/";

/// A mark as the vocabulary has it.
enum Mark {
    Special(u32),
    Text(&'static str),
}

impl Mark {
    fn new(text: &'static str, special: &impl Fn(&str) -> Option<u32>) -> Self {
        special(text).map_or(Mark::Text(text), Mark::Special)
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Mark::Special(id) => write!(out, "<[{id}]>"),
            Mark::Text(text) => out.write_str(&literal(text)),
        }
    }
}

/// `text` as a literal of Lark, which are those of JSON.
fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

/// The schema of a tool's arguments: an object, written with Python's spacing.
fn schema(parameters: &Value) -> Value {
    let mut schema = parameters.as_object().cloned().unwrap_or_else(Map::new);
    if !schema.contains_key("type") && !schema.contains_key("$ref") {
        schema.insert("type".to_owned(), Value::from("object"));
    }
    Value::Object(schema)
}

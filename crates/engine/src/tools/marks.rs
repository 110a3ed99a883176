//! Names the marks that formats put around calls.

use intramuros_backend::ToolFormat;
use serde_json::Value;

/// Behind a call of [`ToolFormat::Hermes`].
pub(super) const HERMES_END: &str = "</tool_call>";
/// Between name and id, in some models of [`ToolFormat::MistralArgs`].
pub(crate) const CALL_ID: &str = "[CALL_ID]";
/// Between name or id and arguments, in [`ToolFormat::MistralArgs`].
pub(crate) const ARGS: &str = "[ARGS]";

/// The mark in front of a call. In [`ToolFormat::Llama3`] it may be missing.
pub(crate) fn opening_mark(format: ToolFormat) -> &'static str {
    match format {
        ToolFormat::Hermes => "<tool_call>",
        ToolFormat::Llama3 => "<|python_tag|>",
        ToolFormat::MistralList | ToolFormat::MistralArgs => "[TOOL_CALLS]",
    }
}

/// The marks inside and behind a call.
pub(super) fn inner_marks(format: ToolFormat) -> &'static [&'static str] {
    match format {
        ToolFormat::Hermes => &[HERMES_END],
        ToolFormat::MistralArgs => &[CALL_ID, ARGS],
        ToolFormat::Llama3 | ToolFormat::MistralList => &[],
    }
}

/// How a call begins, and how it ends behind its arguments, that a model writes without marks as
/// the whole of its answer. In [`ToolFormat::Hermes`] only: bare, in the fence that Markdown gives
/// code, and in the doubled brackets that the template of Qwen2.5-Coder shows by mistake.
pub(super) fn unmarked(tool: &str) -> [(String, &'static str); 3] {
    let name = Value::from(tool);
    [
        (format!("{{\"name\": {name}, \"arguments\": "), "}"),
        (format!("```json\n{{\n  \"name\": {name},\n  \"arguments\": "), "\n}\n```"),
        (format!("{{{{\"name\": {name}, \"arguments\": "), "}}"),
    ]
}

/// How many bytes at the end of `text` may be the beginning of `mark`.
pub(super) fn partial_suffix(text: &str, mark: &str) -> usize {
    let longest = text.len().min(mark.len() - 1);
    (1..=longest).rev().find(|n| text.as_bytes().ends_with(&mark.as_bytes()[..*n])).unwrap_or(0)
}

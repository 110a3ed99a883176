//! Names the marks that formats put around calls.

use intramuros_backend::ToolFormat;

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

/// How many bytes at the end of `text` may be the beginning of `mark`.
pub(super) fn partial_suffix(text: &str, mark: &str) -> usize {
    let longest = text.len().min(mark.len() - 1);
    (1..=longest).rev().find(|n| text.as_bytes().ends_with(&mark.as_bytes()[..*n])).unwrap_or(0)
}

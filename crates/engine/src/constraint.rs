//! Constrains an answer while it is drawn: JSON by schema, regular expressions, choices, grammars.
//!
//! [`Vocabulary`] is made once per loaded model, [`Grammar`] once per request, [`Matcher`] once
//! per sequence. A step is [`Matcher::mask`], draw, [`Matcher::accept`]; before it,
//! [`Matcher::forced`] tells the tokens that are certain, which go through the model in one pass.
//! When the answer is complete, [`Verifier::verify`] checks it with code that shares nothing with
//! the matcher.
//!
//! # Invariants
//! - What a grammar does not enforce is refused with keyword and path, never ignored
//!   ([`ConstraintError::Unsupported`]).
//! - A constraint is user input: size, nesting and work are bounded by [`ConstraintLimits`], and
//!   compiling never runs on the model thread. llguidance catches its own panics; the caller's
//!   `catch_unwind` covers the rest of a step.
//! - Nothing is fetched: references stay inside the schema.
//! - Plain text never matches a special token, and a special token never counts as text.
//!
//! # White space of JSON
//! One space after each comma and colon, none elsewhere (`{"a": 1, "b": [2, 3]}`).
//!
//! # Grammars for tool calls
//! `tools::grammar` writes them as Lark text with schemas in it (`%json {…}`, `@call` below); what
//! a call holds is verified by [`Verifier::of_schema`]. `MARK` is `<[151657]>` where `<tool_call>`
//! is a special token of that id, `"<tool_call>"` where it is plain text.
//!
//! Calls and nothing else (`tool_choice: required` or a named tool); white space between the
//! parts is fixed, so it costs no step:
//! ```text
//! start: call ("\n" call)*
//! call: MARK "\n" @call "\n" MARK_END
//! ```
//!
//! Free text, then calls (`tool_choice: auto`) where the marker is a special token. No text can
//! spell it, so the text needs no care. `TEXT` matches no special token at all, so those
//! that a model thinks between have to be named too:
//! ```text
//! start: TEXT (call ("\n" call)*)?
//! TEXT: /(.|\n)*/
//! call: <[151657]> "\n" @call "\n" <[151658]>
//! ```
//!
//! The same where the marker is plain text, whichever tokens spell it. A `lazy` rule ends at the
//! first marker, so text never runs past it:
//! ```text
//! start: TEXT | opening rest ("\n" call)*
//! TEXT: /(?s:.*)/ & ~/(?s:.*)<tool_call>(?s:.*)/
//! opening[lazy]: /(?s:.*)<tool_call>/
//! rest: "\n" @call "\n</tool_call>"
//! call: "<tool_call>\n" @call "\n</tool_call>"
//! ```
//!
//! The llguidance crate's Lark has terminals in capitals, regular expressions without look-around
//! (but with `&` and `~` between them), special tokens in rules only, and `\n` where a line break
//! is meant.

mod error;
mod grammar;
mod grammars;
mod lark;
mod limits;
mod matcher;
mod refusal;
mod schema;
mod stack;
#[cfg(test)]
mod suites;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verify;
mod vocabulary;

pub use error::ConstraintError;
pub(crate) use grammar::Grammar;
pub(crate) use grammars::Grammars;
pub(crate) use limits::ConstraintLimits;
pub(crate) use matcher::Matcher;
pub(crate) use verify::Verifier;
use vocabulary::Vocabulary;

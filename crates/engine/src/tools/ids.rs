//! Makes ids for calls.

use intramuros_backend::ToolFormat;
use rand::distr::{Alphanumeric, SampleString};

/// A new id in the form that clients of OpenAI know, or that Mistral's templates insist on.
///
/// Not from the request's generator: an id must differ between two answers of the same seed, since
/// both may end up in one conversation.
pub(super) fn new(format: ToolFormat) -> String {
    let random = |length| Alphanumeric.sample_string(&mut rand::rng(), length);
    match format {
        ToolFormat::Hermes | ToolFormat::Llama3 => format!("call_{}", random(24)),
        ToolFormat::MistralList | ToolFormat::MistralArgs => random(9),
    }
}

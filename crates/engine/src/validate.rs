//! Refuses sampling parameters that mean nothing, naming the field.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use intramuros_types::{SamplingParams, ToolChoice};

use crate::{EngineError, GenerateRequest, Prompt, Tools};

/// The most stop texts of a request.
const MAX_STOPS: usize = 16;
/// The most bytes of one stop text; bounds what is held back from a stream.
const MAX_STOP_BYTES: usize = 1024;

/// The most tokens with a bias, as in the OpenAI API's own servers.
const MAX_BIASES: usize = 1024;
/// The most tools of a request.
const MAX_TOOLS: usize = 128;
/// The most alternatives whose log-probabilities are told.
const MAX_LOGPROBS: u32 = 20;

/// Checks every field of `request` that needs no model to be checked.
///
/// # Errors
/// [`EngineError::InvalidParameter`] for the first field that is out of range.
pub(crate) fn request(request: &GenerateRequest) -> Result<(), EngineError> {
    sampling(&request.sampling)?;
    if let Some(tools) = &request.tools {
        check_tools(tools, request)?;
    }
    if request.prompt_logprobs > 0 && request.sampling.logprobs.is_none() {
        return Err(invalid("echo", "with log-probabilities needs logprobs".to_owned()));
    }
    let asks_of_prompt = request.prompt_logprobs > 0 || request.hidden;
    if request.sampling.max_tokens == Some(0) && !asks_of_prompt {
        return Err(invalid("max_tokens", "is 0; it must be at least 1".to_owned()));
    }
    Ok(())
}

fn check_tools(tools: &Tools, request: &GenerateRequest) -> Result<(), EngineError> {
    let count = tools.definitions.len();
    if count == 0 || count > MAX_TOOLS {
        let reason = format!("has {count} tools; 1 to {MAX_TOOLS} are allowed");
        return Err(invalid("tools", reason));
    }
    let mut names = HashSet::new();
    if let Some(twice) = tools.definitions.iter().find(|tool| !names.insert(&tool.name)) {
        return Err(invalid("tools", format!("offers '{}' twice", twice.name)));
    }
    if request.constraint.is_some() {
        let reason = "cannot be combined with a constrained answer; send one of them".to_owned();
        return Err(invalid("tools", reason));
    }
    if !matches!(request.prompt, Prompt::Chat(_)) {
        return Err(invalid("tools", "need a conversation as prompt".to_owned()));
    }
    if let ToolChoice::Named(name) = &tools.choice
        && tools.definitions.iter().all(|tool| tool.name != *name)
    {
        return Err(invalid("tool_choice", format!("names '{name}', which is not in tools")));
    }
    Ok(())
}

fn sampling(params: &SamplingParams) -> Result<(), EngineError> {
    in_range("temperature", params.temperature, 0.0..=2.0)?;
    in_range("top_p", params.top_p, 0.0..=1.0)?;
    if params.top_p == 0.0 {
        return Err(invalid("top_p", "is 0; it must be greater than 0 and at most 1".to_owned()));
    }
    in_range("min_p", params.min_p, 0.0..=1.0)?;
    in_range("frequency_penalty", params.penalties.frequency, -2.0..=2.0)?;
    in_range("presence_penalty", params.penalties.presence, -2.0..=2.0)?;
    in_range("repetition_penalty", params.penalties.repetition, 0.01..=10.0)?;
    if params.logit_bias.len() > MAX_BIASES {
        let reason = format!("has {} tokens; at most {MAX_BIASES}", params.logit_bias.len());
        return Err(invalid("logit_bias", reason));
    }
    for (_, bias) in &params.logit_bias {
        in_range("logit_bias", *bias, -100.0..=100.0)?;
    }
    if let Some(count) = params.logprobs.filter(|count| *count > MAX_LOGPROBS) {
        let reason = format!("is {count}; it must be between 0 and {MAX_LOGPROBS}");
        return Err(invalid("top_logprobs", reason));
    }
    stops(&params.stop)
}

fn stops(stops: &[String]) -> Result<(), EngineError> {
    if stops.len() > MAX_STOPS {
        let reason = format!("has {} texts; at most {MAX_STOPS} are allowed", stops.len());
        return Err(invalid("stop", reason));
    }
    if stops.iter().any(String::is_empty) {
        return Err(invalid("stop", "has an empty text; leave it out".to_owned()));
    }
    if let Some(long) = stops.iter().map(String::len).find(|&bytes| bytes > MAX_STOP_BYTES) {
        let reason = format!("has a text of {long} bytes; at most {MAX_STOP_BYTES} are allowed");
        return Err(invalid("stop", reason));
    }
    Ok(())
}

fn in_range(name: &'static str, value: f32, range: RangeInclusive<f32>) -> Result<(), EngineError> {
    // NaN is in no range.
    if range.contains(&value) {
        return Ok(());
    }
    let reason = format!("is {value}; it must be between {} and {}", range.start(), range.end());
    Err(invalid(name, reason))
}

fn invalid(name: &'static str, reason: String) -> EngineError {
    EngineError::InvalidParameter { name, reason }
}

#[cfg(test)]
mod tests;

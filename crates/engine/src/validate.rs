//! Refuses sampling parameters that mean nothing, naming the field.

use std::ops::RangeInclusive;

use intramuros_types::SamplingParams;

use crate::EngineError;

/// The most stop texts of a request.
const MAX_STOPS: usize = 16;
/// The most bytes of one stop text; bounds what is held back from a stream.
const MAX_STOP_BYTES: usize = 1024;

/// Checks every field of `params`.
///
/// # Errors
/// [`EngineError::InvalidParameter`] for the first field that is out of range.
pub(crate) fn sampling(params: &SamplingParams) -> Result<(), EngineError> {
    in_range("temperature", params.temperature, 0.0..=2.0)?;
    in_range("top_p", params.top_p, 0.0..=1.0)?;
    if params.top_p == 0.0 {
        return Err(invalid("top_p", "is 0; it must be greater than 0 and at most 1".to_owned()));
    }
    in_range("min_p", params.min_p, 0.0..=1.0)?;
    in_range("frequency_penalty", params.penalties.frequency, -2.0..=2.0)?;
    in_range("presence_penalty", params.penalties.presence, -2.0..=2.0)?;
    in_range("repetition_penalty", params.penalties.repetition, 0.01..=10.0)?;
    if params.max_tokens == Some(0) {
        return Err(invalid("max_tokens", "is 0; it must be at least 1".to_owned()));
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

//! Gives tool calls ids in the form that Mistral's models know: nine letters and digits.

use intramuros_types::Message;

#[cfg(test)]
mod tests;

/// Characters of an id. Source: mistral-common, `protocol/instruct/validator.py`.
const LENGTH: usize = 9;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Replaces every id of another form in `messages` by one made from it. The same id always becomes
/// the same one, so a call and its result keep together and a prompt does not change as the
/// conversation goes on.
pub(super) fn shorten(messages: &mut [Message]) {
    for message in messages {
        for call in &mut message.tool_calls {
            call.id = short(&call.id);
        }
        if let Some(id) = &mut message.tool_call_id {
            *id = short(id);
        }
    }
}

fn short(id: &str) -> String {
    if id.len() == LENGTH && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    let mut rest = fnv1a(id.as_bytes());
    let digit = |_| {
        let digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
        char::from(digit)
    };
    (0..LENGTH).map(digit).collect()
}

/// A hash that is the same on every machine and in every version.
///
/// Source: Fowler, Noll, Vo: FNV-1a, 64 bits (RFC 9923).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

//! Translates between text and bytes as tokens.

use intramuros_backend::{BackendError, ChatOptions, TextCodec, ToolFormat};
use intramuros_types::Message;

/// A vocabulary of the 256 bytes and three special tokens. Every character beyond ASCII is split
/// across tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeCodec;

/// Byte `b` at position `b`, so that one byte can be borrowed for ever.
static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < 256 {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

impl FakeCodec {
    /// Begins a text.
    pub const BEGIN: u32 = 256;
    /// Ends a turn; the only stop token.
    pub const END: u32 = 257;
    /// Begins a turn; the role follows, then a line feed.
    pub const TURN: u32 = 258;
    /// Length of a row of logits.
    pub const VOCAB_SIZE: usize = 259;

    /// The text of `tokens` without special tokens.
    pub fn decode(tokens: &[u32]) -> String {
        let bytes: Vec<u8> =
            tokens.iter().flat_map(|&t| FakeCodec.token_bytes(t)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl TextCodec for FakeCodec {
    fn encode_chat(
        &self,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<Vec<u32>, BackendError> {
        if messages.is_empty() {
            return Err(BackendError::Input("the conversation has no message".to_owned()));
        }
        let mut tokens = vec![Self::BEGIN];
        for message in messages {
            tokens.push(Self::TURN);
            let turn = format!("{}\n{}", message.role.as_str(), message.content);
            tokens.extend(turn.bytes().map(u32::from));
            tokens.push(Self::END);
        }
        if options.add_generation_prompt {
            tokens.push(Self::TURN);
            tokens.extend(b"assistant\n".map(u32::from));
        }
        Ok(tokens)
    }

    fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, BackendError> {
        let begin = add_special.then_some(Self::BEGIN);
        Ok(begin.into_iter().chain(text.bytes().map(u32::from)).collect())
    }

    fn token_bytes(&self, token: u32) -> &[u8] {
        match usize::try_from(token) {
            Ok(byte) if byte < BYTES.len() => &BYTES[byte..=byte],
            _ => &[],
        }
    }

    fn stop_tokens(&self) -> &[u32] {
        &[Self::END]
    }

    fn special_text(&self, token: u32) -> Option<&str> {
        match token {
            Self::BEGIN => Some("<begin>"),
            Self::END => Some("<end>"),
            Self::TURN => Some("<turn>"),
            _ => None,
        }
    }

    fn vocab_size(&self) -> usize {
        Self::VOCAB_SIZE
    }

    fn tool_format(&self) -> Option<ToolFormat> {
        Some(ToolFormat::Hermes)
    }
}

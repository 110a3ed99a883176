//! Translates between text and tokens: tokenizer, chat template and stop tokens of one model.
//!
//! What is *plain* stays plain: a control token's text inside a message, or inside the text given
//! to [`encode`](TextCodec::encode), is tokenised as the characters it is written with. Only the
//! chat template can write a control token. That is held in two places: `added` recognises
//! control tokens only where it is told to, and the merging vocabularies of `segmenter` do not
//! hold them. In a rendered prompt the template's own are told from those of messages and tools by
//! `mask`.
//!
//! Everything else about a text is done as the model's original tokenizer does it; the golden
//! files under `golden/tokenizers` hold what the references answer.
//!
//! Two things are the families' own and not repaired here. SentencePiece models begin a text with
//! a space, so the first token's bytes do too. Byte-level vocabularies that lack some byte (SmolLM2
//! lacks six control characters) leave it out, as both reference implementations do.

use std::collections::HashSet;

use intramuros_backend::{BackendError, ChatOptions, TextCodec, ToolFormat};
use intramuros_types::{Message, Role, ToolCall, ToolDefinition};
use time::OffsetDateTime;

use self::added::AddedTokens;
use self::prompt::{Prompt, prompt};
use self::segmenter::Segmenter;
use self::source::Parts;
use self::template::{ChatTemplate, Clock, MAX_SOURCE_BYTES, tool_bytes};
use self::token_bytes::TokenBytes;
use crate::files::read_text;
use crate::{Gguf, ModelError, ModelFiles, WeightFiles};

mod added;
mod byte_level;
mod call_ids;
mod conversation;
mod deadline;
mod gguf;
mod hf;
mod mask;
mod pretokenizer;
mod prompt;
mod segmenter;
mod source;
mod spm;
mod strftime;
mod template;
mod token_bytes;

#[cfg(test)]
mod tests;

/// The most bytes of one text or of one conversation's messages together. Far above any context
/// (128,000 tokens are about 0.5 MB), and what bounds the memory that one call can take.
const MAX_TEXT_BYTES: usize = 2 << 20;
/// The most messages of one conversation.
const MAX_MESSAGES: usize = 10_000;

/// The template of models that have the tokens of ChatML and no template.
///
/// Source: OpenAI, ChatML; the same text as Qwen's and SmolLM2's templates without their default
/// system message.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + \
    message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}\
    {{ '<|im_start|>assistant\\n' }}{% endif %}";

/// The text side of a generative model. Immutable once loaded; every call is pure, except that
/// some templates write today's date (UTC) into the prompt.
#[derive(Debug)]
pub struct ModelCodec {
    added: AddedTokens,
    segmenter: Segmenter,
    bytes: TokenBytes,
    bos: Option<u32>,
    before: Vec<u32>,
    after: Vec<u32>,
    stops: Vec<u32>,
    template: Option<ChatTemplate>,
    /// Where a model has another template for conversations with tools.
    tool_template: Option<ChatTemplate>,
}

impl ModelCodec {
    /// Reads the tokenizer and chat template of `files`.
    ///
    /// The tokenizer is `tokenizer.json` where there is one, the GGUF's own otherwise. The chat
    /// template is the first of `chat_template.jinja`, `tokenizer_config.json` and the GGUF that
    /// has one; a model without any gets ChatML if its vocabulary has the tokens for it.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] or [`ModelError::Metadata`] when the tokenizer is of an
    /// unsupported kind or contradicts itself, [`ModelError::Template`] when the template does
    /// not compile, [`ModelError::Io`], [`ModelError::Malformed`] and [`ModelError::Json`] as
    /// reading goes.
    pub fn load(files: &ModelFiles) -> Result<ModelCodec, ModelError> {
        let gguf = match &files.weights {
            WeightFiles::Gguf(path) => Some(Gguf::open(path)?),
            WeightFiles::Safetensors { .. } => None,
        };
        let mut parts = match (&files.tokenizer, &gguf) {
            (Some(tokenizer), _) => hf::load(files, tokenizer)?,
            (None, Some(gguf)) => gguf::load(gguf)?,
            (None, None) => {
                let path = match &files.weights {
                    WeightFiles::Gguf(path) => path,
                    WeightFiles::Safetensors { config, .. } => config,
                };
                let problem = "tokenizer.json is missing beside the weights".to_owned();
                return Err(ModelError::Tokenizer { path: path.clone(), problem });
            }
        };
        if let Some(path) = &files.chat_template {
            parts.template = Some(read_text(path, MAX_SOURCE_BYTES as u64)?);
            parts.tool_template = None;
        } else if let (None, Some(gguf)) = (&parts.template, &gguf) {
            parts.template = gguf.string(gguf::TEMPLATE)?.map(str::to_owned);
            parts.tool_template = gguf.string(gguf::TOOL_TEMPLATE)?.map(str::to_owned);
        }
        parts.stops.extend(hf::generation_stops(files)?);
        Self::assemble(parts, OffsetDateTime::now_utc)
    }

    fn assemble(parts: Parts, clock: Clock) -> Result<ModelCodec, ModelError> {
        let Parts { added, segmenter, bytes, bos, before, after, mut stops, named, .. } = parts;
        stops.retain(|id| (*id as usize) < bytes.len());
        stops.sort_unstable();
        stops.dedup();
        let compile = |source: Option<String>| {
            let template = source.map(|source| ChatTemplate::compile(source, &named, clock));
            template.transpose().map_err(|problem| ModelError::Template { problem })
        };
        let template = compile(parts.template.or_else(|| chatml(&added)))?;
        let tool_template = compile(parts.tool_template)?.filter(|t| t.support().tools);
        Ok(Self { added, segmenter, bytes, bos, before, after, stops, template, tool_template })
    }

    /// The chat template's source, if the model has one.
    pub fn template_source(&self) -> Option<&str> {
        self.template.as_ref().map(ChatTemplate::source)
    }

    /// The template for a conversation: models with one for tools have another for the rest.
    fn template_for(&self, messages: &[Message], options: &ChatOptions) -> Option<&ChatTemplate> {
        let calls = messages.iter().any(|m| !m.tool_calls.is_empty() || m.role == Role::Tool);
        let wants_tools = calls || !options.tools.is_empty();
        let for_tools = self.tool_template.as_ref().filter(|_| wants_tools);
        for_tools.or(self.template.as_ref())
    }

    /// Renders `messages` and tokenises.
    fn encode_conversation(
        &self,
        template: &ChatTemplate,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<Vec<u32>, BackendError> {
        let Prompt { text, parts } = prompt(template, &self.added, messages, options)?;
        let ids = self.segmenter.encode(&text, &parts, self.bos);
        let mut ids = ids.map_err(tokenizer_failed)?;
        // The reference leaves it to the template to begin the text. Templates that do not,
        // though the model wants it, are completed, as llama.cpp does.
        if !ids.starts_with(&self.before) {
            ids.splice(0..0, self.before.iter().copied());
        }
        Ok(ids)
    }
}

impl TextCodec for ModelCodec {
    /// Where the template refuses a conversation, it is tried again with the calls of a turn one
    /// after the other, then with system messages merged into the user message that follows, then
    /// with neighbours of the same role merged too, a blank line between them.
    ///
    /// Mistral's templates insist on ids of nine letters and digits; other ids are replaced.
    fn encode_chat(
        &self,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<Vec<u32>, BackendError> {
        let Some(template) = self.template_for(messages, options) else {
            return Err(BackendError::Input(
                "the model has no chat template; use plain completions, or put a \
                 chat_template.jinja beside the model"
                    .to_owned(),
            ));
        };
        if messages.is_empty() || messages.len() > MAX_MESSAGES {
            let count = messages.len();
            let problem = format!("the conversation has {count} messages, 1 to {MAX_MESSAGES} fit");
            return Err(BackendError::Input(problem));
        }
        check_size("the conversation", size_of(messages, &options.tools))?;
        self.encode_conversation(template, messages, options)
    }

    fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, BackendError> {
        check_size("the text", text.len())?;
        let parts = self.added.split(text, false);
        let ids = self.segmenter.encode(text, &parts, self.bos).map_err(tokenizer_failed)?;
        if !add_special {
            return Ok(ids);
        }
        Ok([self.before.as_slice(), &ids, &self.after].concat())
    }

    fn token_bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token)
    }

    fn special_text(&self, token: u32) -> Option<&str> {
        self.added.control_text(token)
    }

    fn vocab_size(&self) -> usize {
        self.bytes.len()
    }

    fn stop_tokens(&self) -> &[u32] {
        &self.stops
    }

    fn tool_format(&self) -> Option<ToolFormat> {
        let template = self.tool_template.as_ref().or(self.template.as_ref())?;
        template.support().format
    }
}

/// Bytes of everything in a conversation that its writers wrote.
fn size_of(messages: &[Message], tools: &[ToolDefinition]) -> usize {
    let of_call = |call: &ToolCall| call.id.len() + call.name.len() + call.arguments.len();
    let of_message = |message: &Message| {
        let calls: usize = message.tool_calls.iter().map(of_call).sum();
        message.content.len() + message.tool_call_id.as_ref().map_or(0, String::len) + calls
    };
    let messages: usize = messages.iter().map(of_message).sum();
    messages + tools.iter().map(tool_bytes).sum::<usize>()
}

fn chatml(added: &AddedTokens) -> Option<String> {
    let texts: HashSet<&str> = added.tokens().iter().map(|t| t.text.as_str()).collect();
    let known = texts.contains("<|im_start|>") && texts.contains("<|im_end|>");
    known.then(|| CHATML.to_owned())
}

fn check_size(what: &str, bytes: usize) -> Result<(), BackendError> {
    if bytes <= MAX_TEXT_BYTES {
        return Ok(());
    }
    let problem = format!("{what} has {bytes} bytes, the limit is {MAX_TEXT_BYTES}");
    Err(BackendError::Input(problem))
}

fn tokenizer_failed(problem: String) -> BackendError {
    BackendError::Input(format!("the text cannot be tokenised: {problem}"))
}

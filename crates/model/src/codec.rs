//! Translates between text and tokens: tokenizer, chat template and stop tokens of one model.
//!
//! What is *plain* stays plain: a control token's text inside a message, or inside the text given
//! to [`encode`](TextCodec::encode), is tokenised as the characters it is written with. Only the
//! chat template can write a control token. That is held in two places: `added` recognises
//! control tokens only where it is told to, and the merging vocabularies of `segmenter` do not
//! hold them. In a rendered prompt the template's own are told from a message's by `mask`.
//!
//! Everything else about a text is done as the model's original tokenizer does it; the golden
//! files under `golden/tokenizers` hold what the references answer.
//!
//! Two things are the families' own and not repaired here. SentencePiece models begin a text with
//! a space, so the first token's bytes do too. Byte-level vocabularies that lack some byte (SmolLM2
//! lacks six control characters) leave it out, as both reference implementations do.

use std::collections::HashSet;

use intramuros_backend::{BackendError, ChatOptions, TextCodec};
use intramuros_types::Message;
use time::OffsetDateTime;

use self::added::AddedTokens;
use self::conversation::{first_missing, merge_neighbours, without_system};
use self::mask::Mask;
use self::segmenter::Segmenter;
use self::source::Parts;
use self::template::{ChatTemplate, Clock, MAX_SOURCE_BYTES, RenderError};
use self::token_bytes::TokenBytes;
use crate::files::read_text;
use crate::{Gguf, ModelError, ModelFiles, WeightFiles};

mod added;
mod byte_level;
mod conversation;
mod deadline;
mod gguf;
mod hf;
mod mask;
mod pretokenizer;
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
        } else if let (None, Some(gguf)) = (&parts.template, &gguf) {
            parts.template = gguf.string(gguf::TEMPLATE)?.map(str::to_owned);
        }
        parts.stops.extend(hf::generation_stops(files)?);
        Self::assemble(parts, OffsetDateTime::now_utc)
    }

    fn assemble(parts: Parts, clock: Clock) -> Result<ModelCodec, ModelError> {
        let Parts { added, segmenter, bytes, bos, before, after, mut stops, template, named } =
            parts;
        stops.retain(|id| (*id as usize) < bytes.len());
        stops.sort_unstable();
        stops.dedup();
        let template = template.or_else(|| chatml(&added));
        let template = template
            .map(|source| ChatTemplate::compile(source, &named, clock))
            .transpose()
            .map_err(|problem| ModelError::Template { problem })?;
        Ok(Self { added, segmenter, bytes, bos, before, after, stops, template })
    }

    /// Number of token ids of the tokenizer. A model's logits may be longer: vocabularies are
    /// padded to round sizes.
    pub fn vocab_size(&self) -> usize {
        self.bytes.len()
    }

    /// The chat template's source, if the model has one.
    pub fn template_source(&self) -> Option<&str> {
        self.template.as_ref().map(ChatTemplate::source)
    }

    /// Renders `messages`, rearranged if the template refuses them as they are, and tokenises.
    fn encode_conversation(
        &self,
        template: &ChatTemplate,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<Vec<u32>, BackendError> {
        let contents = messages.iter().map(|m| m.content.as_str());
        let mut mask = Mask::new(&self.added, template.source(), contents);
        let mut hidden = Vec::with_capacity(messages.len());
        for message in messages {
            let content = mask.hide(&message.content).map_err(BackendError::Input)?;
            hidden.push(Message::new(message.role, content));
        }
        let prompt = render(template, &hidden, options)?;
        let mut parts = self.added.split(&prompt, true);
        let prompt = if mask.is_used() {
            let revealed = mask.reveal(&prompt, &parts);
            parts = revealed.1;
            revealed.0
        } else {
            prompt
        };
        let ids = self.segmenter.encode(&prompt, &parts, self.bos);
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
    /// Where the template refuses a conversation, it is tried again with system messages merged
    /// into the user message that follows, then with neighbours of the same role merged too, a
    /// blank line between them.
    fn encode_chat(
        &self,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<Vec<u32>, BackendError> {
        let Some(template) = &self.template else {
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
        check_size("the conversation", messages.iter().map(|m| m.content.len()).sum())?;
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

    fn stop_tokens(&self) -> &[u32] {
        &self.stops
    }
}

/// Renders `messages`, then the rearrangements of them, until one is taken.
fn render(
    template: &ChatTemplate,
    messages: &[Message],
    options: &ChatOptions,
) -> Result<String, BackendError> {
    let attempt = |messages: &[Message]| {
        let prompt = template.render(messages, options.add_generation_prompt)?;
        match first_missing(messages, &prompt) {
            None => Ok(prompt),
            Some(number) => {
                let role = messages[number - 1].role.as_str();
                let problem = format!("it leaves out message {number} (role {role})");
                Err(RenderError::Refused(problem))
            }
        }
    };
    let first = match attempt(messages) {
        Ok(prompt) => return Ok(prompt),
        Err(error) => error,
    };
    let merged = without_system(messages);
    let current = merged.as_deref().unwrap_or(messages);
    let alternating = merge_neighbours(current);
    for rearranged in [merged.as_deref(), alternating.as_deref()].into_iter().flatten() {
        if matches!(first, RenderError::Limit(_)) {
            break;
        }
        if let Ok(prompt) = attempt(rearranged) {
            return Ok(prompt);
        }
    }
    Err(BackendError::Input(first.to_string()))
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

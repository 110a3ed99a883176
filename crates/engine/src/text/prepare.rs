//! Turns a request into tokens and a grammar, off the model thread.

use std::sync::Arc;

use intramuros_backend::{BackendError, ChatOptions, TextCodec, TextModelInfo};
use intramuros_types::{Constraint, ToolChoice, ToolDefinition};

use crate::constraint::{ConstraintLimits, Grammar, Grammars, Verifier};
use crate::generation::Reading;
use crate::tools::ToolParser;
use crate::tools::grammar::ToolGrammar;
use crate::tools::marks::opening_mark;
use crate::{EngineError, GenerateRequest, Prompt, Tools};

/// The side of a model that needs no model thread.
pub(super) struct Model<'a> {
    pub(super) info: &'a TextModelInfo,
    pub(super) codec: &'a Arc<dyn TextCodec>,
    pub(super) grammars: &'a Grammars,
}

/// What a request became.
pub(super) struct Prepared {
    pub(super) tokens: Vec<u32>,
    pub(super) grammar: Option<Arc<Grammar>>,
    /// How the answer is read.
    pub(super) reading: Reading,
}

/// Tokenises the prompt and compiles the constraint.
///
/// # Errors
/// [`EngineError::Backend`], [`EngineError::Constraint`], [`EngineError::NoTools`],
/// [`EngineError::ToolParameters`].
pub(super) fn prepare(
    model: &Model<'_>,
    request: &GenerateRequest,
) -> Result<Prepared, EngineError> {
    let offered = request.tools.as_ref().map_or(&[][..], |tools| &tools.definitions);
    // Where no call may be made, what looks like one is text.
    let callable = request.tools.as_ref().filter(|tools| tools.choice != ToolChoice::None);
    let parser = callable.map(|tools| model.parser(tools)).transpose()?;
    let limits = ConstraintLimits::default();
    let verifier = |tool: &ToolDefinition| {
        let verifier = Verifier::of_schema(&tool.parameters, &limits);
        let named = |source| EngineError::ToolParameters { tool: tool.name.clone(), source };
        Ok((tool.name.clone(), verifier.map_err(named)?))
    };
    // Before the grammar of the tools, whose errors would not say which tool is meant.
    let arguments = offered.iter().map(verifier).collect::<Result<_, EngineError>>()?;
    let tokens = encode(model.codec.as_ref(), &request.prompt, offered)?;
    let grammar = match (&request.constraint, &request.tools) {
        (Some(constraint), _) => Some(model.grammars.compile(constraint)?),
        (None, Some(tools)) => Some(model.grammars.compile(&model.tool_constraint(tools)?)?),
        (None, None) => None,
    };
    let reading = Reading { tools: parser, grammar: grammar.clone(), arguments };
    Ok(Prepared { tokens, grammar, reading })
}

/// Tokens of `prompt`, template and tools included.
pub(super) fn encode(
    codec: &dyn TextCodec,
    prompt: &Prompt,
    tools: &[ToolDefinition],
) -> Result<Vec<u32>, BackendError> {
    match prompt {
        Prompt::Chat(messages) => {
            let options = ChatOptions { add_generation_prompt: true, tools: tools.to_vec() };
            codec.encode_chat(messages, &options)
        }
        Prompt::Text(text) => codec.encode(text, true),
        Prompt::Tokens(tokens) => Ok(tokens.clone()),
    }
}

/// The text of `tokens`, special ones as they are written.
pub(super) fn decode(codec: &dyn TextCodec, tokens: &[u32]) -> String {
    let bytes = tokens.iter().flat_map(|token| match codec.special_text(*token) {
        Some(text) => text.as_bytes(),
        None => codec.token_bytes(*token),
    });
    String::from_utf8_lossy(&bytes.copied().collect::<Vec<u8>>()).into_owned()
}

impl Model<'_> {
    fn tool_constraint(&self, tools: &Tools) -> Result<Constraint, EngineError> {
        let grammar = ToolGrammar {
            format: self.format()?,
            tools: &tools.definitions,
            choice: &tools.choice,
            parallel: tools.parallel,
        };
        let vocabulary = self.grammars.vocabulary()?;
        Ok(Constraint::Lark(grammar.lark(|mark| vocabulary.special_token(mark))))
    }

    fn parser(&self, tools: &Tools) -> Result<ToolParser, EngineError> {
        let format = self.format()?;
        let special = self.grammars.vocabulary()?.special_token(opening_mark(format)).is_some();
        let free = tools.choice == ToolChoice::Auto;
        Ok(ToolParser::new(format, &tools.definitions, special, free))
    }

    fn format(&self) -> Result<intramuros_backend::ToolFormat, EngineError> {
        let model = || self.info.id.to_string();
        self.codec.tool_format().ok_or_else(|| EngineError::NoTools { model: model() })
    }
}

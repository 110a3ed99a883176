//! Compiles a constraint for one model, within limits.

use intramuros_types::Constraint;
use llguidance::api::{GrammarWithLexer, TopLevelGrammar};
use serde_json::{Value, json};

use super::lark::{self, Template};
use super::limits::check;
use super::stack::on_large_stack;
use super::verify::Verifier;
use super::{ConstraintError, ConstraintLimits, Matcher, Vocabulary, refusal, schema};

/// A compiled constraint. Sequences share it; each has a matcher of its own.
pub(crate) struct Grammar {
    start: llguidance::Matcher,
    vocab_size: usize,
    stop_tokens: Vec<u32>,
    verifier: Verifier,
}

impl Grammar {
    /// Compiles `constraint` for the model of `vocabulary`. Takes milliseconds, in the worst case
    /// a second or two: not a thing for the model thread.
    ///
    /// # Errors
    /// Every [`ConstraintError`] but those of a step.
    pub(crate) fn compile(
        constraint: &Constraint,
        vocabulary: &Vocabulary,
        limits: &ConstraintLimits,
    ) -> Result<Self, ConstraintError> {
        on_large_stack(|| match constraint {
            Constraint::JsonObject => json(&json!({"type": "object"}), vocabulary, limits),
            Constraint::JsonSchema(schema) => json(schema, vocabulary, limits),
            Constraint::Regex(pattern) => regex(pattern, vocabulary, limits),
            Constraint::Choice(choices) => choice(choices, vocabulary, limits),
            Constraint::Lark(text) => {
                check("size in bytes", "grammar", text.len() as u64, limits.max_bytes as u64)?;
                template(&lark::take_schemas(text, limits)?, vocabulary, limits)
            }
        })?
    }

    /// A matcher at the beginning of an answer. Matchers share nothing that one of them changes:
    /// the work that one sequence spends is not another's.
    pub(crate) fn matcher(&self) -> Matcher {
        Matcher::new(self.start.deep_clone(), self.vocab_size, self.stop_tokens.clone())
    }

    /// Checks finished answers.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

fn json(
    source: &Value,
    vocabulary: &Vocabulary,
    limits: &ConstraintLimits,
) -> Result<Grammar, ConstraintError> {
    let lowered = schema::lower(source, limits)?;
    let verifier = Verifier::json(source, &lowered)?;
    let grammar = TopLevelGrammar::from_json_schema(with_settings(lowered.root.clone()));
    build("schema", grammar, vocabulary, limits, verifier)
        .map_err(|error| refusal::name(source, &lowered, error, limits))
}

fn template(
    source: &Template,
    vocabulary: &Vocabulary,
    limits: &ConstraintLimits,
) -> Result<Grammar, ConstraintError> {
    let mut grammars = vec![GrammarWithLexer::from_lark(source.lark.clone())];
    for (name, schema) in &source.schemas {
        let lowered = schema::lower(schema, limits)?;
        Verifier::json(schema, &lowered)?;
        refusal::probe(schema, "", limits)
            .map_err(|error| refusal::name(schema, &lowered, error, limits))?;
        let mut grammar = GrammarWithLexer::from_json_schema(with_settings(lowered.root));
        grammar.name = Some(name.clone());
        grammars.push(grammar);
    }
    let grammar = TopLevelGrammar { grammars, max_tokens: None };
    build("grammar", grammar, vocabulary, limits, Verifier::Nothing)
}

fn regex(
    pattern: &str,
    vocabulary: &Vocabulary,
    limits: &ConstraintLimits,
) -> Result<Grammar, ConstraintError> {
    check("size in bytes", "regex", pattern.len() as u64, limits.max_regex_bytes as u64)?;
    let verifier = Verifier::regex(pattern)?;
    build("regex", TopLevelGrammar::from_regex(unanchored(pattern)), vocabulary, limits, verifier)
}

/// `pattern` without the anchors that a full match implies and that the grammar's engine refuses.
fn unanchored(pattern: &str) -> &str {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let body = pattern.strip_suffix('$').unwrap_or(pattern);
    let escaped = body.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1;
    if escaped { pattern } else { body }
}

fn choice(
    choices: &[String],
    vocabulary: &Vocabulary,
    limits: &ConstraintLimits,
) -> Result<Grammar, ConstraintError> {
    let bytes: usize = choices.iter().map(String::len).sum();
    check("size in bytes", "choice", bytes as u64, limits.max_bytes as u64)?;
    check("number of values", "choice", choices.len() as u64, limits.max_enum as u64)?;
    if choices.is_empty() {
        let reason = "there are none".to_owned();
        return Err(ConstraintError::Unsatisfiable { what: "choice", reason });
    }
    let texts: Vec<String> = choices.iter().map(|choice| lark::string(choice)).collect();
    let grammar = TopLevelGrammar::from_lark(format!("start: {}", texts.join(" | ")));
    build("choice", grammar, vocabulary, limits, Verifier::Choice(choices.to_vec()))
}

/// Adds llguidance's settings to a lowered schema; no client can write them, as lowering drops
/// every keyword that it does not know.
///
/// White space is one space after each comma and colon and none elsewhere, as Python's
/// `json.dumps` writes and models have read most. It cannot be drawn out, and because nothing
/// about it is left open, everything between two values is certain and costs no model step.
/// `\u…` escapes are off, so that a property has one spelling: otherwise `"\u0061"` would pass
/// for a property other than `"a"`.
pub(super) fn with_settings(mut schema: Value) -> Value {
    schema["x-guidance"] = json!({
        "item_separator": ", ",
        "key_separator": ": ",
        "whitespace_flexible": false,
        "json_allowed_escapes": "nrbtf\\\"",
    });
    schema
}

fn build(
    what: &'static str,
    grammar: TopLevelGrammar,
    vocabulary: &Vocabulary,
    limits: &ConstraintLimits,
    verifier: Verifier,
) -> Result<Grammar, ConstraintError> {
    let failed = |error: &dyn std::fmt::Display| ConstraintError::compile(what, &error.to_string());
    let parser = vocabulary
        .factory()
        .create_parser_from_init_ext(
            llguidance::api::GrammarInit::Serialized(grammar),
            llguidance::Logger::new(0, 0),
            llguidance::toktrie::InferenceCapabilities { ff_tokens: true, ..Default::default() },
            limits.parser(),
        )
        .map_err(|error| failed(&format!("{error:#}")))?;
    let mut start = llguidance::Matcher::new(Ok(parser));
    // The first mask shows a grammar that lets nothing begin, and is ready when it is needed.
    start.compute_mask_or_eos().map_err(|error| {
        let error = ConstraintError::step(&error.to_string());
        if !matches!(error, ConstraintError::DeadEnd) {
            return error;
        }
        let reason = "no token of the model can begin the answer".to_owned();
        ConstraintError::Unsatisfiable { what, reason }
    })?;
    let trie = vocabulary.trie();
    Ok(Grammar {
        start,
        vocab_size: trie.vocab_size(),
        stop_tokens: trie.eos_tokens().to_vec(),
        verifier,
    })
}

//! Checks a finished answer against its constraint once more, with code that shares nothing with
//! the matcher.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::schema::{self, Draft, Lowered};
use super::stack::on_large_stack;
use super::{ConstraintError, ConstraintLimits};

/// Subschemas of a schema that cannot nest too deep for an ordinary thread.
const SHALLOW: usize = 500;

/// Checks finished answers. Compiled once per request.
pub(crate) enum Verifier {
    /// JSON that a schema accepts; `format` was up to the grammar, as it is an annotation here.
    Json(DeepValidator),
    /// Text that a regular expression matches whole.
    Regex(Box<regex::Regex>),
    /// One of these.
    Choice(Vec<String>),
    /// A grammar: nothing else here understands Lark.
    Nothing,
}

impl Verifier {
    /// For the part of an answer that is JSON, as the arguments of a tool call.
    ///
    /// # Errors
    /// As for a schema that constrains the whole answer, save for what only the grammar refuses.
    pub(crate) fn of_schema(
        schema: &Value,
        limits: &ConstraintLimits,
    ) -> Result<Self, ConstraintError> {
        on_large_stack(|| Verifier::json(schema, &schema::lower(schema, limits)?))?
    }

    /// For a schema as the client wrote it. `lowered` proves that it was checked: no reference
    /// leaves it, none runs in a circle. Recurses deep.
    ///
    /// # Errors
    /// [`ConstraintError::InvalidSchema`] when it breaks the rules of its draft.
    pub(super) fn json(schema: &Value, lowered: &Lowered) -> Result<Self, ConstraintError> {
        let validator = jsonschema::options()
            .with_draft(draft(lowered.draft))
            .should_validate_formats(false)
            // Linear in the text, where the default one backtracks.
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map_err(|error| ConstraintError::InvalidSchema {
                path: format!("#{}", error.instance_path()),
                reason: error.masked().to_string(),
            })?;
        let deep = lowered.places.len() > SHALLOW;
        Ok(Verifier::Json(DeepValidator { validator: Some(Box::new(validator)), deep }))
    }

    /// For a regular expression that has to match the whole text.
    ///
    /// # Errors
    /// [`ConstraintError::InvalidGrammar`] when it does not compile.
    pub(super) fn regex(pattern: &str) -> Result<Self, ConstraintError> {
        let regex = regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
            .size_limit(4 << 20)
            .build()
            .map_err(|error| {
                let reason = error.to_string().lines().last().unwrap_or_default().to_owned();
                ConstraintError::InvalidGrammar { what: "regex", reason }
            })?;
        Ok(Verifier::Regex(Box::new(regex)))
    }

    /// Checks `text`.
    ///
    /// # Errors
    /// What is violated, without a word of the answer.
    pub(crate) fn verify(&self, text: &str) -> Result<(), String> {
        match self {
            Verifier::Json(validator) => {
                let value: Value = serde_json::from_str(text).map_err(|error| {
                    format!("not JSON at line {}, column {}", error.line(), error.column())
                })?;
                validator.validate(&value)
            }
            Verifier::Regex(regex) if regex.is_match(text) => Ok(()),
            Verifier::Regex(_) => Err("does not match the regular expression".to_owned()),
            Verifier::Choice(choices) if choices.iter().any(|choice| choice == text) => Ok(()),
            Verifier::Choice(_) => Err("is none of the choices".to_owned()),
            Verifier::Nothing => Ok(()),
        }
    }
}

/// A validator, which nests as deep as its schema and the schema's references do.
pub(crate) struct DeepValidator {
    /// Gone only while it is dropped.
    validator: Option<Box<Validator>>,
    /// Whether it may nest too deep for an ordinary thread.
    deep: bool,
}

impl DeepValidator {
    fn validate(&self, value: &Value) -> Result<(), String> {
        let Some(validator) = &self.validator else { return Ok(()) };
        let validate = || {
            validator
                .validate(value)
                .map_err(|error| format!("violates the schema at #{}", error.schema_path()))
        };
        // Even a short schema goes as deep as the value, times its references.
        on_large_stack(validate).unwrap_or_else(|error| Err(format!("not checked: {error}")))
    }
}

impl Drop for DeepValidator {
    fn drop(&mut self) {
        if !self.deep {
            return;
        }
        let validator = &mut self.validator;
        if on_large_stack(|| drop(validator.take())).is_err() {
            // Better lost than a process that ends.
            std::mem::forget(validator.take());
        }
    }
}

fn draft(draft: Draft) -> jsonschema::Draft {
    match draft {
        Draft::Four => jsonschema::Draft::Draft4,
        Draft::Six => jsonschema::Draft::Draft6,
        Draft::Seven => jsonschema::Draft::Draft7,
        Draft::Nineteen => jsonschema::Draft::Draft201909,
        Draft::Twenty => jsonschema::Draft::Draft202012,
    }
}

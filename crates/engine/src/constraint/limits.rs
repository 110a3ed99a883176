//! Bounds what one request's constraint may cost: a schema is user input.

use llguidance::api::ParserLimits;
use serde_json::Value;

use super::ConstraintError;

/// The most that one request's constraint may ask for.
///
/// The first group bounds what is read and is checked before anything is compiled. The second
/// bounds work and memory of llguidance, and with them time: it makes about 50,000 nodes of
/// regular expressions a millisecond when it compiles, and 14,000 lexer steps or 20,000 Earley
/// items a millisecond in a mask (its `ParserLimits`).
#[derive(Debug, Clone)]
pub(crate) struct ConstraintLimits {
    /// Bytes of a schema (as compact JSON), a grammar, or all choices together.
    pub max_bytes: usize,
    /// Levels of nesting, in a schema and in the brackets of a grammar.
    pub max_depth: usize,
    /// Values (objects, arrays, strings, …) in a schema.
    pub max_nodes: usize,
    /// Entries of one `enum`, or choices.
    pub max_enum: usize,
    /// Properties of one object.
    pub max_properties: usize,
    /// `minItems`, `maxItems`, `minProperties`, `maxProperties`.
    pub max_items: u64,
    /// `minLength` and `maxLength`.
    pub max_length: u64,
    /// Bytes of one regular expression.
    pub max_regex_bytes: usize,
    /// Schema nodes after `allOf`, `anyOf`, `$ref` and their siblings are multiplied out.
    pub max_expansion: u64,
    /// Subschemas that follow one another at one value through references.
    pub max_chain: u64,
    /// References that a validator follows at one value when every alternative fails.
    pub max_visits: u64,
    /// Nodes of regular expressions made while compiling.
    pub lexer_fuel: u64,
    /// Lexer steps of one mask.
    pub step_fuel: u64,
    /// Earley items of one mask.
    pub step_items: usize,
    /// Earley items of one row.
    pub row_items: usize,
    /// Lexer states of one sequence, 1 to 2 KiB each.
    pub lexer_states: usize,
    /// Symbols of the grammar.
    pub grammar_symbols: usize,
}

impl Default for ConstraintLimits {
    fn default() -> Self {
        ConstraintLimits {
            max_bytes: 256 * 1024,
            max_depth: 48,
            max_nodes: 20_000,
            max_enum: 4_096,
            max_properties: 1_024,
            max_items: 4_096,
            max_length: 1_000_000,
            max_regex_bytes: 4_096,
            max_expansion: 200_000,
            max_chain: 128,
            max_visits: 20_000,
            lexer_fuel: 1_000_000,
            step_fuel: 200_000,
            step_items: 25_000,
            row_items: 10_000,
            lexer_states: 50_000,
            grammar_symbols: 200_000,
        }
    }
}

impl ConstraintLimits {
    /// The part that llguidance enforces. `verbose_errors` is off because its messages would
    /// otherwise quote the answer.
    pub(super) fn parser(&self) -> ParserLimits {
        ParserLimits {
            max_items_in_row: self.row_items,
            initial_lexer_fuel: self.lexer_fuel,
            step_lexer_fuel: self.step_fuel,
            step_max_items: self.step_items,
            max_lexer_states: self.lexer_states,
            max_grammar_size: self.grammar_symbols,
            precompute_large_lexemes: true,
            verbose_errors: false,
        }
    }

    /// Checks the size and shape of a schema as plain JSON.
    ///
    /// # Errors
    /// [`ConstraintError::TooLarge`].
    pub(super) fn check_json(&self, schema: &Value) -> Result<(), ConstraintError> {
        let mut nodes = 0;
        self.check_value(schema, 1, &mut nodes)?;
        let bytes = schema.to_string().len();
        check("size in bytes", "#", bytes as u64, self.max_bytes as u64)
    }

    fn check_value(
        &self,
        value: &Value,
        depth: usize,
        nodes: &mut u64,
    ) -> Result<(), ConstraintError> {
        // A schema of one level takes two of JSON (`properties`, then the property).
        check("nesting depth", "#", depth as u64, 2 * self.max_depth as u64)?;
        *nodes += 1;
        check("number of values", "#", *nodes, self.max_nodes as u64)?;
        match value {
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.check_value(item, depth + 1, nodes))
            }
            Value::Object(fields) => {
                fields.values().try_for_each(|field| self.check_value(field, depth + 1, nodes))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }
}

/// `TooLarge` unless `found` is within `limit`.
pub(super) fn check(
    what: &'static str,
    path: &str,
    found: u64,
    limit: u64,
) -> Result<(), ConstraintError> {
    if found <= limit {
        return Ok(());
    }
    Err(ConstraintError::TooLarge { what, path: path.to_owned(), found, limit })
}

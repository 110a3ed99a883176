//! Says why a constraint cannot be honoured.

use intramuros_types::Fault;

/// An error of a constraint. No message holds any of the answer's text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// A keyword that would have to be ignored.
    #[error("schema keyword \"{keyword}\" at {path} cannot be enforced: {reason}")]
    Unsupported {
        /// The keyword, as `not`.
        keyword: String,
        /// JSON pointer to it in the schema (fragment form, `#/properties/a/not`).
        path: String,
        /// Why, and what can be written instead.
        reason: String,
    },
    /// What is not a JSON Schema.
    #[error("schema is not valid at {path}: {reason}")]
    InvalidSchema {
        /// JSON pointer to the place.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// No text at all satisfies the constraint.
    #[error("no answer can satisfy the {what}: {reason}")]
    Unsatisfiable {
        /// `schema`, `grammar`, …
        what: &'static str,
        /// Which part, and why.
        reason: String,
    },
    /// A regular expression, a grammar or a list of choices that does not compile.
    #[error("{what} does not compile: {reason}")]
    InvalidGrammar {
        /// `regex`, `grammar` or `choice`.
        what: &'static str,
        /// What is wrong and where.
        reason: String,
    },
    /// Past a limit.
    #[error("{what} at {path} is {found}, the limit is {limit}")]
    TooLarge {
        /// What was counted, as `nesting depth`.
        what: &'static str,
        /// JSON pointer to the place, or the field's name.
        path: String,
        /// How much there is, or the first amount past the limit.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// Small to write but too much work to enforce.
    #[error("the constraint is too complex to enforce: {reason}")]
    TooComplex {
        /// Which of the parser's limits was met.
        reason: String,
    },
    /// No token of the vocabulary continues the answer.
    #[error("no token of the model continues the answer as the constraint demands")]
    DeadEnd,
    /// A token that the mask forbids was drawn all the same.
    #[error("token {token} does not continue the answer as the constraint demands")]
    Rejected {
        /// Its id.
        token: u32,
    },
    /// The model's vocabulary cannot be used.
    #[error("the model's vocabulary cannot be constrained: {reason}")]
    Vocabulary {
        /// What is wrong with it.
        reason: String,
    },
    /// The parser failed.
    #[error("the constraint's parser failed")]
    Internal {
        /// What it said; may hold parts of the grammar, so it is not part of the message.
        detail: String,
    },
}

impl ConstraintError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            ConstraintError::Unsupported { .. }
            | ConstraintError::InvalidSchema { .. }
            | ConstraintError::Unsatisfiable { .. }
            | ConstraintError::InvalidGrammar { .. }
            | ConstraintError::TooLarge { .. }
            | ConstraintError::TooComplex { .. }
            | ConstraintError::DeadEnd => Fault::User,
            ConstraintError::Vocabulary { .. } => Fault::Runtime,
            ConstraintError::Rejected { .. } | ConstraintError::Internal { .. } => Fault::Bug,
        }
    }

    /// Translates what llguidance says when a grammar does not compile.
    pub(super) fn compile(what: &'static str, message: &str) -> Self {
        let reason = first_lines(message);
        if message.starts_with("panic") {
            return ConstraintError::Internal { detail: message.to_owned() };
        }
        if message.contains("Unsatisfiable schema") {
            return ConstraintError::Unsatisfiable { what, reason };
        }
        let work = ["too big", "schema too large", "too many", "stack level", "fuel"];
        if work.iter().any(|word| message.contains(word)) {
            return ConstraintError::TooComplex { reason };
        }
        ConstraintError::InvalidGrammar { what, reason }
    }

    /// Translates what llguidance says when a step fails.
    pub(super) fn step(message: &str) -> Self {
        if message.starts_with("panic") {
            ConstraintError::Internal { detail: message.to_owned() }
        } else if message.contains("NoExtension") {
            ConstraintError::DeadEnd
        } else {
            ConstraintError::TooComplex { reason: first_lines(message) }
        }
    }
}

/// The first lines of a message of llguidance; later ones are its debugging output.
fn first_lines(message: &str) -> String {
    let head = message.split("\n<").next().unwrap_or_default();
    let mut text = head.lines().take(4).collect::<Vec<_>>().join("; ");
    if let Some((end, _)) = text.char_indices().nth(400) {
        text.truncate(end);
    }
    text
}

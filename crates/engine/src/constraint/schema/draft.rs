//! Tells the drafts of JSON Schema apart.

use serde_json::Value;

use crate::constraint::ConstraintError;

/// A draft of JSON Schema, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Draft {
    /// Draft 4.
    Four,
    /// Draft 6.
    Six,
    /// Draft 7.
    Seven,
    /// Draft 2019-09.
    Nineteen,
    /// Draft 2020-12.
    Twenty,
}

impl Draft {
    /// The draft that `schema` names in `$schema`; 2020-12 where it names none.
    ///
    /// # Errors
    /// [`ConstraintError::Unsupported`] for one that is not known.
    pub(super) fn of(schema: &Value) -> Result<Self, ConstraintError> {
        let Some(name) = schema.get("$schema") else { return Ok(Draft::Twenty) };
        let uri = name.as_str().unwrap_or_default().trim_end_matches('#');
        let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
        match rest.unwrap_or_default() {
            "json-schema.org/draft-04/schema" => Ok(Draft::Four),
            "json-schema.org/draft-06/schema" => Ok(Draft::Six),
            "json-schema.org/draft-07/schema" => Ok(Draft::Seven),
            "json-schema.org/draft/2019-09/schema" => Ok(Draft::Nineteen),
            "json-schema.org/draft/2020-12/schema" | "json-schema.org/schema" => Ok(Draft::Twenty),
            _ => Err(ConstraintError::Unsupported {
                keyword: "$schema".to_owned(),
                path: "#/$schema".to_owned(),
                reason: "known are drafts 4, 6, 7, 2019-09 and 2020-12".to_owned(),
            }),
        }
    }

    /// Whether a `$ref` makes the keywords beside it void.
    pub(super) fn reference_stands_alone(self) -> bool {
        self <= Draft::Seven
    }

    /// Whether an array in `items` describes the first items.
    pub(super) fn items_may_be_array(self) -> bool {
        self <= Draft::Nineteen
    }
}

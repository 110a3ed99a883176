//! Finds which keyword llguidance refused, as its errors do not say where they arose.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use llguidance::api::{GrammarInit, TopLevelGrammar};
use serde_json::Value;

use super::grammar::with_settings;
use super::schema::{self, Lowered};
use super::{ConstraintError, ConstraintLimits};

/// Time for the search; past it the path of the whole schema is given.
const PATIENCE: Duration = Duration::from_secs(1);

/// What to look for in a message, the keywords that it is about, and what to tell the client.
const REFUSALS: [(&str, &[&str], &str); 7] = [
    (
        "oneOf constraints",
        &["oneOf"],
        "its cases may overlap; write anyOf, or require a property whose const differs",
    ),
    (
        "min/maxProperties",
        &["minProperties", "maxProperties"],
        "it can be combined with properties only when all of them are required",
    ),
    ("patternProperty", &["patternProperties"], "its patterns have to exclude each other"),
    ("circular references", &["$ref"], "a recursive reference cannot have keywords beside it"),
    ("stack level exceeded", &["allOf", "$ref"], "its parts refer to each other too deeply"),
    ("if regex is empty", &["pattern", "format"], "together with its neighbours it is too complex"),
    ("multipleOf", &["multipleOf"], "it has to have few digits"),
];

/// Turns the error of a whole schema into one that names keyword and path.
pub(super) fn name(
    source: &Value,
    lowered: &Lowered,
    error: ConstraintError,
    limits: &ConstraintLimits,
) -> ConstraintError {
    if let ConstraintError::Unsatisfiable { what, reason } = &error {
        let reason = original_names(reason, &lowered.definitions);
        return ConstraintError::Unsatisfiable { what, reason };
    }
    let ConstraintError::InvalidGrammar { reason, .. } = &error else { return error };
    let Some((mark, keywords, advice)) = REFUSALS.iter().find(|(mark, ..)| reason.contains(mark))
    else {
        return error;
    };
    let (place, start) = ("", Instant::now());
    let culprit = lowered
        .places
        .iter()
        .rev()
        .take_while(|_| start.elapsed() < PATIENCE)
        .find(|place| match probe(source, place, limits) {
            Err(ConstraintError::InvalidGrammar { reason, .. }) => reason.contains(mark),
            Ok(()) | Err(_) => false,
        })
        .map_or(place, String::as_str);
    let fields = source.pointer(culprit);
    let present = |keyword: &&&str| fields.is_some_and(|fields| fields.get(**keyword).is_some());
    let keyword = keywords.iter().find(present).unwrap_or(&keywords[0]);
    ConstraintError::Unsupported {
        keyword: (*keyword).to_owned(),
        path: format!("#{culprit}/{keyword}"),
        reason: (*advice).to_owned(),
    }
}

/// `text` with the pointers of the original in place of ours.
fn original_names(text: &str, definitions: &[String]) -> String {
    let mut parts = text.split("#/$defs/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let pointer = part[..digits].parse().ok().and_then(|at: usize| definitions.get(at));
        out.push('#');
        out.push_str(pointer.map_or("", String::as_str));
        out.push_str(&part[digits..]);
    }
    out
}

/// Compiles the subschema at `place` as far as llguidance's own schema compiler goes.
pub(super) fn probe(
    source: &Value,
    place: &str,
    limits: &ConstraintLimits,
) -> Result<(), ConstraintError> {
    let lowered = schema::lower_at(source, place, limits)?;
    let grammar = TopLevelGrammar::from_json_schema(with_settings(lowered.root));
    llguidance::panic_utils::catch_unwind(AssertUnwindSafe(|| {
        GrammarInit::Serialized(grammar).to_internal(None, limits.parser())
    }))
    .map(drop)
    .map_err(|error| ConstraintError::compile("schema", &format!("{error:#}")))
}

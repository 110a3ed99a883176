//! Takes the fields of one item, by name and type, and refuses those that nobody took.

use serde_json::{Map, Value};

use super::SetError;

/// The longest text, in characters.
pub(super) const MAX_TEXT_CHARS: usize = 100_000;
/// The longest name or label, in characters.
pub(super) const MAX_NAME_CHARS: usize = 500;
/// The most texts of a list.
const MAX_LIST: usize = 200;
/// The longest text of a list, in characters.
const MAX_ENTRY_CHARS: usize = 2_000;
/// How deep values of documents may be nested.
const MAX_DEPTH: usize = 8;

/// What is known of one field: the manual's name first, then the others.
pub(super) type Names = &'static [&'static str];

/// One item as it is written, of which fields are taken one after another.
pub(super) struct Row {
    /// Where it begins, from 1.
    pub(super) line: usize,
    map: Map<String, Value>,
    /// Whether every value is a text, as in CSV, and lists and yes or no are within texts.
    is_loose: bool,
}

impl Row {
    pub(super) fn new(line: usize, map: Map<String, Value>, is_loose: bool) -> Self {
        Self { line, map, is_loose }
    }

    /// Whether lists and yes or no are within texts.
    pub(super) fn is_loose(&self) -> bool {
        self.is_loose
    }

    /// An error about one field.
    pub(super) fn wrong<T>(
        &self,
        field: &str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Result<T, SetError> {
        Err(SetError::Field {
            line: self.line,
            field: field.chars().take(40).collect(),
            found: found.into(),
            remedy: remedy.into(),
        })
    }

    /// The value under any of the names; null is none.
    pub(super) fn value(&mut self, names: Names) -> Result<Option<Value>, SetError> {
        let mut taken = None;
        for name in names {
            let Some(value) = self.map.shift_remove(*name) else { continue };
            if taken.is_some() {
                return self.wrong(
                    name,
                    format!("is another name of '{}', which is there too", names[0]),
                    "write one of them",
                );
            }
            taken = Some(value);
        }
        Ok(taken.filter(|value| !value.is_null()))
    }

    /// A text of up to `limit` characters; blank is none. Numbers are taken for texts.
    pub(super) fn text(&mut self, names: Names, limit: usize) -> Result<Option<String>, SetError> {
        let text = match self.value(names)? {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            Some(other @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => {
                return self.wrong(names[0], kind(&other), "write a text");
            }
        };
        let chars = text.chars().count();
        if chars > limit {
            let found = format!("has {chars} characters");
            return self.wrong(names[0], found, format!("the limit is {limit}"));
        }
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }

    /// A label or a name, without the spaces around it.
    pub(super) fn name(&mut self, names: Names) -> Result<Option<String>, SetError> {
        Ok(self.text(names, MAX_NAME_CHARS)?.map(|name| name.trim().to_owned()))
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, names: Names) -> Result<Option<bool>, SetError> {
        let remedy = if self.is_loose {
            "write oui or non, or true or false"
        } else {
            "write true or false"
        };
        match self.value(names)? {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(text)) if self.is_loose => {
                match text.trim().to_lowercase().as_str() {
                    "true" | "vrai" | "oui" | "yes" | "1" | "x" => Ok(Some(true)),
                    "false" | "faux" | "non" | "no" | "0" => Ok(Some(false)),
                    _ => self.wrong(names[0], kind(&Value::String(text)), remedy),
                }
            }
            Some(other) => self.wrong(names[0], kind(&other), remedy),
        }
    }

    /// A list of texts. In CSV a cell with a JSON list, or texts with `;` or line breaks between.
    pub(super) fn list(&mut self, names: Names) -> Result<Option<Vec<String>>, SetError> {
        const REMEDY: &str = "write a list of texts";
        let values = match self.value(names)? {
            None => return Ok(None),
            Some(Value::Array(values)) => values,
            Some(Value::String(text)) if self.is_loose => match listed(&text) {
                Some(values) => values,
                None => {
                    return self.wrong(names[0], "is no list", "write a; b; c or [\"a\", \"b\"]");
                }
            },
            Some(other) => return self.wrong(names[0], kind(&other), REMEDY),
        };
        if values.len() > MAX_LIST {
            let found = format!("has {} entries", values.len());
            return self.wrong(names[0], found, format!("the limit is {MAX_LIST}"));
        }
        let mut texts = Vec::new();
        for value in values {
            let text = match value {
                Value::String(text) if !text.trim().is_empty() => text.trim().to_owned(),
                Value::Number(number) => number.to_string(),
                Value::String(_) => return self.wrong(names[0], "has an empty text", REMEDY),
                other @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                    return self.wrong(names[0], format!("has what {}", kind(&other)), REMEDY);
                }
            };
            if text.chars().count() > MAX_ENTRY_CHARS {
                let found = format!("has a text of {} characters", text.chars().count());
                return self.wrong(names[0], found, format!("the limit is {MAX_ENTRY_CHARS}"));
            }
            texts.push(text);
        }
        Ok(Some(texts))
    }

    /// Any JSON, of up to [`MAX_TEXT_CHARS`] characters.
    pub(super) fn json(&mut self, names: Names) -> Result<Option<Value>, SetError> {
        let value = match self.value(names)? {
            Some(Value::String(text)) if self.is_loose => match serde_json::from_str(&text) {
                Ok(value) => Some(value),
                Err(_) => return self.wrong(names[0], "is no JSON", "write JSON in the cell"),
            },
            value => value,
        };
        if value.as_ref().is_some_and(|value| depth(value) > MAX_DEPTH) {
            let remedy = format!("the limit is {MAX_DEPTH} levels");
            return self.wrong(names[0], "is nested too deeply", remedy);
        }
        if value.as_ref().is_some_and(|value| value.to_string().len() > MAX_TEXT_CHARS) {
            let remedy = format!("the limit is {MAX_TEXT_CHARS} bytes of JSON");
            return self.wrong(names[0], "is too long", remedy);
        }
        Ok(value)
    }

    /// The fields whose names begin with `prefix`, without it.
    pub(super) fn prefixed(&mut self, prefix: &str) -> Vec<(String, Value)> {
        let (with, without) = std::mem::take(&mut self.map)
            .into_iter()
            .partition(|(name, _)| name.starts_with(prefix));
        self.map = without;
        let with: Map<String, Value> = with;
        with.into_iter().map(|(name, value)| (name[prefix.len()..].to_owned(), value)).collect()
    }

    /// Refuses what is left: a label under a misspelt name would be one that nobody has.
    pub(super) fn finish(self, known: &[Names]) -> Result<(), SetError> {
        let Some((name, _)) = self.map.iter().next() else { return Ok(()) };
        let known: Vec<&str> = known.iter().map(|names| names[0]).collect();
        let remedy = format!("take it out, or name it 'notes'; known are {}", known.join(", "));
        self.wrong(name, "is no field of this job", remedy)
    }
}

fn listed(text: &str) -> Option<Vec<Value>> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    let parts = text.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty());
    Some(parts.map(Value::from).collect())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// What a value is, without what it says.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "is null".to_owned(),
        Value::Bool(_) => "is true or false".to_owned(),
        Value::Number(_) => "is a number".to_owned(),
        Value::String(text) => format!("is a text of {} characters", text.chars().count()),
        Value::Array(values) => format!("is a list of {} values", values.len()),
        Value::Object(_) => "is an object".to_owned(),
    }
}

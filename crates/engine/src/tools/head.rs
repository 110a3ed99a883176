//! Recognises the beginning of a call: everything up to its arguments.

use serde_json::{Map, Value};

use super::json::Scanner;
use super::marks::{ARGS, CALL_ID};

/// Names of tools have at most 64 characters; what is longer than this is none.
const MAX_NAME_BYTES: usize = 256;
/// Characters of an id in Mistral's formats.
const ID_LENGTH: usize = 9;

/// What a text is the beginning of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// It is too short to tell.
    Incomplete,
    /// No call of a tool that was offered.
    NotACall,
    /// A call whose arguments, an object, begin at a byte.
    Begun { name: String, id: Option<String>, arguments_at: usize },
    /// A whole call, where it could not be told earlier; `end` is the byte behind it.
    Whole { name: String, arguments: String, end: usize },
}

/// Reads `{"name": …, "arguments": {…`, or `parameters`. Members in another order, or arguments
/// that are no object, are read once the object is whole. Where `needs_arguments`, an object
/// without them is no call.
pub(super) fn object_head(text: &str, offered: &[String], needs_arguments: bool) -> Head {
    if text.is_empty() {
        return Head::Incomplete;
    }
    if !text.starts_with('{') {
        return Head::NotACall;
    }
    match usual(text) {
        Ok((name, _)) if !offered.contains(&name) => Head::NotACall,
        Ok((name, arguments_at)) => Head::Begun { name, id: None, arguments_at },
        Err(TooShort) if Scanner::default().end_in(text).is_none() => Head::Incomplete,
        Err(_) => match Scanner::default().end_in(text) {
            None => Head::Incomplete,
            Some(end) => whole(&text[..end], offered, needs_arguments),
        },
    }
}

use Deviation::{Other, TooShort};

/// Why a text is not the usual beginning.
#[derive(Debug)]
enum Deviation {
    TooShort,
    Other,
}

/// Name and place of the arguments, in the order that models are taught.
fn usual(text: &str) -> Result<(String, usize), Deviation> {
    let mut at = 0;
    expect(text, &mut at, '{')?;
    if string(text, &mut at)? != "name" {
        return Err(Other);
    }
    expect(text, &mut at, ':')?;
    let name = string(text, &mut at)?;
    expect(text, &mut at, ',')?;
    if !matches!(string(text, &mut at)?.as_str(), "arguments" | "parameters") {
        return Err(Other);
    }
    expect(text, &mut at, ':')?;
    expect(text, &mut at, '{')?;
    Ok((name, at - 1))
}

/// Moves `at` behind `character`, with white space before it.
fn expect(text: &str, at: &mut usize, character: char) -> Result<(), Deviation> {
    let rest = text[*at..].trim_start();
    match rest.chars().next() {
        None => Err(TooShort),
        Some(found) if found == character => {
            *at = text.len() - rest.len() + 1;
            Ok(())
        }
        Some(_) => Err(Other),
    }
}

/// Moves `at` behind a JSON text and returns it.
fn string(text: &str, at: &mut usize) -> Result<String, Deviation> {
    expect(text, at, '"')?;
    let start = *at - 1;
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(*at) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                *at = offset + 1;
                return serde_json::from_str(&text[start..*at]).map_err(|_| Other);
            }
            _ => {}
        }
    }
    Err(TooShort)
}

fn whole(object: &str, offered: &[String], needs_arguments: bool) -> Head {
    let Ok(call) = serde_json::from_str::<Map<String, Value>>(object) else {
        return Head::NotACall;
    };
    // Some models repeat the form of the definition: {"type": "function", "function": {…}}.
    let call = call.get("function").and_then(Value::as_object).unwrap_or(&call);
    let name = call.get("name").and_then(Value::as_str);
    let Some(name) = name.filter(|name| offered.iter().any(|tool| tool == name)) else {
        return Head::NotACall;
    };
    let arguments = match call.get("arguments").or(call.get("parameters")) {
        Some(Value::Object(arguments)) => Value::Object(arguments.clone()).to_string(),
        Some(Value::String(arguments)) => arguments.clone(),
        Some(Value::Null) => "{}".to_owned(),
        None if !needs_arguments => "{}".to_owned(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => return Head::NotACall,
    };
    Head::Whole { name: name.to_owned(), arguments, end: object.len() }
}

/// Reads `name[ARGS]{` or `name[CALL_ID]id[ARGS]{`; without marks, where they have no text, the
/// arguments' bracket ends the name.
pub(super) fn args_head(text: &str, offered: &[String]) -> Head {
    let Some(brace) = text.find('{') else {
        let name = text.split('[').next().unwrap_or_default();
        let is_long = text.len() > MAX_NAME_BYTES;
        let is_prose = name.trim_end().contains(char::is_whitespace);
        return if is_long || is_prose { Head::NotACall } else { Head::Incomplete };
    };
    let before = text[..brace].trim_end();
    let before = before.strip_suffix(ARGS).unwrap_or(before);
    let (name, id) = match before.split_once(CALL_ID) {
        Some((name, id)) => (name, Some(id.trim())),
        None => (before, None),
    };
    let name = name.trim();
    if !offered.iter().any(|tool| tool == name) {
        return Head::NotACall;
    }
    let is_id = |id: &&str| id.len() == ID_LENGTH && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let id = id.filter(is_id).map(str::to_owned);
    Head::Begun { name: name.to_owned(), id, arguments_at: brace }
}

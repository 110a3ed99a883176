//! Reads JSON bodies within limits and names the field that is wrong.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ApiError, Code};
use crate::state::AppState;
use crate::visit::note_user;

/// What a field that is not implemented may still hold, because it changes nothing then.
pub(crate) enum Neutral {
    /// Any value: the field never changes the output.
    Any,
    /// Only a value for which this holds (`null` always passes).
    When(fn(&Value) -> bool),
}

/// A request body that knows which fields it has beyond its own.
pub(crate) trait RequestBody: DeserializeOwned {
    /// The fields that are implemented.
    const FIELDS: &'static [&'static str];
    /// Implemented fields that several bodies have in common.
    const FLATTENED: &'static [&'static str] = &[];
    /// The fields that are known, not implemented, and accepted while neutral.
    const NEUTRAL: &'static [(&'static str, Neutral)] = &[];
}

/// The most bytes of a request's body, where they are fewer than those of the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaxBody(pub(crate) usize);

/// The extractor for a [`RequestBody`].
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: RequestBody> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        expect_json(&request)?;
        let extensions = request.extensions().clone();
        let bytes = read(request, state).await?;
        let fields = fields(&bytes)?;
        // OpenAI's name for whom an application asks; it changes no answer.
        if T::NEUTRAL.iter().any(|(name, _)| *name == "user") {
            note_user(&extensions, fields.get("user").and_then(Value::as_str));
        }
        from_fields(fields).map(JsonBody)
    }
}

/// The extractor for a JSON object of any shape.
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

impl FromRequest<AppState> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        expect_json(&request)?;
        fields(&read(request, state).await?).map(JsonObject)
    }
}

fn expect_json(request: &Request) -> Result<(), ApiError> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    match essence {
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(ApiError::new(
            Code::UnsupportedMediaType,
            "the body must be JSON, sent with 'Content-Type: application/json'",
        )),
    }
}

async fn read(request: Request, state: &AppState) -> Result<Bytes, ApiError> {
    let own = request.extensions().get::<MaxBody>().copied();
    let limit = own.map_or(state.limits.max_body_bytes, |own| own.0);
    let body = to_bytes(request.into_body(), limit);
    match tokio::time::timeout(state.limits.body_timeout, body).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(ApiError::new(
            Code::BodyTooLarge,
            match own {
                Some(_) => format!("the request body is larger than {limit} bytes"),
                None => {
                    format!("the request body is larger than {limit} bytes (server.max_body_bytes)")
                }
            },
        )),
        Ok(Err(_)) => Err(ApiError::new(Code::InvalidRequest, "the request body broke off")),
        Err(_) => Err(ApiError::new(
            Code::RequestTimeout,
            format!(
                "the request body did not arrive within {} s",
                state.limits.body_timeout.as_secs()
            ),
        )),
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// Parses `bytes` as `T`, naming the first field that is unknown, unsupported or wrong.
#[cfg(test)]
pub(crate) fn parse<T: RequestBody>(bytes: &[u8]) -> Result<T, ApiError> {
    from_fields(fields(bytes)?)
}

fn fields(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let reason = error.to_string();
        let hint = match &reason {
            deep if deep.contains("recursion limit") => "; it nests deeper than 127 levels",
            half if half.contains("hex escape") => "; a \\u escape is half of a surrogate pair",
            _ => "",
        };
        ApiError::new(
            Code::InvalidRequest,
            format!("the body cannot be read as JSON: {reason}{hint}"),
        )
    })?;
    let Value::Object(fields) = value else {
        return Err(ApiError::new(Code::InvalidRequest, "the body must be a JSON object"));
    };
    Ok(fields)
}

fn from_fields<T: RequestBody>(mut fields: Map<String, Value>) -> Result<T, ApiError> {
    drop_neutral::<T>(&mut fields)?;
    let mut value = Value::Object(fields);
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let told = plain(&message);
        let param = match path.as_str() {
            "." => missing_field(&message).or_else(|| culprit::<T>(&mut value, &message)),
            _ => Some(path),
        };
        let message = match &param {
            Some(path) => format!("'{path}': {told}"),
            None => told,
        };
        ApiError { param, ..ApiError::new(Code::InvalidRequest, message) }
    })
}

/// serde's message in words of JSON instead of Rust's.
fn plain(message: &str) -> String {
    let Some((before, expected)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i64" => "a whole number",
        "f32" | "f64" => "a number",
        kind if kind.starts_with("struct ") || kind.contains("tagged enum ") => "an object",
        other => other,
    };
    format!("{before}expected {expected}")
}

/// The field without which the error `message` is another or none. serde knows no path for the
/// fields of flattened structs, which are all short; long values are not tried.
fn culprit<T: RequestBody>(value: &mut Value, message: &str) -> Option<String> {
    let names: Vec<String> = value.as_object()?.keys().cloned().collect();
    names.into_iter().find(|name| {
        let Some(fields) = value.as_object_mut() else { return false };
        if fields[name].as_array().is_some_and(|items| items.len() > 64) {
            return false;
        }
        let Some(taken) = fields.remove(name) else { return false };
        // A required field is missed when it is taken away; that is not what was wrong with it.
        let changed = T::deserialize(&*value).map_or_else(
            |error| {
                let now = error.to_string();
                now != message && missing_field(&now).as_ref() != Some(name)
            },
            |_| true,
        );
        value[name.as_str()] = taken;
        changed
    })
}

fn drop_neutral<T: RequestBody>(fields: &mut Map<String, Value>) -> Result<(), ApiError> {
    let names: Vec<String> = fields.keys().cloned().collect();
    for name in names {
        if T::FIELDS.contains(&name.as_str()) || T::FLATTENED.contains(&name.as_str()) {
            // An explicit null means "not given", as OpenAI's clients send it.
            if fields[&name].is_null() {
                fields.shift_remove(&name);
            }
            continue;
        }
        let known = T::NEUTRAL.iter().find(|(field, _)| *field == name);
        let Some((_, neutral)) = known else {
            let all = [T::FIELDS, T::FLATTENED].concat().join(", ");
            let message = format!("unknown field '{name}'; known: {all}");
            return Err(ApiError::invalid(name, message));
        };
        let value = fields.shift_remove(&name).unwrap_or_default();
        let passes = match neutral {
            Neutral::Any => true,
            Neutral::When(holds) => value.is_null() || holds(&value),
        };
        if !passes {
            let message = format!(
                "'{name}' is not supported with this value and would be ignored; leave it out"
            );
            return Err(ApiError::unsupported(name, message));
        }
    }
    Ok(())
}

/// The name in serde's "missing field `x`", which has no path.
fn missing_field(message: &str) -> Option<String> {
    let rest = message.strip_prefix("missing field `")?;
    Some(rest.split('`').next()?.to_string())
}

#[cfg(test)]
mod tests;

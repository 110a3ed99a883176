//! Reads query strings and names the parameter that is wrong.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, Code};

#[cfg(test)]
mod tests;

/// The extractor for a query string.
#[derive(Debug)]
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parse(parts.uri.query().unwrap_or_default()).map(QueryParams)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let read = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs));
    read.map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let param = if path == "." { in_quotes(&message).map(str::to_owned) } else { Some(path) };
        match param {
            Some(param) => {
                let told = plain(&message);
                ApiError::invalid(param.clone(), format!("'{param}': {told}"))
            }
            None => {
                let message = format!("the query string cannot be read: {message}");
                ApiError::new(Code::InvalidRequest, message)
            }
        }
    })
}

/// The name in serde's "unknown field `x`, expected …", which has no path.
fn in_quotes(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// The message in words of whoever sends a query instead of Rust's.
fn plain(message: &str) -> String {
    let number = ["invalid digit", "parse integer from empty", "too large to fit"];
    if number.iter().any(|known| message.contains(known)) {
        return "expected a whole number, 0 or more, within its range".to_owned();
    }
    if message.contains("not `true` or `false`") {
        return "expected true or false".to_owned();
    }
    message.replace('`', "'")
}

//! Decides which answers are compressed.

use axum::http::Response;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use http_body::Body;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

/// Answers of fewer bytes are hardly shorter when compressed.
const MIN_BYTES: u64 = 1_024;

/// Left in an answer's extensions by handlers whose answer must not be compressed: because it holds
/// a secret next to what the client sent (the length would tell about the secret: BREACH), or because
/// it would take long and save little.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotCompressed;

/// Texts of known length. Streams have none: their pieces must leave at once. Neither have the
/// documents' original files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worthwhile;

impl Predicate for Worthwhile {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        let is_large = response.body().size_hint().exact().is_some_and(|bytes| bytes >= MIN_BYTES);
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        is_large
            && (essence.ends_with("json") || matches!(essence, "text/html" | "text/plain"))
            && !response.headers().contains_key(SET_COOKIE)
            && response.extensions().get::<NotCompressed>().is_none()
    }
}

/// Compresses what is worth it. Fast rather than well: the cores have other work.
pub(crate) fn layer() -> CompressionLayer<Worthwhile> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(Worthwhile)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Response;
    use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
    use futures::stream;
    use tower_http::compression::predicate::Predicate as _;

    use super::{NotCompressed, Worthwhile};

    fn answer(kind: &str, body: Body) -> Response<Body> {
        Response::builder().header(CONTENT_TYPE, kind).body(body).unwrap()
    }

    fn long() -> Body {
        Body::from("x".repeat(2_000))
    }

    #[track_caller]
    fn check(response: &Response<Body>, expected: bool) {
        assert_eq!(Worthwhile.should_compress(response), expected, "{response:?}");
    }

    #[test]
    fn long_texts_are_and_short_ones_and_others_are_not() {
        check(&answer("application/json", long()), true);
        check(&answer("application/problem+json", long()), true);
        check(&answer("text/plain; version=0.0.4", long()), true);
        check(&answer("application/json", Body::from("{}")), false);
        check(&answer("application/octet-stream", long()), false);
        check(&answer("image/png", long()), false);
    }

    #[test]
    fn streams_are_never_held_back() {
        let pieces = stream::iter([Ok::<_, std::io::Error>("x".repeat(2_000))]);
        check(&answer("text/plain", Body::from_stream(pieces)), false);
        check(&answer("text/event-stream", long()), false);
    }

    #[test]
    fn secrets_are_left_as_they_are() {
        let mut marked = answer("application/json", long());
        marked.extensions_mut().insert(NotCompressed);
        check(&marked, false);
        let mut cookie = answer("application/json", long());
        cookie.headers_mut().insert(SET_COOKIE, "session=x".parse().unwrap());
        check(&cookie, false);
    }
}

//! Wraps bodies: a request's to keep what it says, a stream's to account for it at its end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::Closing;
use crate::error::ApiError;
use crate::visit::End;

/// Bytes of a question or an answer that the audit trail keeps.
const MAX_KEPT: usize = 1 << 20;

/// Bytes of a refused request that are read before the answer.
const MAX_DRAINED: usize = 256 << 20;
/// The longest time that this takes.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);

/// Reads what is left of a body, within bounds, and forgets it.
pub(super) async fn drain(mut body: Body) {
    let reading = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > MAX_DRAINED {
                return;
            }
        }
    };
    // Who sends longer sees the connection end.
    let _ = tokio::time::timeout(DRAINED_WITHIN, reading).await;
}

/// What a request's body said, up to a mebibyte.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// As text; what is no text is replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    fn hear(&self, piece: &[u8]) {
        let mut heard = self.lock();
        let room = MAX_KEPT.saturating_sub(heard.len());
        heard.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that is heard while it is read.
pub(super) struct Collected {
    inner: Body,
    heard: Heard,
}

impl Collected {
    pub(super) fn new(inner: Body, heard: Heard) -> Self {
        Self { inner, heard }
    }
}

impl HttpBody for Collected {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(piece) = frame.data_ref()
        {
            self.heard.hear(piece);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A stream whose request is accounted for before its end is passed on. Dropped earlier, it drops
/// its [`Closing`], which notes that the client left.
pub(super) struct Accounted {
    inner: Body,
    /// Shared with the future that writes; gone when that has been made.
    closing: Option<Closing>,
    status: StatusCode,
    said: Heard,
    writing: Option<BoxFuture<'static, Result<(), ApiError>>>,
    broken: bool,
}

impl Accounted {
    pub(super) fn new(inner: Body, status: StatusCode, closing: Closing) -> Self {
        Self {
            inner,
            closing: Some(closing),
            status,
            said: Heard::default(),
            writing: None,
            broken: false,
        }
    }

    /// Begins to write how the request ended; once.
    fn close(&mut self) {
        let Some(mut closing) = self.closing.take() else { return };
        let said = closing.heard.is_some().then(|| self.said.clone());
        let status = self.status;
        let end = if self.broken { End::Broken(status) } else { End::Answered(status) };
        self.writing = Some(Box::pin(async move {
            let said = said.map(|said| said.text());
            closing.write(end, said.as_deref().map(str::as_bytes)).await
        }));
    }
}

impl HttpBody for Accounted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.closing.is_some() {
            match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let keeps =
                        this.closing.as_ref().is_some_and(|closing| closing.heard.is_some());
                    if let Some(piece) = frame.data_ref().filter(|_| keeps) {
                        this.said.hear(piece);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => {
                    this.broken = true;
                    this.close();
                    return Poll::Ready(Some(Err(error)));
                }
                None => this.close(),
            }
        }
        let Some(writing) = &mut this.writing else { return Poll::Ready(None) };
        let written = ready!(writing.as_mut().poll(context));
        this.writing = None;
        // What was sent cannot be taken back; the client sees that the answer broke off.
        Poll::Ready(written.err().map(|error| Err(axum::Error::new(Unwritten(error.message)))))
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Accounted {
    fn drop(&mut self) {
        // The client left while the lines were written, or were about to be.
        if let Some(writing) = self.writing.take() {
            tokio::spawn(writing);
        }
    }
}

/// Why a stream broke off at its end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unwritten(String);

//! Accepts connections and answers their requests until told to stop.
//!
//! hyper is driven directly because `axum::serve` knows no time limits: a client that connects and
//! says nothing, or sends its head a byte a minute, would hold a connection for ever. HTTP/1.1 only:
//! HTTP/2 without TLS is spoken by no browser, and a TLS proxy translates.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use crate::gate::{MAX_HEADER_BYTES, MAX_HEADERS};
use crate::router::router;
use crate::state::AppState;

/// How long a client may take nothing of its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Wait after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How much of a head and how many lines hyper takes. More than `gate` does, which says what is
/// wrong; hyper answers with a bare status.
const HARD_HEAD_BYTES: usize = 2 * MAX_HEADER_BYTES;
const HARD_HEADERS: usize = 2 * MAX_HEADERS;

/// What one address too many is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\n\
    content-type: text/plain\r\ncontent-length: 89\r\nconnection: close\r\n\r\n\
    this address has as many connections as it may have (server.max_connections_per_address)\n";

/// Serves on `listener` until `stop` completes and no request is being answered any more. Those
/// that come between are refused by the router; the caller bounds how long that may take.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let (limits, running) = (Arc::clone(&state.limits), state.running.clone());
    let counts = state.metrics.connections().clone();
    let router = router(state);
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(limits.max_connections));
    // Turned true once, here; every connection watches it.
    let (stopping, stopped) = watch::channel(false);
    let accepting = async {
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let (stream, peer) = accept(&listener).await;
            let most = limits.max_connections_per_address;
            let Some(connection) = counts.enter(peer.ip(), most) else {
                // As much of it as the client takes at once: nobody waits for one too many.
                let _ = stream.try_write(TOO_MANY);
                continue;
            };
            let (router, stopped) = (router.clone(), stopped.clone());
            let head_timeout = limits.head_timeout;
            connections.spawn(async move {
                answer((stream, peer), router, head_timeout, stopped).await;
                drop((place, connection));
            });
        }
    };
    let drained = async {
        stop.await;
        running.none_left().await;
    };
    tokio::select! {
        () = accepting => {}
        () = drained => {}
    }
    drop(listener);
    stopping.send_replace(true);
    connections.close();
    connections.wait().await;
}

/// The next connection. Failures concern one client or pass; the server goes on.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_clients(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Whose connection a request came over: the client's address, or that of a proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Answers the requests of one connection, one after the other.
async fn answer(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    head_timeout: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    // Streams are many small writes; each should leave at once.
    let _ = stream.set_nodelay(true);
    // A client that stops reading would hold its answer, and with it the model, for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        // A router is always ready.
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_headers(HARD_HEADERS)
        .max_header_size(HARD_HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let told = async move {
        // An error means that the server is gone, which is a stop too.
        let _ = stopped.wait_for(|stopping| *stopping).await;
    };
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = told => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;

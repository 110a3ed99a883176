//! Accepts connections and answers their requests until told to stop.
//!
//! hyper is driven directly because `axum::serve` knows no time limits: a client that connects and
//! says nothing, or sends its head a byte a minute, would hold a connection for ever.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tokio_util::task::TaskTracker;

use crate::router::router;
use crate::state::AppState;

/// The most open connections; further clients wait in the system's backlog.
const MAX_CONNECTIONS: usize = 4_096;

/// How long a client may take nothing of its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Wait after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves on `listener` until `stop` completes, then finishes the requests that run. The caller
/// bounds how long that may take.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let head_timeout = state.limits.head_timeout;
    let router = router(state);
    let connections = TaskTracker::new();
    let places = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Turned true once, here; every connection watches it.
    let (stopping, stopped) = watch::channel(false);
    let accepting = async {
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let stream = accept(&listener).await;
            let (router, stopped) = (router.clone(), stopped.clone());
            connections.spawn(async move {
                answer(stream, router, head_timeout, stopped).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop => {}
    }
    drop(listener);
    stopping.send_replace(true);
    connections.close();
    connections.wait().await;
}

/// The next connection. Failures concern one client or pass; the server goes on.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
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

/// Answers the requests of one connection, one after the other.
async fn answer(
    stream: TcpStream,
    router: Router,
    head_timeout: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    // Streams are many small writes; each should leave at once.
    let _ = stream.set_nodelay(true);
    // A client that stops reading would hold its answer, and with it the model, for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
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

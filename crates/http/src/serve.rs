//! Answers connections until told to stop.

use std::io;

use tokio::net::TcpListener;

use crate::router::router;
use crate::state::AppState;

/// Serves on `listener` until `stop` completes, then finishes the requests that run. The caller
/// bounds how long that may take.
///
/// # Errors
/// The listener's, when it cannot accept connections any more.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(state)).with_graceful_shutdown(stop).await
}

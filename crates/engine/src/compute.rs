//! Starts the one thread that owns a backend and guards each call into it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use intramuros_backend::BackendError;
use tokio::sync::watch;

use crate::EngineError;
use crate::status::Counters;

/// How long after the grace a stop waits for the step that is being computed; a step cannot be
/// interrupted.
const LAST_STEP: Duration = Duration::from_secs(30);

/// Lets any number of tasks wait for the end of a compute thread. A watch channel because it has
/// many receivers and remembers its end; the thread holds the sender and sends nothing.
#[derive(Debug, Clone)]
pub(crate) struct Finished(watch::Receiver<()>);

impl Finished {
    /// Waits for the thread's end, at most for `grace` and one long step.
    pub(crate) async fn wait(&self, grace: Duration) {
        let mut finished = self.0.clone();
        let limit = grace.saturating_add(LAST_STEP);
        if tokio::time::timeout(limit, finished.changed()).await.is_err() {
            tracing::warn!(limit_s = limit.as_secs(), "a step is still computing; not waited for");
        }
    }
}

/// Starts a thread called `name`, loads the backend on it, and goes on with `work` there. Returns
/// when the backend is loaded, with what `describe` says about it.
///
/// # Errors
/// [`EngineError::Thread`] when there is no thread; [`EngineError::Backend`] when loading failed
/// or panicked.
pub(crate) fn start<B, I>(
    name: &str,
    counters: Arc<Counters>,
    load: impl FnOnce() -> Result<Box<B>, BackendError> + Send + 'static,
    describe: impl FnOnce(&B) -> I + Send + 'static,
    work: impl FnOnce(Box<B>, I) + Send + 'static,
) -> Result<(I, Finished), EngineError>
where
    B: ?Sized + 'static,
    I: Clone + Send + 'static,
{
    let (end, finished) = watch::channel(());
    let (report, loaded) = mpsc::channel();
    let body = move || {
        // Declared first, so that it falls last: whoever waits finds the backend already gone.
        let _end = EndOfThread { counters, _end: end };
        let backend = catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| {
            Err(BackendError::Model("the model's loader panicked; the file may be damaged".into()))
        });
        let backend = match backend {
            Ok(backend) => backend,
            Err(error) => {
                // Nobody listening means that the starter is gone, and with it the interest.
                let _ = report.send(Err(error));
                return;
            }
        };
        let info = describe(&backend);
        if report.send(Ok(info.clone())).is_ok() {
            work(backend, info);
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(EngineError::Thread)?;
    let info = loaded.recv().map_err(|_| {
        BackendError::Model("the model's thread ended before it was loaded".to_owned())
    })??;
    Ok((info, Finished(finished)))
}

/// Says that the thread is over however it ends, also by a panic of the engine itself.
struct EndOfThread {
    counters: Arc<Counters>,
    _end: watch::Sender<()>,
}

impl Drop for EndOfThread {
    fn drop(&mut self) {
        self.counters.thread_ended();
    }
}

/// Why a call into a backend gave nothing.
#[derive(Debug)]
pub(crate) enum StepFault {
    /// It panicked; the panic hook has told where.
    Panicked,
    /// It returned an error.
    Failed(BackendError),
}

impl std::fmt::Display for StepFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StepFault::Panicked => f.write_str("the backend panicked"),
            StepFault::Failed(error) => error.fmt(f),
        }
    }
}

/// Calls into a backend without letting a panic through.
///
/// Unwind safety: the backend may be left inconsistent for the sequences of the call; the caller
/// closes these, as the contract of `TextBackend::forward` demands after an error anyway.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, BackendError>) -> Result<T, StepFault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StepFault::Failed(error)),
        Err(_) => Err(StepFault::Panicked),
    }
}

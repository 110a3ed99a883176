//! Room for work that recurses as deep as a client's schema nests.

use std::thread;

use super::ConstraintError;

/// llguidance and the validator follow a schema and its references by recursion, and 256 KiB of
/// schema can nest 20,000 deep. Address space only: what is not touched takes no memory.
const STACK_BYTES: usize = 256 << 20;

/// Runs `work` where its recursion does not overflow the stack, which would end the process.
///
/// # Errors
/// [`ConstraintError::Internal`] when no thread can be started, or when `work` panicked.
pub(super) fn on_large_stack<T: Send>(
    work: impl FnOnce() -> T + Send,
) -> Result<T, ConstraintError> {
    let internal = |detail: String| ConstraintError::Internal { detail };
    thread::scope(|scope| {
        thread::Builder::new()
            .name("constraint".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| internal(error.to_string()))?
            .join()
            .map_err(|_| internal("it panicked".to_owned()))
    })
}

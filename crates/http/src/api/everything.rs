//! Keeps what concerns documents of every label to those who may read all of them.

use intramuros_types::Access;

use crate::error::{ApiError, Code};

/// Refuses `what` to who may not read everything.
pub(crate) fn check(access: &Access, what: &str) -> Result<(), ApiError> {
    if access.is_everything() {
        return Ok(());
    }
    let message =
        format!("{what}, which takes the right to read everything (label '*', no denial)");
    Err(ApiError::new(Code::InsufficientScope, message))
}

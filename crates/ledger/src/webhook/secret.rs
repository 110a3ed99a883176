//! Makes the secrets that deliveries are signed with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::LedgerError;

/// Source: Standard Webhooks specification, "Signature scheme".
const PREFIX: &str = "whsec_";
const RANDOM_BYTES: usize = 32;

/// A fresh secret.
pub(crate) fn generate() -> Result<String, LedgerError> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| LedgerError::Entropy { detail: error.to_string() })?;
    Ok(format!("{PREFIX}{}", STANDARD.encode(random)))
}

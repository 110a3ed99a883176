//! Makes the secrets of API keys and sessions and reduces them to what is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::LedgerError;

/// How the secret of a key begins.
pub(crate) const KEY: &str = "imk_";
/// How the secret of a session begins.
pub(crate) const SESSION: &str = "ims_";
/// How what a visitor of a web page holds begins.
pub(crate) const WIDGET: &str = "imw_";
const RANDOM_BYTES: usize = 32;
/// Characters of the secret that are shown in lists: 48 of its 256 random bits.
const VISIBLE_CHARS: usize = KEY.len() + 8;
/// `imk_` and 32 bytes in base64 without padding.
const SECRET_CHARS: usize = KEY.len() + (RANDOM_BYTES * 4).div_ceil(3);

/// A fresh secret that begins with `prefix`.
pub(crate) fn generate(prefix: &str) -> Result<String, LedgerError> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| LedgerError::Entropy { detail: error.to_string() })?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random)))
}

/// Whether `secret` has the shape of a session's.
pub(crate) fn is_session(secret: &str) -> bool {
    has_shape(secret, SESSION)
}

/// Whether `secret` has the shape of what a visitor of a web page holds.
pub(crate) fn is_widget(secret: &str) -> bool {
    has_shape(secret, WIDGET)
}

/// The public part of `secret`; `None` when it does not have the shape of a secret, which spares
/// the database what scanners send.
pub(crate) fn visible_prefix(secret: &str) -> Option<&str> {
    has_shape(secret, KEY).then(|| &secret[..VISIBLE_CHARS])
}

fn has_shape(secret: &str, prefix: &str) -> bool {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    secret.len() == SECRET_CHARS && secret.starts_with(prefix) && secret.bytes().all(alphabet)
}

/// SHA-256 of `secret` in hexadecimal.
///
/// A slow, salted hash protects secrets that can be guessed. 256 random bits cannot: a plain hash
/// is as safe and costs microseconds per request instead of a tenth of a second.
pub(crate) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

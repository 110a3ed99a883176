//! Checks ids and file names before they become part of a path or an address.

use crate::CatalogError;

#[cfg(test)]
mod tests;

/// The longest id and the longest path component.
const MAX_NAME: usize = 128;
/// The longest relative path.
const MAX_PATH: usize = 512;

/// Accepts `[a-z0-9][a-z0-9._-]{0,127}`: no separator, no leading dot, hence no traversal, and
/// the same name on file systems that ignore case.
pub(crate) fn check_id(id: &str) -> Result<(), CatalogError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let reason = if id.is_empty() {
        "it is empty"
    } else if id.len() > MAX_NAME {
        "it is longer than 128 characters"
    } else if !id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        "it must start with a lower-case letter or a digit"
    } else if !id.chars().all(allowed) {
        "it may hold lower-case letters, digits, '.', '_' and '-' only"
    } else {
        return Ok(());
    };
    Err(CatalogError::InvalidId { id: shown(id), reason })
}

/// Accepts a relative path of plain components (`1_Pooling/config.json`), such as the files of a
/// model have on every hub; nothing that needs escaping in an address.
pub(crate) fn check_path(path: &str) -> Result<(), CatalogError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    let plain = |part: &str| {
        !part.is_empty()
            && part.len() <= MAX_NAME
            && !part.starts_with('.')
            && part.chars().all(allowed)
    };
    if path.len() <= MAX_PATH && path.split('/').all(plain) {
        return Ok(());
    }
    Err(CatalogError::InvalidPath { path: shown(path) })
}

/// Accepts `owner/name` of a hub repository.
pub(crate) fn is_repository(name: &str) -> bool {
    check_path(name).is_ok() && name.split('/').count() <= 2
}

/// Whether `text` is `length` lower-case hexadecimal digits.
pub(crate) fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The start of an untrusted name, fit for a message.
fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

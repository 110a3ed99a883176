//! Checks what the OpenDocument formats share.

use crate::extract::tests::{read_within, zip_of};
use crate::{ExtractLimits, IngestError};

const MIMETYPE: &[u8] = b"application/vnd.oasis.opendocument.text";

#[track_caller]
fn check_error(files: &[(&str, &[u8])], expected: &IngestError) {
    let files = [&[("mimetype", MIMETYPE)], files].concat();
    let read = read_within(&zip_of(&files), "a.odt", &ExtractLimits::default());
    assert_eq!(read.as_ref().unwrap_err(), expected);
}

#[test]
fn encrypted_content_is_named() {
    let entry = |path: &str, inner: &str| {
        format!(
            "<m:manifest xmlns:m='m'><m:file-entry m:full-path='{path}'>{inner}</m:file-entry></m:manifest>"
        )
    };
    let locked = entry("content.xml", "<m:encryption-data m:checksum='x'/>");
    let files: [(&str, &[u8]); 2] =
        [("META-INF/manifest.xml", locked.as_bytes()), ("content.xml", b"\x01\x02")];
    check_error(&files, &IngestError::Encrypted);
    let locked = entry("encrypted-package", "<m:encryption-data/>");
    check_error(&[("META-INF/manifest.xml", locked.as_bytes())], &IngestError::Encrypted);
    let open = entry("content.xml", "");
    check_error(
        &[("META-INF/manifest.xml", open.as_bytes())],
        &IngestError::damaged("the archive has no content.xml"),
    );
}

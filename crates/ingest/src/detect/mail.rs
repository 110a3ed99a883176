//! Tells e-mails from other text by the header that they begin with.

/// A header of a real message is shorter than this, in bytes, up to what is looked for.
const HEADER_WITHIN: usize = 64 << 10;

/// Fields that programs write and people do not: one of them must be there. Without it, a text
/// that begins with `From:` and `Subject:` is a text that somebody typed or pasted.
const WRITTEN_BY_PROGRAMS: [&[u8]; 7] = [
    b"received",
    b"mime-version",
    b"message-id",
    b"return-path",
    b"delivered-to",
    b"dkim-signature",
    b"arc-seal",
];

/// Whether `bytes` begin with the header of an e-mail or with a mailbox of them: nothing but
/// fields up to the first empty line, among them one that programs write, and who sent it.
/// Source: RFC 5322, 2.2 and 3.6; RFC 4155 for mailboxes.
pub(super) fn starts_like_mail(bytes: &[u8]) -> bool {
    let mut head = &bytes[..bytes.len().min(HEADER_WITHIN)];
    head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let (mut by_program, mut sender) = (false, false);
    for (at, line) in head.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let folded = at > 0 && line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
        if folded || (at == 0 && line.starts_with(b"From ")) {
            continue;
        }
        let Some(name) = field_name(line) else {
            // The last line may be cut.
            return by_program && sender && bytes.len() > HEADER_WITHIN;
        };
        by_program |= WRITTEN_BY_PROGRAMS.contains(&name.as_slice());
        sender |= name == b"from";
    }
    by_program && sender
}

/// The name of a field in lower case.
fn field_name(line: &[u8]) -> Option<Vec<u8>> {
    let at = line.iter().position(|b| *b == b':')?;
    let name = line[..at].trim_ascii_end();
    let valid = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
    valid.then(|| name.to_ascii_lowercase())
}

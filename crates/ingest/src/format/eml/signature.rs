//! Opens the envelopes of S/MIME as far as that needs no key.
//!
//! Source: RFC 8551 (S/MIME 4.0), RFC 5652 (CMS), X.690 (BER). A signature is not verified: what
//! is read is what a mail program shows.

/// `id-data`, `id-signedData` and `id-envelopedData` of PKCS #7, encoded, and the arc they share
/// with the other envelopes, which are encrypted too.
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const SIGNED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENVELOPED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
/// `id-ct-authEnvelopedData`.
const AUTH_ENVELOPED: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";

/// The type of an envelope stands within this many bytes.
const TYPE_WITHIN: usize = 64;
/// The content of a signed envelope begins within this many bytes, after the list of digests.
const CONTENT_WITHIN: usize = 4096;

const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const EXPLICIT: u8 = 0xa0;

/// What an S/MIME envelope holds.
pub(super) enum Envelope {
    /// A part that is signed, in the open.
    Signed(Vec<u8>),
    /// A part that a key is needed for.
    Encrypted,
    /// Something else, such as a certificate.
    Other,
}

/// Looks into `bytes`.
pub(super) fn open(bytes: &[u8]) -> Envelope {
    let head = &bytes[..bytes.len().min(TYPE_WITHIN)];
    if find(head, ENVELOPED).is_some() || find(head, AUTH_ENVELOPED).is_some() {
        return Envelope::Encrypted;
    }
    let Some(at) = find(head, SIGNED) else { return Envelope::Other };
    let rest = &bytes[at + SIGNED.len()..];
    let Some(at) = find(&rest[..rest.len().min(CONTENT_WITHIN)], DATA) else {
        return Envelope::Other;
    };
    match content(&rest[at + DATA.len()..]) {
        Some(content) if !content.is_empty() => Envelope::Signed(content),
        _ => Envelope::Other,
    }
}

/// The octets that follow the type of a content: whole, or in pieces.
fn content(bytes: &[u8]) -> Option<Vec<u8>> {
    let (EXPLICIT, _, rest) = element(bytes)? else { return None };
    let (tag, length, mut rest) = element(rest)?;
    if tag == OCTETS {
        return rest.get(..length?).map(<[u8]>::to_vec);
    }
    if tag != OCTETS_IN_PIECES {
        return None;
    }
    if let Some(length) = length {
        rest = rest.get(..length)?;
    }
    let mut out = Vec::new();
    while let Some((OCTETS, Some(length), tail)) = element(rest) {
        out.extend_from_slice(tail.get(..length)?);
        rest = &tail[length..];
    }
    Some(out)
}

/// Tag and length of the element that `bytes` begin with, and what follows; the length is `None`
/// where an end mark stands in for it.
fn element(bytes: &[u8]) -> Option<(u8, Option<usize>, &[u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
    match length {
        0x80 => Some((tag, None, rest)),
        0..0x80 => Some((tag, Some(usize::from(length)), rest)),
        _ => {
            let count = usize::from(length & 0x7f);
            let digits = rest.get(..count).filter(|digits| digits.len() <= 4)?;
            let length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            Some((tag, Some(length), &rest[count..]))
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

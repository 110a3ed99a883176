//! Seals contents so that this server can write them and only another key can read them.
//!
//! Hybrid public key encryption, single-shot and without sender authentication: X25519,
//! HKDF-SHA-256, ChaCha20-Poly1305. A sealed content is the ephemeral public key and the
//! ciphertext, in base64; any other implementation opens it with the private key and [`INFO`].
//! Written on `ring` and `x25519-dalek` because the crates that implement the whole of it switch on
//! features of crates below the vector store, which makes the first build 20 minutes longer.
//!
//! Source: RFC 9180, sections 4.1, 5.1 and 6.1 (DHKEM 0x0020, KDF 0x0001, AEAD 0x0003, base mode).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use x25519_dalek::{PublicKey, StaticSecret};

use crate::LedgerError;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// "KEM", 0x0020.
const KEM_SUITE: &[u8] = b"KEM\x00\x20";
/// "HPKE", 0x0020, 0x0001, 0x0003.
const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x03";
/// Ties ciphertexts to what they are for.
const INFO: &[u8] = b"intramuros audit content";

/// Seals; cannot open what it sealed.
#[derive(Clone)]
pub struct Sealer(PublicKey);

impl Sealer {
    /// Takes a public key of 32 bytes in base64.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn new(public_key: &str) -> Result<Self, LedgerError> {
        Ok(Self(PublicKey::from(key_bytes("audit.public_key", public_key)?)))
    }

    /// The sealed content in base64; `None` when the system gives no random bytes, or for a public
    /// key that nobody has the private one of.
    pub fn seal(&self, content: &[u8]) -> Option<String> {
        let sealed = seal(&self.0, &random_key()?, (INFO, &[]), content)?;
        Some(STANDARD.encode(sealed))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Opens what was sealed for its public key. Kept off the server.
pub struct Unsealer(StaticSecret);

impl Unsealer {
    /// A new private key.
    ///
    /// # Errors
    /// `Entropy`.
    pub fn generate() -> Result<Self, LedgerError> {
        let detail = "no random bytes".to_owned();
        Ok(Self(random_key().ok_or(LedgerError::Entropy { detail })?))
    }

    /// Takes a private key of 32 bytes in base64.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn new(private_key: &str) -> Result<Self, LedgerError> {
        Ok(Self(StaticSecret::from(key_bytes("private key", private_key)?)))
    }

    /// The private key in base64.
    pub fn private_key(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// The public key in base64.
    pub fn public_key(&self) -> String {
        STANDARD.encode(PublicKey::from(&self.0).as_bytes())
    }

    /// The content that was sealed; `None` when it was sealed for another key, or changed.
    pub fn unseal(&self, sealed: &str) -> Option<Vec<u8>> {
        open(&self.0, (INFO, &[]), &STANDARD.decode(sealed).ok()?)
    }
}

/// Leaves the key out, so that it cannot reach a log.
impl fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsealer")
    }
}

/// `SealBase` with the ephemeral key `ephemeral`.
fn seal(
    recipient: &PublicKey,
    ephemeral: &StaticSecret,
    (info, aad): (&[u8], &[u8]),
    content: &[u8],
) -> Option<Vec<u8>> {
    let enc = PublicKey::from(ephemeral);
    let (key, nonce) = schedule(shared(ephemeral, recipient, &enc, recipient)?, info)?;
    let mut text = content.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut text).ok()?;
    Some([enc.as_bytes().as_slice(), &text].concat())
}

/// `OpenBase`.
fn open(private: &StaticSecret, (info, aad): (&[u8], &[u8]), sealed: &[u8]) -> Option<Vec<u8>> {
    let (enc, text) = sealed.split_at_checked(KEY_BYTES)?;
    let enc = PublicKey::from(<[u8; KEY_BYTES]>::try_from(enc).ok()?);
    let recipient = PublicKey::from(private);
    let (key, nonce) = schedule(shared(private, &enc, &enc, &recipient)?, info)?;
    let mut text = text.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(aad), &mut text).ok()?;
    Some(opened.to_vec())
}

/// The shared secret of both sides: `ExtractAndExpand` of the Diffie-Hellman value.
fn shared(
    ours: &StaticSecret,
    theirs: &PublicKey,
    enc: &PublicKey,
    recipient: &PublicKey,
) -> Option<Vec<u8>> {
    let dh = ours.diffie_hellman(theirs);
    if !dh.was_contributory() {
        return None;
    }
    let prk = labeled_extract(KEM_SUITE, &[], b"eae_prk", dh.as_bytes());
    let context = [enc.as_bytes().as_slice(), recipient.as_bytes()].concat();
    Some(labeled_expand(KEM_SUITE, &prk, b"shared_secret", &context, KEY_BYTES))
}

/// Key and nonce of the one message: `KeySchedule` in base mode.
fn schedule(shared: Vec<u8>, info: &[u8]) -> Option<(LessSafeKey, Nonce)> {
    let psk_id = labeled_extract(SUITE, &[], b"psk_id_hash", &[]);
    let info = labeled_extract(SUITE, &[], b"info_hash", info);
    let context = [&[0][..], &psk_id, &info].concat();
    let secret = labeled_extract(SUITE, &shared, b"secret", &[]);
    let key = labeled_expand(SUITE, &secret, b"key", &context, KEY_BYTES);
    let nonce = labeled_expand(SUITE, &secret, b"base_nonce", &context, NONCE_BYTES);
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key).ok()?);
    Some((key, Nonce::try_assume_unique_for_key(&nonce).ok()?))
}

/// HKDF-Extract of a labelled input.
fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], input: &[u8]) -> Vec<u8> {
    // An empty salt is one of zeros, which is what HMAC makes of an empty key.
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
    for part in [&b"HPKE-v1"[..], suite, label, input] {
        mac.update(part);
    }
    mac.sign().as_ref().to_vec()
}

/// HKDF-Expand with a labelled context, to at most the 32 bytes of one block.
fn labeled_expand(
    suite: &[u8],
    key: &[u8],
    label: &[u8],
    context: &[u8],
    length: usize,
) -> Vec<u8> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    let length_bytes = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    for part in [&length_bytes[..], b"HPKE-v1", suite, label, context, &[1]] {
        mac.update(part);
    }
    mac.sign().as_ref()[..length].to_vec()
}

fn random_key() -> Option<StaticSecret> {
    let mut random = [0; KEY_BYTES];
    getrandom::fill(&mut random).ok()?;
    Some(StaticSecret::from(random))
}

fn key_bytes(name: &'static str, text: &str) -> Result<[u8; KEY_BYTES], LedgerError> {
    let bytes = STANDARD.decode(text.trim()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        let reason = "must be 32 bytes in base64, as `intramuros audit keygen` writes them";
        LedgerError::Invalid { name, reason: reason.to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use x25519_dalek::{PublicKey, StaticSecret};

    use super::{open, seal};

    fn key(hexadecimal: &str) -> [u8; 32] {
        hex::decode(hexadecimal).unwrap().try_into().unwrap()
    }

    /// Source: RFC 9180, appendix A.2.1, sequence number 0.
    #[test]
    fn the_vector_of_the_specification_is_met() {
        let ephemeral = key("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600");
        let private = key("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let recipient = key("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        let enc = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
        let text = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d\
                    2dd1b51a28";
        let context = (&b"Ode on a Grecian Urn"[..], &b"Count-0"[..]);
        let content = b"Beauty is truth, truth beauty";
        let ephemeral = StaticSecret::from(ephemeral);
        let sealed = seal(&PublicKey::from(recipient), &ephemeral, context, content).unwrap();
        assert_eq!(hex::encode(&sealed), format!("{enc}{text}"));
        let private = StaticSecret::from(private);
        assert_eq!(open(&private, context, &sealed).unwrap(), content);
        for at in [0, 31, 32, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&private, context, &changed), None);
        }
        assert_eq!(open(&private, (b"other", b""), &sealed), None);
        // A point that gives every private key the same secret.
        assert_eq!(seal(&PublicKey::from([0; 32]), &ephemeral, context, content), None);
    }
}

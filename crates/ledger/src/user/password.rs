//! Hashes passwords with argon2id and refuses those that are guessed first.

use std::fmt;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

use crate::LedgerError;

/// ANSSI (2021) and NIST 800-63B-4 ask for 12 and 15; the delay after failures does the rest.
const LEAST_CHARS: usize = 12;
/// A passphrase fits; hashing stays bounded.
const MOST_BYTES: usize = 512;
/// `aaaaaaaaaaaa` is long and no password.
const LEAST_DIFFERENT: usize = 5;
const SALT_BYTES: usize = 16;

/// A hash of no password: verifying against it takes as long as against a user's, so that time does
/// not tell which names exist.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password on its way in.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Takes what was typed, as it is.
    pub fn new(typed: impl Into<String>) -> Self {
        Self(typed.into())
    }

    /// Refuses what is guessed first.
    pub(super) fn check(&self, user_name: &str) -> Result<(), LedgerError> {
        let typed = self.0.as_str();
        let chars = typed.chars().count();
        let mut different: Vec<char> = typed.chars().collect();
        different.sort_unstable();
        different.dedup();
        let reason = if chars < LEAST_CHARS {
            format!("has {chars} characters, at least {LEAST_CHARS} are needed")
        } else if typed.len() > MOST_BYTES {
            format!("has {} bytes, the limit is {MOST_BYTES}", typed.len())
        } else if different.len() < LEAST_DIFFERENT {
            format!("has fewer than {LEAST_DIFFERENT} different characters")
        } else if typed.to_lowercase().contains(user_name) {
            "contains the user's name".to_owned()
        } else {
            return Ok(());
        };
        Err(LedgerError::Invalid { name: "password", reason })
    }

    /// The PHC string of the password with a fresh salt: argon2id, 19 MiB, two passes, one lane.
    /// Takes tens of milliseconds of a core.
    ///
    /// Source: OWASP, Password Storage Cheat Sheet.
    pub(super) fn hash(&self) -> Result<String, LedgerError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)
            .map_err(|error| LedgerError::Entropy { detail: error.to_string() })?;
        let salt = SaltString::encode_b64(&salt).expect("a salt of 16 bytes is sound");
        let hash = Argon2::default()
            .hash_password(self.0.as_bytes(), &salt)
            .expect("the default parameters are sound");
        Ok(hash.to_string())
    }

    /// Whether `stored` is of this password; `None` stands for no user, and takes as long.
    pub(super) fn verify(&self, stored: Option<&str>) -> bool {
        if self.0.len() > MOST_BYTES {
            return false;
        }
        let Ok(hash) = PasswordHash::new(stored.unwrap_or(NOBODY)) else { return false };
        let fits = Argon2::default().verify_password(self.0.as_bytes(), &hash).is_ok();
        fits && stored.is_some()
    }
}

/// Leaves the password out, so that it cannot reach a log.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::{NOBODY, Password};

    #[track_caller]
    fn check(typed: &str, accepted: bool) {
        assert_eq!(Password::new(typed).check("martin").is_ok(), accepted, "{typed}");
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        check("correct cheval pile agrafe", true);
        check("éèàùç-12-ÉÈÀ", true);
        check("", false);
        check("onze-lettre", false);
        check("aaaaaaaaaaaaaaaa", false);
        check("Martin2026-2027", false);
        check(&"été".repeat(200), false);
    }

    #[test]
    fn a_hash_fits_its_password_only() {
        let password = Password::new("correct cheval pile agrafe");
        let stored = password.hash().unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(password.verify(Some(&stored)));
        assert!(!Password::new("correct cheval pile agrafes").verify(Some(&stored)));
        assert_ne!(password.hash().unwrap(), stored, "salts differ");
        for damaged in ["", "$argon2id$", "x", &stored[..40]] {
            assert!(!password.verify(Some(damaged)));
        }
    }

    #[test]
    fn nobody_has_a_password_and_takes_as_long() {
        assert!(super::PasswordHash::new(NOBODY).is_ok());
        assert!(!Password::new("correct cheval pile agrafe").verify(None));
        assert_eq!(format!("{:?}", Password::new("secret")), "Password");
    }
}

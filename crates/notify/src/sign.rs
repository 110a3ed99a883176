//! Signs deliveries as the Standard Webhooks specification says.
//!
//! Source: Standard Webhooks, "Webhook headers" and "Signature scheme" (symmetric, `v1`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

const PREFIX: &str = "whsec_";

/// The value of `webhook-signature`: one signature a secret, the newer first.
pub(crate) fn signatures(secrets: &[String], id: &str, timestamp: i64, body: &str) -> String {
    let content = format!("{id}.{timestamp}.{body}");
    let signed = secrets.iter().filter_map(|secret| signature(secret, &content));
    signed.collect::<Vec<_>>().join(" ")
}

/// `None` for a secret that is none, which only a ledger edited by hand holds.
fn signature(secret: &str, content: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    Some(format!("v1,{}", STANDARD.encode(hmac::sign(&key, content.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::signatures;

    /// The vector of the libraries that the specification publishes.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_vector_is_signed_as_published() {
        assert_eq!(signatures(&[SECRET.to_owned()], ID, 1_614_265_330, BODY), SIGNATURE);
    }

    #[test]
    fn both_secrets_sign_during_a_rotation() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
        let secrets = [other, "no secret".to_owned(), SECRET.to_owned()];
        let signed = signatures(&secrets, ID, 1_614_265_330, BODY);
        let each: Vec<&str> = signed.split(' ').collect();
        assert_eq!((each.len(), each[1]), (2, SIGNATURE));
        assert_ne!(each[0], each[1]);
    }
}

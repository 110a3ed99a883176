//! Tests the life of API keys.

use time::Duration;

use super::{Authentication, KeyRequest, Scope};
use crate::LedgerError;
use crate::ledger::tests::Fixture;

#[track_caller]
fn check_refused(result: Result<super::NewKey, LedgerError>, expected: &str) {
    let error = result.expect_err("the key should be refused");
    assert!(error.to_string().contains(expected), "{error}");
}

fn request(name: &str, scopes: &[Scope], expires: Option<time::OffsetDateTime>) -> KeyRequest {
    KeyRequest { name: name.to_owned(), scopes: scopes.to_vec(), labels: Vec::new(), expires }
}

#[tokio::test]
async fn a_key_is_accepted_by_every_handle() {
    let fixture = Fixture::new().await;
    let scopes = [Scope::KnowledgeRead, Scope::Inference, Scope::KnowledgeRead];
    let new = fixture.ledger.create_key(request("intranet", &scopes, None)).await.unwrap();
    assert!(new.secret.starts_with("imk_") && new.secret.len() == 47, "{}", new.secret.len());
    assert_eq!(new.record.id.as_str(), &new.secret[..12]);
    assert_eq!(new.record.scopes, [Scope::Inference, Scope::KnowledgeRead]);
    assert!(new.record.allows(Scope::Inference) && !new.record.allows(Scope::Admin));

    let second = fixture.second().await;
    let Authentication::Accepted(record) = second.authenticate(&new.secret).await.unwrap() else {
        panic!("the key should be accepted");
    };
    assert_eq!(record.last_used, Some(fixture.now()));
    assert_eq!(fixture.ledger.list_keys().await.unwrap(), [record]);
}

#[tokio::test]
async fn only_the_whole_secret_is_worth_something() {
    let fixture = Fixture::new().await;
    let new = fixture.ledger.create_key(request("intranet", &[Scope::Admin], None)).await.unwrap();
    fixture.ledger.revoke_key(&new.record.id).await.unwrap();
    // Same prefix, other end: not told that the key was revoked.
    let last = if new.secret.ends_with('A') { 'B' } else { 'A' };
    let near = format!("{}{last}", &new.secret[..46]);
    let long = format!("{}A", new.secret);
    let huge = "imk_".repeat(1 << 20);
    let odd = format!("imk_{}", "é".repeat(43));
    for secret in ["", "imk_", &new.secret[..12], &near, &long, &huge, &odd, "' OR 1=1 --"] {
        let found = fixture.ledger.authenticate(secret).await.unwrap();
        assert_eq!(found, Authentication::Unknown);
    }
    assert_eq!(fixture.ledger.authenticate(&new.secret).await.unwrap(), Authentication::Revoked);
}

#[tokio::test]
async fn the_secret_is_nowhere_on_disk_or_in_debug_output() {
    let fixture = Fixture::new().await;
    let new = fixture.ledger.create_key(request("intranet", &[Scope::Admin], None)).await.unwrap();
    let hidden = &new.secret[12..];
    assert!(!format!("{new:?}").contains(hidden));
    fixture.ledger.close().await;
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()));
    }
}

#[tokio::test]
async fn keys_expire_at_their_time() {
    let fixture = Fixture::new().await;
    let expires = fixture.now() + Duration::hours(1);
    let new =
        fixture.ledger.create_key(request("essai", &[Scope::Admin], Some(expires))).await.unwrap();
    fixture.advance(Duration::minutes(59));
    let found = fixture.ledger.authenticate(&new.secret).await.unwrap();
    assert!(matches!(found, Authentication::Accepted(_)), "{found:?}");
    fixture.advance(Duration::minutes(1));
    let found = fixture.ledger.authenticate(&new.secret).await.unwrap();
    assert_eq!(found, Authentication::Expired);
}

#[tokio::test]
async fn last_use_is_noted_once_a_minute() {
    let fixture = Fixture::new().await;
    let new = fixture.ledger.create_key(request("intranet", &[Scope::Admin], None)).await.unwrap();
    let first = fixture.now();
    for (advance, expected) in [
        (Duration::ZERO, first),
        (Duration::seconds(59), first),
        (Duration::seconds(1), first + Duration::seconds(60)),
    ] {
        fixture.advance(advance);
        fixture.ledger.authenticate(&new.secret).await.unwrap();
        let keys = fixture.ledger.list_keys().await.unwrap();
        assert_eq!(keys[0].last_used, Some(expected));
    }
}

#[tokio::test]
async fn revoking_twice_keeps_the_first_date() {
    let fixture = Fixture::new().await;
    let new = fixture.ledger.create_key(request("intranet", &[Scope::Admin], None)).await.unwrap();
    let first = fixture.now();
    fixture.ledger.revoke_key(&new.record.id).await.unwrap();
    fixture.advance(Duration::hours(1));
    fixture.ledger.revoke_key(&new.record.id).await.unwrap();
    assert_eq!(fixture.ledger.list_keys().await.unwrap()[0].revoked, Some(first));
    let error = fixture.ledger.revoke_key(&"imk_absent00".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "key `imk_absent00` does not exist");
}

#[tokio::test]
async fn bad_keys_are_refused() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let past = time::OffsetDateTime::UNIX_EPOCH;
    check_refused(ledger.create_key(request(" ", &[Scope::Admin], None)).await, "name is empty");
    check_refused(ledger.create_key(request("a", &[], None)).await, "at least one scope");
    check_refused(
        ledger.create_key(request("a", &[Scope::Admin], Some(past))).await,
        "not in the future",
    );
    let long = "a".repeat(201);
    check_refused(
        ledger.create_key(request(&long, &[Scope::Admin], None)).await,
        "the limit is 200",
    );
}

#[test]
fn scopes_have_stable_names() {
    for (scope, name) in Scope::ALL.into_iter().zip([
        "inference",
        "knowledge:read",
        "knowledge:write",
        "metrics:read",
        "admin",
    ]) {
        assert_eq!(scope.to_string(), name);
        assert_eq!(name.parse::<Scope>().unwrap(), scope);
    }
    let error = "root".parse::<Scope>().unwrap_err();
    assert!(error.to_string().contains("`knowledge:read`"), "{error}");
}

//! Tests the life of API keys.

use time::Duration;

use intramuros_types::{Limits, Scope};

use super::{Authentication, KeyChanges, KeyRecord, KeyRequest};
use crate::LedgerError;
use crate::ledger::tests::Fixture;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

#[track_caller]
fn check_refused(result: Result<super::NewKey, LedgerError>, expected: &str) {
    let error = result.expect_err("the key should be refused");
    assert!(error.to_string().contains(expected), "{error}");
}

fn request(name: &str, scopes: &[Scope], expires: Option<time::OffsetDateTime>) -> KeyRequest {
    KeyRequest {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        labels: Vec::new(),
        denied: Vec::new(),
        owner: None,
        limits: Limits::default(),
        expires,
    }
}

#[tokio::test]
async fn a_key_is_accepted_by_every_handle() {
    let fixture = Fixture::new().await;
    let scopes = [Scope::KnowledgeRead, Scope::Inference, Scope::KnowledgeRead];
    let new = fixture.ledger.create_key(request("intranet", &scopes, None)).await.unwrap();
    assert!(new.secret.starts_with("imk_") && new.secret.len() == 47, "{}", new.secret.len());
    assert_eq!(new.record.id.as_str(), &new.secret[..12]);
    assert_eq!(new.record.scopes, [Scope::Inference, Scope::KnowledgeRead]);
    let second = fixture.second().await;
    let Authentication::Accepted(caller) = second.authenticate(&new.secret).await.unwrap() else {
        panic!("the key should be accepted");
    };
    assert!(caller.may(Scope::Inference) && !caller.may(Scope::Admin));
    assert_eq!((caller.key, caller.user), (Some(new.record.id.clone()), None));
    let used = KeyRecord { last_used: Some(fixture.now()), ..new.record };
    assert_eq!(fixture.ledger.list_keys().await.unwrap(), [used]);
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

#[tokio::test]
async fn a_rotated_key_goes_on_under_another_secret() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let limits = Limits { monthly_tokens: Some(1_000), ..Limits::default() };
    let asked = KeyRequest {
        labels: vec!["rh".to_owned()],
        denied: vec!["paie".to_owned()],
        limits,
        ..request("intranet", &[Scope::KnowledgeRead], None)
    };
    let first = ledger.create_key(asked).await.unwrap();
    let second = ledger.rotate_key(&first.record.id, HOUR).await.unwrap();
    let third = ledger.rotate_key(&second.record.id, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(third.record.family, first.record.id);
    let same = |record: &KeyRecord| KeyRecord {
        id: first.record.id.clone(),
        expires: None,
        ..record.clone()
    };
    assert_eq!(same(&third.record), first.record);

    let worth = async |secret: &str| ledger.authenticate(secret).await.unwrap();
    assert!(matches!(worth(&first.secret).await, Authentication::Accepted(_)));
    assert_eq!(worth(&second.secret).await, Authentication::Expired);
    fixture.advance(Duration::HOUR);
    assert_eq!(worth(&first.secret).await, Authentication::Expired);
    let Authentication::Accepted(caller) = worth(&third.secret).await else { panic!() };
    assert_eq!((caller.family, caller.limits), (Some(first.record.id.clone()), limits));

    let again = ledger.rotate_key(&first.record.id, HOUR).await;
    check_refused(again, "is no longer accepted");
    check_refused(ledger.rotate_key(&"imk_absent00".into(), HOUR).await, "does not exist");
}

#[tokio::test]
async fn rotation_never_prolongs_a_key() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let expires = fixture.now() + Duration::minutes(10);
    let first = ledger.create_key(request("a", &[Scope::Admin], Some(expires))).await.unwrap();
    let second = ledger.rotate_key(&first.record.id, std::time::Duration::MAX).await.unwrap();
    assert_eq!(second.record.expires, Some(expires));
    assert_eq!(ledger.get_key(&first.record.id).await.unwrap().expires, Some(expires));
}

#[tokio::test]
async fn what_a_key_may_do_can_be_changed() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let new = ledger.create_key(request("a", &[Scope::KnowledgeRead], None)).await.unwrap();
    let id = &new.record.id;
    let limits = Limits { requests_per_minute: Some(3), ..Limits::default() };
    let changes = KeyChanges {
        name: Some("b".to_owned()),
        scopes: Some(vec![Scope::Inference]),
        labels: Some(vec!["rh".to_owned(), "*".to_owned()]),
        denied: Some(vec!["paie".to_owned()]),
        limits: Some(limits),
        expires: Some(Some(fixture.now() + Duration::HOUR)),
    };
    let changed = ledger.update_key(id, changes).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.limits), ("b", limits));
    let Authentication::Accepted(caller) = ledger.authenticate(&new.secret).await.unwrap() else {
        panic!("the key should be accepted");
    };
    assert!(caller.may(Scope::Inference) && !caller.may(Scope::KnowledgeRead));
    assert!(caller.access.allows(&["direction"]) && !caller.access.allows(&["paie"]));

    // What is not named stays.
    let kept = ledger.update_key(id, KeyChanges::default()).await.unwrap();
    assert_eq!(KeyRecord { last_used: None, ..kept }, changed);
    let forever = KeyChanges { expires: Some(None), ..KeyChanges::default() };
    assert_eq!(ledger.update_key(id, forever).await.unwrap().expires, None);

    let refused =
        async |changes: KeyChanges| ledger.update_key(id, changes).await.unwrap_err().to_string();
    let none = KeyChanges { scopes: Some(vec![]), ..KeyChanges::default() };
    assert!(refused(none).await.contains("at least one scope"));
    let all = KeyChanges { denied: Some(vec!["*".to_owned()]), ..KeyChanges::default() };
    assert!(refused(all).await.contains("denied has `*`"));
    let zero = Limits { tokens_per_minute: Some(0), ..Limits::default() };
    let zero = KeyChanges { limits: Some(zero), ..KeyChanges::default() };
    assert!(refused(zero).await.contains("tokens_per_minute is 0"));
    let many = (0..101).map(|number| number.to_string()).collect();
    let many = KeyChanges { labels: Some(many), ..KeyChanges::default() };
    assert!(refused(many).await.contains("the limit is 100"));
}

#[tokio::test]
async fn a_clock_that_was_set_back_changes_no_more_than_the_time() {
    let fixture = Fixture::new().await;
    let new = fixture.ledger.create_key(request("a", &[Scope::Admin], None)).await.unwrap();
    fixture.ledger.authenticate(&new.secret).await.unwrap();
    fixture.advance(-Duration::DAY);
    let found = fixture.ledger.authenticate(&new.secret).await.unwrap();
    assert!(matches!(found, Authentication::Accepted(_)), "{found:?}");
    assert_eq!(fixture.ledger.list_keys().await.unwrap()[0].last_used, Some(fixture.now()));
}

#[tokio::test]
async fn a_clock_that_jumps_costs_a_key_nothing_once_it_is_right_again() {
    let fixture = Fixture::new().await;
    let expires = Some(fixture.now() + Duration::days(1));
    let ledger = &fixture.ledger;
    let new = ledger.create_key(request("erp", &[Scope::Inference], expires)).await.unwrap();
    let mut seen = Vec::new();
    for jump in [Duration::ZERO, Duration::days(400), Duration::days(-800), Duration::days(400)] {
        fixture.advance(jump);
        let found = ledger.authenticate(&new.secret).await.unwrap();
        if found == Authentication::Expired {
            assert_eq!(jump, Duration::days(400));
            continue;
        }
        assert!(matches!(found, Authentication::Accepted(_)), "{found:?}");
        let last_used = ledger.get_key(&new.record.id).await.unwrap().last_used;
        seen.push(last_used == Some(fixture.now()));
    }
    assert_eq!(seen, [true; 3], "the last use follows the clock, also back");
}

//! Tests who may sign in, and what they may do then.

use std::time::Duration as Wait;

use intramuros_types::{Limits, Principal, Scope, UserRole};
use time::Duration;

use super::{Password, SessionRules, SignIn, UserChanges, UserRecord, UserRequest};
use crate::ledger::tests::Fixture;
use crate::{Authentication, KeyRequest, Ledger};

const PASSWORD: &str = "correct cheval pile agrafe";
const RULES: SessionRules =
    SessionRules { idle: Wait::from_secs(3_600), longest: Wait::from_secs(10 * 3_600) };

pub(crate) fn request(name: &str, role: UserRole) -> UserRequest {
    UserRequest {
        name: name.to_owned(),
        full_name: name.to_owned(),
        role,
        labels: Vec::new(),
        denied: Vec::new(),
        password: Password::new(PASSWORD),
        must_change: false,
    }
}

/// Signs in and gives the session's secret.
async fn session(ledger: &Ledger, name: &str) -> String {
    let signed_in = ledger.sign_in(name, Password::new(PASSWORD), RULES).await.unwrap();
    let SignIn::Accepted { secret, .. } = signed_in else { panic!("{name} should be signed in") };
    secret
}

async fn caller(ledger: &Ledger, secret: &str) -> Principal {
    let found = ledger.authenticate(secret).await.unwrap();
    let Authentication::Accepted(caller) = found else { panic!("{found:?}") };
    *caller
}

/// What a sign-in leads to, in a word; seconds for a wait.
async fn outcome(ledger: &Ledger, name: &str, password: &str) -> String {
    match ledger.sign_in(name, Password::new(password), RULES).await.unwrap() {
        SignIn::Accepted { .. } => "accepted".to_owned(),
        SignIn::Refused { .. } => "refused".to_owned(),
        SignIn::Disabled { .. } => "disabled".to_owned(),
        SignIn::Wait(wait) => wait.as_secs().to_string(),
    }
}

#[tokio::test]
async fn a_session_is_its_users_for_its_time() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let user = ledger.create_user(request("M.Martin", UserRole::Operator)).await.unwrap();
    assert_eq!((user.name.as_str(), user.role), ("m.martin", UserRole::Operator));
    let secret = session(ledger, " m.MARTIN ").await;
    assert!(secret.starts_with("ims_"), "a session is told from a key");
    let who = caller(ledger, &secret).await;
    assert_eq!((who.name(), who.key.as_ref()), (format!("user:{}", user.id), None));
    assert!(who.may(Scope::KnowledgeWrite) && !who.may(Scope::Admin));
    assert_eq!(ledger.get_user(&user.id).await.unwrap().last_sign_in, Some(fixture.now()));

    // Used, it goes on, up to its end.
    for _ in 0..10 {
        fixture.advance(Duration::minutes(59));
        caller(ledger, &secret).await;
    }
    fixture.advance(Duration::minutes(10));
    assert_eq!(ledger.authenticate(&secret).await.unwrap(), Authentication::Expired);

    // Not used, it ends.
    let idle = session(ledger, "m.martin").await;
    fixture.advance(Duration::hours(1));
    assert_eq!(ledger.authenticate(&idle).await.unwrap(), Authentication::Expired);

    let out = session(ledger, "m.martin").await;
    ledger.sign_out(&out).await.unwrap();
    assert_eq!(ledger.authenticate(&out).await.unwrap(), Authentication::Unknown);
    ledger.sign_out(&out).await.unwrap();
    for odd in ["ims_", &out[..20], &out.replace("ims_", "imk_")] {
        assert_eq!(ledger.authenticate(odd).await.unwrap(), Authentication::Unknown);
    }
}

#[tokio::test]
async fn who_guesses_waits_longer_and_longer() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    ledger.create_user(request("martin", UserRole::Reader)).await.unwrap();
    // A name that does not exist fares as one that does.
    for name in ["martin", "absent"] {
        for _ in 0..5 {
            assert_eq!(outcome(ledger, name, "wrong").await, "refused");
        }
        assert_eq!(outcome(ledger, name, PASSWORD).await, "30", "the right one waits too");
        fixture.advance(Duration::seconds(30));
        assert_eq!(outcome(ledger, name, "wrong").await, "refused");
        assert_eq!(outcome(ledger, name, "wrong").await, "60");
        for _ in 0..8 {
            fixture.advance(Duration::minutes(15));
            assert_eq!(outcome(ledger, name, "wrong").await, "refused");
        }
        assert_eq!(outcome(ledger, name, "wrong").await, "900", "never longer");
    }
    fixture.advance(Duration::minutes(15));
    assert_eq!(outcome(ledger, "martin", PASSWORD).await, "accepted");
    assert_eq!(outcome(ledger, "martin", "wrong").await, "refused", "counted from 0 again");

    // A day later, or with the clock set back, nobody waits.
    for step in [Duration::days(1), -Duration::days(3)] {
        fixture.advance(step);
        assert_eq!(outcome(ledger, "absent", "wrong").await, "refused");
    }
}

#[tokio::test]
async fn many_guesses_at_the_same_time_gain_nothing() {
    let fixture = Fixture::new().await;
    fixture.ledger.create_user(request("martin", UserRole::Reader)).await.unwrap();
    let guesses = (0..20).map(|number| {
        let ledger = fixture.ledger.clone();
        async move { outcome(&ledger, "martin", &format!("guess {number}")).await }
    });
    let mut tried = 0;
    let tasks: Vec<_> = guesses.map(tokio::spawn).collect();
    for task in tasks {
        tried += usize::from(task.await.unwrap() == "refused");
    }
    assert_eq!(tried, 5);
}

#[tokio::test]
async fn who_is_disabled_is_out_with_their_keys() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let user = ledger.create_user(request("martin", UserRole::Reader)).await.unwrap();
    let secret = session(ledger, "martin").await;
    let key = ledger.create_key(key_of(&user)).await.unwrap();
    let disable = |disabled| UserChanges { disabled: Some(disabled), ..UserChanges::default() };
    let disabled = ledger.update_user(&user.id, disable(true)).await.unwrap();
    assert_eq!(disabled.disabled, Some(fixture.now()));
    assert_eq!(ledger.authenticate(&secret).await.unwrap(), Authentication::Unknown);
    assert_eq!(ledger.authenticate(&key.secret).await.unwrap(), Authentication::Disabled);
    assert_eq!(outcome(ledger, "martin", PASSWORD).await, "disabled");
    assert_eq!(outcome(ledger, "martin", "wrong").await, "refused");

    ledger.update_user(&user.id, disable(false)).await.unwrap();
    caller(ledger, &key.secret).await;
    session(ledger, "martin").await;
}

#[tokio::test]
async fn a_key_does_no_more_than_its_owner() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let wanted = UserRequest {
        labels: vec!["rh".to_owned(), "achats".to_owned()],
        denied: vec!["paie".to_owned()],
        ..request("martin", UserRole::Reader)
    };
    let user = ledger.create_user(wanted).await.unwrap();
    let key = ledger.create_key(key_of(&user)).await.unwrap();
    let who = caller(ledger, &key.secret).await;
    assert_eq!((who.user.as_ref(), who.name()), (Some(&user.id), format!("key:{}", key.record.id)));
    assert!(who.may(Scope::KnowledgeRead) && !who.may(Scope::KnowledgeWrite));
    assert!(who.access.allows(&["rh"]) && !who.access.allows(&["direction"]));
    assert!(!who.access.allows(&["rh", "paie"]));

    // Without its owner it is nobody's.
    ledger.delete_user(&user.id).await.unwrap();
    assert_eq!(ledger.authenticate(&key.secret).await.unwrap(), Authentication::Revoked);
    assert_eq!(ledger.get_key(&key.record.id).await.unwrap().owner, None);
    assert!(ledger.create_key(key_of(&user)).await.is_err(), "an owner that is not there");
}

fn key_of(user: &UserRecord) -> KeyRequest {
    KeyRequest {
        name: "script".to_owned(),
        scopes: vec![Scope::KnowledgeRead, Scope::KnowledgeWrite],
        labels: vec!["*".to_owned()],
        denied: Vec::new(),
        owner: Some(user.id.clone()),
        limits: Limits::default(),
        expires: None,
    }
}

#[tokio::test]
async fn another_password_ends_the_sessions() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let given = UserRequest { must_change: true, ..request("martin", UserRole::Admin) };
    let user = ledger.create_user(given).await.unwrap();
    let secret = session(ledger, "martin").await;
    assert_eq!(caller(ledger, &secret).await.scopes, [], "nothing before the change");

    let other = "une autre phrase de passe";
    let confirm = async |typed: &str| ledger.confirm(&user.id, Password::new(typed)).await.unwrap();
    assert_eq!(confirm(PASSWORD).await, Ok(()));
    assert_eq!(confirm("wrong").await, Err(None));
    ledger.set_password(&user.id, Password::new(other), false).await.unwrap();
    assert_eq!(ledger.authenticate(&secret).await.unwrap(), Authentication::Unknown);
    assert_eq!(outcome(ledger, "martin", PASSWORD).await, "refused");
    assert_eq!(outcome(ledger, "martin", other).await, "accepted");
    assert!(!ledger.get_user(&user.id).await.unwrap().must_change);
    for bad in ["court", "martin-martin-martin"] {
        assert!(ledger.set_password(&user.id, Password::new(bad), false).await.is_err());
    }
    for _ in 0..5 {
        assert_eq!(confirm("wrong").await, Err(None));
    }
    assert!(matches!(confirm(other).await, Err(Some(_))), "guessed here too, one waits");
}

#[tokio::test]
async fn bad_users_are_refused() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    ledger.create_user(request("martin", UserRole::Reader)).await.unwrap();
    let refused = async |name: &str| {
        ledger.create_user(request(name, UserRole::Reader)).await.unwrap_err().to_string()
    };
    assert_eq!(refused("MARTIN").await, "user `martin` already exists");
    for bad in ["", " ", "a", "a b", "a\u{0}b", &"a".repeat(101)] {
        assert!(refused(bad).await.starts_with("name "), "{bad:?}");
    }
    assert!(ledger.get_user(&"usr_absent".into()).await.is_err());
    assert!(ledger.delete_user(&"usr_absent".into()).await.is_err());
    assert!(ledger.user_named("' OR 1=1 --").await.is_err());
    assert_eq!(ledger.user_named("Martin").await.unwrap().name, "martin");
}

#[tokio::test]
async fn users_are_listed_by_name() {
    let fixture = Fixture::new().await;
    for name in ["chloé", "alice", "bob"] {
        fixture.ledger.create_user(request(name, UserRole::Reader)).await.unwrap();
    }
    let names = async |after: Option<&str>, limit| {
        let users = fixture.ledger.list_users(after, limit).await.unwrap();
        users.into_iter().map(|user| user.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 2).await, ["alice", "bob"]);
    assert_eq!(names(Some("bob"), 2).await, ["chloé"]);
    assert_eq!(names(Some("chloé"), 2).await, [""; 0]);
}

#[tokio::test]
async fn no_password_and_no_session_is_on_disk() {
    let fixture = Fixture::new().await;
    fixture.ledger.create_user(request("martin", UserRole::Reader)).await.unwrap();
    let secret = session(&fixture.ledger, "martin").await;
    // Typed into the wrong field.
    outcome(&fixture.ledger, "un-mot-de-passe-dans-le-nom", "x").await;
    fixture.ledger.close().await;
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for hidden in [PASSWORD, &secret[4..], "un-mot-de-passe-dans-le-nom"] {
            assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()));
        }
    }
}

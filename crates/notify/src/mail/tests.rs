use std::time::Duration;

use intramuros_ledger::{MailRecord, NewMail, OutboxPage, OutboxState};

use super::{Security, SmtpConfig};
use crate::testing::{Fixture, SmtpScript, SmtpServer, never};
use crate::{Notifier, NotifyError};

fn config(server: &SmtpServer, security: Security) -> SmtpConfig {
    SmtpConfig {
        host: "localhost".to_owned(),
        port: server.address.port(),
        security,
        credentials: None,
        from: "intramuros@Example.lan".to_owned(),
        timeout: Duration::from_secs(10),
        recipients: Vec::new(),
    }
}

fn allow(server: &SmtpServer) -> Vec<String> {
    let port = server.address.port();
    vec![format!("smtp://localhost:{port}"), format!("smtps://localhost:{port}")]
}

fn mail() -> NewMail {
    NewMail {
        to: "a.martin@example.lan".to_owned(),
        subject: "Budget épuisé".to_owned(),
        text: "Le budget est épuisé.\n.\nFin".to_owned(),
        html: None,
    }
}

async fn only(fixture: &Fixture) -> MailRecord {
    let page = OutboxPage { limit: 10, ..OutboxPage::default() };
    fixture.ledger.list_mails(page).await.unwrap().mails.remove(0)
}

async fn sent(notifier: &Notifier, fixture: &Fixture) -> MailRecord {
    notifier.mailer().send_due(&mut never()).await.unwrap();
    only(fixture).await
}

#[tokio::test]
async fn a_mail_arrives_in_the_clear_on_this_machine() {
    let (fixture, server) = (Fixture::new().await, SmtpServer::start(SmtpScript::default()).await);
    let notifier = fixture.notifier(&allow(&server), Some(config(&server, Security::None)));
    let html = Some("<p>Le budget est <b>épuisé</b>.</p>".to_owned());
    let queued = notifier.mailer().send(&NewMail { html, ..mail() }).await.unwrap();
    let record = sent(&notifier, &fixture).await;
    assert_eq!((record.state, record.error), (OutboxState::Delivered, None));
    let said = server.said();
    let has = |line: &str| said.iter().any(|said| said.contains(line));
    for line in [
        "EHLO Example.lan",
        "MAIL FROM:<intramuros@Example.lan>",
        "RCPT TO:<a.martin@example.lan>",
        "Subject: Budget =?utf-8?b?",
        &format!("Message-ID: <{}@Example.lan>", queued.id),
        "multipart/alternative",
        "text/html",
        "QUIT",
    ] {
        assert!(has(line), "{line} is missing in {said:?}");
    }
    assert!(!has("AUTH"), "{said:?}");
}

#[tokio::test]
async fn tls_and_starttls_encrypt_before_anything_is_told() {
    for (security, script) in [
        (Security::Tls, SmtpScript { tls: true, ..SmtpScript::default() }),
        (Security::StartTls, SmtpScript { start_tls: true, ..SmtpScript::default() }),
    ] {
        let (fixture, server) = (Fixture::new().await, SmtpServer::start(script).await);
        let mut config = config(&server, security);
        config.credentials = Some(("intramuros".to_owned(), "s3cret".to_owned()));
        assert!(!format!("{config:?}").contains("s3cret"));
        let notifier = fixture.notifier(&allow(&server), Some(config));
        notifier.mailer().send(&mail()).await.unwrap();
        let record = sent(&notifier, &fixture).await;
        assert_eq!(record.state, OutboxState::Delivered, "{security:?}: {:?}", record.error);
        let said = server.said();
        let at = |verb: &str| said.iter().position(|line| line.starts_with(verb));
        assert!(at("AUTH PLAIN").unwrap() < at("MAIL").unwrap(), "{said:?}");
        if security == Security::StartTls {
            assert!(at("STARTTLS").unwrap() < at("AUTH").unwrap(), "{said:?}");
        }
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_sent() {
    let (fixture, server) = (Fixture::new().await, SmtpServer::start(SmtpScript::default()).await);
    let notifier = fixture.notifier(&allow(&server), Some(config(&server, Security::StartTls)));
    notifier.mailer().send(&mail()).await.unwrap();
    let record = sent(&notifier, &fixture).await;
    assert_eq!(record.state, OutboxState::Pending);
    assert_eq!(record.error.as_deref(), Some("the server does not offer STARTTLS"));
    assert!(!server.said().iter().any(|line| line.starts_with("MAIL")), "{:?}", server.said());
}

#[tokio::test]
async fn what_somebody_puts_before_the_encrypted_session_ends_it() {
    let injected = "250 injected\r\n";
    let script = SmtpScript { start_tls: true, injected, ..SmtpScript::default() };
    let (fixture, server) = (Fixture::new().await, SmtpServer::start(script).await);
    let notifier = fixture.notifier(&allow(&server), Some(config(&server, Security::StartTls)));
    notifier.mailer().send(&mail()).await.unwrap();
    let record = sent(&notifier, &fixture).await;
    assert_eq!(record.state, OutboxState::Pending);
    assert!(record.error.as_deref().unwrap().contains("TLS failed"), "{record:?}");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let script = SmtpScript { tls: true, ..SmtpScript::default() };
    let (fixture, server) = (Fixture::new().await, SmtpServer::start(script).await);
    let mut config = config(&server, Security::Tls);
    let port = server.address.port();
    let egress = crate::EgressConfig {
        allow: vec![format!("smtps://mail.lan:{port}")],
        ca_file: Some(crate::testing::ca()),
        allow_public: false,
    };
    let lookup = move |_: &str, port: u16| Ok(vec![([127, 0, 0, 1], port).into()]);
    let egress = crate::Egress::with_lookup(&egress, std::sync::Arc::new(lookup)).unwrap();
    config.host = "mail.lan".to_owned();
    let notifier = fixture.with_egress(egress, Some(config));
    notifier.mailer().send(&mail()).await.unwrap();
    let record = sent(&notifier, &fixture).await;
    assert!(record.error.as_deref().unwrap().contains("TLS failed"), "{record:?}");
}

#[tokio::test]
async fn a_refusal_is_final_and_a_failure_is_not() {
    for (answer, state) in [
        ("550 5.1.1 no such user\r\n", OutboxState::Dead),
        ("451 4.7.1 greylisted\r\n", OutboxState::Pending),
    ] {
        let script = SmtpScript { refuse: Some(answer), ..SmtpScript::default() };
        let (fixture, server) = (Fixture::new().await, SmtpServer::start(script).await);
        let notifier = fixture.notifier(&allow(&server), Some(config(&server, Security::None)));
        notifier.mailer().send(&mail()).await.unwrap();
        let record = sent(&notifier, &fixture).await;
        assert_eq!(record.state, state);
        assert!(record.error.as_deref().unwrap().contains(&answer[..3]), "{record:?}");
        if state == OutboxState::Pending {
            for _ in 0..3 {
                fixture.advance(time::Duration::seconds(67));
                sent(&notifier, &fixture).await;
            }
            assert_eq!(only(&fixture).await.state, OutboxState::Dead);
        }
    }
    // The password is mended in the settings; the e-mail waits for that.
    let script = SmtpScript { auth: Some("535 no\r\n"), tls: true, ..SmtpScript::default() };
    let (fixture, server) = (Fixture::new().await, SmtpServer::start(script).await);
    let mut config = config(&server, Security::Tls);
    config.credentials = Some(("intramuros".to_owned(), "wrong".to_owned()));
    let notifier = fixture.notifier(&allow(&server), Some(config));
    notifier.mailer().send(&mail()).await.unwrap();
    let record = sent(&notifier, &fixture).await;
    assert_eq!(record.state, OutboxState::Pending);
    assert!(record.error.as_deref().unwrap().contains("signing in failed"), "{record:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let fixture = Fixture::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let server = SmtpServer::start(SmtpScript::default()).await;
    for security in [Security::None, Security::StartTls, Security::Tls] {
        let timeout = Duration::from_millis(50);
        let config = SmtpConfig { port, timeout, ..config(&server, security) };
        let scheme = if security == Security::Tls { "smtps" } else { "smtp" };
        let notifier = fixture.notifier(&[format!("{scheme}://localhost:{port}")], Some(config));
        notifier.mailer().send(&mail()).await.unwrap();
        let record = sent(&notifier, &fixture).await;
        assert!(record.error.as_deref().unwrap().contains("longer than"), "{record:?}");
    }
}

#[tokio::test]
async fn only_named_recipients_get_mail() {
    let (fixture, server) = (Fixture::new().await, SmtpServer::start(SmtpScript::default()).await);
    let own = fixture.notifier(&allow(&server), Some(config(&server, Security::None)));
    let recipients = vec!["Filiale.example".to_owned(), "chef@autre.example".to_owned()];
    let named = SmtpConfig { recipients, ..config(&server, Security::None) };
    let named = fixture.notifier(&allow(&server), Some(named));
    for (to, by_domain, by_list) in [
        ("a@example.lan", true, false),
        ("A@EXAMPLE.LAN", true, false),
        ("a@filiale.example", false, true),
        ("chef@autre.example", false, true),
        ("b@autre.example", false, false),
        ("a@sub.example.lan", false, false),
        ("a@example.lan.evil.example", false, false),
        ("a@evil.example", false, false),
        ("a@evil.example, b@example.lan", false, false),
        ("a@example.lan\r\nBcc: x@evil.example", false, false),
        ("<a@example.lan>", false, false),
        ("Martin <a@example.lan>", false, false),
        ("a@evil.example@example.lan", false, false),
        ("a@exаmple.lan", false, false),
        ("example.lan", false, false),
        ("", false, false),
    ] {
        let tried = async |notifier: &Notifier| {
            notifier.mailer().send(&NewMail { to: to.to_owned(), ..mail() }).await.is_ok()
        };
        assert_eq!((tried(&own).await, tried(&named).await), (by_domain, by_list), "{to:?}");
    }
}

#[tokio::test]
async fn wrong_settings_are_refused_at_once() {
    let (fixture, server) = (Fixture::new().await, SmtpServer::start(SmtpScript::default()).await);
    let good = config(&server, Security::None);
    let tried = |config: SmtpConfig| {
        let egress = crate::EgressConfig { allow: allow(&server), ..Default::default() };
        let egress = crate::Egress::new(&egress).unwrap();
        let schedule = crate::Schedule::read(&[]).unwrap();
        let config = crate::NotifyConfig { schedule, smtp: Some(config) };
        Notifier::new(fixture.ledger.clone(), egress, config).map(|_| ()).map_err(|e| e.to_string())
    };
    assert_eq!(tried(good.clone()), Ok(()));
    let error = tried(SmtpConfig { host: "mail.lan".to_owned(), ..good.clone() }).unwrap_err();
    assert!(error.contains("egress.allow does not name smtp://mail.lan"), "{error}");
    let error = tried(SmtpConfig { from: "nobody".to_owned(), ..good.clone() }).unwrap_err();
    assert!(error.starts_with("smtp.from has `nobody`"), "{error}");
    let recipients = vec!["a b".to_owned()];
    let error = tried(SmtpConfig { recipients, ..good }).unwrap_err();
    assert!(error.starts_with("smtp.recipients has"), "{error}");

    let none = fixture.notifier(&[], None);
    let error = none.mailer().send(&mail()).await.unwrap_err();
    assert!(matches!(error, NotifyError::NoMail), "{error}");
}

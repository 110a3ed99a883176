use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Egress, EgressConfig};

const PATIENCE: Duration = Duration::from_secs(2);

fn config(allow: &[&str], allow_public: bool) -> EgressConfig {
    let allow = allow.iter().map(|entry| (*entry).to_owned()).collect();
    EgressConfig { allow, allow_public, ca_file: None }
}

/// A policy whose names resolve as `names` says.
fn policy(allow: &[&str], allow_public: bool, names: &'static [(&str, &[&str])]) -> Egress {
    let lookup = move |host: &str, port: u16| {
        let found = names.iter().find(|(name, _)| *name == host);
        let addresses = found.map(|(_, addresses)| *addresses).unwrap_or_default();
        let address = |text: &&str| SocketAddr::new(text.parse().unwrap(), port);
        Ok(addresses.iter().map(address).collect())
    };
    Egress::with_lookup(&config(allow, allow_public), Arc::new(lookup)).unwrap()
}

#[track_caller]
fn allowed(allow: &[&str], url: &str) {
    let found = policy(allow, false, &[]).permit_url(url);
    assert!(found.is_ok(), "{url}: {}", found.unwrap_err());
}

#[track_caller]
fn refused(allow: &[&str], url: &str, why: &str) {
    let error = policy(allow, false, &[]).permit_url(url).map(|url| url.to_string());
    let error = error.expect_err(url).to_string();
    assert!(error.contains(why), "{url}: {error}");
}

#[test]
fn only_what_is_named_is_allowed() {
    let allow = ["https://hooks.example.lan:8443", "http://10.0.0.5", "http://[fd00::5]:81"];
    allowed(&allow, "https://hooks.example.lan:8443/a?b=c");
    allowed(&allow, "HTTPS://Hooks.EXAMPLE.lan:8443/");
    allowed(&allow, "http://10.0.0.5:80/x");
    allowed(&allow, "http://[fd00:0:0::5]:81/x");
    let unnamed = "egress.allow does not name";
    for url in [
        "https://hooks.example.lan/a",
        "http://hooks.example.lan:8443/a",
        "https://hooks.example.lan:8444/a",
        "https://sub.hooks.example.lan:8443/a",
        "https://hooks.example.lan.evil.example:8443/a",
        "https://evil.example:8443/hooks.example.lan:8443",
        "https://evil.example:8443/?https://hooks.example.lan:8443",
        "http://10.0.0.6/",
        "https://10.0.0.5/",
        "http://[fd00::6]:81/",
    ] {
        refused(&allow, url, unnamed);
    }
    refused(&[], "https://hooks.example.lan/", unnamed);
}

#[test]
fn other_spellings_of_an_address_are_that_address() {
    let allow = ["http://10.0.0.5"];
    for url in ["http://167772165/", "http://0x0a000005/", "http://012.0.0.5/", "http://10.5/"] {
        allowed(&allow, url);
    }
    // What is not allowed is not allowed in any spelling.
    for url in ["http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/"] {
        refused(&allow, url, "does not name http://127.0.0.1:80");
    }
    refused(&allow, "http://[::ffff:10.0.0.5]/", "does not name http://[::ffff:10.0.0.5]:80");
    // Full-width digits and dots.
    refused(&allow, "http://１２７。０。０。１/", "does not name http://127.0.0.1:80");
}

#[test]
fn names_are_compared_in_one_form() {
    let allow = ["https://bücher.example.lan", "https://straße.example.lan"];
    allowed(&allow, "https://xn--bcher-kva.example.lan/");
    allowed(&allow, "https://BÜCHER.example.lan/");
    // A Cyrillic letter that looks like a Latin one is another name.
    refused(&["https://example.lan"], "https://ехample.lan/", "does not name https://xn--");
}

#[test]
fn tricks_with_users_dots_and_slashes_are_refused() {
    let allow = ["https://allowed.lan", "https://evil.lan/ok"];
    for (url, why) in [
        ("https://allowed.lan@evil.lan/", "user name or a password"),
        ("https://allowed.lan:443@evil.lan/", "user name or a password"),
        ("https://@allowed.lan/", "user name or a password"),
        ("https://user@allowed.lan/", "user name or a password"),
        ("https://allowed.lan./", "ends in a dot"),
        ("https://allowed.lan#@evil.lan/", "fragment"),
        ("https://evil.lan\\@allowed.lan/", "backslash"),
        ("https://allowed.lan\t/", "white space"),
        (" https://allowed.lan/", "white space"),
        ("https://allowed.lan/\r\nHost: evil", "white space"),
        ("https:allowed.lan/", "must begin with"),
        ("https:/allowed.lan/", "must begin with"),
        ("//allowed.lan/", "must begin with"),
        ("ftp://allowed.lan/", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("https://", "cannot be read"),
        ("https://allowed.lan:99999/", "cannot be read"),
        ("https://allowed.lan:0/", "port 0"),
        ("https://%61llowed.lan/../@evil", "does not name"),
        ("", "must begin with"),
    ] {
        if url.starts_with("https://%61") {
            // A percent-encoded letter is that letter.
            allowed(&allow, url);
        } else {
            refused(&allow, url, why);
        }
    }
}

#[test]
fn a_path_allows_what_is_below_it() {
    let allow = ["https://a.lan/hooks/"];
    allowed(&allow, "https://a.lan/hooks");
    allowed(&allow, "https://a.lan/hooks/x/y?z");
    allowed(&allow, "https://a.lan/other/../hooks/x");
    for url in [
        "https://a.lan/",
        "https://a.lan/hooks-of-others",
        "https://a.lan/hooks/../other",
        "https://a.lan/hooks/%2e%2e/other",
        "https://a.lan/hooks/..%2fother",
        "https://a.lan/hooks/..%5Cother",
        "https://a.lan/Hooks/x",
    ] {
        refused(&allow, url, "does not name");
    }
}

#[test]
fn literal_addresses_are_judged_at_once() {
    let allow = [
        "http://8.8.8.8",
        "http://169.254.169.254",
        "http://0.0.0.0",
        "http://[fe80::1]",
        "http://127.0.0.1:9",
        "http://100.64.0.1",
    ];
    allowed(&allow, "http://127.0.0.1:9/");
    refused(&allow, "http://8.8.8.8/", "public");
    refused(&allow, "http://100.64.0.1/", "public");
    refused(&allow, "http://169.254.169.254/latest/meta-data", "link-local");
    refused(&allow, "http://0.0.0.0/", "unspecified");
    refused(&allow, "http://0/", "unspecified");
    refused(&allow, "http://[fe80::1]/", "link-local");
    let open = policy(&allow, true, &[]);
    assert!(open.permit_url("http://8.8.8.8/").is_ok());
    assert!(open.permit_url("http://169.254.169.254/").is_err());
}

#[test]
fn every_address_of_a_name_must_be_allowed() {
    const NAMES: &[(&str, &[&str])] = &[
        ("private.lan", &["10.0.0.5", "fd00::5"]),
        ("both.lan", &["10.0.0.5", "8.8.8.8"]),
        ("public.example", &["8.8.8.8"]),
        ("metadata.lan", &["169.254.169.254"]),
        ("mapped.lan", &["::ffff:169.254.169.254"]),
        ("here.lan", &["127.0.0.1"]),
    ];
    let (closed, open) = (policy(&[], false, NAMES), policy(&[], true, NAMES));
    let resolve = |egress: &Egress, host: &str| {
        let found = egress.resolve(host, 8443, PATIENCE).map_err(|error| error.to_string())?;
        Ok::<_, String>(found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(resolve(&closed, "private.lan").unwrap(), ["10.0.0.5:8443", "[fd00::5]:8443"]);
    assert_eq!(resolve(&closed, "here.lan").unwrap(), ["127.0.0.1:8443"]);
    assert_eq!(resolve(&closed, "[fd00::1]").unwrap(), ["[fd00::1]:8443"]);
    for (host, why) in [
        ("both.lan", "both.lan is at 8.8.8.8, which is public"),
        ("public.example", "public"),
        ("metadata.lan", "link-local"),
        ("mapped.lan", "link-local"),
        ("unknown.lan", "not found"),
    ] {
        let error = resolve(&closed, host).unwrap_err();
        assert!(error.contains(why), "{host}: {error}");
    }
    assert_eq!(resolve(&open, "both.lan").unwrap().len(), 2);
    assert!(resolve(&open, "metadata.lan").is_err() && resolve(&open, "mapped.lan").is_err());
}

#[test]
fn a_resolver_that_does_not_answer_is_given_up() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let lookup = move |_: &str, _: u16| {
        let _ = held.lock().unwrap().recv();
        Ok(Vec::new())
    };
    let egress = Egress::with_lookup(&config(&[], false), Arc::new(lookup)).unwrap();
    let error = egress.resolve("slow.lan", 80, Duration::from_millis(20)).unwrap_err();
    assert!(crate::error::causes(&error).contains("did not answer"), "{error}");
    drop(hold);
}

#[test]
fn mail_servers_have_entries_of_their_own() {
    let allow = ["smtp://Mail.example.lan:25", "smtps://10.0.0.9", "smtp://[fd00::9]"];
    let egress = policy(&allow, false, &[]);
    assert!(egress.permit_smtp("mail.example.lan", 25, false).is_ok());
    assert!(egress.permit_smtp("10.0.0.9", 465, true).is_ok());
    assert!(egress.permit_smtp("fd00::9", 587, false).is_ok());
    assert!(egress.permit_smtp("mail.example.lan", 25, true).is_err());
    assert!(egress.permit_smtp("mail.example.lan", 587, false).is_err());
    assert!(egress.permit_smtp("mail.example.lan/x", 25, false).is_err());
    // Neither opens the other.
    assert!(egress.permit_url("http://mail.example.lan:25/").is_err());
    let web = policy(&["https://mail.example.lan:465"], false, &[]);
    assert!(web.permit_smtp("mail.example.lan", 465, true).is_err());
}

#[test]
fn wrong_entries_are_named() {
    for (entry, why) in [
        ("hooks.example.lan", "must begin with"),
        ("https://user@hooks.example.lan", "user name"),
        ("https://hooks.example.lan/?a", "query"),
        ("https://*.example.lan", "no wildcards"),
        ("smtp://*", "no wildcards"),
        ("*", "must begin with"),
        ("smtp://mail.example.lan:x", "no number"),
        ("smtp://mail.example.lan:0", "port 0"),
        ("smtp://user@mail.example.lan", "more than a name"),
        ("smtp://mail.example.lan/path", "more than a name"),
        ("smtp://", "cannot be read"),
        ("ldap://x", "must begin with"),
    ] {
        let error = Egress::new(&config(&[entry], false)).expect_err(entry).to_string();
        assert!(error.contains(why) && error.contains("egress.allow"), "{entry}: {error}");
    }
}

//! Nothing leaves: a serving process has no connection to another machine.

use serde_json::json;

use crate::server::{Server, create_key, shared};
use crate::webhooks::Receiver;

/// Remote addresses of the process's TCP and UDP sockets, in the kernel's hexadecimal form.
fn remote_addresses(pid: u32) -> Vec<String> {
    sockets(pid).into_iter().map(|(_, remote)| remote).collect()
}

/// Local and remote addresses of the process's TCP and UDP sockets.
fn sockets(pid: u32) -> Vec<(String, String)> {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("Linux");
    let inodes: Vec<String> = folder
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?.to_string();
            Some(link.strip_prefix("socket:[")?.trim_end_matches(']').to_string())
        })
        .collect();
    assert!(!inodes.is_empty(), "a server has sockets");
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if columns.len() > 9 && inodes.iter().any(|inode| inode == columns[9]) {
                found.push((columns[1].to_string(), columns[2].to_string()));
            }
        }
    }
    found
}

/// Ports that the process has connected to, rather than been connected from.
fn opened(server: &Server) -> Vec<u16> {
    let port = |address: &str| {
        let digits = address.rsplit(':').next().unwrap_or_default();
        u16::from_str_radix(digits, 16).expect("a port")
    };
    let own: u16 = server.url.rsplit(':').next().unwrap().parse().expect("the port of the url");
    let all = sockets(server.pid).into_iter();
    let outgoing = all.filter(|(local, _)| port(local) != own);
    outgoing.map(|(_, remote)| port(&remote)).filter(|port| *port != 0).collect()
}

fn is_local(remote: &str) -> bool {
    let address = remote.split(':').next().unwrap_or_default();
    // 127.x.x.x little-endian, no peer yet, ::1, and 127.x.x.x mapped into IPv6.
    address.ends_with("7F") && address.len() == 8
        || address.chars().all(|digit| digit == '0')
        || address == "00000000000000000000000001000000"
        || address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F")
}

#[test]
fn a_serving_process_talks_to_this_machine_only() {
    let server = shared();
    server.create_base("egress");
    let text = "Voir https://example.com/page et <img src=\"http://example.com/x.png\">.";
    let reply = server.upload("egress", "a.html", text.as_bytes(), "?wait=true");
    assert_eq!(reply.json()["state"], "ready", "{}", reply.text);
    let body = json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4});
    assert_eq!(server.chat(&body).status, 200);
    let remotes = remote_addresses(server.pid);
    let strangers: Vec<&String> = remotes.iter().filter(|remote| !is_local(remote)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn a_server_connects_to_what_the_settings_name_and_only_while_it_sends() {
    let receiver = Receiver::start(&["200 OK"]);
    receiver.hold(true);
    let allow = format!("egress.allow={}", receiver.origin());
    let server = Server::start(&["text.model=", &allow]);
    assert!(opened(&server).is_empty());
    let key = create_key(server.data.path(), "admin");
    let admin = server.with_key(&key);
    let webhook = json!({"url": receiver.origin(), "events": ["*"]});
    let made = admin.post("/api/v1/webhooks", &webhook).json();
    let path = format!("/api/v1/webhooks/{}", made["webhook"]["id"].as_str().unwrap());
    assert_eq!(admin.post(&format!("{path}/ping"), &json!({})).status, 202);
    receiver.wait_for(1);
    assert_eq!(opened(&server), [receiver.address.port()]);
    receiver.hold(false);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while admin.get(&path).json()["delivered"] != 1 {
        assert!(std::time::Instant::now() < deadline, "not delivered");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(opened(&server).is_empty());
}

#[test]
fn the_documentation_page_loads_nothing_from_outside() {
    let server = shared();
    let page = server.get_without_key("/docs");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"));
    for marker in ["src=\"http", "href=\"http", "@import", "url(http", "//cdn"] {
        assert!(!page.text.contains(marker), "{marker}");
    }
}

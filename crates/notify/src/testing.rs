//! Receivers for tests: small HTTP and SMTP servers on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use intramuros_ledger::{Ledger, NewWebhook};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::{Egress, EgressConfig, Notifier, NotifyConfig, Schedule, SmtpConfig};

/// A ledger in a folder of its own and a clock that only the test moves.
pub(crate) struct Fixture {
    pub(crate) ledger: Ledger,
    /// Removed with the fixture.
    _folder: TempDir,
    ahead: Arc<AtomicI64>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).await.unwrap();
        Self { ledger, _folder: folder, ahead: Arc::default() }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.whole_seconds(), Ordering::SeqCst);
    }

    /// A notifier with three waits of a minute, that may connect to `allow`.
    pub(crate) fn notifier(&self, allow: &[String], smtp: Option<SmtpConfig>) -> Notifier {
        let config =
            EgressConfig { allow: allow.to_vec(), ca_file: Some(ca()), allow_public: false };
        self.with_egress(Egress::new(&config).unwrap(), smtp)
    }

    pub(crate) fn with_egress(&self, egress: Egress, smtp: Option<SmtpConfig>) -> Notifier {
        let waits = vec!["1m".to_owned(); 3];
        let config = NotifyConfig { schedule: Schedule::read(&waits).unwrap(), smtp };
        let ahead = self.ahead.clone();
        let clock =
            move || OffsetDateTime::now_utc() + Duration::seconds(ahead.load(Ordering::SeqCst));
        Notifier::with_clock(self.ledger.clone(), egress, config, Arc::new(clock)).unwrap()
    }

    /// Makes a webhook for all events; returns its id and secret.
    pub(crate) async fn webhook(&self, url: &str) -> (intramuros_types::WebhookId, String) {
        let (url, events) = (url.to_owned(), vec!["*".to_owned()]);
        let new = NewWebhook { url, events, description: String::new() };
        let made = self.ledger.create_webhook(new).await.unwrap();
        (made.record.id, made.secret)
    }
}

/// A stop that nobody asks for.
pub(crate) fn never() -> watch::Receiver<bool> {
    static NEVER: std::sync::OnceLock<watch::Sender<bool>> = std::sync::OnceLock::new();
    NEVER.get_or_init(|| watch::Sender::new(false)).subscribe()
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/testing").join(name)
}

/// The authority of the test server's certificate.
pub(crate) fn ca() -> PathBuf {
    file("ca.pem")
}

/// TLS as the test servers speak it.
pub(crate) fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()))
}

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> String {
        let prefix = format!("{name}:");
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix));
        line.map(|line| line[prefix.len()..].trim().to_owned()).unwrap_or_default()
    }
}

/// A webhook's receiver. Answers what the test says; while `gate` has no permits, nothing.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) received: Arc<Mutex<Vec<Received>>>,
    pub(crate) answer: Arc<Mutex<String>>,
    pub(crate) gate: Arc<Semaphore>,
}

impl Receiver {
    pub(crate) async fn start(status: &str) -> Self {
        Self::start_with(status, None).await
    }

    pub(crate) async fn start_with(status: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            received: Arc::default(),
            answer: Arc::default(),
            gate: Arc::new(Semaphore::new(1_000)),
        };
        receiver.answer_with(status);
        let here = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (here, tls) = (here.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => here.serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                here.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        receiver
    }

    /// `500 Oops`, or with more headers: `302 Found\r\nlocation: …`.
    pub(crate) fn answer_with(&self, status: &str) {
        let body = "because";
        let length = body.len();
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut bytes = Vec::new();
        let head_end = loop {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
                _ => return,
            }
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        let mut received = Received { head, body: String::new() };
        let length: usize = received.header("content-length").parse().unwrap_or(0);
        while bytes.len() < head_end + length {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
                _ => return,
            }
        }
        received.body = String::from_utf8_lossy(&bytes[head_end..]).into_owned();
        self.received.lock().unwrap().push(received);
        let permit = self.gate.acquire().await;
        if let Ok(permit) = permit {
            permit.forget();
        }
        let answer = self.answer.lock().unwrap().clone();
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// How a test SMTP server behaves.
#[derive(Clone, Default)]
pub(crate) struct SmtpScript {
    /// TLS from the first byte.
    pub(crate) tls: bool,
    /// Offers `STARTTLS`.
    pub(crate) start_tls: bool,
    /// The answer to `RCPT TO`, when it is no `250`.
    pub(crate) refuse: Option<&'static str>,
    /// The answer to `AUTH`.
    pub(crate) auth: Option<&'static str>,
    /// What follows the answer to `STARTTLS` in the clear, as somebody in between would put it there.
    pub(crate) injected: &'static str,
}

/// An SMTP server; what clients said, a line each, is kept.
#[derive(Clone)]
pub(crate) struct SmtpServer {
    pub(crate) address: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
}

impl SmtpServer {
    pub(crate) async fn start(script: SmtpScript) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, said: Arc::default() };
        let here = server.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (here, script) = (here.clone(), script.clone());
                tokio::spawn(async move {
                    if script.tls {
                        let Ok(mut stream) = acceptor().accept(stream).await else { return };
                        here.converse(&mut stream, &script, true, true).await;
                        return;
                    }
                    let upgrade = here.converse(&mut stream, &script, true, false).await;
                    if upgrade {
                        let Ok(mut stream) = acceptor().accept(stream).await else { return };
                        here.converse(&mut stream, &script, false, true).await;
                    }
                });
            }
        });
        server
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Talks until the client leaves; true when it is to go on in TLS.
    async fn converse(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        script: &SmtpScript,
        greet: bool,
        encrypted: bool,
    ) -> bool {
        if greet {
            let _ = stream.write_all(b"220 test ESMTP\r\n").await;
        }
        let mut in_data = false;
        while let Some(line) = line(stream).await {
            self.said.lock().unwrap().push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                _ if in_data => {
                    in_data = line != ".";
                    if in_data { "" } else { "250 queued\r\n" }
                }
                "EHLO" if script.start_tls && !encrypted => "250-test\r\n250 STARTTLS\r\n",
                "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
                "STARTTLS" => {
                    let answer = format!("220 go on\r\n{}", script.injected);
                    let _ = stream.write_all(answer.as_bytes()).await;
                    return true;
                }
                "AUTH" => script.auth.unwrap_or("235 welcome\r\n"),
                "RCPT" => script.refuse.unwrap_or("250 ok\r\n"),
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        false
    }
}

async fn line(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}

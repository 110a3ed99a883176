//! Speaks SMTP. lettre holds the conversation; the connection is opened here, to an address that the
//! egress policy agreed to, and so is `STARTTLS`, because lettre's own TLS switches on features of
//! crates below lancedb.

use std::net::SocketAddr;
use std::sync::Arc;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::stream::Connection;
use super::{Failure, Security, SmtpConfig};
use crate::egress::Egress;
use crate::error::causes;
use crate::tls;

/// The most bytes of an answer before TLS begins.
const MAX_REPLY_BYTES: usize = 16 * 1024;

/// A client of one server. Keeps no connection.
pub(super) struct SmtpClient {
    egress: Egress,
    config: SmtpConfig,
    /// The name that we greet with.
    hello: String,
    tls: Arc<ClientConfig>,
}

impl SmtpClient {
    pub(super) fn new(egress: Egress, config: SmtpConfig, hello: String) -> Self {
        let tls = tls::config(&egress);
        Self { egress, config, hello, tls }
    }

    /// Sends one message, within the configured time.
    pub(super) async fn send(&self, message: &Message) -> Result<(), Failure> {
        let limit = self.config.timeout;
        tokio::time::timeout(limit, self.converse(message)).await.unwrap_or_else(|_| {
            Err(transient(format!("the server took longer than {} s", limit.as_secs())))
        })
    }

    async fn converse(&self, message: &Message) -> Result<(), Failure> {
        let connection = self.connect().await?;
        let hello = ClientId::Domain(self.hello.clone());
        let mut session = AsyncSmtpConnection::connect_with_transport(Box::new(connection), &hello)
            .await
            .map_err(|error| transient(causes(&error)))?;
        if let Some((user, password)) = &self.config.credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            // Wrong credentials are mended in the settings, and the e-mail is as good as before.
            session
                .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                .await
                .map_err(|error| transient(format!("signing in failed: {}", causes(&error))))?;
        }
        let sent = session.send(message.envelope(), &message.formatted()).await;
        sent.map_err(|error| Failure { permanent: error.is_permanent(), reason: causes(&error) })?;
        // It is the server's now, whether it says goodbye or not.
        let _ = session.quit().await;
        Ok(())
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let addresses = self.resolve().await?;
        if self.config.security == Security::None && !Egress::is_private(&addresses) {
            let host = &self.config.host;
            let reason = format!("{host} is public, and smtp.security is none");
            return Err(transient(reason));
        }
        let mut stream = open(&addresses).await?;
        match self.config.security {
            Security::None => Ok(Connection::Plain(stream)),
            Security::Tls => Ok(Connection::Tls(self.encrypt(stream).await?)),
            Security::StartTls => {
                start_tls(&mut stream, &self.hello).await?;
                Ok(Connection::Greeted(b"220 ready\r\n", self.encrypt(stream).await?))
            }
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
        let (egress, config) = (self.egress.clone(), self.config.clone());
        let resolved = tokio::task::spawn_blocking(move || {
            egress.permit_smtp(&config.host, config.port, config.security == Security::Tls)?;
            egress.resolve(&config.host, config.port, config.timeout)
        });
        let found = resolved.await.map_err(|_| transient("the look-up broke off".to_owned()))?;
        found.map_err(|error| transient(causes(&error)))
    }

    async fn encrypt(&self, stream: TcpStream) -> Result<Box<TlsStream<TcpStream>>, Failure> {
        let host = self.config.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| transient(error.to_string()))?;
        let encrypted = TlsConnector::from(self.tls.clone()).connect(name, stream).await;
        encrypted.map(Box::new).map_err(|error| transient(format!("TLS failed: {error}")))
    }
}

fn transient(reason: String) -> Failure {
    Failure { permanent: false, reason }
}

/// Connects to the first address that answers.
async fn open(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut reason = String::new();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = format!("{address} did not answer: {error}"),
        }
    }
    Err(transient(reason))
}

/// Asks a server that has greeted to go on in TLS. Source: RFC 3207.
///
/// Every byte up to the answer is read and none after it, so nothing that somebody put in between
/// passes for part of the encrypted session.
async fn start_tls(stream: &mut TcpStream, hello: &str) -> Result<(), Failure> {
    expect(stream, "220").await?;
    write(stream, &format!("EHLO {hello}\r\n")).await?;
    let offers = expect(stream, "250").await?;
    let offered = offers.lines().any(|line| line.get(4..).is_some_and(is_start_tls));
    if !offered {
        return Err(transient("the server does not offer STARTTLS".to_owned()));
    }
    write(stream, "STARTTLS\r\n").await?;
    expect(stream, "220").await.map(|_| ())
}

fn is_start_tls(offer: &str) -> bool {
    offer.trim().eq_ignore_ascii_case("STARTTLS")
}

async fn write(stream: &mut TcpStream, line: &str) -> Result<(), Failure> {
    let written = stream.write_all(line.as_bytes()).await;
    written.map_err(|error| transient(format!("the connection broke off: {error}")))
}

/// Reads an answer of one or several lines and holds it to `code`.
async fn expect(stream: &mut TcpStream, code: &str) -> Result<String, Failure> {
    let mut reply = String::new();
    loop {
        let line = read_line(stream, MAX_REPLY_BYTES - reply.len()).await?;
        // `250-…` goes on, `250 …` ends.
        let ends = line.as_bytes().get(3) != Some(&b'-');
        reply.push_str(&line);
        if ends {
            break;
        }
    }
    if reply.starts_with(code) {
        return Ok(reply);
    }
    Err(transient(format!("the server answered {}", reply.trim())))
}

async fn read_line(stream: &mut TcpStream, most: usize) -> Result<String, Failure> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        if line.len() >= most {
            return Err(transient("the server's answer is too long".to_owned()));
        }
        let byte = stream.read_u8().await;
        line.push(byte.map_err(|error| transient(format!("the connection broke off: {error}")))?);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

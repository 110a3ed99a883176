//! Speaks HTTP by hand, for what no client library sends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::server::Server;

/// Longest wait for what must come at once; a server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub(crate) struct Raw {
    stream: TcpStream,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct RawReply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl RawReply {
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no status: {:?}", self.head))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `code` of an error in either shape.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = body["code"].as_str().or(body["error"]["code"].as_str());
        code.unwrap_or_default().to_owned()
    }
}

impl Raw {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A server that has refused already may have closed the connection.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Reads one answer with a length or in chunks; what follows on the connection stays unread.
    pub(crate) fn reply(&mut self) -> RawReply {
        let head = self.head();
        let reply = RawReply { head, body: Vec::new() };
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body).expect("the whole body");
        RawReply { body, ..reply }
    }

    /// Reads a head; empty when the server closed the connection without one.
    pub(crate) fn head(&mut self) -> String {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&head)),
            }
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// Everything until the server closes the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => {
                panic!("{error} after {:?}", String::from_utf8_lossy(&rest))
            }
            Ok(_) | Err(_) => String::from_utf8_lossy(&rest).into_owned(),
        }
    }
}

/// Sends `request` on a connection of its own and reads the answer.
pub(crate) fn exchange(server: &Server, request: impl AsRef<[u8]>) -> RawReply {
    let mut raw = Raw::connect(server);
    raw.send(request);
    raw.reply()
}

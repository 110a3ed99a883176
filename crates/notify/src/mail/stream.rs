//! Carries an SMTP session, in the clear or over TLS.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection that lettre can use.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// After `STARTTLS`, where the server does not greet again and lettre expects a greeting: these
    /// bytes come first.
    Greeted(&'static [u8], Box<TlsStream<TcpStream>>),
}

/// Leaves out what was read and written.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl AsyncTokioStream for Connection {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Connection::Plain(stream) => stream.peer_addr(),
            Connection::Tls(stream) | Connection::Greeted(_, stream) => {
                stream.get_ref().0.peer_addr()
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Connection::Greeted(greeting, _) if !greeting.is_empty() => {
                let (now, later) = greeting.split_at(greeting.len().min(buffer.remaining()));
                buffer.put_slice(now);
                *greeting = later;
                Poll::Ready(Ok(()))
            }
            Connection::Tls(stream) | Connection::Greeted(_, stream) => {
                Pin::new(stream).poll_read(context, buffer)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Connection::Tls(stream) | Connection::Greeted(_, stream) => {
                Pin::new(stream).poll_write(context, bytes)
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_flush(context),
            Connection::Tls(stream) | Connection::Greeted(_, stream) => {
                Pin::new(stream).poll_flush(context)
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Connection::Tls(stream) | Connection::Greeted(_, stream) => {
                Pin::new(stream).poll_shutdown(context)
            }
        }
    }
}

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::answer;

/// Longest wait for what must come at once.
const SOON: Duration = Duration::from_secs(20);

/// A client of one connection that is being answered, and the switch that stops the server.
async fn connect(head_timeout: Duration) -> (TcpStream, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let router = Router::new().route("/", get(|| async { "bonjour" }));
    tokio::spawn(answer((stream, peer), router, head_timeout, stopped));
    (client, stop)
}

/// Everything that the server sends until it closes the connection.
async fn read_to_end(client: &mut TcpStream) -> String {
    let mut received = String::new();
    let read = client.read_to_string(&mut received);
    tokio::time::timeout(SOON, read).await.expect("the server closes the connection").unwrap();
    received
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_a_head_is_let_go() {
    for said in ["", "GET / HTTP/1.1\r\nX-A: b"] {
        let (mut client, _stop) = connect(Duration::from_millis(50)).await;
        client.write_all(said.as_bytes()).await.unwrap();
        let received = read_to_end(&mut client).await;
        assert!(!received.contains("200 OK"), "{received}");
    }
}

#[tokio::test]
async fn a_stop_closes_idle_connections_after_their_answer() {
    let (mut client, stop) = connect(Duration::from_secs(3600)).await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    client.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stop.send_replace(true);
    let rest = read_to_end(&mut client).await;
    assert!(rest.ends_with("bonjour"), "{rest}");
}

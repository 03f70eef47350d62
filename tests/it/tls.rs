//! The same server behind its own certificate: requests and the stream, over TLS 1.3 and nothing else.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::harness::app::{App, PASSWORD};
use crate::harness::cluster::TestDir;

const NAME: &str = "muster.test";

struct Certified {
    certificate: CertificateDer<'static>,
    certificate_file: PathBuf,
    key_file: PathBuf,
    _dir: TestDir,
}

fn certified() -> Certified {
    let dir = TestDir::on_disk("tls");
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    let (certificate_file, key_file) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    fs::write(&certificate_file, made.cert.pem()).expect("a file");
    fs::write(&key_file, made.signing_key.serialize_pem()).expect("a file");
    Certified { certificate: made.cert.der().clone(), certificate_file, key_file, _dir: dir }
}

async fn secure_app(certified: &Certified) -> App {
    App::with(|settings| {
        settings.tls_certificate = Some(certified.certificate_file.clone());
        settings.tls_key = Some(certified.key_file.clone());
    })
    .await
}

async fn connect(addr: SocketAddr, certified: &Certified) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(certified.certificate.clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).expect("a name");
    let io = TcpStream::connect(addr).await.expect("the server listens");
    TlsConnector::from(Arc::new(config)).connect(name, io).await.expect("the certificate is good")
}

/// One request on a connection of its own: status and body.
async fn ask(addr: SocketAddr, certified: &Certified, head: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let mut line = connect(addr, certified).await;
    let text = format!(
        "{head}\r\nHost: {NAME}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    line.write_all(text.as_bytes()).await.expect("the line is up");
    let mut answer = String::new();
    // Whoever closes without a goodbye of TLS has still said all of an HTTP answer.
    let _ = line.read_to_string(&mut answer).await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn requests_and_the_stream_speak_tls() {
    let certified = certified();
    let app = secure_app(&certified).await;
    assert_eq!(ask(app.addr(), &certified, "GET /health HTTP/1.1", &Value::Null).await.0, 200);
    let sign_up = json!({"data": {"type": "account", "attributes": {
        "name": "Rivergate", "timeZone": "Europe/Zurich", "currency": "CHF",
        "owner": {"firstName": "Ann", "lastName": "Roe", "email": "ann@tls.example", "password": PASSWORD}
    }}});
    assert_eq!(ask(app.addr(), &certified, "POST /api/v1/accounts HTTP/1.1", &sign_up).await.0, 201);
    let login = json!({"email": "ann@tls.example", "password": PASSWORD});
    let (status, tokens) = ask(app.addr(), &certified, "POST /api/v1/auth/login HTTP/1.1", &login).await;
    assert_eq!(status, 200);
    let token = tokens["accessToken"].as_str().expect("a token");

    let mut request = format!("wss://{NAME}/api/v1/stream").into_client_request().expect("a URL");
    request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().expect("a header"));
    let line = connect(app.addr(), &certified).await;
    let (mut stream, _) = tokio_tungstenite::client_async(request, line).await.expect("let in");
    let hello = stream.next().await.expect("a greeting").expect("a frame").into_text().expect("text");
    assert!(hello.contains("hello"), "{hello}");
    stream.send(Message::text(r#"{"type":"subscribe","id":"map","topic":"workers"}"#)).await.expect("the line is up");
    let answer = stream.next().await.expect("an answer").expect("a frame").into_text().expect("text");
    assert!(answer.contains("subscribed"), "{answer}");
}

#[tokio::test]
async fn whoever_speaks_plainly_to_it_is_turned_away() {
    let certified = certified();
    let app = secure_app(&certified).await;
    let mut plain = TcpStream::connect(app.addr()).await.expect("the server listens");
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("the line is up");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).await.ok();
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(ask(app.addr(), &certified, "GET /health HTTP/1.1", &Value::Null).await.0, 200);
}

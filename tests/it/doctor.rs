//! `muster doctor` as somebody types it, on installations that are well and on some that are not.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::harness::app::App;
use crate::harness::cluster::TestDir;
use crate::harness::process::Process;

struct Told {
    is_well: bool,
    text: String,
}

impl Told {
    /// The line on this subject.
    fn on(&self, subject: &str) -> &str {
        let found = self.text.lines().find(|line| line.get(7..).is_some_and(|rest| rest.starts_with(subject)));
        found.unwrap_or_else(|| panic!("nothing on {subject}:\n{}", self.text))
    }
}

async fn doctor(dir: &Path, settings: &[(&str, &str)]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MUSTER_") || name == "DATABASE_URL") {
        command.env_remove(name);
    }
    command.current_dir(dir).arg("doctor").arg("--data-dir").arg(dir);
    for (name, value) in settings {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends").expect("it runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Told { is_well: output.status.success(), text }
}

/// What a running test server was given.
fn settings_of<'a>(app: &'a App, listen: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("database_url", &app.db().server_url),
        ("migrate_database_url", &app.db().owner_url),
        ("secret", "a-secret-for-tests-only"),
        ("listen", listen),
    ]
}

fn with<'a>(settings: &[(&'static str, &'a str)], name: &'static str, value: &'a str) -> Vec<(&'static str, &'a str)> {
    let others = settings.iter().copied().filter(|(held, _)| *held != name);
    others.chain([(name, value)]).collect()
}

#[tokio::test]
async fn before_the_first_start_all_is_well() {
    let dir = TestDir::on_disk("doctor");
    let told = doctor(dir.path(), &[("listen", "127.0.0.1:0")]).await;
    assert!(told.is_well, "{}", told.text);
    assert!(told.on("database").contains("will be made on the first start"), "{}", told.text);
    assert!(std::fs::read_dir(dir.path()).expect("a folder").next().is_none(), "it changes nothing");
}

#[tokio::test]
async fn a_running_server_is_found_well() {
    let process = Process::start().await;
    let (listen, public) = (process.app().addr().to_string(), process.app().url(""));
    let told = doctor(process.dir(), &[("listen", &listen), ("public_url", &public)]).await;
    assert!(told.is_well, "{}", told.text);
    for (subject, says) in [
        ("listen", "a Muster answers"),
        ("public url", "the stream opens"),
        ("keys", "open with this secret"),
        ("schema", "up to date"),
        ("database", "as muster_server"),
    ] {
        assert!(told.on(subject).contains(says), "{subject}: {}", told.text);
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_mend() {
    let (app, dir) = (App::start().await, TestDir::on_disk("doctor"));
    let listen = app.addr().to_string();
    let well = settings_of(&app, &listen);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    let nobody = "http://127.0.0.1:1";
    let gone = app.db().server_url.replace("/muster_", "/nowhere_");
    let table = [
        // The tests' PostgreSQL is made to be fast, not to last.
        (well.clone(), "database", "off: fsync, synchronous_commit"),
        (with(&well, "secret", "quite-another-secret"), "keys", "nobody could sign in"),
        (with(&well, "secret", "short"), "secret", "less than 16"),
        (with(&well, "database_url", &app.db().owner_url), "database", "looks past row-level security"),
        (with(&well, "database_url", &gone), "database", "cannot be reached"),
        (with(&well, "listen", &taken), "listen", "another program"),
        (with(&well, "listen", "192.0.2.1:80"), "listen", "cannot listen"),
        (with(&well, "public_url", nobody), "public url", "cannot be reached"),
        (with(&well, "public_url", "muster.example"), "settings", "public_url is muster.example"),
        (with(&well, "tls_certificate", "/nowhere/cert.pem"), "certificate", "needed together"),
        (with(&well, "env", "production"), "settings", "Host"),
    ];
    for (settings, subject, says) in table {
        let told = doctor(dir.path(), &settings).await;
        let line = told.on(subject);
        assert!(line.contains(says), "{subject}: {}", told.text);
        assert!(!line.starts_with("ok") && told.text.contains("-> "), "with a mend: {}", told.text);
    }
}

#[tokio::test]
async fn a_secret_that_others_can_read_is_wrong() {
    let dir = TestDir::on_disk("doctor");
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef").expect("a file");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).expect("it is ours");
    let told = doctor(dir.path(), &[("listen", "127.0.0.1:0")]).await;
    assert!(!told.is_well && told.text.contains("chmod 600"), "{}", told.text);
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).expect("it is ours");
    assert!(doctor(dir.path(), &[("listen", "127.0.0.1:0")]).await.is_well);
}

/// A proxy as it is often set up: it passes requests on and knows nothing of upgrades.
async fn proxy_without_upgrades(server: SocketAddr) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).await.is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).expect("a head");
            let hops = ["upgrade:", "connection:"];
            let lines = head.lines().filter(|line| !hops.iter().any(|hop| line.to_lowercase().starts_with(hop)));
            let passed: String = lines.map(|line| format!("{line}\r\n")).collect();
            let mut server = TcpStream::connect(server).await.expect("it listens");
            server.write_all(passed.as_bytes()).await.expect("the line is up");
            copy_bidirectional(&mut client, &mut server).await.ok();
        }
    });
    addr
}

#[tokio::test]
async fn a_proxy_that_passes_no_upgrades_is_found_out() {
    let (app, dir) = (App::start().await, TestDir::on_disk("doctor"));
    let listen = app.addr().to_string();
    let public = format!("http://{}", proxy_without_upgrades(app.addr()).await);
    let told = doctor(dir.path(), &with(&settings_of(&app, &listen), "public_url", &public)).await;
    assert!(!told.is_well && told.on("public url").contains("the stream does not open"), "{}", told.text);
    assert!(told.text.contains("proxy_set_header Upgrade"), "{}", told.text);
}

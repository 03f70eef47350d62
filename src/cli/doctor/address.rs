//! The addresses: can we listen, and does what phones and browsers use lead here, upgrades of the stream included.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::Finding;
use super::upgrade::{Upgrade, knock};
use crate::settings::Settings;

const CLOCKS_DIFFER_S: i64 = 5;
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// And whether a Muster answers there already.
pub async fn check_listen(settings: &Settings) -> (Finding, bool) {
    const SUBJECT: &str = "listen";
    let addr = settings.listen;
    match TcpListener::bind(addr) {
        Ok(_) => (Finding::well(SUBJECT, format!("{addr} is free")), false),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if is_muster(settings, addr).await {
                return (Finding::well(SUBJECT, format!("a Muster answers on {addr}")), true);
            }
            let mend = format!("stop it (ss -ltnp 'sport = :{}' names it), or set MUSTER_LISTEN", addr.port());
            (Finding::wrong(SUBJECT, format!("another program has {addr}"), mend), false)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let mend = "take a port from 1024 up, or give the program CAP_NET_BIND_SERVICE";
            (Finding::wrong(SUBJECT, format!("this user may not listen on {addr}"), mend), false)
        }
        Err(error) => {
            let mend = "set MUSTER_LISTEN to an address of this machine, or 0.0.0.0 for all of them";
            (Finding::wrong(SUBJECT, format!("cannot listen on {addr}: {error}"), mend), false)
        }
    }
}

async fn is_muster(settings: &Settings, addr: SocketAddr) -> bool {
    // Whoever listens on all addresses is asked on one of them.
    let local = if addr.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], addr.port())) } else { addr };
    if settings.tls_certificate.is_some() {
        return matches!(knock(&format!("https://{local}")).await, Upgrade::Muster { .. } | Upgrade::Untrusted(_));
    }
    let client = reqwest::Client::builder().no_proxy().timeout(HEALTH_TIMEOUT).build();
    let Ok(client) = client else { return false };
    let Ok(answer) = client.get(format!("http://{local}/health")).send().await else { return false };
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    body["checks"]["database"].is_object() || body["status"] == "starting"
}

/// `None` when nobody said what the public address is.
pub async fn check_public(settings: &Settings, is_running: bool) -> Option<Finding> {
    const SUBJECT: &str = "public url";
    let url = settings.public_url.as_deref()?.trim_end_matches('/');
    if !is_running {
        let mend = "start the server and ask again";
        return Some(Finding::doubtful(SUBJECT, format!("{url} cannot be tried while nothing listens"), mend));
    }
    let proxy = "the proxy must pass upgrades: nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                 proxy_set_header Connection \"upgrade\"; proxy_set_header Host $host; proxy_read_timeout 75s. Caddy's \
                 reverse_proxy does so by itself, Apache needs mod_proxy_wstunnel";
    Some(match knock(url).await {
        Upgrade::Muster { clock_ahead_s } if clock_ahead_s.abs() > CLOCKS_DIFFER_S => {
            let says = format!("{url} leads here, but its clock differs by {clock_ahead_s} s");
            Finding::doubtful(SUBJECT, says, "run an NTP client on both machines")
        }
        Upgrade::Muster { .. } => Finding::well(SUBJECT, format!("{url} leads to a Muster, and the stream opens")),
        Upgrade::OtherProtocol => {
            Finding::wrong(SUBJECT, format!("{url} upgrades, but to something else"), "see where the proxy sends it")
        }
        Upgrade::Refused(403) => {
            let mend = "let the proxy pass the Host header, and MUSTER_PUBLIC_URL be what browsers show";
            Finding::wrong(SUBJECT, format!("{url} refuses pages of its own origin"), mend)
        }
        Upgrade::Refused(status @ (502..=504)) => {
            let mend = format!("let the proxy send it to {}", settings.listen);
            Finding::wrong(SUBJECT, format!("the proxy at {url} says {status}: it does not reach the server"), mend)
        }
        Upgrade::Refused(status @ 300..=399) => {
            let mend = "set MUSTER_PUBLIC_URL to where it leads";
            Finding::wrong(SUBJECT, format!("{url} leads elsewhere ({status})"), mend)
        }
        Upgrade::Refused(status) => {
            Finding::wrong(SUBJECT, format!("{url} answers, but the stream does not open ({status})"), proxy)
        }
        Upgrade::Untrusted(why) => {
            let mend = "phones will refuse it too: get a certificate that is trusted, with its whole chain";
            Finding::wrong(SUBJECT, format!("the certificate of {url} is not good: {why}"), mend)
        }
        Upgrade::Unreachable(why) => {
            let mend = "see the name in DNS, the firewall, and that the proxy runs";
            Finding::wrong(SUBJECT, format!("{url} cannot be reached: {why}"), mend)
        }
    })
}

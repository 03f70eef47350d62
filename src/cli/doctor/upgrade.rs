//! One WebSocket handshake through the public address, as a browser's page of that origin would make it: it shows at once
//! whether name, way, certificate, proxy and upgrade are right. It says nothing on the stream.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::crypto::ring;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{DATE, HeaderName, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::{self, Error};

use crate::live::stream::PROTOCOL;

const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Debug, PartialEq, Eq)]
pub enum Upgrade {
    Muster {
        clock_ahead_s: i64,
    },
    OtherProtocol,
    /// Answered with this status instead.
    Refused(u16),
    Untrusted(String),
    Unreachable(String),
}

pub async fn knock(public_url: &str) -> Upgrade {
    // Set only once in a process; whoever was first chose the same.
    let _ = ring::default_provider().install_default();
    let Some(rest) = public_url.strip_prefix("http") else {
        return Upgrade::Unreachable("it begins with neither http:// nor https://".into());
    };
    let request = format!("ws{rest}/api/v1/stream").into_client_request().and_then(|mut request| {
        let mut set = |name: HeaderName, value: &str| -> Result<(), Error> {
            request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(tungstenite::http::Error::from)?);
            Ok(())
        };
        set(ORIGIN, public_url)?;
        set(SEC_WEBSOCKET_PROTOCOL, PROTOCOL)?;
        Ok(request)
    });
    let request = match request {
        Ok(request) => request,
        Err(error) => return Upgrade::Unreachable(error.to_string()),
    };
    match tokio::time::timeout(PATIENCE, connect_async(request)).await {
        Err(_) => Upgrade::Unreachable(format!("no answer within {} s", PATIENCE.as_secs())),
        Ok(Ok((_, answer))) => {
            let headers = answer.headers();
            let speaks_ours = headers.get(SEC_WEBSOCKET_PROTOCOL).is_some_and(|value| value == PROTOCOL);
            let date = headers.get(DATE).and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
            let clock_ahead_s = date.map_or(0, |date| (date.to_utc() - Utc::now()).num_seconds());
            if speaks_ours { Upgrade::Muster { clock_ahead_s } } else { Upgrade::OtherProtocol }
        }
        Ok(Err(Error::Http(answer))) => Upgrade::Refused(answer.status().as_u16()),
        Ok(Err(Error::Tls(error))) => Upgrade::Untrusted(error.to_string()),
        // What goes wrong in TLS is an error of the transport to the library.
        Ok(Err(Error::Io(error))) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_)) => Upgrade::Untrusted(error.to_string()),
            Some(_) => Upgrade::Unreachable(format!("it does not speak TLS as we do ({error})")),
            None => Upgrade::Unreachable(error.to_string()),
        },
        Ok(Err(error)) => Upgrade::Unreachable(error.to_string()),
    }
}

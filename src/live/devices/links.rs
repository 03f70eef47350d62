//! Links that set up a phone's app in one tap, each in the words of its app.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::qr;
use super::wire::{Qr, Setup};
use crate::http::App;
use crate::live::positions::{self, Profile};

/// How often Traccar Client reports while nobody moves: often enough to count as online.
const HEARTBEAT_S: u32 = 60;

/// As others reach this server: the configured address, or what the request itself says.
pub fn origin(app: &App, request: &HttpRequest) -> String {
    if let Some(url) = &app.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let scheme = if request.app_config().secure() { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

/// Each app drops or keeps other parts of a link; `docs/phones.md` says which.
pub fn setup(origin: &str, token: &str, label: &str) -> Setup {
    let Profile { interval_s, distance_m } = Profile::SET_UP;
    let inline = escape(&STANDARD.encode(owntracks(origin, token, label).to_string()));
    let (url, name) = (escape(&format!("{origin}/ingest/overland")), escape(label));
    Setup {
        owntracks: format!("owntracks:///config?inline={inline}"),
        // The app takes the address up to the question mark, and `id` is what it sends as `device_id`.
        traccar: format!(
            "{origin}/ingest/osmand?id={token}&accuracy=high&distance={distance_m}&interval={interval_s}\
             &heartbeat={HEARTBEAT_S}&buffer=true"
        ),
        overland: format!("overland://setup?url={url}&token={token}&device_id={name}"),
        transistor: format!("{origin}/ingest/transistor?token={token}"),
    }
}

/// Mode 3 is HTTP. A user must be named or the app on iOS does not start, and the last two let answers change how often
/// it reports.
fn owntracks(origin: &str, token: &str, label: &str) -> Value {
    let Profile { interval_s, distance_m } = Profile::SET_UP;
    json!({
        "_type": "configuration",
        "mode": 3,
        "url": format!("{origin}/ingest/owntracks?token={token}"),
        "auth": false,
        "username": "muster",
        "deviceId": label,
        "monitoring": positions::OWNTRACKS_MOVE,
        "moveModeLocatorInterval": interval_s,
        "locatorInterval": interval_s,
        "locatorDisplacement": distance_m,
        "cmd": true,
        "remoteConfiguration": true,
    })
}

/// The same, to be shown to a phone's camera; none if the server's name makes them too long.
pub fn codes(setup: &Setup) -> Option<Qr> {
    Some(Qr {
        owntracks: qr::svg(&setup.owntracks)?,
        traccar: qr::svg(&setup.traccar)?,
        overland: qr::svg(&setup.overland)?,
    })
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_leads_back_to_this_server_with_the_token() {
        let setup = setup("https://muster.example", "mdt_1", "Bob's phone");
        assert_eq!(
            setup.traccar,
            "https://muster.example/ingest/osmand?id=mdt_1&accuracy=high&distance=50&interval=30&heartbeat=60&buffer=true"
        );
        assert_eq!(
            setup.overland,
            "overland://setup?url=https%3A%2F%2Fmuster.example%2Fingest%2Foverland&token=mdt_1\
             &device_id=Bob%27s%20phone"
        );
        assert_eq!(setup.transistor, "https://muster.example/ingest/transistor?token=mdt_1");
        let inline = setup.owntracks.strip_prefix("owntracks:///config?inline=").expect("the app's scheme");
        let inline = inline.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
        let text = STANDARD.decode(inline).expect("base64");
        let configuration: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(configuration["url"], "https://muster.example/ingest/owntracks?token=mdt_1");
        assert_eq!((&configuration["_type"], &configuration["mode"]), (&json!("configuration"), &json!(3)));
        assert_eq!((&configuration["cmd"], &configuration["remoteConfiguration"]), (&json!(true), &json!(true)));
    }
}

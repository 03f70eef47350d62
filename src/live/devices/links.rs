//! Links that set up a phone's app in one tap, each in the words of its app.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::wire::Setup;
use crate::http::App;

/// As others reach this server: the configured address, or what the request itself says.
pub fn origin(app: &App, request: &HttpRequest) -> String {
    if let Some(url) = &app.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let scheme = if request.app_config().secure() { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

pub fn setup(origin: &str, token: &str, label: &str) -> Setup {
    // OwnTracks' mode 3 is HTTP.
    let configuration = json!({
        "_type": "configuration",
        "mode": 3,
        "url": format!("{origin}/ingest/owntracks?token={token}"),
        "auth": false,
        "deviceId": label,
    });
    let inline = escape(&STANDARD.encode(configuration.to_string()));
    let overland = escape(&format!("{origin}/ingest/overland?token={token}"));
    Setup {
        owntracks: format!("owntracks:///config?inline={inline}"),
        traccar: format!("{origin}/ingest/osmand?id={token}"),
        overland: format!("overland://setup?url={overland}&device_id={}", escape(label)),
    }
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
        assert_eq!(setup.traccar, "https://muster.example/ingest/osmand?id=mdt_1");
        assert_eq!(
            setup.overland,
            "overland://setup?url=https%3A%2F%2Fmuster.example%2Fingest%2Foverland%3Ftoken%3Dmdt_1\
             &device_id=Bob%27s%20phone"
        );
        let inline = setup.owntracks.strip_prefix("owntracks:///config?inline=").expect("the app's scheme");
        let inline = inline.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
        let text = STANDARD.decode(inline).expect("base64");
        let configuration: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(configuration["url"], "https://muster.example/ingest/owntracks?token=mdt_1");
    }
}

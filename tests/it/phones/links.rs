//! The links that set up a phone, as text and as pictures, and the paths that apps make of them.

use reqwest::Method;
use rqrr::PreparedImage;
use serde_json::{Value, json};

use super::{PROTOCOLS, body, kept, posts, sends};
use crate::harness::app::App;

const QUIET: usize = 4;
/// Pixels of a module, as a camera would see some of each.
const PIXELS: usize = 3;

/// The modules of a picture that is made of runs, dark ones `true`; whatever else is in it is a mistake.
fn modules(svg: &str) -> Vec<Vec<bool>> {
    let (head, rest) = svg.split_once("viewBox=\"0 0 ").expect("a size");
    assert_eq!(head, "<svg xmlns=\"http://www.w3.org/2000/svg\" ");
    let (size, rest) = rest.split_once(' ').expect("a size");
    let size: usize = size.parse().expect("a number");
    let (_, dark) = rest.split_once("<path fill=\"#000\" d=\"").expect("what is dark");
    let runs = dark.strip_suffix("\"/></svg>").expect("nothing after it");
    let mut modules = vec![vec![false; size]; size];
    for run in runs.split('M').skip(1) {
        let (left, rest) = run.split_once(' ').expect("two numbers");
        let (top, rest) = rest.split_once('h').expect("a length");
        let (length, back) = rest.split_once("v1h-").expect("a height of one");
        assert_eq!(back, format!("{length}z"));
        let [left, top, length] = [left, top, length].map(|number| number.parse::<usize>().expect("a number"));
        modules[top][left..left + length].fill(true);
    }
    modules
}

/// What a camera reads.
fn read(svg: &str) -> String {
    let modules = modules(svg);
    let size = modules.len() * PIXELS;
    let dark = |x: usize, y: usize| if modules[y / PIXELS][x / PIXELS] { 0 } else { 255 };
    let mut image = PreparedImage::prepare_from_greyscale(size, size, dark);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1, "one code in the picture");
    codes[0].decode().expect("it can be read").1
}

#[tokio::test]
async fn every_code_says_its_link_to_a_camera() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let made = ann.makes_device(bob.id).await.created();
    let (setup, qr) = (&made.attributes()["setup"], &made.attributes()["qr"]);
    for name in ["owntracks", "traccar", "overland"] {
        let svg = qr[name].as_str().expect("a picture");
        assert_eq!(json!(read(svg)), setup[name], "{name}");
        assert!(svg.len() < 100_000 && !svg.contains("script") && !svg.contains("mdt_"), "{name}");
        let modules = modules(svg);
        let quiet = |x: usize| x < QUIET || x >= modules.len() - QUIET;
        for (y, row) in modules.iter().enumerate() {
            let disturbed = row.iter().enumerate().any(|(x, dark)| *dark && (quiet(x) || quiet(y)));
            assert!(!disturbed, "{name}: readers need a light frame");
        }
    }
    let later = ann.get(&format!("/api/v1/devices/{}", made.id())).await.ok();
    assert!(later.attributes()["qr"].is_null() && later.attributes()["setup"].is_null(), "shown once");
}

#[tokio::test]
async fn the_longest_label_still_fits_in_a_code() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let device = json!({"workerId": bob.id, "label": "☎".repeat(100)});
    let made = ann.post("/api/v1/devices", json!({"data": {"type": "device", "attributes": device}})).await.created();
    let qr = &made.attributes()["qr"]["owntracks"];
    assert_eq!(json!(read(qr.as_str().expect("a picture"))), made.attributes()["setup"]["owntracks"]);
}

/// What each app makes of its link, by its own code; the server hears only that.
#[tokio::test]
async fn the_links_lead_every_app_to_where_its_positions_are_taken() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let made = ann.makes_device(bob.id).await.created();
    let setup = &made.attributes()["setup"];
    let here = app.url("");
    let path_of = |url: &str| url.strip_prefix(&here).expect("it leads here").to_owned();
    let parameter = |url: &reqwest::Url, name: &str| {
        url.query_pairs().find(|(key, _)| key == name).expect("it is there").1.into_owned()
    };

    // OwnTracks reads base64, and posts to the address as it is.
    let link: reqwest::Url = setup["owntracks"].as_str().expect("a link").parse().expect("a URL");
    assert_eq!((link.scheme(), link.path()), ("owntracks", "/config"));
    let configuration = base64(&parameter(&link, "inline"));
    let url = configuration["url"].as_str().expect("an address");
    posts(&app, &path_of(url), body("owntracks", 1).to_string()).await.ok();

    // Traccar Client takes the address without its query, and `id`, which it sends as `device_id`.
    let link: reqwest::Url = setup["traccar"].as_str().expect("a link").parse().expect("a URL");
    let mut message = body("transistor", 2);
    message["device_id"] = json!(parameter(&link, "id"));
    posts(&app, link.path(), message.to_string()).await.ok();
    assert_eq!(["distance", "interval", "heartbeat"].map(|name| parameter(&link, name)), ["50", "30", "60"]);
    // Its older version appends to whatever address it was given.
    let appended =
        "id=123456&timestamp=1749995103&lat=47.1&lon=9.5&speed=0.0&bearing=0.0&altitude=0.0&accuracy=0.0&batt=0.0";
    let old = format!("{}?{}&{appended}", link.path(), link.query().expect("a query"));
    sends(&app, Method::POST, &old, &[], "").await.ok();

    // Overland takes address, token and name apart, and sends the token as a bearer.
    let link: reqwest::Url = setup["overland"].as_str().expect("a link").parse().expect("a URL");
    assert_eq!((link.scheme(), link.host_str()), ("overland", Some("setup")));
    let (path, bearer) = (path_of(&parameter(&link, "url")), format!("Bearer {}", parameter(&link, "token")));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let asked = sends(&app, Method::GET, &path, &headers, "").await.ok();
    assert_eq!(asked.body["name"], "Muster", "it shows with whom it speaks");
    sends(&app, Method::GET, &path, &[], "").await.refused(401, "UNAUTHENTICATED");
    sends(&app, Method::POST, &path, &headers, body("overland", 4).to_string()).await.ok();

    let url = setup["transistor"].as_str().expect("an address");
    posts(&app, &path_of(url), body("transistor", 5).to_string()).await.ok();
    assert_eq!(kept(&ann, &bob).await.len(), 5);
}

fn base64(text: &str) -> Value {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn odd_paths_and_methods_have_an_answer() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    for protocol in PROTOCOLS {
        for path in [format!("/ingest/{protocol}"), format!("/ingest/{protocol}/")] {
            let options = sends(&app, Method::OPTIONS, &path, &[], "").await.is(204);
            assert!(options.header("allow").is_some_and(|methods| methods.contains("POST")), "{path}");
            sends(&app, Method::PUT, &path, &[], "").await.refused(405, "METHOD_NOT_ALLOWED");
            posts(&app, &format!("{path}?token={token}"), body(protocol, 1).to_string()).await.ok();
        }
    }
    let here = format!("/?id={token}&lat=47.1&lon=9.5&timestamp=1749995102");
    for method in [Method::GET, Method::HEAD, Method::POST] {
        assert_eq!(sends(&app, method.clone(), &here, &[], "").await.ok().text, "", "{method}");
    }
    assert_eq!(kept(&ann, &bob).await.len(), 2);
    sends(&app, Method::POST, "/", &[], "").await.refused(401, "UNAUTHENTICATED");
    let page = sends(&app, Method::GET, "/", &[("accept", "text/html")], "").await.ok();
    assert!(page.text.contains("<!doctype html>") || page.text.contains("<html"), "the console is where it was");
    let link = format!("/ingest/osmand?id={token}&interval=30");
    let opened = sends(&app, Method::GET, &link, &[("accept", "text/html,*/*")], "").await.ok();
    assert!(opened.text.contains("Traccar Client") && !opened.text.contains("mdt_"), "{}", opened.text);
}

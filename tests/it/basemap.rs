//! What the map stands on: nothing, an archive of tiles that is served by ranges, or somebody's style; and what the
//! content policy lets a browser fetch for it.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::Answer;

const HEADER_BYTES: usize = 127;
const ABOUT: &str = r#"{"attribution":"<a href=\"https://osm.org\">&copy; OpenStreetMap</a>"}"#;
/// Stands for tiles: bytes that say where they are.
const TILES: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// A small archive, by the letter of the specification: a header, a description, and some tile data.
fn archive() -> Vec<u8> {
    let about = u64::try_from(ABOUT.len()).expect("it is short");
    let tiles = u64::try_from(TILES.len()).expect("it is short");
    let mut header = vec![0; HEADER_BYTES];
    header[..8].copy_from_slice(b"PMTiles\x03");
    for (at, number) in [(8, 127), (16, 0), (24, 127), (32, about), (40, 127), (48, 0), (56, 127 + about), (64, tiles)]
    {
        header[at..at + 8].copy_from_slice(&u64::to_le_bytes(number));
    }
    header[96..102].copy_from_slice(&[1, 1, 2, 1, 8, 15]);
    for (at, degrees) in [(102, 9.47f64), (106, 46.96), (110, 9.68), (114, 47.53)] {
        #[expect(clippy::cast_possible_truncation, reason = "degrees in units of 1e-7 fit")]
        header[at..at + 4].copy_from_slice(&((degrees * 1e7).round() as i32).to_le_bytes());
    }
    [&header, ABOUT.as_bytes(), TILES.as_bytes()].concat()
}

/// A file that goes when the test ends.
struct Kept(PathBuf);

impl Kept {
    fn with(bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("muster-{}.pmtiles", Uuid::now_v7()));
        std::fs::write(&path, bytes).expect("it can be written");
        Self(path)
    }
    fn name(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

async fn standing_on(basemap: &str) -> App {
    let basemap = basemap.to_owned();
    App::with(|settings| settings.basemap = Some(basemap)).await
}

async fn told(app: &App) -> Value {
    let answer = app.anonymous().get("/api/v1/basemap").await.ok();
    assert_eq!(answer.body["data"]["type"], "basemap");
    answer.body["data"]["attributes"].clone()
}

async fn asks(app: &App, headers: &[(&str, &str)]) -> Answer {
    app.anonymous().send(Method::GET, "/api/v1/basemap/tiles.pmtiles", headers, None).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn without_a_setting_there_are_outlines_and_nothing_to_complain_of() {
    let app = App::start().await;
    assert_eq!(told(&app).await, json!({"kind": "none", "url": null, "attribution": null}));
    for path in ["/api/v1/basemap/streets", "/api/v1/basemap/tiles.pmtiles"] {
        app.anonymous().get(path).await.refused(404, "NOT_FOUND");
    }
    let policy = app.anonymous().get("/").await;
    let policy = header(&policy, "content-security-policy").to_owned();
    assert!(
        policy.contains("connect-src 'self' ws: wss:;") && policy.contains("img-src 'self' data: blob:;"),
        "{policy}"
    );
}

#[tokio::test]
async fn an_archive_is_described_and_served_by_ranges() {
    let (file, bytes) = (Kept::with(&archive()), archive());
    let app = standing_on(&file.name()).await;
    let about = told(&app).await;
    let url = about["url"].as_str().expect("an address").to_owned();
    assert_eq!((&about["kind"], &about["tiles"], &about["maxZoom"]), (&json!("pmtiles"), &json!("vector"), &json!(15)));
    assert_eq!(about["bounds"], json!([9.47, 46.96, 9.68, 47.53]));
    assert_eq!(about["attribution"], "© OpenStreetMap");

    let whole = app.anonymous().get(&url).await.ok();
    let again = app.http().get(app.url(&url)).send().await.expect("an answer").bytes().await.expect("a body");
    assert_eq!(again, bytes);
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    let etag = header(&whole, "etag").to_owned();
    assert!(url.ends_with(&format!("?edition={}", etag.trim_matches('"'))), "{url} {etag}");

    let (all, start) = (bytes.len(), bytes.len() - TILES.len());
    // Compression must not touch them: bytes were asked for, not text.
    let middle = format!("bytes={}-{}", start + 10, start + 12);
    let part = asks(&app, &[("Range", &middle), ("Accept-Encoding", "gzip, br")]).await.is(206);
    assert_eq!(part.text, "abc");
    assert_eq!(header(&part, "content-range"), format!("bytes {}-{}/{all}", start + 10, start + 12));
    assert_eq!((header(&part, "content-length"), header(&part, "etag")), ("3", etag.as_str()));
    assert_eq!(asks(&app, &[("Range", "bytes=-2")]).await.is(206).text, "yz");
    let beyond = asks(&app, &[("Range", &format!("bytes={all}-"))]).await.refused(416, "RANGE_NOT_SATISFIABLE");
    assert_eq!(header(&beyond, "content-range"), format!("bytes */{all}"));

    // A part is for whoever has the rest of the same edition.
    let first = ("Range", "bytes=0-6");
    assert_eq!(asks(&app, &[first, ("If-Range", &etag)]).await.is(206).text, "PMTiles");
    assert_eq!(
        asks(&app, &[first, ("If-Range", "\"another\"")]).await.is(200).headers["content-length"],
        all.to_string()
    );
    assert_eq!(asks(&app, &[("If-None-Match", &etag)]).await.is(304).text, "");
}

#[tokio::test]
async fn the_head_of_an_archive_is_its_size_and_nothing_is_read_for_it() {
    let file = Kept::with(&archive());
    let app = standing_on(&file.name()).await;
    let answer = app.anonymous().send(Method::HEAD, "/api/v1/basemap/tiles.pmtiles", &[], None).await.is(200);
    assert_eq!((header(&answer, "content-length"), answer.text.as_str()), (archive().len().to_string().as_str(), ""));
    // The connection is still good for the next question.
    told(&app).await;
}

#[tokio::test]
async fn a_replaced_archive_has_another_address_and_a_lost_one_is_said_to_be_lost() {
    let file = Kept::with(&archive());
    let app = standing_on(&file.name()).await;
    let before = told(&app).await["url"].clone();
    std::fs::write(&file.0, [archive(), b"more".to_vec()].concat()).expect("it can be written");
    let after = told(&app).await["url"].clone();
    assert!(before.is_string() && after.is_string() && before != after, "{before} {after}");
    std::fs::remove_file(&file.0).expect("it was there");
    let lost = told(&app).await;
    assert_eq!(lost["kind"], "none");
    assert!(lost["problem"].as_str().is_some_and(|problem| problem.contains("gone")), "{lost}");
    asks(&app, &[]).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_server_starts_without_its_basemap_and_says_what_is_wrong_with_it() {
    let text = Kept::with(
        b"{\"this\": \"is not an archive\", \"and\": \"it is long enough to be read as one, if nobody looked at it, \
        which somebody does, so here is more\"}",
    );
    let short = Kept::with(&archive()[..archive().len() - 1]);
    let cases = [
        ("/nowhere/city.pmtiles".to_owned(), "cannot be read"),
        (text.name(), "not a PMTiles archive"),
        (short.name(), "cut short"),
        ("http://tiles.example/style.json".to_owned(), "https://"),
    ];
    for (setting, words) in cases {
        let app = standing_on(&setting).await;
        let about = told(&app).await;
        assert_eq!((&about["kind"], &about["url"]), (&json!("none"), &Value::Null), "{setting}");
        let problem = about["problem"].as_str().expect("a sentence");
        assert!(problem.contains(words), "{setting}: {problem}");
        assert!(!problem.contains(&setting), "the path is nobody's business: {problem}");
    }
}

#[tokio::test]
async fn the_content_policy_admits_the_host_of_the_style_and_no_other() {
    let app = standing_on("https://tiles.example:8443/bright/style.json?key=1").await;
    let about = told(&app).await;
    assert_eq!(about["kind"], "style");
    assert_eq!(about["url"], "https://tiles.example:8443/bright/style.json?key=1");
    for path in ["/", "/api/v1/basemap"] {
        let answer = app.anonymous().get(path).await;
        let policy = header(&answer, "content-security-policy").to_owned();
        assert!(policy.contains("connect-src 'self' ws: wss: https://tiles.example:8443;"), "{policy}");
        assert!(policy.contains("img-src 'self' data: blob: https://tiles.example:8443;"), "{policy}");
        assert!(policy.contains("worker-src 'self' blob:;") && policy.contains("default-src 'self';"), "{policy}");
    }
}

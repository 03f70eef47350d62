//! The API's description against the server that it describes. `UPDATE=1` writes docs/openapi.json anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};

/// Routes that are not operations of the API: its own description, the stream's handshake, files of the map, and the
/// controls of a demonstration, which only `muster demo` has: what is described is what every server answers.
const UNDESCRIBED: &[&str] = &[
    "/openapi.json",
    "/stream",
    "/stream/sse",
    "/basemap/streets",
    "/basemap/tiles.pmtiles",
    "/demo",
    "/demo/{order}",
];

fn document() -> Value {
    serde_json::from_str(muster::openapi::text()).expect("it is JSON")
}

struct Operation {
    method: Method,
    path: String,
    value: Value,
}

impl Operation {
    /// Anybody may call it without an identity.
    fn is_public(&self) -> bool {
        self.value["security"].as_array().is_some_and(|ways| ways.contains(&json!({})))
    }

    /// Its path for things that do not exist, and what its query needs.
    fn url(&self) -> String {
        let mut url = self.path.replace("{id}", &Uuid::now_v7().to_string());
        let parameters = self.value["parameters"].as_array().into_iter().flatten();
        let needed = parameters.filter(|one| one["in"] == "query" && one["required"] == true);
        for (i, parameter) in needed.enumerate() {
            let name = parameter["name"].as_str().expect("a name");
            let value = parameter["example"].to_string();
            url += &format!("{}{name}={}", if i == 0 { "?" } else { "&" }, value.trim_matches('"'));
        }
        url
    }

    fn example(&self) -> Option<&Value> {
        let content = self.value["requestBody"]["content"].as_object()?;
        Some(&content["application/json"]["example"])
    }

    async fn asked_by(&self, person: &Person) -> Answer {
        let body = self.example().filter(|example| !example.is_null()).cloned();
        person.send(self.method.clone(), &self.url(), &[("If-Match", "\"1\"")], body).await
    }
}

fn operations() -> Vec<Operation> {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object().expect("operations").iter().map(|(method, value)| Operation {
            method: method.to_uppercase().parse().expect("a method"),
            path: path.clone(),
            value: value.clone(),
        })
    });
    all.collect()
}

#[test]
fn the_committed_description_is_the_servers_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, muster::openapi::text()).expect("docs/ can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == muster::openapi::text(),
        "docs/openapi.json is out of date: UPDATE=1 cargo test --test it openapi"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_an_example() {
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for operation in operations() {
        let what = format!("{} {}", operation.method, operation.path);
        let name = operation.value["operationId"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() || !names.insert(name) {
            wrong.push(format!("{what}: no name of its own"));
        }
        if operation.value["summary"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{what}: no summary"));
        }
        if operation.example().is_some_and(Value::is_null) {
            wrong.push(format!("{what}: no example of its body"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|inner| references(inner, found));
            }
            Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("it is of this document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_route_of_the_server_is_described() {
    let described: BTreeSet<String> = operations().into_iter().map(|operation| operation.path).collect();
    let mut missing = Vec::new();
    for path in routes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let full = format!("/api/v1{path}");
        if !UNDESCRIBED.contains(&path.as_str()) && !described.contains(&full) {
            missing.push(full);
        }
    }
    assert!(missing.is_empty(), "not in the description: {missing:?}");
}

/// The paths that nouns register below `/api/v1`, as their source says them.
fn routes_in(dir: &Path) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for file in sources(dir) {
        let text = fs::read_to_string(&file).expect("it can be read");
        for opening in ["(at(\"/", ".route(\"/", "resource(\"/"] {
            for (start, _) in text.match_indices(opening) {
                let rest = &text[start + opening.len() - 1..];
                paths.extend(rest.split('"').next().map(str::to_owned));
            }
        }
    }
    assert!(paths.len() > 20, "the way routes are registered has changed");
    paths
}

/// Without what lives beside `/api/v1`: health, the console, trackers' own protocols.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let beside = ["health.rs", "console.rs", "ingest.rs"];
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| !beside.iter().any(|name| path.ends_with(name))).collect()
}

#[tokio::test]
async fn the_server_serves_its_description_to_anybody() {
    let app = App::start().await;
    let served = app.anonymous().get("/api/v1/openapi.json").await.ok();
    assert_eq!(served.body, document());
    assert_eq!(served.body["openapi"], "3.1.0");
}

#[tokio::test]
async fn nobody_gets_anything_without_an_identity() {
    let app = App::start().await;
    let public: Vec<String> = operations()
        .iter()
        .filter(|operation| operation.is_public())
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    let expected = [
        "POST /api/v1/accounts",
        "POST /api/v1/auth/invitations/accept",
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/refresh",
        "GET /api/v1/basemap",
    ];
    assert_eq!(public, expected, "whatever is public is so on purpose");
    for operation in operations().iter().filter(|operation| !operation.is_public()) {
        let answer = operation.asked_by(&app.anonymous()).await;
        assert_eq!(answer.status, 401, "{} {}: {}", operation.method, operation.path, answer.text);
        let code = &answer.body["errors"][0]["code"];
        assert_eq!(code, "UNAUTHENTICATED", "{} {}", operation.method, operation.path);
    }
}

/// Whatever an example names does not exist, so 404 is a fine answer; that it is malformed is not.
#[tokio::test]
async fn every_example_is_well_formed_in_the_eyes_of_the_server() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    for operation in operations().iter().filter(|operation| !operation.path.starts_with("/api/v1/auth/")) {
        // Positions are a worker's own; everything else is an owner's to do.
        let person = if operation.path == "/api/v1/positions" { &bob } else { &ann };
        let answer = operation.asked_by(person).await;
        let what = format!("{} {}: {} {}", operation.method, operation.path, answer.status, answer.text);
        assert!(!matches!(answer.status, 400 | 401 | 403 | 405 | 415 | 428 | 500..), "{what}");
    }
}

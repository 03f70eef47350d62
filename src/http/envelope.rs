//! The envelope of every answer: `data`, `included`, `meta`. Shapes only; what is inside comes from a noun's `wire.rs`.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_NONE_MATCH, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use muster_actors::ports::Rendered;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// RFC 3339 in UTC with `Z`, microseconds only where there are any.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `{"type","id","attributes"}`
pub fn resource(kind: &str, id: impl Into<Uuid>, attributes: impl Serialize) -> Value {
    let attributes = serde_json::to_value(attributes).expect("wire types are plain data");
    json!({ "type": kind, "id": id.into(), "attributes": attributes })
}

/// An answer in the making.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    data: Value,
    included: Option<Vec<Value>>,
    meta: Map<String, Value>,
    links: Option<Value>,
    etag: Option<String>,
    location: Option<String>,
}

impl Answer {
    pub fn ok(data: Value) -> Self {
        Self { status: 200, data, included: None, meta: Map::new(), links: None, etag: None, location: None }
    }
    /// 201 with the `Location` of what was made, below `/api/v1`.
    pub fn created(path: &str, data: Value) -> Self {
        let id = data["id"].as_str().unwrap_or_default();
        let location = format!("/api/v1/{path}/{id}");
        Self { status: 201, location: Some(location), ..Self::ok(data) }
    }
    pub fn version(mut self, version: i64) -> Self {
        self.etag = Some(format!("\"{version}\""));
        self
    }
    /// An `ETag` for answers whose version does not say all that is in them: `include`, live attributes.
    pub fn mixed(mut self, version: i64) -> Self {
        let digest = Sha256::digest(json!([self.data, self.included]).to_string());
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.etag = Some(format!("W/\"{version}-{hash}\""));
        self
    }
    pub fn included(mut self, included: Vec<Value>) -> Self {
        self.included = Some(included);
        self
    }
    pub fn meta(mut self, name: &str, value: impl Serialize) -> Self {
        self.meta.insert(name.into(), serde_json::to_value(value).expect("meta is plain data"));
        self
    }
    pub fn links(mut self, links: Value) -> Self {
        self.links = Some(links);
        self
    }
    pub fn render(self) -> Rendered {
        let mut meta = self.meta;
        meta.insert("timestamp".into(), json!(instant(Utc::now())));
        let mut body = Map::new();
        body.insert("data".into(), self.data);
        body.extend(self.included.map(|included| ("included".into(), Value::Array(included))));
        body.insert("meta".into(), Value::Object(meta));
        body.extend(self.links.map(|links| ("links".into(), links)));
        let body = serde_json::to_vec(&body).expect("JSON values can be written");
        Rendered { status: self.status, body: Bytes::from(body), etag: self.etag, location: self.location }
    }
    pub fn respond(self) -> HttpResponse {
        send(self.render())
    }
    /// 304 when `If-None-Match` names what would be sent.
    pub fn respond_unless_seen(self, request: &HttpRequest) -> HttpResponse {
        let seen = request.headers().get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        match &self.etag {
            Some(etag) if seen.trim() == "*" || seen.split(',').any(|tag| bare(tag) == bare(etag)) => {
                HttpResponse::NotModified().insert_header((ETAG, etag.clone())).finish()
            }
            _ => self.respond(),
        }
    }
}

/// 204: it is done and there is nothing to say.
pub fn nothing() -> Rendered {
    Rendered { status: 204, body: Bytes::new(), etag: None, location: None }
}

/// Puts a rendered answer on the wire.
pub fn send(rendered: Rendered) -> HttpResponse {
    let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::OK);
    let mut answer = HttpResponse::build(status);
    if let Some(etag) = rendered.etag {
        answer.insert_header((ETAG, etag));
    }
    if let Some(location) = rendered.location {
        answer.insert_header((LOCATION, location));
    }
    if rendered.body.is_empty() {
        return answer.finish();
    }
    answer.content_type("application/json").body(rendered.body)
}

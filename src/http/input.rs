//! What a changing request carries beside its path: body, `Idempotency-Key`, `If-Match`. Nothing is parsed until the
//! handler asks, so that authentication and permission come first.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use muster_actors::ports::AnswerKey;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{App, Caller, Code, Fault, Fields, Problem, body};

/// Larger bodies are refused; positions and imports have limits of their own.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_KEY_CHARS: usize = 255;
/// A client-made id may be this old (it was made offline) …
const MAX_ID_AGE_MS: i64 = 30 * 24 * 3_600_000;
/// … and this far ahead, by a clock that is wrong.
const MAX_ID_AHEAD_MS: i64 = 5 * 60_000;

#[derive(Clone, Debug)]
pub struct Input {
    route: String,
    query: String,
    key: Option<String>,
    if_match: Option<String>,
    is_json: bool,
    pub body: Bytes,
}

/// `data` of a request: `attributes` to be read field by field, and an id if the client made one.
#[derive(Debug)]
pub struct Document {
    pub id: Option<Uuid>,
    attributes: Map<String, Value>,
}

impl Document {
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(&self.attributes, "/data/attributes")
    }
    pub fn id_or_new(&self) -> Uuid {
        self.id.unwrap_or_else(Uuid::now_v7)
    }
}

impl Input {
    /// The key under which the answer is to be kept, if the caller sent one.
    pub fn answer_key(&self, app: &App, caller: &Caller) -> Option<AnswerKey> {
        let key = self.key.clone()?;
        let body_hash = app.secrets.keyed_hash(&self.body);
        Some(AnswerKey { principal: caller.principal(), route: self.route.clone(), key, body_hash })
    }

    /// The raw `Idempotency-Key`, for the one endpoint that has no caller yet.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// A change takes no parameters in its URL: one that was misunderstood would be believed to have had its effect.
    pub fn refuse_query(&self) -> Result<(), Problem> {
        if self.query.is_empty() { Ok(()) } else { Err(self.unknown_parameter()) }
    }

    /// `?dryRun=true`: tell what would happen, and write nothing.
    pub fn dry_run(&self) -> Result<bool, Problem> {
        match self.query.as_str() {
            "" | "dryRun=false" => Ok(false),
            "dryRun=true" => Ok(true),
            _ => Err(self.unknown_parameter()),
        }
    }

    fn unknown_parameter(&self) -> Problem {
        let name = self.query.split(['=', '&']).next().unwrap_or_default();
        let detail = format!("{name} is not a parameter of this request, or not with this value.");
        Fault::new(Code::VALIDATION_ERROR, detail).parameter(name).into()
    }

    /// The version in `If-Match`, if there is one.
    pub fn expected_version(&self) -> Result<Option<i64>, Problem> {
        let Some(text) = &self.if_match else { return Ok(None) };
        if text.trim() == "*" {
            return Ok(None);
        }
        let tag = text.trim().trim_start_matches("W/").trim_matches('"');
        let version = tag.split('-').next().and_then(|version| version.parse().ok());
        version.map(Some).ok_or_else(|| {
            Fault::new(Code::VALIDATION_ERROR, "If-Match must hold one ETag of this resource.")
                .header("If-Match")
                .into()
        })
    }

    pub fn required_version(&self) -> Result<i64, Problem> {
        self.expected_version()?.ok_or_else(|| {
            Fault::new(Code::PRECONDITION_REQUIRED, "Send If-Match with the ETag that you saw.")
                .header("If-Match")
                .into()
        })
    }

    /// The body as any JSON object, for endpoints without the envelope.
    pub fn object(&self) -> Result<Map<String, Value>, Problem> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        if !self.is_json {
            return Err(Problem::new(Code::UNSUPPORTED_MEDIA_TYPE, "Send Content-Type: application/json."));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Fault::new(Code::VALIDATION_ERROR, "The body must be a JSON object.").at("").into()),
            Err(error) => Err(Problem::new(
                Code::JSON_INVALID,
                format!("The body is not JSON: line {}, column {}.", error.line(), error.column()),
            )),
        }
    }

    /// The body straight into a type, for the endpoints where every microsecond counts.
    pub fn parse<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        if !self.is_json {
            return Err(Problem::new(Code::UNSUPPORTED_MEDIA_TYPE, "Send Content-Type: application/json."));
        }
        serde_json::from_slice(&self.body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Fault::new(Code::VALIDATION_ERROR, error.to_string()).at("").into(),
            _ => Problem::new(
                Code::JSON_INVALID,
                format!("The body is not JSON: line {}, column {}.", error.line(), error.column()),
            ),
        })
    }

    /// The envelope, with `data.type` = `kind`. An empty body is an empty envelope: some commands need no attributes.
    pub fn document(&self, kind: &str) -> Result<Document, Problem> {
        let object = self.object()?;
        let invalid = |pointer: &str, detail: String| -> Problem {
            Fault::new(Code::VALIDATION_ERROR, detail).at(pointer).into()
        };
        let data = match object.get("data") {
            Some(Value::Object(data)) => data,
            None if object.is_empty() => return Ok(Document { id: None, attributes: Map::new() }),
            _ => return Err(invalid("/data", "data must be an object.".into())),
        };
        if let Some(given) = data.get("type").filter(|given| given.as_str() != Some(kind)) {
            return Err(invalid("/data/type", format!("type must be \"{kind}\", not {given}.")));
        }
        let id = match data.get("id") {
            None | Some(Value::Null) => None,
            Some(id) => Some(client_made_id(id).map_err(|detail| invalid("/data/id", detail))?),
        };
        let attributes = match data.get("attributes") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(attributes)) => attributes.clone(),
            Some(_) => return Err(invalid("/data/attributes", "attributes must be an object.".into())),
        };
        Ok(Document { id, attributes })
    }
}

/// A UUIDv7 of about now: its time decides where the row lives.
fn client_made_id(value: &Value) -> Result<Uuid, String> {
    let id: Uuid = value.as_str().and_then(|id| id.parse().ok()).ok_or("id must be a UUID.")?;
    let made = id.get_timestamp().filter(|_| id.get_version_num() == 7).ok_or("id must be a UUIDv7.")?;
    let made_ms = i64::try_from(made.to_unix().0).unwrap_or(i64::MAX).saturating_mul(1000);
    let age_ms = chrono::Utc::now().timestamp_millis() - made_ms;
    if (-MAX_ID_AHEAD_MS..=MAX_ID_AGE_MS).contains(&age_ms) {
        Ok(id)
    } else {
        Err("id must have been made within the last 30 days.".into())
    }
}

/// One that is there and cannot be read is a fault: to overlook it would drop what it asks for.
fn header(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Problem> {
    let text = headers.get(name).map(|value| value.to_str().map(str::to_owned)).transpose();
    text.map_err(|_| Fault::new(Code::VALIDATION_ERROR, format!("{name} must be plain ASCII.")).header(name).into())
}

impl FromRequest for Input {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let (key, if_match) = (header(headers, "Idempotency-Key"), header(headers, "If-Match"));
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
        let is_json = kind.is_none_or(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json")));
        let route = format!("{} {}", request.method(), request.path());
        let query = request.query_string().to_owned();
        let packing = body::packing(headers);
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            let (key, if_match) = (key?, if_match?);
            if key.as_ref().is_some_and(|key| key.is_empty() || key.chars().count() > MAX_KEY_CHARS) {
                let fault = Fault::new(Code::VALIDATION_ERROR, "Idempotency-Key must have 1 to 255 characters.");
                return Err(fault.header("Idempotency-Key").into());
            }
            let broken = |_| Problem::new(Code::VALIDATION_ERROR, "The body could not be read.");
            let body = body::read(payload.await.map_err(broken)?, packing?, MAX_BODY_BYTES).await?;
            Ok(Self { route, query, key, if_match, is_json, body })
        })
    }
}

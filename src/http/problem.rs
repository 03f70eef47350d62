//! A refused request: every fault at once, in the shape that all errors share.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use muster_actors::directory::Unread;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Code;
use crate::store::condition::Cause;
use crate::store::{StoreError, Undone};

/// Where in the request the fault is.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Pointer(String),
    Parameter(String),
    Header(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub code: Code,
    pub detail: String,
    pub source: Option<Source>,
    pub meta: Option<Value>,
}

impl Fault {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), source: None, meta: None }
    }
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.source = Some(Source::Pointer(pointer.into()));
        self
    }
    pub fn parameter(mut self, name: impl Into<String>) -> Self {
        self.source = Some(Source::Parameter(name.into()));
        self
    }
    pub fn header(mut self, name: &'static str) -> Self {
        self.source = Some(Source::Header(name));
        self
    }
    pub fn meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }
}

/// At least one fault; the first one's status is the answer's.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub faults: Vec<Fault>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Fault::new(code, detail).into()
    }
    pub fn not_found() -> Self {
        Self::new(Code::NOT_FOUND, "There is no such resource.")
    }
    /// `If-Match` names another version; the caller gets the current one.
    pub fn stale(current: &Value) -> Self {
        let detail = "The resource has changed since you read it.";
        Fault::new(Code::PRECONDITION_FAILED, detail).header("If-Match").meta(json!({ "current": current })).into()
    }
    pub fn already_exists() -> Self {
        Fault::new(Code::ALREADY_EXISTS, "Another resource has this id.").at("/data/id").into()
    }
    /// A fault nobody foresaw: the log gets the cause, the caller a reference.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "unforeseen fault");
        Self::new(Code::INTERNAL_ERROR, "Something went wrong on our side. Quote the request id.")
    }
    pub fn status(&self) -> u16 {
        self.faults.first().map_or(500, |fault| fault.code.status())
    }
    pub fn body(&self) -> Value {
        json!({ "errors": self.faults.iter().map(render).collect::<Vec<_>>() })
    }
    pub fn is(&self, code: Code) -> bool {
        self.faults.iter().any(|fault| fault.code == code)
    }
}

fn render(fault: &Fault) -> Value {
    let mut error = Map::new();
    error.insert("id".into(), json!(Uuid::now_v7()));
    error.insert("status".into(), json!(fault.code.status().to_string()));
    error.insert("code".into(), json!(fault.code.name()));
    error.insert("title".into(), json!(fault.code.title()));
    error.insert("detail".into(), json!(fault.detail));
    let source = fault.source.as_ref().map(|source| match source {
        Source::Pointer(pointer) => json!({ "pointer": pointer }),
        Source::Parameter(name) => json!({ "parameter": name }),
        Source::Header(name) => json!({ "header": name }),
    });
    error.extend(source.map(|source| ("source".into(), source)));
    error.extend(fault.meta.clone().map(|meta| ("meta".into(), meta)));
    Value::Object(error)
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if Cause::of(&error).is_none() {
            tracing::warn!(%error, "the store refused or failed");
        }
        match error {
            StoreError::Constraint(_) => Self::new(Code::REFUSED, "A rule guarded by the database refused the change."),
            StoreError::Busy => Self::new(Code::OVERLOADED, "The account is busy with other changes. Try again."),
            StoreError::Unknown => Self::new(
                Code::OUTCOME_UNKNOWN,
                "It is not known whether the change took effect. Repeat with the same key.",
            ),
            StoreError::Unavailable(_) => {
                Self::new(Code::UNAVAILABLE, "The database cannot be reached. Nothing happened.")
            }
            StoreError::Full => Self::new(Code::STORAGE_FULL, "There is no room to write. Nothing happened."),
            StoreError::ReadOnly => {
                Self::new(Code::READ_ONLY, "The database takes no changes at the moment. Nothing happened.")
            }
            StoreError::Bug(cause) => Self::internal(cause),
        }
    }
}

impl From<Unread> for Problem {
    fn from(error: Unread) -> Self {
        match error {
            Unread::Full => Self::new(Code::OVERLOADED, "The board's queue is full."),
            Unread::Unavailable => StoreError::Unavailable("board".into()).into(),
        }
    }
}

impl From<Undone<Problem>> for Problem {
    fn from(undone: Undone<Problem>) -> Self {
        match undone {
            Undone::Refused(problem) => problem,
            Undone::Failed(error) => error.into(),
        }
    }
}

impl From<Problem> for Undone<Problem> {
    fn from(problem: Problem) -> Self {
        Undone::Refused(problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<&str> = self.faults.iter().map(|fault| fault.code.name()).collect();
        f.write_str(&codes.join(", "))
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(Problem::status(self)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match Problem::status(self) {
            429 | 503 => drop(answer.insert_header((RETRY_AFTER, "1"))),
            507 => drop(answer.insert_header((RETRY_AFTER, "10"))),
            // What is left of the request is not read any more.
            408 | 414 | 431 => drop(answer.force_close()),
            _ => {}
        }
        answer.json(self.body())
    }
}

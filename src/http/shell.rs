//! Around every request: a request id, security headers, the access log and its metrics, and the shape of errors that
//! no handler saw (unknown paths, wrong methods).

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use uuid::Uuid;

use super::caller::{Who, peer};
use super::{App, Caller, Code, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID_CHARS: usize = 100;
/// Path and query.
const MAX_ADDRESS_BYTES: usize = 8 * 1024;
/// Names and values together. Of more than 128 KiB or 96 of them the parser itself makes a bare 431.
const MAX_HEADERS_BYTES: usize = 32 * 1024;

const SECURITY_HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
];

/// Marks a request whose answer has no body: one that never ends must not begin.
pub struct HeadOnly;

/// What a page of ours may load, and from where.
#[derive(Clone, Debug)]
pub struct Policy(HeaderValue);

impl Policy {
    /// `beside`: the one other origin that the map may fetch from.
    pub fn with(beside: Option<&str>) -> Self {
        let beside = beside.map(|origin| format!(" {origin}")).unwrap_or_default();
        let text = format!(
            "default-src 'self'; img-src 'self' data: blob:{beside}; worker-src 'self' blob:; style-src 'self' \
             'unsafe-inline'; connect-src 'self' ws: wss:{beside}; frame-ancestors 'none'; base-uri 'none'; \
             form-action 'self'"
        );
        Self(HeaderValue::from_str(&text).expect("an origin was checked to be plain"))
    }
}

/// The middleware of the whole server.
pub async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let id = request_id(&request);
    let method = request.method().to_string();
    let path = request.path().to_owned();
    if request.method() == Method::HEAD {
        // Answered like GET; the codec remembers what was asked, and sends no body.
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(HeadOnly);
    }
    let policy =
        request.app_data::<Data<Policy>>().map_or_else(|| Policy::with(None), |policy| policy.get_ref().clone());
    let mut response = match too_large(&request) {
        Some(problem) => request.into_response(problem.error_response()),
        None => explained(shaped(next.call(request).await?.map_into_boxed_body())),
    };
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".into());
    let status = response.status().as_u16();
    log(&response, &id, &method, &path, began);
    metrics::counter!("muster_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("muster_http_request_seconds", "route" => route).record(began.elapsed());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    for (name, value) in SECURITY_HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, policy.0);
    if path.starts_with("/api/") && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

fn too_large(request: &ServiceRequest) -> Option<Problem> {
    if request.uri().path_and_query().is_some_and(|address| address.as_str().len() > MAX_ADDRESS_BYTES) {
        return Some(Problem::new(Code::TOO_LONG, format!("The address has more than {MAX_ADDRESS_BYTES} bytes.")));
    }
    let bytes = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let detail = format!("The headers have more than {MAX_HEADERS_BYTES} bytes.");
    let is_over = request.headers().iter().map(bytes).sum::<usize>() > MAX_HEADERS_BYTES;
    is_over.then(|| Problem::new(Code::TOO_MANY_HEADERS, detail))
}

/// The caller's own id if it is harmless, or else a new one.
fn request_id(request: &ServiceRequest) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|id| {
        let text = id.to_str().unwrap_or_default();
        !text.is_empty()
            && text.len() <= MAX_REQUEST_ID_CHARS
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
    });
    given.cloned().unwrap_or_else(|| HeaderValue::from_str(&Uuid::now_v7().to_string()).expect("a UUID is ASCII"))
}

fn log(response: &ServiceResponse<impl MessageBody>, id: &HeaderValue, method: &str, path: &str, began: Instant) {
    let request = response.request();
    let caller = request.extensions().get::<Caller>().cloned();
    let user = caller.as_ref().map(|caller| match caller.who {
        Who::User(id) => id.to_string(),
        Who::Device(id, _) => id.to_string(),
    });
    tracing::info!(
        traceId = id.to_str().unwrap_or_default(),
        userId = user.as_deref(),
        accountId = caller.map(|caller| caller.account.to_string()),
        ip = peer(request).map(|ip| ip.to_string()),
        method,
        path,
        status = response.status().as_u16(),
        durationMs = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
}

/// Whatever no route answers.
pub async fn unknown_path() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}

/// A known path with another method: the router answers without a body, which is not how we speak.
fn shaped(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let problem = Problem::new(Code::METHOD_NOT_ALLOWED, "This resource does not answer that method.");
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, problem.error_response())
}

/// Actors only know that the store did not work; the store knows why.
fn explained(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let told = response.response().error().and_then(|error| error.as_error::<Problem>());
    if !told.is_some_and(|problem| problem.is(Code::UNAVAILABLE)) {
        return response;
    }
    let store = response.request().app_data::<Data<App>>().map(|app| app.store.clone());
    let Some(problem) = store.and_then(|store| store.explain()).map(Problem::from) else { return response };
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, problem.error_response())
}

/// For path parameters that are not UUIDs: there is no such resource.
pub fn path_error(_: actix_web::error::PathError, _: &actix_web::HttpRequest) -> Error {
    Problem::not_found().into()
}

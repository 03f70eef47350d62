//! Speaks to the server as any integrator would: JSON over HTTP, tokens renewed in time, patience when it is busy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Lock};
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use uuid::Uuid;

use super::people::PASSWORD;

const TIMEOUT: Duration = Duration::from_secs(20);
const PATIENCE: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(400);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Checking a password costs a core a quarter of a second; the server has other things to do as well.
const SIGN_INS_AT_ONCE: usize = 2;
const PAGE: usize = 200;

/// A server and how it answered so far.
#[derive(Clone)]
pub struct Server {
    http: reqwest::Client,
    base: String,
    sign_ins: Arc<Semaphore>,
    refusals: Arc<Lock<BTreeMap<String, u64>>>,
}

/// Why something was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the server answered {status} {code}: {detail}")]
    Answered { status: u16, code: String, detail: String },
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
}

impl Refusal {
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Refusal::Answered { code, .. } if code == wanted)
    }
    pub fn status(&self) -> Option<u16> {
        match self {
            Refusal::Answered { status, .. } => Some(*status),
            Refusal::Unreachable(_) => None,
        }
    }
}

pub type Answered = Result<Value, Refusal>;

impl Server {
    /// `base` without a slash at its end.
    pub fn at(base: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).user_agent("muster-demo");
        let http = http.build().expect("a client without TLS files or proxies can always be made");
        let sign_ins = Arc::new(Semaphore::new(SIGN_INS_AT_ONCE));
        Self { http, base: format!("{base}/api/v1"), sign_ins, refusals: Arc::default() }
    }

    /// How often each refusal came: `"409 SUPERSEDED"` and the like.
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        self.refusals.lock().map(|refusals| refusals.clone()).unwrap_or_default()
    }

    /// Without an identity.
    pub async fn post(&self, path: &str, body: &Value) -> Answered {
        self.send(Method::POST, path, None, Some(body)).await
    }

    pub async fn sign_in(&self, email: &str) -> Result<Session, Refusal> {
        let tokens = self.tokens(email).await?;
        Ok(Session { server: self.clone(), email: email.to_owned(), tokens: Mutex::new(tokens) })
    }

    async fn tokens(&self, email: &str) -> Result<Tokens, Refusal> {
        let _turn = self.sign_ins.acquire().await.expect("the semaphore is never closed");
        self.post("/auth/login", &json!({"email": email, "password": PASSWORD})).await.map(Tokens::from)
    }

    /// Waits and asks again while the server is busy or away.
    async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Answered {
        let key = Uuid::now_v7().to_string();
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            // A repeated request must not do its work twice; positions and sign-ins need no key.
            if method != Method::GET && token.is_some() && path != "/positions" {
                request = request.header("Idempotency-Key", &key);
            }
            let (refusal, pause) = match request.send().await {
                Ok(response) if response.status().is_success() => return read(response).await,
                Ok(response) => {
                    let (status, pause) = (response.status(), pause(&response));
                    let refusal = self.refused(response).await;
                    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
                        return Err(refusal);
                    }
                    (refusal, pause)
                }
                Err(error) => (Refusal::Unreachable(error.without_url().to_string()), None),
            };
            if attempt == PATIENCE {
                return Err(refusal);
            }
            // Those who were sent away together do not come back together.
            let spread = 0.75 + 0.5 * rand::random::<f64>();
            tokio::time::sleep(pause.unwrap_or(wait).mul_f64(spread).min(LONGEST_WAIT)).await;
            wait *= 2;
        }
        unreachable!("the loop ends by returning")
    }

    async fn refused(&self, response: Response) -> Refusal {
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap_or_default();
        let error = &body["errors"][0];
        let word = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let (code, detail) = (word("code"), word("detail"));
        if let Ok(mut refusals) = self.refusals.lock() {
            *refusals.entry(format!("{status} {code}")).or_default() += 1;
        }
        Refusal::Answered { status, code, detail }
    }
}

async fn read(response: Response) -> Answered {
    let bytes = response.bytes().await.map_err(|error| Refusal::Unreachable(error.without_url().to_string()))?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

fn pause(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

struct Tokens {
    access: String,
    refresh: String,
}

impl From<Value> for Tokens {
    fn from(body: Value) -> Self {
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { access: word("accessToken"), refresh: word("refreshToken") }
    }
}

/// Somebody who is signed in, and stays so.
pub struct Session {
    server: Server,
    email: String,
    tokens: Mutex<Tokens>,
}

impl Session {
    pub async fn get(&self, path: &str) -> Answered {
        self.call(Method::GET, path, None).await
    }
    /// Every page of a list.
    pub async fn get_all(&self, path: &str) -> Result<Vec<Value>, Refusal> {
        let mut all = Vec::new();
        for page in 1.. {
            let answer = self.get(&format!("{path}?limit={PAGE}&page={page}")).await?;
            let items = answer["data"].as_array().cloned().unwrap_or_default();
            let is_last = items.len() < PAGE;
            all.extend(items);
            let total = answer["meta"]["total"].as_u64();
            if is_last || total.is_some_and(|total| all.len() as u64 >= total) {
                break;
            }
        }
        Ok(all)
    }
    /// Wraps attributes into the envelope.
    pub async fn post(&self, path: &str, kind: &str, attributes: Value) -> Answered {
        self.call(Method::POST, path, Some(json!({"data": {"type": kind, "attributes": attributes}}))).await
    }
    pub async fn patch(&self, path: &str, kind: &str, attributes: Value) -> Answered {
        self.call(Method::PATCH, path, Some(json!({"data": {"type": kind, "attributes": attributes}}))).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answered {
        let token = self.tokens.lock().await.access.clone();
        let answer = self.server.send(method.clone(), path, Some(&token), body.as_ref()).await;
        if !answer.as_ref().is_err_and(|refusal| refusal.status() == Some(401)) {
            return answer;
        }
        let token = self.renew(&token).await?;
        self.server.send(method, path, Some(&token), body.as_ref()).await
    }

    /// With the refresh token, or else with the password; once, however many callers noticed.
    async fn renew(&self, stale: &str) -> Result<String, Refusal> {
        let mut tokens = self.tokens.lock().await;
        if tokens.access == stale {
            let refreshed = self.server.post("/auth/refresh", &json!({"refreshToken": tokens.refresh})).await;
            *tokens = match refreshed {
                Ok(body) => Tokens::from(body),
                Err(_) => self.server.tokens(&self.email).await?,
            };
        }
        Ok(tokens.access.clone())
    }
}

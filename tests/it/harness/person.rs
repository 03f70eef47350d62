//! Somebody who uses the API, and what he hears from it.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use super::app::App;

#[derive(Clone)]
pub struct Person {
    pub app: App,
    pub token: Option<String>,
    pub refresh_token: Option<String>,
    pub id: Uuid,
    pub account: Uuid,
}

impl Person {
    pub fn new(app: App, token: Option<String>, id: Uuid, account: Uuid) -> Self {
        Self { app, token, refresh_token: None, id, account }
    }

    pub fn of(mut self, account: Uuid) -> Self {
        self.account = account;
        self
    }

    /// The same person, at another server of the same database.
    pub fn at(&self, app: &App) -> Self {
        Self { app: app.clone(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = self.app.http().request(method, self.app.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A stream of events never ends; that it began is its answer.
        let is_endless = status == 200 && headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = if is_endless { String::new() } else { response.text().await.expect("a body") };
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
    #[track_caller]
    pub fn ok(self) -> Self {
        self.is(200)
    }
    #[track_caller]
    pub fn created(self) -> Self {
        self.is(201)
    }
    /// Refused with this status, and this code among its errors.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        let errors = answer.body["errors"].as_array().expect("errors");
        assert!(errors.iter().any(|error| error["code"] == code), "{code} not in {}", answer.text);
        answer
    }
    /// Where the faults are: pointers, parameters, headers.
    pub fn sources(&self) -> Vec<String> {
        let of = |error: &Value| error["source"].as_object()?.values().next()?.as_str().map(str::to_owned);
        self.body["errors"].as_array().into_iter().flatten().filter_map(of).collect()
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
    #[track_caller]
    pub fn id(&self) -> Uuid {
        self.body["data"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
    }
    pub fn attributes(&self) -> &Value {
        &self.body["data"]["attributes"]
    }
}

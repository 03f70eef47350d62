//! Signing up, and the account itself.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{App, PASSWORD};
use crate::harness::person::Answer;

fn sign_up(email: &str) -> Value {
    json!({"data": {"type": "account", "attributes": {
        "name": "Rivergate Plumbing", "timeZone": "Europe/Zurich", "currency": "CHF",
        "owner": {"firstName": "Ann", "lastName": "Roe", "email": email, "password": PASSWORD}
    }}})
}

async fn post_with_key(app: &App, key: &str, body: &Value) -> Answer {
    let headers = [("Idempotency-Key", key)];
    app.anonymous().send(Method::POST, "/api/v1/accounts", &headers, Some(body.clone())).await
}

#[actix_rt::test]
async fn who_signs_up_owns_a_new_account() {
    let app = App::start().await;
    let made = app.anonymous().post("/api/v1/accounts", sign_up("Ann@Example.com")).await.created();
    assert_eq!(made.body["data"]["type"], "account");
    assert_eq!(made.attributes()["name"], "Rivergate Plumbing");
    assert_eq!(made.header("location"), Some("/api/v1/account"));
    assert_eq!(made.header("etag"), Some("\"1\""));
    let ann = app.sign_in("ann@example.com", PASSWORD).await;
    let me = ann.get("/api/v1/users/me").await.ok();
    assert_eq!((&me.attributes()["role"], &me.attributes()["status"]), (&json!("owner"), &json!("active")));
    let account = ann.get("/api/v1/account").await.ok();
    assert_eq!(account.id(), made.id());
    assert_eq!(account.attributes()["timeZone"], "Europe/Zurich");
    assert_eq!(account.attributes()["currency"], "CHF");
}

#[actix_rt::test]
async fn every_faulty_field_of_a_sign_up_is_told_at_once() {
    let app = App::start().await;
    let body = json!({"data": {"type": "account", "attributes": {
        "name": " ", "timeZone": "Mars/Olympus", "currency": "XXX", "colour": "red",
        "owner": {"firstName": 7, "email": "nobody", "password": "short"}
    }}});
    let refused = app.anonymous().post("/api/v1/accounts", body).await.refused(400, "VALIDATION_ERROR");
    let mut sources = refused.sources();
    sources.sort();
    let expected = [
        "colour",
        "currency",
        "name",
        "owner/email",
        "owner/firstName",
        "owner/lastName",
        "owner/password",
        "timeZone",
    ];
    assert_eq!(sources, expected.map(|name| format!("/data/attributes/{name}")));
    let empty = json!({"data": {"type": "account", "attributes": {}}});
    let refused = app.anonymous().post("/api/v1/accounts", empty).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources().len(), 4, "{}", refused.text);
}

#[actix_rt::test]
async fn a_password_must_be_good_and_fit_whole() {
    let app = App::start().await;
    let longest = format!("Aa1-{}", "x".repeat(68));
    for (password, status) in [
        ("alllowercase", 400),
        ("P@ssw0rd123", 400),
        ("Aa1-\u{0}56789", 400),
        (&format!("{longest}x"), 400),
        (&longest, 201),
    ] {
        let mut body = sign_up(&format!("{}@example.com", Uuid::now_v7().simple()));
        body["data"]["attributes"]["owner"]["password"] = json!(password);
        let answer = app.anonymous().post("/api/v1/accounts", body.clone()).await.is(status);
        if status == 400 {
            assert_eq!(answer.sources(), ["/data/attributes/owner/password"], "{password:?}");
            continue;
        }
        let email = body["data"]["attributes"]["owner"]["email"].as_str().expect("an address");
        let longer = json!({"email": email, "password": format!("{longest}x")});
        app.anonymous().post("/api/v1/auth/login", longer).await.refused(401, "INVALID_CREDENTIALS");
        app.sign_in(email, &longest).await;
    }
}

#[actix_rt::test]
async fn an_address_signs_up_once() {
    let app = App::start().await;
    app.anonymous().post("/api/v1/accounts", sign_up("ann@example.com")).await.created();
    let refused = app.anonymous().post("/api/v1/accounts", sign_up("ANN@example.com")).await;
    let refused = refused.refused(409, "EMAIL_TAKEN");
    assert_eq!(refused.sources(), ["/data/attributes/owner/email"]);
}

#[actix_rt::test]
async fn a_repeated_sign_up_makes_one_account() {
    let app = App::start().await;
    let body = sign_up("ann@example.com");
    let first = post_with_key(&app, "k1", &body).await.created();
    let again = post_with_key(&app, "k1", &body).await.created();
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.header("etag"), again.header("etag"));
    post_with_key(&app, "k1", &sign_up("other@example.com")).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    post_with_key(&app, "k2", &body).await.refused(409, "EMAIL_TAKEN");
}

#[actix_rt::test]
async fn sign_ups_that_race_with_one_key_make_one_account() {
    let app = App::start().await;
    let body = sign_up("ann@example.com");
    let racing = (0..8).map(|_| post_with_key(&app, "k1", &body));
    let answers = futures_util::future::join_all(racing).await;
    let ids: std::collections::BTreeSet<Uuid> = answers.into_iter().map(|answer| answer.created().id()).collect();
    assert_eq!(ids.len(), 1);
}

#[actix_rt::test]
async fn sign_ups_that_race_for_one_address_have_one_winner() {
    let app = App::start().await;
    let racing =
        (0..6).map(|_| async { app.anonymous().post("/api/v1/accounts", sign_up("ann@example.com")).await.status });
    let mut statuses = futures_util::future::join_all(racing).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
}

#[actix_rt::test]
async fn an_account_changes_only_for_who_saw_it_last() {
    let app = App::start().await;
    let ann = app.owner().await;
    let edit = |name: &str| json!({"data": {"type": "account", "attributes": {"name": name}}});
    let patch = |etag: &'static str, name: &str| {
        let (ann, body) = (ann.clone(), edit(name));
        async move { ann.send(Method::PATCH, "/api/v1/account", &[("If-Match", etag)], Some(body)).await }
    };
    let changed = patch("\"1\"", "Lakeside").await.ok();
    assert_eq!((changed.attributes()["name"].as_str(), changed.header("etag")), (Some("Lakeside"), Some("\"2\"")));
    let stale = patch("\"1\"", "Hillside").await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(stale.body["errors"][0]["meta"]["current"]["attributes"]["name"], "Lakeside");
    let same = patch("\"2\"", "Lakeside").await.ok();
    assert_eq!(same.header("etag"), Some("\"2\""), "nothing changed");
    let wrong = json!({"data": {"type": "account", "attributes": {"currency": "chf", "timeZone": 5}}});
    let refused = ann.patch("/api/v1/account", wrong).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources().len(), 2);
}

#[actix_rt::test]
async fn nobody_sees_or_changes_an_account_without_signing_in() {
    let app = App::start().await;
    app.owner().await;
    let nobody = app.anonymous();
    nobody.get("/api/v1/account").await.refused(401, "UNAUTHENTICATED");
    nobody.patch("/api/v1/account", json!({})).await.refused(401, "UNAUTHENTICATED");
    nobody.delete("/api/v1/account").await.refused(405, "METHOD_NOT_ALLOWED");
    nobody.get("/api/v1/accounts").await.refused(405, "METHOD_NOT_ALLOWED");
}

//! The people of an account: who may add them, and how they stand.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{App, PASSWORD};
use crate::harness::person::{Answer, Person};

fn user(with: Value) -> Value {
    let email = format!("{}@example.com", Uuid::now_v7().simple());
    let mut user =
        json!({"firstName": "Dee", "lastName": "Patch", "email": email, "role": "dispatcher", "password": PASSWORD});
    for (name, value) in with.as_object().expect("an object") {
        user[name] = value.clone();
    }
    json!({"data": {"type": "user", "attributes": user}})
}

fn edit(attributes: Value) -> Value {
    json!({"data": {"type": "user", "attributes": attributes}})
}

async fn login(app: &App, body: Value) -> Answer {
    app.anonymous().post("/api/v1/auth/login", body).await
}

#[actix_rt::test]
async fn an_owner_adds_a_dispatcher_who_then_signs_in() {
    let app = App::start().await;
    let ann = app.owner().await;
    let made = ann.post("/api/v1/users", user(json!({"email": "Dee@Example.com", "phone": "+41 79 123 45 67"}))).await;
    let made = made.created();
    assert_eq!(made.header("location"), Some(format!("/api/v1/users/{}", made.id()).as_str()));
    let expected = json!({"firstName": "Dee", "lastName": "Patch", "email": "dee@example.com", "phone": "+41791234567",
        "role": "dispatcher", "status": "active", "isWorker": false, "version": 1,
        "createdAt": made.attributes()["createdAt"], "updatedAt": made.attributes()["createdAt"]});
    assert_eq!(made.attributes(), &expected);
    assert_eq!(ann.get(&format!("/api/v1/users/{}", made.id())).await.ok().attributes(), &expected);
    let dee = app.sign_in("dee@example.com", PASSWORD).await;
    assert_eq!(dee.id, made.id());
    assert!(!made.text.contains(PASSWORD) && !made.text.contains("$2b$"));
}

#[actix_rt::test]
async fn every_faulty_field_of_a_user_is_told_at_once() {
    let app = App::start().await;
    let ann = app.owner().await;
    let wrong = user(json!({"firstName": "", "lastName": null, "email": "dee", "role": "boss", "password": "x",
        "phone": "12", "shoe": 42}));
    let refused = ann.post("/api/v1/users", wrong).await.refused(400, "VALIDATION_ERROR");
    let mut sources = refused.sources();
    sources.sort();
    let expected = ["email", "firstName", "lastName", "password", "phone", "role", "shoe"];
    assert_eq!(sources, expected.map(|name| format!("/data/attributes/{name}")));
    let unknown = user(json!({"password": null}));
    let refused = ann.post("/api/v1/users", unknown).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources(), ["/data/attributes/password"]);
}

#[actix_rt::test]
async fn only_those_with_the_right_role_see_and_change_users() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (manager, worker) = (ann.hires("manager").await, ann.hires("worker").await);
    let limited = ann.hires("limitedWorker").await;
    let path = format!("/api/v1/users/{}", ann.id);
    for person in [&manager, &worker, &limited] {
        person.post("/api/v1/users", user(json!({}))).await.refused(403, "FORBIDDEN");
        person.patch(&path, edit(json!({"lastName": "X"}))).await.refused(403, "FORBIDDEN");
        person.delete(&path).await.refused(403, "FORBIDDEN");
        assert_eq!(person.get("/api/v1/users/me").await.ok().id(), person.id);
    }
    manager.get(&path).await.ok();
    worker.get(&path).await.refused(404, "NOT_FOUND");
    worker.get(&format!("/api/v1/users/{}", worker.id)).await.ok();
    let list = worker.get("/api/v1/users").await.ok();
    assert_eq!(list.body["meta"]["total"], 1);
    limited.get("/api/v1/users").await.refused(403, "FORBIDDEN");
    let nobody = app.anonymous();
    nobody.get("/api/v1/users").await.refused(401, "UNAUTHENTICATED");
    nobody.get("/api/v1/users/me").await.refused(401, "UNAUTHENTICATED");
    nobody.post("/api/v1/users", user(json!({}))).await.refused(401, "UNAUTHENTICATED");
    nobody.delete(&path).await.refused(401, "UNAUTHENTICATED");
}

#[actix_rt::test]
async fn another_accounts_users_do_not_exist() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let dee = ann.hires("dispatcher").await;
    let path = format!("/api/v1/users/{}", dee.id);
    eve.get(&path).await.refused(404, "NOT_FOUND");
    eve.patch(&path, edit(json!({"role": "owner"}))).await.refused(404, "NOT_FOUND");
    eve.delete(&path).await.refused(404, "NOT_FOUND");
    eve.get("/api/v1/users/not-an-id").await.refused(404, "NOT_FOUND");
    let list = eve.get("/api/v1/users").await.ok();
    assert_eq!(list.body["meta"]["total"], 1);
    assert!(!list.text.contains(&dee.id.to_string()) && !list.text.contains("dispatcher"));
    dee.get("/api/v1/users/me").await.ok();
}

#[actix_rt::test]
async fn nobody_hands_out_more_than_he_has() {
    let app = App::start().await;
    let ann = app.owner().await;
    let admin = ann.hires("admin").await;
    let refused = admin.post("/api/v1/users", user(json!({"role": "owner"}))).await.refused(403, "FORBIDDEN");
    assert_eq!(refused.sources(), ["/data/attributes/role"]);
    admin.post("/api/v1/users", user(json!({"role": "admin"}))).await.created();
    let owner = format!("/api/v1/users/{}", ann.id);
    admin.patch(&owner, edit(json!({"role": "worker"}))).await.refused(403, "FORBIDDEN");
    admin.delete(&owner).await.refused(403, "FORBIDDEN");
    let himself = format!("/api/v1/users/{}", admin.id);
    admin.patch(&himself, edit(json!({"role": "owner"}))).await.refused(403, "FORBIDDEN");
}

#[actix_rt::test]
async fn an_account_keeps_an_active_owner() {
    let app = App::start().await;
    let ann = app.owner().await;
    let path = format!("/api/v1/users/{}", ann.id);
    let refused = ann.delete(&path).await.refused(409, "WRONG_STATE");
    assert_eq!(refused.body["errors"][0]["meta"]["current"]["id"], ann.id.to_string());
    ann.patch(&path, edit(json!({"role": "admin"}))).await.refused(409, "WRONG_STATE");
    ann.patch(&path, edit(json!({"status": "inactive"}))).await.refused(409, "WRONG_STATE");
    ann.post("/api/v1/workers", json!({"data": {"type": "worker", "attributes": {"userId": ann.id}}})).await.created();
    ann.delete(&format!("/api/v1/workers/{}", ann.id)).await.refused(409, "WRONG_STATE");
    let other = ann.hires("owner").await;
    ann.patch(&path, edit(json!({"role": "admin"}))).await.ok();
    other.delete(&format!("/api/v1/users/{}", other.id)).await.refused(409, "WRONG_STATE");
}

#[actix_rt::test]
async fn a_new_role_takes_effect_at_once_and_signs_out() {
    let app = App::start().await;
    let ann = app.owner().await;
    let dee = ann.hires("dispatcher").await;
    let path = format!("/api/v1/users/{}", dee.id);
    dee.get("/api/v1/users").await.ok();
    let changed = ann.patch(&path, edit(json!({"role": "limitedWorker"}))).await.ok();
    assert_eq!(changed.attributes()["role"], "limitedWorker");
    dee.get("/api/v1/users").await.refused(401, "SESSION_ENDED");
    let body = json!({"refreshToken": dee.refresh_token});
    app.anonymous().post("/api/v1/auth/refresh", body).await.refused(401, "SESSION_ENDED");
    let email = changed.attributes()["email"].as_str().expect("an address");
    app.sign_in(email, PASSWORD).await.get("/api/v1/users").await.refused(403, "FORBIDDEN");
}

#[actix_rt::test]
async fn who_left_cannot_come_in_until_he_is_brought_back() {
    let app = App::start().await;
    let ann = app.owner().await;
    let dee = ann.hires("dispatcher").await;
    let path = format!("/api/v1/users/{}", dee.id);
    let email = ann.get(&path).await.ok().attributes()["email"].as_str().expect("an address").to_owned();
    dee.get("/api/v1/users/me").await.ok();
    ann.delete(&path).await.is(204);
    dee.get("/api/v1/users/me").await.refused(401, "SESSION_ENDED");
    assert_eq!(ann.get(&path).await.ok().attributes()["status"], "inactive");
    ann.delete(&path).await.is(204);
    login(&app, json!({"email": email, "password": PASSWORD})).await.refused(401, "INVALID_CREDENTIALS");
    let back = ann.patch(&path, edit(json!({"status": "active"}))).await.ok();
    assert_eq!(back.attributes()["status"], "active");
    dee.get("/api/v1/users/me").await.refused(401, "SESSION_ENDED");
    app.sign_in(&email, PASSWORD).await;
}

#[actix_rt::test]
async fn a_change_needs_the_version_that_was_seen() {
    let app = App::start().await;
    let ann = app.owner().await;
    let path = format!("/api/v1/users/{}", ann.hires("manager").await.id);
    let patch = |etag: &'static str, name: &'static str| {
        let (ann, path) = (ann.clone(), path.clone());
        async move { ann.send(Method::PATCH, &path, &[("If-Match", etag)], Some(edit(json!({"lastName": name})))).await }
    };
    assert_eq!(patch("\"1\"", "One").await.ok().header("etag"), Some("\"2\""));
    let stale = patch("\"1\"", "Two").await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(stale.body["errors"][0]["meta"]["current"]["attributes"]["lastName"], "One");
    patch("two", "Two").await.refused(400, "VALIDATION_ERROR");
    let refused = ann.patch(&path, edit(json!({"email": "x@example.com", "status": "gone"}))).await;
    assert_eq!(refused.refused(400, "VALIDATION_ERROR").sources().len(), 2);
}

#[actix_rt::test]
async fn a_repeated_create_has_one_effect() {
    let app = App::start().await;
    let ann = app.owner().await;
    let body = user(json!({}));
    let post = |body: Value| {
        let ann = ann.clone();
        async move { ann.send(Method::POST, "/api/v1/users", &[("Idempotency-Key", "k1")], Some(body)).await }
    };
    let (first, again) = (post(body.clone()).await.created(), post(body.clone()).await.created());
    assert_eq!((first.body, again.header("idempotency-replayed")), (again.body.clone(), Some("true")));
    post(user(json!({}))).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let refused = ann.post("/api/v1/users", body).await.refused(409, "EMAIL_TAKEN");
    assert_eq!(refused.sources(), ["/data/attributes/email"]);
    let mut offline = user(json!({}));
    offline["data"]["id"] = json!(Uuid::now_v7());
    let made = ann.post("/api/v1/users", offline.clone()).await.created();
    assert_eq!(ann.post("/api/v1/users", offline.clone()).await.ok().id(), made.id());
    offline["data"]["attributes"]["lastName"] = json!("Other");
    ann.post("/api/v1/users", offline).await.refused(409, "ALREADY_EXISTS");
}

#[actix_rt::test]
async fn users_are_listed_sorted_filtered_and_searched() {
    let app = App::start().await;
    let ann = app.owner().await;
    for (last, role) in [("Zorn", "manager"), ("Abel", "dispatcher"), ("Mohr", "dispatcher")] {
        ann.post("/api/v1/users", user(json!({"lastName": last, "role": role}))).await.created();
    }
    let names = |answer: &Answer| -> Vec<String> {
        let list = answer.body["data"].as_array().expect("a list");
        list.iter().map(|user| user["attributes"]["lastName"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&ann.get("/api/v1/users").await.ok()), ["Abel", "Mohr", "Roe", "Zorn"]);
    assert_eq!(names(&ann.get("/api/v1/users?sort=-lastName&limit=2&page=2").await.ok()), ["Mohr", "Abel"]);
    let two = ann.get("/api/v1/users?filter%5Brole%5D=manager,owner").await.ok();
    assert_eq!(names(&two), ["Roe", "Zorn"]);
    assert_eq!(names(&ann.get("/api/v1/users?search=moh").await.ok()), ["Mohr"]);
    assert_eq!(names(&ann.get("/api/v1/users?search=%25").await.ok()), Vec::<String>::new());
    for wrong in ["filter%5Brole%5D=boss", "colour=red", "limit=0", "sort=password_hash"] {
        ann.get(&format!("/api/v1/users?{wrong}")).await.refused(400, "VALIDATION_ERROR");
    }
}

/// Adds a person known elsewhere, with another password.
async fn invite(by: &Person, email: &str) -> Uuid {
    let invited = by.post("/api/v1/users", user(json!({"email": email, "password": "Other-horse-8"}))).await.created();
    assert_eq!(invited.attributes()["status"], "invited");
    invited.id()
}

#[actix_rt::test]
async fn somebody_known_elsewhere_comes_in_only_after_he_accepted() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let email = ann.get("/api/v1/users/me").await.ok().attributes()["email"].as_str().expect("one").to_owned();
    let id = invite(&eve, &email).await;
    login(&app, json!({"email": email, "password": "Other-horse-8"})).await.refused(401, "INVALID_CREDENTIALS");
    let ours = app.sign_in(&email, PASSWORD).await;
    assert_eq!(ours.get("/api/v1/account").await.ok().id(), ann.account, "one account so far");
    let path = format!("/api/v1/users/{id}");
    eve.patch(&path, edit(json!({"status": "active"}))).await.refused(409, "WRONG_STATE");
    eve.delete(&path).await.is(204);
    let back = eve.patch(&path, edit(json!({"status": "active"}))).await.ok();
    assert_eq!(back.attributes()["status"], "invited", "leaving and coming back is no acceptance");
    let accept = |password: &str| json!({"email": email, "password": password, "accountId": eve.account});
    let at = "/api/v1/auth/invitations/accept";
    app.anonymous().post(at, accept("Other-horse-8")).await.refused(401, "INVALID_CREDENTIALS");
    let stranger = json!({"email": email, "password": PASSWORD, "accountId": Uuid::now_v7()});
    app.anonymous().post(at, stranger).await.refused(401, "INVALID_CREDENTIALS");
    app.anonymous().post(at, accept(PASSWORD)).await.ok();
    assert_eq!(eve.get(&path).await.ok().attributes()["status"], "active");
}

#[actix_rt::test]
async fn who_is_in_several_accounts_says_which() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let email = ann.get("/api/v1/users/me").await.ok().attributes()["email"].as_str().expect("one").to_owned();
    invite(&eve, &email).await;
    let body = |account: Uuid| json!({"email": email, "password": PASSWORD, "accountId": account});
    app.anonymous().post("/api/v1/auth/invitations/accept", body(eve.account)).await.ok();
    let both = login(&app, json!({"email": email, "password": PASSWORD})).await.refused(409, "ACCOUNT_REQUIRED");
    let accounts = both.body["errors"][0]["meta"]["accounts"].as_array().expect("the accounts").clone();
    let mut ids: Vec<&str> = accounts.iter().filter_map(|account| account["id"].as_str()).collect();
    ids.sort_unstable();
    let (mine, theirs) = (ann.account.to_string(), eve.account.to_string());
    let mut expected = [mine.as_str(), theirs.as_str()];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(accounts[0]["name"], "Rivergate Plumbing");
    for account in [ann.account, eve.account] {
        let tokens = login(&app, body(account)).await.ok();
        let token = tokens.body["accessToken"].as_str().map(str::to_owned);
        let me = Person::new(app.clone(), token, Uuid::nil(), account);
        assert_eq!(me.get("/api/v1/account").await.ok().id(), account);
    }
    login(&app, body(Uuid::now_v7())).await.refused(401, "INVALID_CREDENTIALS");
    let wrong = json!({"email": email, "password": "Wrong-horse-9"});
    login(&app, wrong).await.refused(401, "INVALID_CREDENTIALS");
}

/// Whatever is asked, in whatever way: nothing of the other account comes back.
#[actix_rt::test]
async fn no_answer_holds_anything_of_another_account() {
    let app = App::start().await;
    let (ann, eve) = (app.owner().await, app.owner().await);
    let canary = "Canary-7f3a";
    let dee = ann.post("/api/v1/users", user(json!({"lastName": canary}))).await.created();
    let email = dee.attributes()["email"].as_str().expect("an address").to_owned();
    let bob = ann.hires_worker(json!({"lastName": canary, "skills": ["canary-skill"]})).await;
    let rename = json!({"data": {"type": "account", "attributes": {"name": canary}}});
    ann.patch("/api/v1/account", rename).await.ok();
    let secrets = [canary.to_lowercase(), email, dee.id().to_string(), bob.id.to_string(), "canary-skill".into()];
    let entry = Uuid::now_v7();
    let paths = [
        "/api/v1/account".to_owned(),
        "/api/v1/users".into(),
        "/api/v1/users?search=canary".into(),
        "/api/v1/users/me".into(),
        "/api/v1/workers".into(),
        "/api/v1/workers?filter%5Bskills%5D=canary-skill".into(),
        format!("/api/v1/users/{}", dee.id()),
        format!("/api/v1/workers/{}", bob.id),
        format!("/api/v1/workers/{}/time-off", bob.id),
        format!("/api/v1/workers/{}/time-off/{entry}", bob.id),
    ];
    for path in paths {
        for method in [Method::GET, Method::PATCH, Method::DELETE, Method::POST] {
            let body = (method != Method::GET).then(|| json!({"data": {"attributes": {}}}));
            let answer = eve.send(method.clone(), &path, &[], body).await;
            let text = answer.text.to_lowercase();
            // A list repeats the question in its links.
            let text = text.replace("search=canary", "").replace("filter%5bskills%5d=canary-skill", "");
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{method} {path}: {}", answer.text);
        }
    }
}

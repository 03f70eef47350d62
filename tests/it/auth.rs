//! Signing in, staying in, signing out.

use std::collections::BTreeSet;

use muster::identity::Settings;
use muster::identity::admin::{NewUser, create_user, reset_password};
use muster::store::{Secrets, Store};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{App, PASSWORD};
use crate::harness::cluster::{connect, execute};
use crate::harness::person::{Answer, Person};

async fn login(app: &App, email: &str, password: &str) -> Answer {
    app.anonymous().post("/api/v1/auth/login", json!({"email": email, "password": password})).await
}

async fn refresh(app: &App, token: &str) -> Answer {
    app.anonymous().post("/api/v1/auth/refresh", json!({"refreshToken": token})).await
}

fn refresh_token(answer: &Answer) -> String {
    answer.body["refreshToken"].as_str().expect("a refresh token").to_owned()
}

async fn email_of(person: &Person) -> String {
    person.get("/api/v1/users/me").await.ok().attributes()["email"].as_str().expect("an address").to_owned()
}

/// With the token of an answer in his hand.
fn holder(app: &App, answer: &Answer) -> Person {
    Person::new(app.clone(), answer.body["accessToken"].as_str().map(str::to_owned), Uuid::nil(), Uuid::nil())
}

#[actix_rt::test]
async fn a_login_answers_bare_with_both_tokens() {
    let app = App::start().await;
    let email = email_of(&app.owner().await).await;
    let tokens = login(&app, &email.to_uppercase(), PASSWORD).await.ok();
    let mut names: Vec<&String> = tokens.body.as_object().expect("an object").keys().collect();
    names.sort();
    assert_eq!(names, ["accessToken", "expiresIn", "refreshToken"]);
    assert_eq!(tokens.body["expiresIn"], 3600);
    assert!(refresh_token(&tokens).starts_with("mrt_"));
    holder(&app, &tokens).get("/api/v1/account").await.ok();
}

#[actix_rt::test]
async fn an_unknown_address_and_a_wrong_password_look_alike() {
    let app = App::start().await;
    let email = email_of(&app.owner().await).await;
    let strip = |answer: Answer| {
        let mut body = answer.refused(401, "INVALID_CREDENTIALS").body;
        body["errors"][0]["id"] = Value::Null;
        body
    };
    let wrong = strip(login(&app, &email, "Wrong-horse-9").await);
    let unknown = strip(login(&app, "nobody@example.com", "Wrong-horse-9").await);
    let no_address = strip(login(&app, "nobody", "Wrong-horse-9").await);
    assert!(wrong == unknown && unknown == no_address);
}

#[actix_rt::test]
async fn what_a_login_lacks_is_named() {
    let app = App::start().await;
    let wrong = json!({"password": 7, "accountId": "x", "remember": true});
    let refused = app.anonymous().post("/api/v1/auth/login", wrong).await.refused(400, "VALIDATION_ERROR");
    let sources: BTreeSet<String> = refused.sources().into_iter().collect();
    assert_eq!(sources, ["/email", "/password", "/accountId", "/remember"].map(str::to_owned).into());
    let refused = app.anonymous().post("/api/v1/auth/refresh", json!({})).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources(), ["/refreshToken"]);
}

#[actix_rt::test]
async fn a_logout_takes_effect_at_once_and_ends_only_its_session() {
    let app = App::start().await;
    let ann = app.owner().await;
    let elsewhere = holder(&app, &login(&app, &email_of(&ann).await, PASSWORD).await.ok());
    ann.get("/api/v1/account").await.ok();
    ann.post("/api/v1/auth/logout", json!({})).await.is(204);
    ann.get("/api/v1/account").await.refused(401, "SESSION_ENDED");
    refresh(&app, ann.refresh_token.as_deref().expect("one")).await.refused(401, "SESSION_ENDED");
    elsewhere.get("/api/v1/account").await.ok();
}

#[actix_rt::test]
async fn a_logout_reaches_the_other_server_within_a_second() {
    let app = App::start().await;
    let other = app.sibling().await;
    let ann = app.owner().await;
    ann.at(&other).get("/api/v1/account").await.ok();
    ann.post("/api/v1/auth/logout", json!({})).await.is(204);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    ann.at(&other).get("/api/v1/account").await.refused(401, "SESSION_ENDED");
}

#[actix_rt::test]
async fn forged_tokens_are_refused() {
    let app = App::start().await;
    let ann = app.owner().await;
    let token = ann.token.clone().expect("a token");
    let parts: Vec<&str> = token.split('.').collect();
    let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    let symmetric = format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{}.{}", parts[1], parts[2]);
    let cut = format!("{}.{}.", parts[0], parts[1]);
    let stranger = App::start().await.owner().await.token.expect("a token");
    for forged in ["", "x", &none, &symmetric, &cut, &stranger, ann.refresh_token.as_deref().expect("one")] {
        let mut forger = ann.clone();
        forger.token = Some(forged.to_owned());
        forger.get("/api/v1/account").await.refused(401, "UNAUTHENTICATED");
    }
}

#[actix_rt::test]
async fn a_refresh_token_is_exchanged_for_the_next() {
    let app = App::start().await;
    let first = app.owner().await.refresh_token.expect("one");
    let second = refresh(&app, &first).await.ok();
    holder(&app, &second).get("/api/v1/account").await.ok();
    assert_ne!(refresh_token(&second), first);
    let third = refresh(&app, &refresh_token(&second)).await.ok();
    holder(&app, &third).get("/api/v1/account").await.ok();
    for nonsense in ["mrt_x", "x", "mrt_AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        refresh(&app, nonsense).await.refused(401, "SESSION_ENDED");
    }
}

#[actix_rt::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let app = App::start().await;
    let first = app.owner().await.refresh_token.expect("one");
    let lost = refresh(&app, &first).await.ok();
    let again = refresh(&app, &first).await.ok();
    assert_eq!(refresh_token(&lost), refresh_token(&again), "one chain");
    refresh(&app, &refresh_token(&again)).await.ok();
}

#[actix_rt::test]
async fn a_refresh_token_that_comes_back_after_its_successor_ends_the_session() {
    let app = App::start().await;
    let ann = app.owner().await;
    let first = ann.refresh_token.clone().expect("one");
    let second = refresh(&app, &first).await.ok();
    let third = refresh(&app, &refresh_token(&second)).await.ok();
    refresh(&app, &first).await.refused(401, "SESSION_ENDED");
    refresh(&app, &refresh_token(&third)).await.refused(401, "SESSION_ENDED");
    for held in [&second, &third] {
        holder(&app, held).get("/api/v1/account").await.refused(401, "SESSION_ENDED");
    }
}

#[actix_rt::test]
async fn a_refresh_token_that_comes_back_late_ends_the_session() {
    let app = App::start().await;
    let first = app.owner().await.refresh_token.expect("one");
    let second = refresh(&app, &first).await.ok();
    let mut db = connect(&app.db().owner_url).await;
    execute(&mut db, "UPDATE refresh_tokens SET used_at = used_at - interval '11 seconds'").await;
    refresh(&app, &first).await.refused(401, "SESSION_ENDED");
    refresh(&app, &refresh_token(&second)).await.refused(401, "SESSION_ENDED");
}

#[actix_rt::test]
async fn twenty_who_race_with_one_refresh_token_leave_one_live_chain() {
    let app = App::start().await;
    let first = app.owner().await.refresh_token.expect("one");
    let answers = futures_util::future::join_all((0..20).map(|_| refresh(&app, &first))).await;
    let next: BTreeSet<String> = answers.into_iter().map(|answer| refresh_token(&answer.ok())).collect();
    assert_eq!(next.len(), 1);
    for token in next {
        refresh(&app, &token).await.ok();
    }
}

#[actix_rt::test]
async fn a_session_ends_thirty_days_after_its_last_refresh() {
    let app = App::start().await;
    let ann = app.owner().await;
    let mut db = connect(&app.db().owner_url).await;
    execute(&mut db, "UPDATE sessions SET expires_at = now() - interval '1 second'").await;
    refresh(&app, ann.refresh_token.as_deref().expect("one")).await.refused(401, "SESSION_ENDED");
}

#[actix_rt::test]
async fn a_storm_of_sign_ins_is_refused_and_harms_nobody_else() {
    let app = App::start().await;
    let ann = app.owner().await;
    let storm = (0..200).map(|_| async { login(&app, "nobody@example.com", "Wrong-horse-9").await.status });
    let (statuses, health) = tokio::join!(futures_util::future::join_all(storm), ann.get("/api/v1/account"));
    health.ok();
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
}

#[actix_rt::test]
async fn an_access_token_says_who_in_which_role_and_account_for_an_hour() {
    let app = App::start().await;
    let ann = app.owner().await;
    let token = ann.token.clone().expect("a token");
    let part = |index: usize| -> Value {
        let text = token.split('.').nth(index).expect("three parts");
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
        serde_json::from_slice(&bytes.expect("base64")).expect("JSON")
    };
    assert_eq!((&part(0)["alg"], part(0)["kid"].is_string()), (&json!("EdDSA"), true));
    let claims = part(1);
    assert_eq!((&claims["sub"], &claims["accountId"]), (&json!(ann.id), &json!(ann.account)));
    assert_eq!((&claims["role"], &claims["email"]), (&json!("owner"), &json!(email_of(&ann).await)));
    let seconds = |name: &str| claims[name].as_i64().expect("seconds");
    assert_eq!(seconds("exp") - seconds("iat"), 3600);
}

#[actix_rt::test]
async fn whoever_runs_the_server_adds_users_and_sets_passwords() {
    let app = App::start().await;
    let ann = app.owner().await;
    let store = Store::connect(&app.db().server_url, 2).await.expect("a connection");
    let secrets = Secrets::open(&store, "a-secret-for-tests-only").await.expect("the server's keys");
    let settings = Settings { bcrypt_cost: 4 };
    let new = NewUser {
        account: ann.account,
        email: "Eve@Example.com".into(),
        first_name: "Eve".into(),
        last_name: "Moor".into(),
        role: "admin".into(),
        password: PASSWORD.into(),
    };
    let (id, invited) = create_user(&store, &secrets, settings, new.clone()).await.expect("she is added");
    assert!(!invited);
    create_user(&store, &secrets, settings, new.clone()).await.expect_err("her address is taken");
    create_user(&store, &secrets, settings, NewUser { role: "boss".into(), ..new }).await.expect_err("no role");
    let eve = app.sign_in("eve@example.com", PASSWORD).await;
    assert_eq!(eve.id, id.0);
    let reset = |email: &'static str, password: &'static str| {
        let (store, secrets) = (store.clone(), secrets.clone());
        async move { reset_password(&store, &secrets, settings, email, password).await }
    };
    reset("eve@example.com", "short").await.expect_err("too short");
    reset("nobody@example.com", "Another-horse-8").await.expect_err("nobody");
    reset("eve@example.com", "Another-horse-8").await.expect("it is set");
    login(&app, "eve@example.com", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    refresh(&app, eve.refresh_token.as_deref().expect("one")).await.refused(401, "SESSION_ENDED");
    app.sign_in("eve@example.com", "Another-horse-8").await;
    ann.get("/api/v1/account").await.ok();
}

//! Is it alive, is it ready, and the metrics. Beside the API, for load balancers and people on call.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, ServiceConfig, get, to};
use actix_web::{App as Web, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};

use crate::http::App;
use crate::observe;

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/health", get().to(ready))
        .route("/health/ready", get().to(ready))
        .route("/health/live", get().to(live))
        .route("/metrics", get().to(metrics));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Ready means: the database answers.
async fn ready(app: Data<App>) -> HttpResponse {
    let database = match tokio::time::timeout(CHECK_TIMEOUT, app.store.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    };
    if let Err(error) = &database {
        tracing::warn!(error, "not ready: the database does not answer");
    }
    let check = |ok: bool| -> Value { json!({ "status": if ok { "ok" } else { "failed" } }) };
    let checks = json!({ "database": check(database.is_ok()) });
    if database.is_ok() {
        HttpResponse::Ok().json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "checks": checks }))
    } else {
        let body = json!({ "status": "unavailable", "checks": checks });
        HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).json(body)
    }
}

async fn metrics() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(observe::metrics())
}

/// Answers on the port while the database is made ready: alive, and not yet ready for anything.
pub fn waiting_room(listener: TcpListener) -> std::io::Result<ServerHandle> {
    async fn wait(request: HttpRequest) -> HttpResponse {
        if request.path() == "/health/live" {
            return HttpResponse::Ok().json(json!({ "status": "ok" }));
        }
        let body = json!({ "status": "starting" });
        HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).force_close().json(body)
    }
    let server =
        HttpServer::new(|| Web::new().default_service(to(wait))).workers(1).disable_signals().listen(listener)?.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}

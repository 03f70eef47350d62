//! Is it alive, is it ready, and the metrics. Beside the API, for load balancers and people on call.

use std::net::TcpListener;
use std::time::Duration;

use actix_http::{ConnectionType, HttpService};
use actix_server::{Server, ServerHandle};
use actix_service::map_config;
use actix_web::dev::AppConfig;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, ServiceConfig, get, to};
use actix_web::{App as Web, HttpRequest, HttpResponse, ResponseError};
use rustls::ServerConfig;
use serde_json::{Map, Value, json};

use crate::demo::remote::Remote;
use crate::http::{App, Code, Problem};
use crate::observe;
use crate::store::condition::{MIN_FREE_BYTES, free_bytes};

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

/// Ready means: the database answers, and there is room to write. What exactly is wrong stays in the log: this page is
/// read by anybody.
async fn ready(app: Data<App>, remote: Option<Data<Remote>>) -> HttpResponse {
    let database = match tokio::time::timeout(CHECK_TIMEOUT, app.store.ping()).await {
        Ok(Ok(())) => Ok(()),
        // The store tells of its own troubles.
        Ok(Err(_)) => Err(()),
        Err(_) => Err(()),
    };
    // A directory that does not exist (an external database, and no secret made here) needs no room.
    let has_room = free_bytes(&app.data_dir).is_none_or(|free| free >= MIN_FREE_BYTES);
    let checks = [("database", database), ("disk", if has_room { Ok(()) } else { Err(()) })];
    let all_well = checks.iter().all(|(_, check)| check.is_ok());
    let told: Map<String, Value> = checks
        .iter()
        .map(|(name, check)| ((*name).to_owned(), json!({ "status": if check.is_ok() { "ok" } else { "failed" } })))
        .collect();
    if all_well {
        let mut body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "checks": told });
        if remote.is_some() {
            // So that the console knows, without asking elsewhere for what is not there, that it has controls to show.
            body["demo"] = json!(true);
        }
        HttpResponse::Ok().json(body)
    } else {
        let body = json!({ "status": "unavailable", "checks": told });
        HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).json(body)
    }
}

async fn metrics() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(observe::metrics())
}

/// Answers on the port while the database is made ready: alive, and not yet ready for anything.
pub fn waiting_room(listener: TcpListener, tls: Option<ServerConfig>) -> std::io::Result<ServerHandle> {
    async fn wait(request: HttpRequest) -> HttpResponse {
        if request.path() == "/health/live" {
            return HttpResponse::Ok().json(json!({ "status": "ok" }));
        }
        if request.path().starts_with("/health") {
            let body = json!({ "status": "starting" });
            return HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).force_close().json(body);
        }
        let mut refused = Problem::new(Code::UNAVAILABLE, "The server is starting.").error_response();
        refused.head_mut().set_connection_type(ConnectionType::Close);
        refused
    }
    let room = || map_config(Web::new().default_service(to(wait)), |()| AppConfig::default());
    let builder = Server::build().workers(1).disable_signals();
    let server = match tls {
        None => builder.listen("waiting", listener, move || HttpService::build().finish(room()).tcp()),
        Some(tls) => {
            let open = move || HttpService::build().finish(room()).rustls_0_23(tls.clone());
            builder.listen("waiting", listener, open)
        }
    };
    let server = server?.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}

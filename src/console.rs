//! Serves the browser console: from inside the binary, or from a directory while working on it.

use std::borrow::Cow;
use std::path::PathBuf;

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::http::Problem;

#[derive(RustEmbed)]
#[folder = "static/dist"]
#[allow_missing = true]
struct Built;

const MISSING: &str = "<!doctype html><title>Muster</title><p>The server runs. Its console was not built into it: \
    install Node 20 or newer and run <code>make console</code>, then build again. The API is at <code>/api/v1</code>.";

#[derive(Debug)]
pub struct Source {
    dir: Option<PathBuf>,
}

impl Source {
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    async fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        let harmless = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !harmless {
            return None;
        }
        match &self.dir {
            Some(dir) => tokio::fs::read(dir.join(path)).await.ok().map(Cow::Owned),
            None => Built::get(path).map(|file| file.data),
        }
    }
}

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/", get().to(index)).route("/{path:.*}", get().to(file));
}

async fn index(request: HttpRequest, source: Data<Source>) -> HttpResponse {
    match source.read("index.html").await {
        Some(page) => send(&request, "index.html", page),
        None => HttpResponse::Ok().content_type("text/html; charset=utf-8").body(MISSING),
    }
}

async fn file(request: HttpRequest, source: Data<Source>) -> Result<HttpResponse, Problem> {
    let path = request.path().trim_start_matches('/').to_owned();
    let found = source.read(&path).await.ok_or_else(Problem::not_found)?;
    Ok(send(&request, &path, found))
}

/// What carries a hash in its name never changes; the rest is asked for again.
fn send(request: &HttpRequest, path: &str, bytes: Cow<'static, [u8]>) -> HttpResponse {
    let digest = Sha256::digest(&bytes);
    let etag = format!("\"{:x}{:x}{:x}{:x}\"", digest[0], digest[1], digest[2], digest[3]);
    let known = request.headers().get(IF_NONE_MATCH).and_then(|tag| tag.to_str().ok()) == Some(etag.as_str());
    let keep = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((CACHE_CONTROL, keep)).insert_header((ETAG, etag));
    if known {
        return answer.finish();
    }
    answer.content_type(mime_guess::from_path(path).first_or_octet_stream()).body(bytes.into_owned())
}

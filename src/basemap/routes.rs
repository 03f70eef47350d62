//! `/basemap`: what the map stands on, and the files for it.

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::web::{Data, ServiceConfig, get, resource as at};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use tokio::fs::File;

use super::openapi::BasemapDocument;
use super::{Basemap, ranges, wire};
use crate::http::Problem;
use crate::http::envelope::Answer;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/basemap").route(get().to(read)))
        .service(at("/basemap/streets").route(get().to(streets)))
        .service(at("/basemap/tiles.pmtiles").route(get().to(tiles)));
}

/// What the map stands on: nothing but outlines, GeoJSON, an archive of tiles, or somebody's style.
#[utoipa::path(get, path = "/api/v1/basemap", tag = "live", security(()),
    responses((status = 200, body = BasemapDocument,
        example = json!({"data": {"type": "basemap", "attributes": {"kind": "pmtiles", "tiles": "vector", "minZoom": 0, "maxZoom": 15,
            "url": "/api/v1/basemap/tiles.pmtiles?edition=9a51f-18c5", "bounds": [9.47, 46.96, 9.68, 47.53],
            "attribution": "© OpenStreetMap contributors"}}, "meta": {"timestamp": "2026-11-23T07:40:00Z"}}))))]
pub async fn read(basemap: Data<Basemap>) -> Result<HttpResponse, Problem> {
    Ok(Answer::ok(wire::resource(&basemap).await).respond())
}

pub async fn streets(request: HttpRequest, basemap: Data<Basemap>) -> Result<HttpResponse, Problem> {
    let Basemap::Streets(streets) = basemap.get_ref() else { return Err(Problem::not_found()) };
    let digest = Sha256::digest(streets);
    let etag = format!("\"{:x}{:x}{:x}{:x}\"", digest[0], digest[1], digest[2], digest[3]);
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == etag.as_bytes());
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((CACHE_CONTROL, "no-cache")).insert_header((ETAG, etag));
    let answer = answer.content_type("application/geo+json");
    Ok(if known { answer.finish() } else { answer.body(streets.clone()) })
}

pub async fn tiles(request: HttpRequest, basemap: Data<Basemap>) -> Result<HttpResponse, Problem> {
    let Basemap::Archive(archive) = basemap.get_ref() else { return Err(Problem::not_found()) };
    let file = File::open(&archive.path).await.map_err(|_| Problem::not_found())?;
    ranges::send(&request, file).await
}

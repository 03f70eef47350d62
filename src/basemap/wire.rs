//! A basemap on the wire.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Basemap;
use super::archive::Edition;

const STREETS: &str = "/api/v1/basemap/streets";
const TILES: &str = "/api/v1/basemap/tiles.pmtiles";

#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BasemapAttributes {
    /// `none`: outlines only. `streets`: GeoJSON at `url`. `pmtiles`: an archive at `url`, read by ranges. `style`: a
    /// MapLibre style at `url`.
    #[schema(example = "pmtiles")]
    pub kind: &'static str,
    pub url: Option<String>,
    /// To be shown on the map.
    pub attribution: Option<String>,
    /// Of an archive: `vector` or `raster`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiles: Option<&'static str>,
    /// West, south, east, north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f64; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_zoom: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_zoom: Option<u8>,
    /// Why there is less than the server was asked to serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// There is one basemap, so it has no id.
pub async fn resource(basemap: &Basemap) -> Value {
    json!({ "type": "basemap", "attributes": attributes(basemap).await })
}

async fn attributes(basemap: &Basemap) -> BasemapAttributes {
    match basemap {
        Basemap::None { problem } => {
            BasemapAttributes { kind: "none", problem: problem.clone(), ..BasemapAttributes::default() }
        }
        Basemap::Streets(_) => {
            BasemapAttributes { kind: "streets", url: Some(STREETS.to_owned()), ..BasemapAttributes::default() }
        }
        Basemap::Style { url, .. } => {
            BasemapAttributes { kind: "style", url: Some(url.clone()), ..BasemapAttributes::default() }
        }
        Basemap::Archive(archive) => {
            let Ok(metadata) = tokio::fs::metadata(&archive.path).await else {
                let problem = Some("The file of tiles has gone since the server started.".to_owned());
                return BasemapAttributes { kind: "none", problem, ..BasemapAttributes::default() };
            };
            BasemapAttributes {
                kind: "pmtiles",
                // A replaced file has another address, so no cache mixes two editions.
                url: Some(format!("{TILES}?edition={}", Edition::of(&metadata).tag())),
                attribution: archive.attribution.clone(),
                tiles: Some(if archive.is_vector { "vector" } else { "raster" }),
                bounds: Some(archive.bounds),
                min_zoom: Some(archive.min_zoom),
                max_zoom: Some(archive.max_zoom),
                problem: None,
            }
        }
    }
}

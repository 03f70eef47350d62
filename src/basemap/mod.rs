//! The ground under the map: the demonstration's streets, an archive of tiles that this server hands out itself, or a style
//! of somebody else's. It shows nobody's data, so it asks for no identity; and it never fetches anything.

mod archive;
mod openapi;
mod ranges;
mod routes;
mod wire;

use std::path::Path;

use bytes::Bytes;

pub use archive::Archive;
pub use openapi::Doc;
pub use routes::routes;

/// What the map stands on.
#[derive(Debug)]
pub enum Basemap {
    /// The outlines that the console has itself; with the reason, when something else was asked for.
    None { problem: Option<String> },
    /// GeoJSON of a generated city.
    Streets(Bytes),
    /// A `.pmtiles` file.
    Archive(Archive),
    /// A MapLibre style on another server: `url` as it was given, `origin` for the content policy.
    Style { url: String, origin: String },
}

impl Basemap {
    /// As the setting says. A setting that cannot be used costs the map its streets, never the server its start.
    pub fn open(setting: Option<&str>) -> Self {
        let Some(setting) = setting.map(str::trim).filter(|setting| !setting.is_empty()) else {
            return Self::None { problem: None };
        };
        match Self::read(setting) {
            Ok(basemap) => {
                tracing::info!(basemap = setting, "the map has a basemap");
                basemap
            }
            Err(problem) => {
                tracing::error!(
                    basemap = setting,
                    problem,
                    "MUSTER_BASEMAP cannot be used: the map shows outlines only"
                );
                Self::None { problem: Some(problem) }
            }
        }
    }

    fn read(setting: &str) -> Result<Self, String> {
        if !setting.contains("://") {
            return Archive::open(Path::new(setting)).map(Self::Archive);
        }
        let origin = origin_of(setting)?;
        Ok(Self::Style { url: setting.to_owned(), origin })
    }

    /// The one foreign server that browsers may fetch from.
    pub fn origin(&self) -> Option<&str> {
        if let Self::Style { origin, .. } = self { Some(origin) } else { None }
    }
}

/// `https://host` or `https://host:port`, safe inside a header. Plain HTTP only where no network is crossed.
fn origin_of(url: &str) -> Result<String, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "443"));
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    if !plain || port.parse::<u16>().is_err() {
        return Err("The address of the style names no host.".into());
    }
    let here = name == "localhost" || name == "127.0.0.1";
    match scheme {
        "https" => Ok(format!("https://{host}")),
        "http" if here => Ok(format!("http://{host}")),
        _ => Err("The address of a style begins with https://.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_host_of_the_style_and_nothing_that_somebody_smuggled_in() {
        assert_eq!(origin_of("https://tiles.example/style.json?key=1"), Ok("https://tiles.example".into()));
        assert_eq!(origin_of("https://tiles.example:8443#x"), Ok("https://tiles.example:8443".into()));
        assert_eq!(origin_of("http://localhost:8081/style.json"), Ok("http://localhost:8081".into()));
        for wrong in [
            "http://tiles.example/style.json",
            "ftp://tiles.example/style.json",
            "https:///style.json",
            "https://ann@tiles.example/",
            "https://tiles.example;script-src *",
            "https://tiles.example:x/",
            "https://*/",
        ] {
            assert!(origin_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_used_leaves_the_outlines_and_says_why() {
        assert!(matches!(Basemap::open(None), Basemap::None { problem: None }));
        assert!(matches!(Basemap::open(Some(" ")), Basemap::None { problem: None }));
        for wrong in ["/nowhere/at/all.pmtiles", "http://tiles.example/style.json", env!("CARGO_MANIFEST_DIR")] {
            assert!(matches!(Basemap::open(Some(wrong)), Basemap::None { problem: Some(_) }), "{wrong}");
        }
    }
}

//! OwnTracks over HTTP: one JSON object a request, `vel` in km/h, and `[]` as the answer.

use chrono::{DateTime, Utc};
use muster_domain::Place;
use muster_domain::live::Point;
use serde::Deserialize;
use uuid::Uuid;

use super::ingest::Understood;
use super::report::Parsed;
use super::{units, wire};

#[derive(Deserialize)]
struct Location {
    #[serde(rename = "_type")]
    kind: Option<String>,
    lat: Option<f64>,
    lon: Option<f64>,
    /// Seconds since 1970.
    tst: Option<f64>,
    acc: Option<f64>,
    vel: Option<f64>,
    cog: Option<f64>,
    alt: Option<f64>,
    batt: Option<f64>,
    /// 1 unplugged, 2 charging, 3 full.
    bs: Option<i64>,
    /// `m` is the mode, `t` what made the phone report.
    t: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    One(Location),
    Several(Vec<Location>),
}

/// Everything but a location (a waypoint, a last will, an encrypted message) asks for nothing.
pub fn understand(body: &[u8], sender: Uuid, received_at: DateTime<Utc>) -> Understood {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Understood::Nothing;
    }
    let Ok(body) = serde_json::from_slice::<Body>(body) else { return Understood::Unreadable };
    let locations = match body {
        Body::One(location) => vec![location],
        Body::Several(locations) => locations,
    };
    let mut locations =
        locations.into_iter().filter(|location| location.kind.as_deref() == Some("location")).peekable();
    if locations.peek().is_none() {
        return Understood::Nothing;
    }
    let points: Option<Vec<Parsed>> = locations.map(|location| point(&location, sender, received_at)).collect();
    points.map_or(Understood::Unreadable, Understood::Points)
}

/// `None` without coordinates.
fn point(location: &Location, sender: Uuid, received_at: DateTime<Utc>) -> Option<Parsed> {
    let (lat, lng) = (location.lat?, location.lon?);
    let at = location.tst.map_or(Some(received_at), units::from_epoch);
    let Some(at) = at else { return Some(Err(wire::INVALID_POINT)) };
    Some(Ok(Point {
        id: wire::point_id(None, sender, at),
        at,
        received_at,
        place: Place { lat, lng },
        accuracy_m: units::metres(location.acc),
        speed_mps: units::mps_from_kmh(location.vel),
        heading_deg: units::heading_deg(location.cog),
        altitude_m: units::altitude_m(location.alt),
        battery_pct: units::battery_pct(location.batt),
        charging: location.bs.filter(|bs| (1..=3).contains(bs)).map(|bs| bs >= 2),
        source: Some("owntracks".to_owned()),
        activity: units::word(location.t.as_deref().map(trigger)),
        mock: false,
    }))
}

/// What made the phone report, in a word.
fn trigger(letter: &str) -> &str {
    match letter {
        "p" => "ping",
        "c" | "C" => "region",
        "u" => "manual",
        "t" => "timer",
        "v" => "monitoring",
        other => other,
    }
}

//! Points and live attributes on the wire. Points are parsed straight into small structs, each by itself, so that a
//! bad one is reported and the rest are taken.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use muster_actors::radar::{LivePosition, Near};
use muster_domain::Place;
use muster_domain::live::{Point, Trouble, Use};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::report::{Incoming, Outcome, Parsed};
use super::units;
use crate::http::envelope::{instant, resource};

pub const INVALID_POINT: &str = "INVALID_POINT";

/// The body of `POST /positions`; points are looked at one by one.
#[derive(Deserialize)]
pub struct Batch<'a> {
    #[serde(borrow)]
    pub data: BatchData<'a>,
}

#[derive(Deserialize)]
pub struct BatchData<'a> {
    #[serde(rename = "type", borrow, default)]
    pub kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub attributes: BatchAttributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAttributes<'a> {
    #[serde(borrow, default)]
    pub device_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub sent_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub trouble: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub points: Vec<&'a RawValue>,
}

/// The same in a frame of the stream.
pub type Frame<'a> = BatchAttributes<'a>;

/// Of a batch as a whole, and what cannot be understood in it, by the attribute's name.
impl BatchAttributes<'_> {
    pub fn incoming(&self, principal: Uuid, received_at: DateTime<Utc>) -> Result<Incoming, &'static str> {
        // Two phones of one worker may send at the same instant.
        let named = self.device_id.as_ref().map(|id| Uuid::new_v5(&principal, id.as_bytes()));
        let phone = named.unwrap_or(principal);
        let sent_at = match self.sent_at.as_deref() {
            None => None,
            Some(text) => Some(units::time(text).ok_or("sentAt")?),
        };
        let trouble = match self.trouble.as_deref() {
            None => None,
            Some(name) => Some(Trouble::parse(name).ok_or("trouble")?),
        };
        Ok(Incoming { phone, trouble, points: parse_points(&self.points, phone, sent_at, received_at) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PointWire<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    at: Cow<'a, str>,
    lat: f64,
    lng: f64,
    #[serde(default)]
    accuracy_m: Option<f64>,
    #[serde(default)]
    speed_mps: Option<f64>,
    #[serde(default)]
    heading_deg: Option<f64>,
    #[serde(default)]
    altitude_m: Option<f64>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    activity: Option<Cow<'a, str>>,
    #[serde(default)]
    battery_pct: Option<f64>,
    #[serde(default)]
    charging: Option<bool>,
    #[serde(default)]
    mock: Option<bool>,
}

/// Each point as JSON text. `sender` is the device or worker: without an id of its own a point is (sender, time).
pub fn parse_points(
    points: &[&RawValue],
    sender: Uuid,
    sent_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
) -> Vec<Parsed> {
    let parsed = points.iter().map(|raw| parse_point(raw, sender, received_at));
    parsed.map(|point| point.map(|point| Point { sent_at, ..point })).collect()
}

fn parse_point(raw: &RawValue, sender: Uuid, received_at: DateTime<Utc>) -> Parsed {
    let wire: PointWire<'_> = serde_json::from_str(raw.get()).map_err(|_| INVALID_POINT)?;
    let at = DateTime::parse_from_rfc3339(&wire.at).map_err(|_| INVALID_POINT)?;
    let at = units::plausible(at.to_utc()).ok_or(INVALID_POINT)?;
    Ok(Point {
        id: point_id(wire.id.as_deref(), sender, at),
        at,
        sent_at: None,
        received_at,
        ahead_ms: 0,
        place: Place { lat: wire.lat, lng: wire.lng },
        accuracy_m: units::metres(wire.accuracy_m),
        speed_mps: units::mps(wire.speed_mps),
        heading_deg: units::heading_deg(wire.heading_deg),
        altitude_m: units::altitude_m(wire.altitude_m),
        battery_pct: units::battery_pct(wire.battery_pct),
        charging: wire.charging,
        source: units::word(wire.source.as_deref()),
        activity: units::word(wire.activity.as_deref()),
        mock: wire.mock.unwrap_or(false),
    })
}

/// The phone's own id for a point, whatever it looks like; without one, (sender, time) is the identity.
pub fn point_id(given: Option<&str>, sender: Uuid, at: DateTime<Utc>) -> Uuid {
    match given.map(str::trim).filter(|given| !given.is_empty()) {
        Some(given) => given.parse().unwrap_or_else(|_| Uuid::new_v5(&sender, given.as_bytes())),
        None => Uuid::new_v5(&sender, &at.timestamp_micros().to_be_bytes()),
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Rejected {
    /// Of the point in the request.
    pub index: usize,
    /// INVALID_POINT · OUT_OF_RANGE · NO_FIX · FUTURE · OFF_SHIFT · NO_CONSENT
    pub code: &'static str,
}

/// How often to report from now on: after so much time or so much way, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub interval_s: u32,
    pub distance_m: u32,
}

impl Profile {
    /// On shift with no visit under way: what the links that set up a phone ask for.
    pub const SET_UP: Profile = Profile { interval_s: 30, distance_m: 50 };
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PositionBatchAttributes {
    /// New ones; durable.
    pub accepted: usize,
    /// Known already; as good as accepted.
    pub duplicates: usize,
    pub rejected: Vec<Rejected>,
    pub server_time: String,
    pub profile: Profile,
}

pub fn batch_resource(outcome: Outcome) -> Value {
    let Outcome { accepted, duplicates, rejected, profile } = outcome;
    let server_time = instant(crate::store::work::to_micros(Utc::now()));
    let attributes = PositionBatchAttributes { accepted, duplicates, rejected, server_time, profile };
    resource("positionBatch", Uuid::now_v7(), attributes)
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrackPointAttributes {
    /// By the phone's clock.
    pub at: String,
    pub sent_at: Option<String>,
    pub received_at: String,
    /// How far the phone's clock was ahead when it came, as far as was known; negative: behind.
    pub clock_ahead_ms: i32,
    pub lat: f64,
    pub lng: f64,
    pub accuracy_m: Option<f32>,
    pub speed_mps: Option<f32>,
    pub heading_deg: Option<f32>,
    pub altitude_m: Option<f32>,
    pub battery_pct: Option<f32>,
    pub charging: Option<bool>,
    pub source: Option<String>,
    pub activity: Option<String>,
    pub mock: bool,
    /// late · jitter · jump · mock · inaccurate; empty: nothing is wrong with it.
    pub flags: Vec<&'static str>,
    /// Part of the path and its distance. Late points are: they were late, not wrong.
    pub used: bool,
}

pub fn track_point_resource(point: &Point, judged: &Use) -> Value {
    let attributes = TrackPointAttributes {
        at: instant(point.at),
        sent_at: point.sent_at.map(instant),
        received_at: instant(point.received_at),
        clock_ahead_ms: point.ahead_ms,
        lat: point.place.lat,
        lng: point.place.lng,
        accuracy_m: point.accuracy_m,
        speed_mps: point.speed_mps,
        heading_deg: point.heading_deg,
        altitude_m: point.altitude_m,
        battery_pct: point.battery_pct,
        charging: point.charging,
        source: point.source.clone(),
        activity: point.activity.clone(),
        mock: point.mock,
        flags: judged.flags().collect(),
        used: judged.used,
    };
    resource("trackPoint", point.id, attributes)
}

/// A worker's live state, as attributes of the worker.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveWire {
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    pub at: Option<String>,
    /// online · stale · lost · never
    pub presence: &'static str,
    /// REPORTING · NO_CONSENT · OFF_SHIFT · PERMISSION_DENIED · LOCATION_OFF · AIRPLANE_MODE · POWER_SAVING ·
    /// CLOCK_WRONG · LOW_BATTERY · SILENT · NO_POSITION_YET
    pub reason: &'static str,
    pub on_shift: bool,
    /// His own word, or the office's, that he can take work.
    pub available: bool,
    pub speed_mps: Option<f32>,
    pub heading_deg: Option<f32>,
    pub accuracy_m: Option<f32>,
    pub battery_pct: Option<f32>,
}

impl From<&LivePosition> for LiveWire {
    fn from(live: &LivePosition) -> Self {
        let point = live.point.as_ref();
        Self {
            lat: point.map(|point| point.place.lat),
            lng: point.map(|point| point.place.lng),
            at: point.map(|point| instant(point.measured_at())),
            presence: live.presence.name(),
            reason: live.reason.code(),
            on_shift: live.on_shift,
            available: live.available,
            speed_mps: point.and_then(|point| point.speed_mps),
            heading_deg: point.and_then(|point| point.heading_deg),
            accuracy_m: point.and_then(|point| point.accuracy_m),
            battery_pct: point.and_then(|point| point.battery_pct),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NearbyAttributes {
    /// As the crow flies.
    pub distance_m: f64,
    pub live: LiveWire,
}

pub fn near_resource(near: &Near) -> Value {
    let distance_m = (near.distance_m * 10.0).round() / 10.0;
    resource("worker", near.worker, NearbyAttributes { distance_m, live: LiveWire::from(&near.live) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Parsed {
        let raw: &RawValue = serde_json::from_str(text).expect("JSON");
        parse_point(raw, Uuid::from_u128(1), Utc::now())
    }

    #[test]
    fn a_point_needs_a_place_and_a_time_and_nothing_else() {
        assert!(parse(r#"{"at":"2026-11-30T08:00:00Z","lat":47,"lng":9.5}"#).is_ok());
        assert!(parse(r#"{"at":"2026-11-30T09:00:00+01:00","lat":47,"lng":9.5,"more":[1]}"#).is_ok());
        let bad = [
            "null",
            "7",
            "{}",
            r#"{"at":"yesterday","lat":47,"lng":9.5}"#,
            r#"{"at":"0001-01-01T00:00:00Z","lat":47,"lng":9.5}"#,
            r#"{"at":"2026-11-30T08:00:00Z","lat":"47","lng":9.5}"#,
            r#"{"at":"2026-11-30T08:00:00Z","lat":null,"lng":9.5}"#,
            r#"{"at":"2026-11-30T08:00:00Z","lat":47}"#,
            r#"{"at":"2026-11-30T08:00:00Z","lat":47,"lng":9.5,"speedMps":"fast"}"#,
        ];
        for text in bad {
            assert_eq!(parse(text), Err(INVALID_POINT), "{text}");
        }
    }

    #[test]
    fn without_an_id_sender_and_time_are_the_identity() {
        let at = units::time("2026-11-30T08:00:00Z").expect("a time");
        let (bob, eve) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(point_id(None, bob, at), point_id(Some(" "), bob, at));
        assert_ne!(point_id(None, bob, at), point_id(None, eve, at));
        assert_eq!(point_id(Some("a-17"), bob, at), point_id(Some("a-17"), bob, at));
        assert_eq!(point_id(Some(&eve.to_string()), bob, at), eve);
    }
}

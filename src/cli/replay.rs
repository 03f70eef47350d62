//! `muster replay`: sends a recorded track as a phone would, over the public API or as Traccar Client does.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::Args;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::gpx::{self, Fix};

/// Points in one report; a phone that was offline sends its buffer in such pieces.
const MAX_BATCH: usize = 500;
/// Without times in the file, one point a second, as the recorders of such files do.
const DEFAULT_STEP_S: i64 = 1;
const TRIES: u32 = 6;
const MPS_PER_KNOT: f64 = 1_852.0 / 3_600.0;

#[derive(Args, Clone, Debug)]
pub struct Replay {
    /// A GPX file; without times one point a second is assumed
    pub file: PathBuf,
    /// Where the server is
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// A worker's access token: reports go to /api/v1/positions
    #[arg(long, required_unless_present = "device_token")]
    pub token: Option<String>,
    /// A device's token: reports go to /ingest/osmand, one by one
    #[arg(long, conflicts_with = "token")]
    pub device_token: Option<String>,
    /// How many times faster than recorded; 0 is at once
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// When the track begins, by the phone's clock (RFC 3339). Then times keep their distances; otherwise each point
    /// has the time at which it is sent, or with --speed 0 the track ends now
    #[arg(long)]
    pub start: Option<DateTime<Utc>>,
}

/// What became of the points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub sent: u64,
    pub accepted: u64,
    pub duplicates: u64,
    pub rejected: u64,
}

pub async fn run(replay: Replay) -> anyhow::Result<Summary> {
    let text = std::fs::read_to_string(&replay.file).with_context(|| replay.file.display().to_string())?;
    anyhow::ensure!(replay.speed >= 0.0 && replay.speed.is_finite(), "--speed must be 0 or more");
    let steps = steps(&gpx::read(&text)?);
    let phone = Phone { http: reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?, replay };
    phone.play(&steps).await
}

/// A fix with what a phone would know about its motion.
struct Step {
    after: TimeDelta,
    fix: Fix,
    speed_mps: f64,
    heading_deg: f64,
}

fn steps(fixes: &[Fix]) -> Vec<Step> {
    let start = fixes.iter().find_map(|fix| fix.at);
    let mut after = TimeDelta::zero();
    let mut steps: Vec<Step> = Vec::with_capacity(fixes.len());
    for (index, fix) in fixes.iter().enumerate() {
        let recorded = start.zip(fix.at).map(|(start, at)| at - start);
        let assumed = if index == 0 { TimeDelta::zero() } else { after + TimeDelta::seconds(DEFAULT_STEP_S) };
        after = recorded.unwrap_or(assumed);
        let (speed_mps, heading_deg) = steps.last().map_or((0.0, 0.0), |before| {
            let seconds = (after - before.after).as_seconds_f64();
            let distance_m = before.fix.place.distance_m(&fix.place);
            (if seconds > 0.0 { distance_m / seconds } else { 0.0 }, heading(before, fix))
        });
        steps.push(Step { after, fix: fix.clone(), speed_mps, heading_deg });
    }
    steps
}

/// Initial great-circle bearing, `[0, 360)`.
fn heading(before: &Step, fix: &Fix) -> f64 {
    let (a, b) = (before.fix.place, fix.place);
    let (lat1, lat2, across) = (a.lat.to_radians(), b.lat.to_radians(), (b.lng - a.lng).to_radians());
    let (y, x) = (across.sin() * lat2.cos(), lat1.cos() * lat2.sin() - lat1.sin() * lat2.cos() * across.cos());
    y.atan2(x).to_degrees().rem_euclid(360.0)
}

struct Phone {
    http: reqwest::Client,
    replay: Replay,
}

impl Phone {
    async fn play(&self, steps: &[Step]) -> anyhow::Result<Summary> {
        let whole = steps.last().map_or(TimeDelta::zero(), |step| step.after);
        let now = Utc::now();
        let began = if self.replay.speed == 0.0 { now - whole } else { now };
        let clock = tokio::time::Instant::now();
        let mut summary = Summary::default();
        let mut next = 0;
        while next < steps.len() {
            tokio::time::sleep_until(clock + self.due(steps[next].after)).await;
            // Whatever has come due meanwhile goes along, like a buffer after a tunnel.
            let elapsed = clock.elapsed();
            let due = steps[next..].iter().take(MAX_BATCH).take_while(|step| self.due(step.after) <= elapsed);
            let batch = &steps[next..next + due.count().max(1)];
            self.send(batch, began, &mut summary).await?;
            next += batch.len();
        }
        Ok(summary)
    }

    fn due(&self, after: TimeDelta) -> Duration {
        let seconds = if self.replay.speed == 0.0 { 0.0 } else { after.as_seconds_f64() / self.replay.speed };
        Duration::from_secs_f64(seconds.max(0.0))
    }

    /// By the phone's clock.
    fn at(&self, step: &Step, began: DateTime<Utc>) -> DateTime<Utc> {
        match self.replay.start {
            Some(start) => start + step.after,
            None if self.replay.speed == 0.0 => began + step.after,
            None => began + TimeDelta::from_std(self.due(step.after)).unwrap_or_default(),
        }
    }

    async fn send(&self, batch: &[Step], began: DateTime<Utc>, summary: &mut Summary) -> anyhow::Result<()> {
        summary.sent += batch.len() as u64;
        if let Some(token) = &self.replay.device_token {
            for step in batch {
                self.insist(|| self.osmand(token, step, began)).await?;
                summary.accepted += 1;
            }
            return Ok(());
        }
        let points: Vec<Value> = batch.iter().map(|step| self.point(step, began)).collect();
        let body = json!({"data": {"type": "positionBatch", "attributes": {"sentAt": Utc::now(), "points": points}}});
        let url = format!("{}/api/v1/positions", self.replay.url.trim_end_matches('/'));
        let token = self.replay.token.as_deref().unwrap_or_default();
        let answer = self.insist(|| self.http.post(&url).bearer_auth(token).json(&body)).await?;
        let attributes = &answer["data"]["attributes"];
        summary.accepted += attributes["accepted"].as_u64().unwrap_or(0);
        summary.duplicates += attributes["duplicates"].as_u64().unwrap_or(0);
        summary.rejected += attributes["rejected"].as_array().map_or(0, Vec::len) as u64;
        Ok(())
    }

    fn point(&self, step: &Step, began: DateTime<Utc>) -> Value {
        json!({
            "id": Uuid::now_v7(),
            "at": self.at(step, began).to_rfc3339_opts(SecondsFormat::Micros, true),
            "lat": step.fix.place.lat,
            "lng": step.fix.place.lng,
            "accuracyM": 5,
            "speedMps": step.speed_mps,
            "headingDeg": step.heading_deg,
            "altitudeM": step.fix.altitude_m,
            "source": "replay",
        })
    }

    fn osmand(&self, token: &str, step: &Step, began: DateTime<Utc>) -> RequestBuilder {
        let mut query = vec![
            ("id", token.to_owned()),
            ("lat", step.fix.place.lat.to_string()),
            ("lon", step.fix.place.lng.to_string()),
            ("timestamp", self.at(step, began).timestamp_millis().to_string()),
            ("speed", (step.speed_mps / MPS_PER_KNOT).to_string()),
            ("bearing", step.heading_deg.to_string()),
            ("accuracy", "5".to_owned()),
        ];
        query.extend(step.fix.altitude_m.map(|altitude_m| ("altitude", altitude_m.to_string())));
        self.http.get(format!("{}/ingest/osmand", self.replay.url.trim_end_matches('/'))).query(&query)
    }

    /// A phone keeps what was not acknowledged and tries again; only a refusal of its identity ends it.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> anyhow::Result<Value> {
        let mut wait = Duration::from_millis(250);
        let mut last = String::new();
        for _ in 0..TRIES {
            match request().send().await {
                Ok(answer) if answer.status().is_success() => {
                    let text = answer.text().await?;
                    return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
                }
                Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS || answer.status().is_server_error() => {
                    last = answer.status().to_string();
                }
                Ok(answer) => anyhow::bail!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        anyhow::bail!("given up: {last}")
    }
}

#[cfg(test)]
mod tests {
    use muster_domain::Place;

    use super::*;

    fn fix(lat: f64, lng: f64, s: Option<i64>) -> Fix {
        let at = s.map(|s| DateTime::from_timestamp(1_790_000_000 + s, 0).expect("in range"));
        Fix { place: Place { lat, lng }, altitude_m: None, at }
    }

    #[test]
    fn motion_follows_from_the_fixes_and_missing_times_are_seconds() {
        let timed = steps(&[fix(47.0, 9.0, Some(100)), fix(47.001, 9.0, Some(110)), fix(47.001, 9.001, None)]);
        let seen: Vec<_> = timed.iter().map(|step| (step.after.num_seconds(), step.heading_deg.round())).collect();
        assert_eq!(seen, [(0, 0.0), (10, 0.0), (11, 90.0)]);
        assert!((timed[1].speed_mps - 11.12).abs() < 0.01, "{}", timed[1].speed_mps);
        let untimed = steps(&[fix(47.0, 9.0, None), fix(47.0, 9.0, None), fix(47.0, 9.0, None)]);
        assert_eq!(untimed.iter().map(|step| step.after.num_seconds()).collect::<Vec<_>>(), [0, 1, 2]);
    }
}

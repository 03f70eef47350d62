//! What goes over the generator's sockets, as bytes: WebSocket handshakes and frames, Redis commands, one position as
//! Muster takes it and as every peer passes it on. Frames that come in are not parsed but searched, which costs less.

use std::io::Write;

use chrono::{DateTime, Utc};
use memchr::memmem::Finder;

/// Every update that somebody sees carries this once, with the instant it was meant to be sent at.
pub const MARK: &[u8] = br#""at":""#;
/// `2026-11-23T07:40:00.123Z`.
const TIME_BYTES: usize = 24;

pub fn handshake(path: &str, token: Option<&str>) -> Vec<u8> {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{bearer}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// Adds a frame as a client sends it. Its mask is zero: the server has to apply it all the same.
pub fn masked(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    out.push(first);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

pub const TEXT: u8 = 0x81;
pub const PONG: u8 = 0x8a;

pub fn redis(out: &mut Vec<u8>, words: &[&[u8]]) {
    let _ = write!(out, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(out, "${}\r\n", word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Milliseconds of an instant as JSON has it; the date is written once a second at most.
#[derive(Default)]
pub struct Clock {
    second: i64,
    text: String,
}

impl Clock {
    pub fn text(&mut self, at_ms: i64) -> String {
        let second = at_ms.div_euclid(1_000);
        if self.second != second {
            let at = DateTime::<Utc>::from_timestamp(second, 0).unwrap_or_default();
            (self.second, self.text) = (second, at.format("%Y-%m-%dT%H:%M:%S").to_string());
        }
        format!("{}.{:03}Z", self.text, at_ms.rem_euclid(1_000))
    }
}

pub fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// Where somebody is who drives north at 11 m/s and begins anew after a quarter of an hour: a position that jumps is
/// taken for noise.
pub fn north_of(lat: f64, at_ms: i64) -> f64 {
    lat + at_ms.rem_euclid(900_000) as f64 * 1e-7
}

/// A phone's point.
pub fn point(at: &str, lat: f64, lng: f64) -> String {
    format!(
        r#"{{"at":"{at}","lat":{lat:.6},"lng":{lng:.6},"accuracyM":8,"speedMps":11.1,"headingDeg":0,"batteryPct":80}}"#
    )
}

/// The same as Muster shows it to a dispatcher: what peers pass on, so that all move the same bytes.
pub fn shown(worker: usize, at: &str, lat: f64, lng: f64) -> String {
    format!(
        r#"{{"id":"00000000-0000-7000-8000-{worker:012}","lat":{lat:.6},"lng":{lng:.6},"headingDeg":0.0,"speedMps":11.1,"accuracyM":8.0,"batteryPct":80.0,"at":"{at}","presence":"online","onShift":true,"visitStatus":null}}"#
    )
}

/// Finds updates in a stream of bytes, also those that two reads cut in half.
pub struct Search {
    mark: Finder<'static>,
}

impl Default for Search {
    fn default() -> Self {
        Self { mark: Finder::new(MARK) }
    }
}

impl Search {
    /// Calls `seen` with the time in each update; what may be the beginning of another stays in `rest`.
    pub fn updates(&self, rest: &mut Vec<u8>, fresh: &[u8], mut seen: impl FnMut(&[u8])) {
        let joined;
        let bytes = if rest.is_empty() {
            fresh
        } else {
            joined = [rest.as_slice(), fresh].concat();
            joined.as_slice()
        };
        let mut from = 0;
        for found in self.mark.find_iter(bytes) {
            let time = found + MARK.len();
            if time + TIME_BYTES > bytes.len() {
                break;
            }
            seen(&bytes[time..time + TIME_BYTES]);
            from = time + TIME_BYTES;
        }
        let keep = from.max(bytes.len().saturating_sub(MARK.len() + TIME_BYTES - 1));
        let kept = bytes[keep..].to_vec();
        rest.clear();
        rest.extend_from_slice(&kept);
    }
}

/// Milliseconds of the day that such a time names.
pub fn ms_of_day(time: &[u8]) -> i64 {
    let two = |at: usize| i64::from(time[at] - b'0') * 10 + i64::from(time[at + 1] - b'0');
    ((two(11) * 60 + two(14)) * 60 + two(17)) * 1_000 + i64::from(time[20] - b'0') * 100 + two(21)
}

/// How long ago that was.
pub fn age_ms(time: &[u8], now_ms: i64) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    (now_ms.rem_euclid(DAY_MS) - ms_of_day(time) + DAY_MS / 2).rem_euclid(DAY_MS) - DAY_MS / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_found_wherever_it_is_cut() {
        let mut clock = Clock::default();
        let text = format!("x{}y{}", shown(1, &clock.text(1_000), 1.0, 2.0), shown(2, &clock.text(2_500), 1.0, 2.0));
        for cut in 0..text.len() {
            let (search, mut rest, mut ages) = (Search::default(), Vec::new(), Vec::new());
            for part in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
                search.updates(&mut rest, part, |time| ages.push(age_ms(time, 3_000)));
            }
            assert_eq!(ages, [2_000, 500], "cut at {cut}");
        }
    }
}

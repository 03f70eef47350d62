//! What phones mean by their numbers: speeds, charges, headings and times, each in its own convention.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};

use crate::store::work::to_micros;

const MPS_PER_KNOT: f64 = 1_852.0 / 3_600.0;
const MPS_PER_KMH: f64 = 1.0 / 3.6;
/// Epoch numbers above this are milliseconds (as seconds it is the year 5138).
const FIRST_MILLIS: f64 = 1e11;

/// Negative means unknown, in every convention.
fn known(value: Option<f64>) -> Option<f64> {
    value.filter(|value| *value >= 0.0 && *value < f64::from(f32::MAX))
}

/// Nobody who works is faster than a plane: such a figure says nothing.
const MAX_MPS: f64 = 350.0;
/// Beyond the earth's girth no accuracy means anything more.
const WORST_ACCURACY_M: f64 = 4e7;

pub fn mps(value: Option<f64>) -> Option<f32> {
    known(value).filter(|mps| *mps <= MAX_MPS).map(|value| value as f32)
}

pub fn mps_from_knots(value: Option<f64>) -> Option<f32> {
    mps(known(value).map(|knots| knots * MPS_PER_KNOT))
}

pub fn mps_from_kmh(value: Option<f64>) -> Option<f32> {
    mps(known(value).map(|kmh| kmh * MPS_PER_KMH))
}

pub fn metres(value: Option<f64>) -> Option<f32> {
    known(value).map(|value| value as f32)
}

/// No receiver is perfect: apps that know no accuracy write 0.
pub fn accuracy_m(value: Option<f64>) -> Option<f32> {
    // A fix that says it may be anywhere is to be believed in that.
    metres(value.map(|value| value.min(WORST_ACCURACY_M))).filter(|accuracy_m| *accuracy_m > 0.0)
}

/// Below the sea is a place too.
pub fn altitude_m(value: Option<f64>) -> Option<f32> {
    value.filter(|value| value.abs() < f64::from(f32::MAX)).map(|value| value as f32)
}

pub fn heading_deg(value: Option<f64>) -> Option<f32> {
    known(value).map(|value| (value % 360.0) as f32)
}

pub fn battery_pct(value: Option<f64>) -> Option<f32> {
    known(value).filter(|pct| *pct <= 100.0).map(|value| value as f32)
}

/// Of apps that report 0 to 1.
pub fn battery_pct_from_level(value: Option<f64>) -> Option<f32> {
    known(value).filter(|level| *level <= 1.0).map(|level| (level * 100.0) as f32)
}

/// Seconds or milliseconds since 1970.
pub fn from_epoch(value: f64) -> Option<DateTime<Utc>> {
    let seconds = if value.abs() >= FIRST_MILLIS { value / 1_000.0 } else { value };
    let micros = (seconds * 1e6).round();
    let at = (micros.abs() < 1e18).then(|| DateTime::from_timestamp_micros(micros as i64)).flatten();
    at.and_then(plausible)
}

/// Epoch seconds or milliseconds, RFC 3339, or `YYYY-MM-DD HH:MM:SS` in UTC, with `T` for the space, fractions and an
/// offset without colon as some have it.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    // A plus in a query that was not escaped has become a space.
    let mended = (text.contains('T') && text.contains(' ')).then(|| text.replacen(' ', "+", 1));
    let text = mended.as_deref().unwrap_or(text);
    if let Ok(number) = text.parse::<f64>() {
        return from_epoch(number);
    }
    let with_offset = || DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%FT%T%.f%z"));
    if let Ok(at) = with_offset() {
        return plausible(at.to_utc());
    }
    let wall =
        NaiveDateTime::parse_from_str(text, "%F %T%.f").or_else(|_| NaiveDateTime::parse_from_str(text, "%FT%T%.f"));
    wall.ok().and_then(|wall| plausible(wall.and_utc()))
}

/// Phones without a clock say 1970 or earlier; beyond 2200 nobody will look.
pub fn plausible(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (1971..=2200).contains(&at.year()).then(|| to_micros(at))
}

/// Short words such as a source: without control characters, cut where the store would not take them.
pub fn word(text: Option<&str>) -> Option<String> {
    const MAX_CHARS: usize = 40;
    let clean: String = text?.trim().chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_an_instant_is_the_same_instant() {
        let expected = time("2016-01-27T18:55:47Z").expect("RFC 3339");
        let same = [
            "1453920947",
            "1453920947000",
            "1453920947.0",
            "2016-01-27 18:55:47",
            "2016-01-27T18:55:47",
            "2016-01-27T18:55:47.000Z",
            "2016-01-27T19:55:47+01:00",
            "2016-01-27T11:55:47-0700",
            "2016-01-27T19:55:47 01:00",
            "2016-01-27T20:55:47.000 0200",
        ];
        for text in same {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        for text in ["", "soon", "0", "-5", "1e300", "NaN", "2016-13-01 00:00:00", "9999999999999999"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn units_are_converted_and_minus_one_is_unknown() {
        assert_eq!(mps_from_kmh(Some(61.0)).map(|mps| (mps * 100.0).round()), Some(1_694.0));
        assert_eq!(mps_from_knots(Some(40.0)).map(|mps| (mps * 100.0).round()), Some(2_058.0));
        assert_eq!((mps(Some(-1.0)), heading_deg(Some(-1.0)), battery_pct(Some(-1.0))), (None, None, None));
        assert_eq!((heading_deg(Some(360.0)), heading_deg(Some(271.0))), (Some(0.0), Some(271.0)));
        assert_eq!((battery_pct(Some(87.0)), battery_pct_from_level(Some(1.0))), (Some(87.0), Some(100.0)));
        assert_eq!((altitude_m(Some(-3.5)), metres(Some(f64::NAN))), (Some(-3.5), None));
        assert_eq!((accuracy_m(Some(0.0)), accuracy_m(Some(-1.0)), accuracy_m(Some(0.5))), (None, None, Some(0.5)));
        assert_eq!(
            (mps(Some(9_005.0)), accuracy_m(Some(1e300))),
            (None, Some(4e7)),
            "what nobody can be, and anywhere"
        );
    }
}

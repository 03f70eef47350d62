//! Values of JSON as foreign apps write them: numbers as text, flags as numbers, anything at all in a field. What
//! cannot be understood is unknown, never an error; the pieces of a batch stay apart.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::ingest::{MAX_POINTS, Understood};

pub fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

pub fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(text) => word_flag(text),
        _ => None,
    }
}

pub fn word_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// Is it an object or an array, rather than a form?
pub fn is_json(body: &[u8]) -> bool {
    matches!(first(body), Some(b'{' | b'['))
}

pub fn is_array(body: &[u8]) -> bool {
    first(body) == Some(b'[')
}

fn first(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// The elements of an array, or the one object, as text: each is read by itself, so that none sinks the others.
pub fn pieces(body: &[u8]) -> Result<Vec<&RawValue>, Understood> {
    if !is_array(body) {
        let one: &RawValue = serde_json::from_slice(body).map_err(|_| Understood::Unreadable)?;
        return Ok(vec![one]);
    }
    let Pieces { taken, left_out } = serde_json::from_slice(body).map_err(|_| Understood::Unreadable)?;
    if left_out { Err(Understood::TooMany) } else { Ok(taken) }
}

/// A longer piece is no position, and would take a hundred times its length of memory.
const MAX_PIECE_BYTES: usize = 16 * 1024;

/// One piece, understood.
pub fn value(piece: &RawValue) -> Option<Value> {
    let text = piece.get();
    if text.len() > MAX_PIECE_BYTES { None } else { serde_json::from_str(text).ok() }
}

/// The elements of an array, no more of them than are taken at once.
struct Pieces<'a> {
    taken: Vec<&'a RawValue>,
    left_out: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Pieces<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Several)
    }
}

struct Several;

impl<'de> Visitor<'de> for Several {
    type Value = Pieces<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut taken = Vec::new();
        while taken.len() < MAX_POINTS {
            let Some(element) = elements.next_element::<&RawValue>()? else {
                return Ok(Pieces { taken, left_out: false });
            };
            taken.push(element);
        }
        let mut left_out = false;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            left_out = true;
        }
        Ok(Pieces { taken, left_out })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_flags_come_in_every_dress() {
        for value in [json!(7), json!(7.0), json!("7"), json!(" 7.0 ")] {
            assert_eq!(number(Some(&value)), Some(7.0), "{value}");
        }
        for value in [json!(true), json!(1), json!("1"), json!("Yes"), json!("true")] {
            assert_eq!(flag(Some(&value)), Some(true), "{value}");
        }
        for value in [json!(null), json!([7]), json!({}), json!("seven")] {
            assert_eq!((number(Some(&value)), flag(Some(&value))), (None, None), "{value}");
        }
    }

    #[test]
    fn a_batch_is_split_and_too_large_a_one_is_told_apart() {
        let texts = |body: &str| -> Option<Vec<String>> {
            pieces(body.as_bytes()).ok().map(|pieces| pieces.iter().map(|piece| piece.get().to_owned()).collect())
        };
        assert_eq!(texts(r#" {"a": 1} "#), Some(vec![r#"{"a": 1}"#.to_owned()]));
        assert_eq!(texts(r#"[1, {"a": [2]}]"#), Some(vec!["1".to_owned(), r#"{"a": [2]}"#.to_owned()]));
        assert_eq!((texts("[1,"), texts("")), (None, None));
        let many = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(pieces(many(MAX_POINTS).as_bytes()).map(|pieces| pieces.len()).ok(), Some(MAX_POINTS));
        assert!(matches!(pieces(many(MAX_POINTS + 1).as_bytes()), Err(Understood::TooMany)));
    }
}

//! What was measured, as a table for people and as JSON for machines.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::machine;

#[derive(Default)]
pub struct Table {
    rows: Vec<Value>,
}

impl Table {
    /// One line: which benchmark, who was measured under which load, and the figures.
    pub fn put(&mut self, bench: &str, who: &str, load: &str, figures: &[(&str, f64)]) {
        let told: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {}", short(*value))).collect();
        println!("{bench:3} {who:14} {load:34} {}", told.join("  "));
        let figures: Map<String, Value> =
            figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.rows.push(json!({ "bench": bench, "who": who, "load": load, "figures": figures,
            "loadAverage": machine::load_average() }));
    }

    pub fn write(&self, path: &Path, commit: &str) -> Result<()> {
        let at = chrono::Utc::now().to_rfc3339();
        let all = json!({ "at": at, "commit": commit, "machine": cpu_model(), "rows": self.rows });
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
        Ok(())
    }
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} × {}", model.map_or("unknown", |(_, name)| name))
}

fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        huge if huge >= 10_000.0 => format!("{:.1}k", value / 1_000.0),
        large if large >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

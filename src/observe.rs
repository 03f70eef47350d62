//! How the server tells of itself: JSON lines on standard output, and metrics for Prometheus.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Every metric: name, kind and meaning, from which the reference page is written.
pub const REFERENCE: &[(&str, &str, &str)] = &[
    ("muster_account_lock_hold_seconds", "histogram", "How long a transaction held its account's row, by lane."),
    ("muster_board_batch_commands", "histogram", "Commands decided and committed together."),
    ("muster_board_catch_ups_total", "counter", "Times a board read what others wrote."),
    ("muster_boards", "gauge", "Boards in memory."),
    ("muster_commit_failures_total", "counter", "Batches that were not committed, by reason."),
    ("muster_commit_seconds", "histogram", "From decision to durable, for a batch."),
    ("muster_divergences_total", "counter", "Decisions that a constraint refused: always an alarm."),
    ("muster_http_request_seconds", "histogram", "Time to answer, by route."),
    ("muster_http_requests_total", "counter", "Requests by method, route and status."),
    ("muster_queue_depth", "gauge", "What waits in a queue."),
    ("muster_queue_refusals_total", "counter", "What a full queue refused."),
];

/// Called once; a second call (tests with several servers) changes nothing.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init()
        .ok();
    if METRICS.get().is_none() {
        let builder = PrometheusBuilder::new().set_buckets(SECONDS).expect("the list is not empty");
        if let Ok(handle) = builder.install_recorder() {
            METRICS.set(handle).ok();
        }
    }
}

/// The metrics as Prometheus reads them.
pub fn metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

//! How the server tells of itself: a log in JSON lines, and metrics for Prometheus.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// From a clock as good as right to one on another day.
const SKEW_SECONDS: &[f64] = &[0.0, 2.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 7_200.0, 43_200.0, 86_400.0];

/// Every metric: name, kind and meaning, from which the reference page is written.
pub const REFERENCE: &[(&str, &str, &str)] = &[
    ("muster_account_lock_hold_seconds", "histogram", "How long a transaction held its account's row, by lane."),
    (
        "muster_arrivals_lost_total",
        "counter",
        "Arrivals seen by a geofence that no board could decide on: always an alarm.",
    ),
    ("muster_arrivals_retried_total", "counter", "Times an arrival waited because its board could not be asked."),
    ("muster_board_batch_commands", "histogram", "Commands decided and committed together."),
    ("muster_board_catch_ups_total", "counter", "Times a board read what others wrote."),
    ("muster_boards", "gauge", "Boards in memory."),
    (
        "muster_clock_skew_seconds",
        "histogram",
        "By how much the clocks of phones are off, of those that say when they send.",
    ),
    ("muster_commit_failures_total", "counter", "Batches that were not committed, by reason."),
    ("muster_commit_seconds", "histogram", "From decision to durable, for a batch."),
    (
        "muster_database_failures_total",
        "counter",
        "What the database did not do, by cause: unreachable, full, read_only.",
    ),
    ("muster_divergences_total", "counter", "Decisions that a constraint refused: always an alarm."),
    ("muster_feed_gaps_filled_total", "counter", "Gaps in a feed that were read from the table."),
    ("muster_feed_poll_failures_total", "counter", "Looks at other servers' commits that failed."),
    ("muster_feed_replays_dropped_total", "counter", "Resumes that were told to load afresh because too many waited."),
    ("muster_feed_untold_total", "counter", "Commits that a full feed finds out by itself."),
    ("muster_fence_crossings_total", "counter", "Workers who arrived at, left or passed a property, by kind."),
    ("muster_http_request_seconds", "histogram", "Time to answer, by route."),
    ("muster_http_requests_total", "counter", "Requests by method, route and status."),
    (
        "muster_hub_expel_refused_total",
        "counter",
        "Hubs too full to be told of an ended session; the next check tells them.",
    ),
    ("muster_hub_marks_skipped_total", "counter", "Position updates that a full hub skipped."),
    (
        "muster_ingest_points_total",
        "counter",
        "Points from phones that were taken, by protocol: accepted or duplicate.",
    ),
    (
        "muster_ingest_rejected_total",
        "counter",
        "Points from phones that were refused, by protocol and code; UNREADABLE is a request without any.",
    ),
    ("muster_positions_refused_total", "counter", "Positions not taken, by the code the phone was told."),
    ("muster_positions_total", "counter", "Positions taken, by what was thought of them when they came (none: true)."),
    ("muster_queue_depth", "gauge", "What waits in a queue."),
    ("muster_queue_refusals_total", "counter", "What a full queue refused."),
    ("muster_radar_refused_total", "counter", "Movements that a full radar did not take; newer ones follow."),
    (
        "muster_refresh_tokens_reused_total",
        "counter",
        "Used refresh tokens that came again: somebody may have stolen one.",
    ),
    ("muster_stream_bytes_total", "counter", "Bytes of frames sent to sockets."),
    ("muster_stream_closed_total", "counter", "Sockets closed by the server, by reason."),
    (
        "muster_stream_conflated_total",
        "counter",
        "Positions that were replaced by newer ones before anybody on their thread was told.",
    ),
    ("muster_stream_frames_total", "counter", "Frames sent to sockets."),
    ("muster_stream_slow_closed_total", "counter", "Sockets closed because they did not read."),
    ("muster_stream_sockets", "gauge", "Open sockets."),
    (
        "muster_stream_ticks_skipped_total",
        "counter",
        "Ticks for which a socket was passed over because it had not taken what came before; it gets the newest later.",
    ),
    (
        "muster_stream_waiting_bytes",
        "gauge",
        "Bytes that wait for sockets which do not take them, as of the last second.",
    ),
    ("muster_track_flush_failures_total", "counter", "Batches of positions that could not be stored."),
    ("muster_track_flush_seconds", "histogram", "Time to store a batch of positions."),
    ("muster_track_rows_total", "counter", "Positions stored."),
];

/// The reference page.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n`GET /metrics`, in the format of Prometheus.\n\n| metric | kind | meaning |\n|---|---|---|\n",
    );
    for (name, kind, meaning) in REFERENCE {
        page.push_str(&format!("| `{name}` | {kind} | {meaning} |\n"));
    }
    page
}

/// Called once; a second call (tests with several servers) changes nothing.
pub fn start(filter: &str, writer: BoxMakeWriter) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .try_init()
        .ok();
    if METRICS.get().is_none() {
        let builder = PrometheusBuilder::new().set_buckets(SECONDS).expect("the list is not empty");
        let skew = Matcher::Full("muster_clock_skew_seconds".to_owned());
        let builder = builder.set_buckets_for_metric(skew, SKEW_SECONDS).expect("the list is not empty");
        if let Ok(handle) = builder.install_recorder() {
            METRICS.set(handle).ok();
        }
    }
}

/// The metrics as Prometheus reads them.
pub fn metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every quoted name with our prefix in the sources that is followed by a use as a metric.
    fn used(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                used(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                for call in ["counter!(", "gauge!(", "histogram!("] {
                    for rest in text.split(call).skip(1) {
                        let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                        found.extend(name.filter(|name| name.starts_with("muster_")).map(str::to_owned));
                    }
                }
            }
        }
    }

    #[test]
    fn every_metric_is_in_the_reference_and_nothing_else() {
        let mut found = BTreeSet::new();
        used(Path::new("src"), &mut found);
        used(Path::new("actors/src"), &mut found);
        let named: BTreeSet<String> = REFERENCE.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(found, named);
    }
}

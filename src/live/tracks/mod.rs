//! Tracks: every point a phone reported, kept by day. Invariants: a point is acknowledged only after the flush that
//! holds it; (worker, time, point) is there once; the last position is never replaced by an older one.

mod log;
pub mod store;

pub use log::{MAX_WAITING_ROWS, TrackWriter};

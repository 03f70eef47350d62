//! Live positions: what a phone's points mean, in which order they count, and who is online. Time is an argument
//! everywhere; nothing here is stored or sent.

pub mod fence;
mod point;
mod presence;
mod track;

pub use point::{Point, Refusal, judge};
pub use presence::{Presence, Reason, Standing, shift_changes_at};
pub use track::{Accepted, TrackState};

//! Live positions: what a phone's points mean, in which order they count, and who is online. Time is an argument
//! everywhere; nothing here is stored or sent.

mod clock;
pub mod fence;
mod path;
mod point;
mod presence;
mod track;

pub use clock::PhoneClock;
pub use path::{Filtered, Use, filter};
pub use point::{LATE_AFTER, Point, Refusal, judge};
pub use presence::{Presence, Reason, Standing, Trouble, shift_changes_at};
pub use track::{Accepted, TrackState};

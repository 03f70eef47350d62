//! What is allowed to happen in a field-service business, and what follows from it.
//! Pure: no clock, no randomness, no I/O, no async. Time and identity come in as arguments (`Moment`).

pub mod customers;
pub mod dispatch;
pub mod identity;
pub mod ids;
pub mod journal;
pub mod live;
pub mod moment;
pub mod place;
pub mod window;
pub mod work;

pub use moment::{By, Moment};
pub use place::Place;
pub use window::TimeWindow;

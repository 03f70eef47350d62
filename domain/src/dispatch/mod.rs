//! Who does what, when: visits, the roster, working hours, and the board that keeps them free of conflict.

pub mod board;
mod hours;
mod visit;
mod worker;

pub use hours::{Shift, WorkingHours, parse_weekday};
pub use visit::{Forced, ProposedArrival, Step, Visit, VisitStatus, next_status};
pub use worker::{TimeOff, Worker};

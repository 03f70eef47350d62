//! The account's live schedule: `decide` says what follows from a command, `evolve` makes it so. Neither reads a clock,
//! waits, or stores anything; the same facts in the same order give the same board.

mod arrivals;
mod command;
mod decide;
mod evolve;
mod fit;
mod groups;
mod jobs;
mod rejection;
mod roster;
mod snapshot;
mod state;

pub use arrivals::{BY_FENCE, SeenArrival};
pub use command::{Command, Known, Needs, NewJob, NewVisit, Site};
pub use decide::{Decision, Touched};
pub use rejection::{Complaint, Rejection, Why};
pub use snapshot::BoardSnapshot;
pub use state::{Board, KEEPS_CLOSED, Overlap};

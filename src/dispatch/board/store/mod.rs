//! The board's only SQL: facts to rows, rows to visits and jobs, and what a board loads.

pub mod load;
mod read;
mod write;

pub use read::{Which, job_from, read_jobs, read_visits, visit_from};
pub use write::{Written, write};

//! The live schedule from outside: the board's rows, and the commands on visits.

pub mod board;
pub mod refusals;
pub mod visits;

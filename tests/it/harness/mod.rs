//! What the tests stand on.

pub mod app;
pub mod business;
pub mod cluster;
pub mod cuts;
pub mod office;
pub mod person;
pub mod process;
pub mod raw;
pub mod socket;
pub mod spy;

//! Work: what was agreed to be done, carried out in visits.

pub mod jobs;

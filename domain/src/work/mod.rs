//! Jobs: what was agreed to be done for a client, carried out in visits.

mod job;

pub use job::{Job, JobEnd, JobPatch, JobRecord, JobStatus, Standing, derive_status};

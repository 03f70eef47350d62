//! Live positions from outside: what phones send, where it is kept, and who may read it.

pub mod devices;
pub mod positions;
pub mod tracks;

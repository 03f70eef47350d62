//! What moves: positions from outside, where they are kept, who may read them; and the stream on which everything live
//! is told.

pub mod devices;
pub mod positions;
pub mod stream;
pub mod tracks;

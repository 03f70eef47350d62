//! Jobs: what was agreed to be done for a client. Creating, ending and opening one is the board's; its words, skills and
//! urgency are a record, whose change reaches its open visits in the same transaction.

mod store;
mod visits;

pub use visits::follow_property;

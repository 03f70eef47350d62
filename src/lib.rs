//! Muster: the back office of a field-service business and its live dispatch floor, in one process.

pub mod dispatch;
pub mod http;
pub mod store;

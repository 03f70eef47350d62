//! Muster: the back office of a field-service business and its live dispatch floor, in one process.

pub mod boot;
pub mod cli;
pub mod console;
pub mod dispatch;
pub mod health;
pub mod http;
pub mod observe;
pub mod settings;
pub mod store;

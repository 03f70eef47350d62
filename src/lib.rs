//! Muster: the back office of a field-service business and its live dispatch floor, in one process.

pub mod basemap;
pub mod boot;
pub mod cli;
pub mod console;
pub mod customers;
pub mod demo;
pub mod dispatch;
pub mod ground;
pub mod health;
pub mod http;
pub mod identity;
pub mod live;
pub mod observe;
pub mod openapi;
pub mod settings;
pub mod store;
pub mod work;

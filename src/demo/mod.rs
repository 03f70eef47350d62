//! The demonstration: a generated city, a business in it, and simulated workers. It uses the server only as anybody
//! else could, through the public API.

pub mod chance;
pub mod city;
pub mod client;
pub mod day;
pub mod drive;
pub mod duty;
pub mod history;
pub mod people;
pub mod seed;
pub mod worker;

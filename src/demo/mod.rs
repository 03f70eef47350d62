//! The demonstration: a generated city, a business in it, and simulated workers. It uses the server only as anybody
//! else could, through the public API; `remote` alone is of the server: the routes by which the console steers it.

pub mod book;
pub mod chance;
pub mod city;
pub mod client;
pub mod crew;
pub mod day;
pub mod drive;
pub mod duty;
pub mod history;
pub mod incidents;
pub mod people;
pub mod phone;
pub mod remote;
pub mod seed;
pub mod worker;

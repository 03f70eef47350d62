//! The live core's shells: one message at a time, then commit, then tell. Rules are in the domain, the outside behind
//! `ports`.

pub mod board;
pub mod directory;
pub mod feed;
pub mod fences;
pub mod hub;
pub mod live;
pub mod ports;
pub mod radar;
pub mod roster;
pub mod tracker;

#[cfg(test)]
mod sample;

//! The tests that call the server as anybody else would: one binary, one throw-away PostgreSQL.

mod accounts;
mod auth;
mod boards;
mod clients;
mod crash;
mod demo;
mod devices;
mod embedded;
mod events;
mod faults;
mod harness;
mod histories;
mod jobs;
mod journal;
mod openapi;
mod pool;
mod positions;
mod properties;
mod readme;
mod reference;
mod stream;
mod tenancy;
mod tracks;
mod users;
mod visits;
mod workers;

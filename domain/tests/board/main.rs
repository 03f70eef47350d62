//! The rules of the board, asked from outside: tables in words, every short history, long random ones, stored JSON.

mod arrivals;
mod golden;
mod histories;
mod jobs;
mod language;
mod laws;
mod memory;
mod progress;
mod properties;
mod roster;
mod staffing;

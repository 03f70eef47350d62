//! Muster as a library: the rooms of the server, wired together by the binary.

pub mod store;

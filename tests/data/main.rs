//! Tests that read recorded data of other systems, too large for this repository. They run by
//! `make test-data`, which says where the data is; without it they fail.

#[path = "../it/harness/mod.rs"]
#[allow(dead_code, reason = "the other binary uses the rest")]
mod harness;
mod noise;
mod phones;
mod recordings;
mod tiles;

use std::path::PathBuf;
use std::{env, fs};

/// Where a file of the test data is.
fn path(name: &str) -> PathBuf {
    let root = env::var_os("MUSTER_TEST_DATA").map(PathBuf::from);
    root.expect("MUSTER_TEST_DATA names the folder of the test data; run make test-data").join(name)
}

/// A file of the test data, as text.
fn read(name: &str) -> String {
    let file = path(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

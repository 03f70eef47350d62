//! Tests that read recorded data of other systems, too large for this repository. They run by
//! `make test-data`, which says where the data is; without it they fail.

mod recordings;

use std::path::PathBuf;
use std::{env, fs};

/// A file of the test data, as text.
fn read(path: &str) -> String {
    let root = env::var_os("MUSTER_TEST_DATA").map(PathBuf::from);
    let root = root.expect("MUSTER_TEST_DATA names the folder of the test data; run make test-data");
    let file = root.join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

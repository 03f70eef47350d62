//! Looks at a private cluster without making, starting or changing anything: for `muster doctor`.

use std::path::{Path, PathBuf};

use super::pidfile::PidFile;
use super::place::{barrier, socket_dir, version};
use super::{EmbeddedError, find, process, url};

/// What is there of a private cluster.
#[derive(Debug)]
pub struct Look {
    pub programs: PathBuf,
    /// The cluster has been made: the server has run here before.
    pub is_made: bool,
    running: Option<PathBuf>,
}

impl Look {
    /// Fails with what would keep the cluster from starting.
    pub fn at(root: &Path) -> Result<Self, EmbeddedError> {
        let data = root.join("pg");
        let there = root.ancestors().find(|dir| dir.exists()).unwrap_or(root);
        let there = there.canonicalize().unwrap_or_else(|_| there.to_owned());
        if let Some(ids) = process::unprivileged(&data)
            && let Some(barrier) = barrier(&there, ids)
        {
            return Err(EmbeddedError::Unreachable { barrier, uid: ids.uid });
        }
        let made = version(&data)?;
        let programs = find::programs(root, made)?;
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let data = root.join("pg");
        let alive = PidFile::read(&data).is_some_and(|file| file.is_alive(&data) && file.answers());
        Ok(Self { programs, is_made: made.is_some(), running: alive.then(|| socket_dir(&root)) })
    }

    /// Where the cluster can be reached as `role`; `None` while it does not run.
    pub fn url(&self, role: &str, database: &str) -> Option<String> {
        self.running.as_ref().map(|dir| url(dir, role, database))
    }
}

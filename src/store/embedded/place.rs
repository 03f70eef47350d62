//! The folders of a private cluster: who owns them, whether that user can reach them, the lock
//! that lets one server at a time make or start the cluster, and `initdb`.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::process::Ids;
use super::{EmbeddedError, Settings, find, process};

/// Longer socket paths do not fit into `sun_path` (104 bytes on macOS) with the file's name.
const LONGEST_SOCKET_DIR: usize = 85;
const LOCK_WAIT: Duration = Duration::from_secs(120);
const LONGEST_LOG: u64 = 8 << 20;

/// The cluster's superuser. Nothing but the bootstrap and the tests connects as it.
pub(super) const ADMIN: &str = "muster_admin";

#[derive(Debug)]
pub(super) struct Place {
    pub root: PathBuf,
    pub data: PathBuf,
    pub socket_dir: PathBuf,
    pub programs: PathBuf,
    pub ids: Option<Ids>,
    pub durable: bool,
    pub extra: Vec<(String, String)>,
}

/// Held while a cluster is made or started; the kernel lets go of it when the holder dies.
pub(super) struct Lock {
    _file: File,
}

impl Place {
    pub fn find(settings: &Settings) -> Result<Self, EmbeddedError> {
        let asked = &settings.root;
        if !asked.exists() {
            fs::create_dir_all(asked).map_err(at("create", asked))?;
        }
        let root = fs::canonicalize(asked).map_err(at("enter", asked))?;
        let data = root.join("pg");
        let ids = process::unprivileged(&data);
        if let Some(ids) = ids
            && let Some(barrier) = barrier(&root, ids)
        {
            return Err(EmbeddedError::Unreachable { barrier, uid: ids.uid });
        }
        let programs = find::programs(&root, version(&data)?)?;
        Ok(Self {
            socket_dir: socket_dir(&root),
            root,
            data,
            programs,
            ids,
            durable: settings.durable,
            extra: settings.extra.clone(),
        })
    }

    pub fn lock(&self) -> Result<Lock, EmbeddedError> {
        let path = self.root.join("pg.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(at("open", &path))?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::Error(source)) => return Err(at("lock", &path)(source)),
                Err(TryLockError::WouldBlock) if since.elapsed() > LOCK_WAIT => {
                    return Err(EmbeddedError::Busy { root: self.root.clone(), waited_s: LOCK_WAIT.as_secs() });
                }
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Makes the cluster if there is none, in a folder of its own that is renamed when whole: a
    /// killed `initdb` leaves nothing that looks like a cluster.
    pub fn init(&self, _held: &Lock) -> Result<(), EmbeddedError> {
        self.make_own(&self.socket_dir)?;
        if version(&self.data)?.is_some() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.root).map_err(at("read", &self.root))? {
            let path = entry.map_err(at("read", &self.root))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("pg.new-") {
                fs::remove_dir_all(&path).map_err(at("remove", &path))?;
            }
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let new = self.root.join(format!("pg.new-{}", since_epoch.as_nanos()));
        self.make_own(&new)?;
        tracing::info!(data = %self.data.display(), "making a PostgreSQL cluster");
        self.initdb(&new)?;
        fs::rename(&new, &self.data).map_err(at("rename into place", &new))?;
        if self.durable {
            let root = File::open(&self.root).map_err(at("open", &self.root))?;
            root.sync_all().map_err(at("sync", &self.root))?;
        }
        Ok(())
    }

    /// Order is bytes (`C`) everywhere, so that no upgrade of the system reorders an index; only
    /// what a letter is, and its upper case, comes from the locale, where there is a UTF-8 one.
    fn initdb(&self, new: &Path) -> Result<(), EmbeddedError> {
        let program = self.programs.join("initdb");
        let mut said = String::new();
        for letters in ["C.UTF-8", "en_US.UTF-8", "C"] {
            let mut command = process::command(&program, self.ids, new, self.durable);
            command.args(["-D", ".", "-U", ADMIN, "-A", "trust", "-E", "UTF8"]);
            command.args(["--locale=C", "--no-instructions"]);
            command.arg(format!("--lc-ctype={letters}"));
            if !self.durable {
                command.arg("--no-sync");
            }
            let output =
                command.output().map_err(|source| EmbeddedError::Spawn { program: program.clone(), source })?;
            if output.status.success() {
                return Ok(());
            }
            said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            if !said.contains("locale") {
                break;
            }
        }
        Err(EmbeddedError::Initdb(said))
    }

    pub fn log_path(&self) -> PathBuf {
        self.root.join("pg.log")
    }

    /// PostgreSQL's log, opened for appending, and where it ends now.
    pub fn log(&self) -> Result<(File, u64), EmbeddedError> {
        let path = self.log_path();
        let long = fs::metadata(&path).is_ok_and(|meta| meta.len() > LONGEST_LOG);
        if long {
            let older = self.root.join("pg.log.1");
            fs::rename(&path, &older).map_err(at("rename", &path))?;
        }
        let file = File::options().create(true).append(true).open(&path).map_err(at("open", &path))?;
        let end = file.metadata().map_err(at("read", &path))?.len();
        Ok((file, end))
    }

    /// A folder only PostgreSQL's user may enter. It may lie in the temporary directory, where
    /// another user can have made it first: then it is refused.
    fn make_own(&self, dir: &Path) -> Result<(), EmbeddedError> {
        let made = fs::DirBuilder::new().mode(0o700).create(dir);
        let is_new = made.is_ok();
        made.or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(at("create", dir)(error)),
        })?;
        let meta = fs::symlink_metadata(dir).map_err(at("read", dir))?;
        let uid = self.ids.map_or_else(process::own_uid, |ids| ids.uid);
        if let Some(ids) = self.ids.filter(|_| is_new || meta.uid() == 0) {
            chown(dir, Some(ids.uid), Some(ids.gid)).map_err(at("give away", dir))?;
        } else if meta.uid() != uid || !meta.is_dir() {
            return Err(EmbeddedError::SomebodyElses { path: dir.to_owned(), owner: meta.uid(), uid });
        }
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(at("protect", dir))
    }
}

/// The major version of the cluster in `data`, if there is one.
pub(super) fn version(data: &Path) -> Result<Option<u32>, EmbeddedError> {
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| EmbeddedError::NotACluster(data.to_owned())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("read", data)(error)),
        Err(_) if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) => {
            Err(EmbeddedError::NotACluster(data.to_owned()))
        }
        Err(_) => Ok(None),
    }
}

/// The first folder on the way to `dir`, or `dir` itself, which this user may not enter.
pub(super) fn barrier(dir: &Path, ids: Ids) -> Option<PathBuf> {
    let mut way: Vec<&Path> = dir.ancestors().collect();
    way.reverse();
    let may_enter = |meta: fs::Metadata| {
        let bit = if meta.uid() == ids.uid {
            0o100
        } else if meta.gid() == ids.gid {
            0o010
        } else {
            0o001
        };
        meta.mode() & bit != 0
    };
    way.into_iter().find(|step| !fs::metadata(step).is_ok_and(may_enter)).map(Path::to_owned)
}

/// Beside the data, or in `/tmp` when that path is too long for a socket. The same for every
/// server on the same data, so that each finds the others' cluster.
pub(super) fn socket_dir(root: &Path) -> PathBuf {
    let beside = root.join("run");
    if beside.as_os_str().len() <= LONGEST_SOCKET_DIR {
        return beside;
    }
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, root.as_os_str().as_encoded_bytes());
    PathBuf::from(format!("/tmp/muster-{}", name.simple()))
}

pub(super) fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    let path = path.to_owned();
    move |source| EmbeddedError::Place { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket_which_stays_the_same() {
        let long = PathBuf::from(format!("/var/{}", "x".repeat(120)));
        let short = socket_dir(&long);
        assert!(short.as_os_str().len() < LONGEST_SOCKET_DIR);
        assert_eq!(short, socket_dir(&long));
        assert_eq!(socket_dir(Path::new("/var/m")), Path::new("/var/m/run"));
    }
}

//! Reads `postmaster.pid` and says whether the process it names is really ours.
//! Never removes the file: PostgreSQL finds leftovers of a crash by its seventh line.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

pub(super) const FILE: &str = "postmaster.pid";
pub(super) const SOCKET: &str = ".s.PGSQL.5432";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub pid: i32,
    pub socket_dir: PathBuf,
    pub status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Starting,
    Ready,
    Stopping,
}

impl PidFile {
    /// `None` when there is no file, or not yet a whole one.
    pub fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join(FILE)).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let pid = lines.first()?.trim().parse().ok().filter(|pid| *pid > 1)?;
        let status = match lines.get(7).map_or("", |line| line.trim()) {
            "ready" => Status::Ready,
            "stopping" => Status::Stopping,
            _ => Status::Starting,
        };
        let socket_dir = PathBuf::from(lines.get(4).copied().unwrap_or_default());
        Some(Self { pid, socket_dir, status })
    }

    /// Whether the process is alive *and* the PostgreSQL of this data directory: after a crash
    /// or a reboot its number may be anybody's.
    pub fn is_alive(&self, data: &Path) -> bool {
        command_line(self.pid).is_some_and(|line| is_postmaster_of(&line, data))
    }

    pub fn answers(&self) -> bool {
        self.status == Status::Ready && UnixStream::connect(self.socket_dir.join(SOCKET)).is_ok()
    }
}

/// PostgreSQL refuses to start beside a pid file whose process lives, whoever that is. It takes
/// its own parent's number for a leftover, though, and then still looks for orphaned backends in
/// the shared memory the file names: so the number is exchanged and the rest is kept. The lock of
/// its socket is such a file too.
pub(super) fn disarm(data: &Path, socket_dir: &Path) -> io::Result<()> {
    for path in [data.join(FILE), socket_dir.join(format!("{SOCKET}.lock"))] {
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read?,
        };
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        fs::write(&path, format!("{}\n{rest}", std::process::id()))?;
    }
    Ok(())
}

/// Its children carry the same words but an own title (`postgres: checkpointer`), without `-D`.
fn is_postmaster_of(command_line: &[String], data: &Path) -> bool {
    let program = command_line.first().map(Path::new);
    let is_postgres = program.and_then(Path::file_name).is_some_and(|name| name == "postgres" || name == "postmaster");
    is_postgres && command_line.iter().any(|word| Path::new(word) == data)
}

/// The words of a process's command line; `None` or no words when it is gone or a zombie.
fn command_line(pid: i32) -> Option<Vec<String>> {
    if cfg!(target_os = "linux") {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = bytes.split(|byte| *byte == 0);
        return Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect());
    }
    let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    // `ps` does not say where a word ends; the data directory is followed by ` -k `.
    let (program, rest) = line.split_once(" -D ")?;
    let data = rest.split(" -k ").next()?;
    Some(vec![program.to_owned(), data.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_the_postmaster_of_this_data_directory_is_ours() {
        let data = Path::new("/var/lib/muster/pg");
        let ours = "/usr/lib/postgresql/15/bin/postgres -D /var/lib/muster/pg -k /run";
        assert!(is_postmaster_of(&words(ours), data));
        for other in [
            "/usr/lib/postgresql/15/bin/postgres -D /var/lib/other/pg -k /run",
            "postgres: checkpointer",
            "/bin/cat /var/lib/muster/pg",
            "",
        ] {
            assert!(!is_postmaster_of(&words(other), data), "{other}");
        }
    }
}

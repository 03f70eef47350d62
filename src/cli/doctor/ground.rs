//! What needs no network: directory, disk, secrets, certificate, clock, limits.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::Finding;
use crate::cli::limits;
use crate::http::tls;
use crate::settings::{Environment, Settings};

const MIB: u64 = 1 << 20;
/// Below this the server says that it is not ready.
const NO_ROOM_BYTES: u64 = 64 * MIB;
const LITTLE_ROOM_BYTES: u64 = 2_048 * MIB;
/// As many as the server takes streams, and some for everything else.
const ENOUGH_FILES: u64 = 24_000;
const FEW_FILES: u64 = 1_024;
const RENEW_WITHIN_DAYS: i64 = 14;
/// This program did not exist before 2026.
const FIRST_POSSIBLE_S: u64 = 1_767_225_600;

pub fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![environment(settings)];
    findings.extend(directory(&settings.data_dir));
    findings.extend([secret(settings), certificate(settings), clock(), open_files()]);
    findings
}

fn environment(settings: &Settings) -> Finding {
    const SUBJECT: &str = "settings";
    let is_production = settings.env == Environment::Production;
    if is_production && settings.database_url.is_none() && !settings.allow_embedded_database {
        let mend = "set DATABASE_URL, or MUSTER_ALLOW_EMBEDDED_DATABASE=true";
        return Finding::wrong(SUBJECT, "production needs a database of its own", mend);
    }
    if settings.database_url.is_some() && settings.migrate_database_url.is_none() {
        let mend = "set it to the same database, as the owner of its tables";
        return Finding::wrong(SUBJECT, "DATABASE_URL is set and MUSTER_MIGRATE_DATABASE_URL is not", mend);
    }
    if let Err(error) = settings.check() {
        return Finding::wrong(SUBJECT, error.to_string(), "set it so; the server does not start with it");
    }
    match &settings.public_url {
        None if is_production => {
            let mend = "set MUSTER_PUBLIC_URL to the address that phones and browsers use";
            Finding::doubtful(SUBJECT, "links for phones say whatever a request's Host says", mend)
        }
        _ => Finding::well(SUBJECT, format!("{:?}, {} threads", settings.env, settings.threads).to_lowercase()),
    }
}

fn directory(dir: &Path) -> Vec<Finding> {
    const SUBJECT: &str = "directory";
    let there = dir.ancestors().find(|step| step.exists()).unwrap_or(Path::new("."));
    let path = CString::new(there.as_os_str().as_bytes()).unwrap_or_default();
    // SAFETY: the path ends with a zero and outlives the call.
    if unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) } != 0 {
        let mend = "run as its owner, or set MUSTER_DATA_DIR to a directory of this user's";
        return vec![Finding::wrong(SUBJECT, format!("nothing can be written to {}", there.display()), mend)];
    }
    let is_there = if there == dir { "is there" } else { "will be made on the first start" };
    vec![Finding::well(SUBJECT, format!("{} {is_there}", dir.display())), disk(there, &path)]
}

fn disk(dir: &Path, path: &CString) -> Finding {
    const SUBJECT: &str = "disk";
    // SAFETY: statvfs only writes to the struct given, which is plain data.
    let (answer, stat) = unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &mut stat), stat)
    };
    if answer != 0 {
        return Finding::doubtful(SUBJECT, format!("the disk of {} tells nothing", dir.display()), "look with df");
    }
    let room = stat.f_bavail.saturating_mul(stat.f_frsize);
    let says = format!("{} MB free under {}", room / MIB, dir.display());
    let mend = "make room, or move MUSTER_DATA_DIR; PostgreSQL stops when it cannot write";
    if stat.f_flag & libc::ST_RDONLY != 0 {
        return Finding::wrong(SUBJECT, format!("{} is mounted read-only", dir.display()), "mount it for writing");
    }
    if stat.f_files > 0 && stat.f_favail == 0 {
        return Finding::wrong(SUBJECT, format!("{says}, but no inodes"), "remove small files there");
    }
    match room {
        0..NO_ROOM_BYTES => Finding::wrong(SUBJECT, says, mend),
        NO_ROOM_BYTES..LITTLE_ROOM_BYTES => Finding::doubtful(SUBJECT, says, mend),
        _ => Finding::well(SUBJECT, says),
    }
}

fn secret(settings: &Settings) -> Finding {
    const SUBJECT: &str = "secret";
    if let Some(secret) = &settings.secret {
        if secret.len() < 16 {
            return Finding::wrong(SUBJECT, "MUSTER_SECRET has less than 16 characters", "openssl rand -hex 32");
        }
        return Finding::well(SUBJECT, "given by MUSTER_SECRET");
    }
    if settings.env == Environment::Production && settings.database_url.is_some() {
        let mend = "set MUSTER_SECRET, the same on every server of the database";
        return Finding::wrong(SUBJECT, "production has no secret", mend);
    }
    let path = settings.data_dir.join("secret");
    match fs::metadata(&path) {
        Err(_) => Finding::well(SUBJECT, format!("{} will be made on the first start", path.display())),
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            let mend = format!("chmod 600 {}", path.display());
            Finding::wrong(SUBJECT, format!("others can read {}", path.display()), mend)
        }
        Ok(_) => Finding::well(SUBJECT, format!("{}; keep a copy with your backups", path.display())),
    }
}

fn certificate(settings: &Settings) -> Finding {
    const SUBJECT: &str = "certificate";
    let files = match settings.tls() {
        Ok(Some(files)) => files,
        Ok(None) => return Finding::well(SUBJECT, "none: plain HTTP, for behind a proxy"),
        Err(error) => return Finding::wrong(SUBJECT, format!("{error:#}"), "set both, or neither"),
    };
    let pair = match tls::read(&files) {
        Ok(pair) => pair,
        Err(error) => return Finding::wrong(SUBJECT, format!("{error:#}"), "give the PEM files of one certificate"),
    };
    let Some((_, leaf)) = pair.cert.first().and_then(|der| X509Certificate::from_der(der).ok()) else {
        return Finding::doubtful(SUBJECT, "its dates cannot be read", "look with openssl x509 -noout -dates");
    };
    judge(&leaf, host_of(settings.public_url.as_deref()), now_s())
}

fn judge(leaf: &X509Certificate<'_>, host: Option<&str>, now_s: i64) -> Finding {
    const SUBJECT: &str = "certificate";
    let days = (leaf.validity().not_after.timestamp() - now_s).div_euclid(86_400);
    if leaf.validity().not_before.timestamp() > now_s {
        return Finding::wrong(SUBJECT, "it is not valid yet", "wait, or see whether this machine's clock is right");
    }
    if days < 0 {
        return Finding::wrong(SUBJECT, format!("it ended {} days ago", -days), "renew it");
    }
    if let Some(host) = host.filter(|host| !is_for(leaf, host)) {
        return Finding::wrong(SUBJECT, format!("it is not for {host}"), "get one for the host of MUSTER_PUBLIC_URL");
    }
    let says = format!("good for {days} days");
    if days < RENEW_WITHIN_DAYS {
        return Finding::doubtful(SUBJECT, says, "renew it; the running server takes the new files by itself");
    }
    Finding::well(SUBJECT, says)
}

fn is_for(leaf: &X509Certificate<'_>, host: &str) -> bool {
    let Ok(Some(names)) = leaf.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|name| match name {
        GeneralName::DNSName(name) => match name.strip_prefix("*.") {
            Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
            None => name.eq_ignore_ascii_case(host),
        },
        GeneralName::IPAddress(bytes) => {
            let of = |ip: std::net::IpAddr| match ip {
                std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
                std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            host.trim_matches(['[', ']']).parse().map(of).is_ok_and(|ip| ip == *bytes)
        }
        _ => false,
    })
}

/// `muster.example` of `https://muster.example:8443/`.
fn host_of(url: Option<&str>) -> Option<&str> {
    let authority = url?.split_once("://")?.1.split(['/', '?']).next()?;
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next();
    }
    authority.split(':').next()
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn clock() -> Finding {
    const SUBJECT: &str = "clock";
    if now_s() < FIRST_POSSIBLE_S.cast_signed() {
        return Finding::wrong(SUBJECT, "it is years behind", "set it; positions of phones would lie in the future");
    }
    #[cfg(target_os = "linux")]
    {
        // SAFETY: with no modes set the call only reads the kernel's clock into the struct given.
        let state = unsafe {
            let mut asked: libc::timex = std::mem::zeroed();
            (libc::adjtimex(&mut asked), asked.status)
        };
        if state.0 >= 0 && state.1 & libc::STA_UNSYNC != 0 {
            let mend = "run an NTP client (systemd-timesyncd, chrony); in a container the host's counts";
            return Finding::doubtful(SUBJECT, "the system does not say that it is kept right", mend);
        }
    }
    Finding::well(SUBJECT, "kept right by the system")
}

fn open_files() -> Finding {
    const SUBJECT: &str = "open files";
    let (_, most) = limits::open_files();
    let says = format!("up to {most}");
    let mend = "raise the hard limit (systemd: LimitNOFILE=65536); each phone and screen takes one";
    match most {
        0..FEW_FILES => Finding::wrong(SUBJECT, says, mend),
        FEW_FILES..ENOUGH_FILES => Finding::doubtful(SUBJECT, says, mend),
        _ => Finding::well(SUBJECT, says),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn the_host_of_an_address_is_found() {
        let table = [
            ("https://muster.example:8443/", Some("muster.example")),
            ("http://10.0.0.7:8080", Some("10.0.0.7")),
            ("https://[::1]:8443/x", Some("[::1]")),
            ("muster.example", None),
        ];
        for (url, host) in table {
            assert_eq!(host_of(Some(url)), host, "{url}");
        }
    }

    #[test]
    fn a_certificate_is_judged_by_its_names_and_dates() {
        let mut parameters = rcgen::CertificateParams::new(["*.example.com".to_owned()]).expect("a name");
        (parameters.not_before, parameters.not_after) =
            (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 12, 31));
        let made = parameters.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate");
        let (_, leaf) = X509Certificate::from_der(made.der()).expect("a certificate");
        let at = |day: &str| format!("{day}T00:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
        let verdict = |host: &str, day: &str| judge(&leaf, Some(host), at(day).timestamp()).verdict;
        assert_eq!(verdict("muster.example.com", "2026-06-01"), Verdict::Well);
        assert!(matches!(verdict("example.com", "2026-06-01"), Verdict::Wrong(_)));
        assert!(matches!(verdict("a.b.example.com", "2026-06-01"), Verdict::Wrong(_)));
        assert!(matches!(verdict("muster.example.com", "2026-12-20"), Verdict::Doubtful(_)));
        assert!(matches!(verdict("muster.example.com", "2027-01-02"), Verdict::Wrong(_)));
        assert!(matches!(verdict("muster.example.com", "2025-06-01"), Verdict::Wrong(_)));
    }
}

//! The server's certificate: read from PEM files at the start, and again whenever they change, so that a renewal needs no
//! restart. TLS 1.3 and HTTP/1.1 alone: the stream is an upgrade, which HTTP/2 has not.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Where the certificate (with its chain) and its key are.
#[derive(Clone, Debug)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug)]
struct Renewed {
    files: Files,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Renewed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Fails with a sentence that names the file when the pair cannot be used. Follows the files as long as the runtime lives.
pub fn open(files: Files) -> anyhow::Result<ServerConfig> {
    // Before they are read: what changes in between is looked at again.
    let seen = changed_at(&files);
    let current = RwLock::new(Arc::new(read(&files)?));
    let renewed = Arc::new(Renewed { files, current });
    tokio::spawn(follow(Arc::clone(&renewed), seen, LOOK_EVERY));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .context("this build has no TLS 1.3")?;
    Ok(config.with_no_client_auth().with_cert_resolver(renewed))
}

/// The pair as it lies there, checked to belong together.
pub fn read(files: &Files) -> anyhow::Result<CertifiedKey> {
    let Files { certificate, key } = files;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read the certificate {}", certificate.display()))?;
    ensure!(!chain.is_empty(), "there is no certificate in {}", certificate.display());
    let secret = PrivateKeyDer::from_pem_file(key).with_context(|| format!("cannot read the key {}", key.display()))?;
    let pair = CertifiedKey::from_der(chain, secret, &ring::default_provider());
    pair.with_context(|| format!("{} and {} do not belong together", certificate.display(), key.display()))
}

async fn follow(renewed: Arc<Renewed>, mut seen: [Option<SystemTime>; 2], every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let files = renewed.files.clone();
        let looked = tokio::task::spawn_blocking(move || (changed_at(&files), read(&files))).await;
        let Ok((at, pair)) = looked else { continue };
        if at == seen {
            continue;
        }
        match pair {
            Ok(pair) => {
                *renewed.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                seen = at;
                tracing::info!("the renewed certificate is in use");
            }
            // Half of a renewal, perhaps: the old one serves until the pair is whole.
            Err(error) => tracing::warn!(because = format!("{error:#}"), "the changed certificate cannot be used"),
        }
    }
}

fn changed_at(files: &Files) -> [Option<SystemTime>; 2] {
    let of = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    [of(&files.certificate), of(&files.key)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(files: &Files, name: &str) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        std::fs::write(&files.certificate, made.cert.pem()).expect("a file");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("a file");
    }

    fn files(name: &str) -> Files {
        let dir = std::env::temp_dir().join(format!("muster-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        Files { certificate: dir.join("cert.pem"), key: dir.join("key.pem") }
    }

    #[test]
    fn a_pair_that_does_not_belong_together_is_named() {
        let (one, other) = (files("one"), files("other"));
        write_pair(&one, "one.test");
        write_pair(&other, "other.test");
        assert!(read(&one).is_ok());
        let mixed = Files { certificate: one.certificate.clone(), key: other.key };
        let said = format!("{:#}", read(&mixed).expect_err("they differ"));
        assert!(said.contains("do not belong together") && said.contains("cert.pem"), "{said}");
        let missing = Files { certificate: "/nowhere/cert.pem".into(), key: one.key };
        assert!(format!("{:#}", read(&missing).expect_err("not there")).contains("/nowhere/cert.pem"));
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_taken_without_a_restart() {
        let files = files("renewed");
        write_pair(&files, "old.test");
        let old = read(&files).expect("a pair");
        let renewed = Arc::new(Renewed { files: files.clone(), current: RwLock::new(Arc::new(old)) });
        let before = renewed.current.read().expect("whole").cert.clone();
        let following = tokio::spawn(follow(Arc::clone(&renewed), [None, None], Duration::from_millis(10)));
        std::fs::write(&files.certificate, "half").expect("a file");
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(renewed.current.read().expect("whole").cert, before, "half a renewal changes nothing");
        write_pair(&files, "new.test");
        while renewed.current.read().expect("whole").cert == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        following.abort();
    }
}

//! The server's own secrets: made once, kept in the database wrapped by `MUSTER_SECRET`, so that several servers share
//! them and a dump of the database reveals none.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{Store, StoreError};

const NONCE_BYTES: usize = 12;

/// Derived and unwrapped keys; never printed, never stored in the clear.
#[derive(Clone)]
pub struct Secrets {
    hashing: [u8; 32],
    sealing: [u8; 32],
    /// Seed of the key that signs access tokens (Ed25519).
    pub signing: [u8; 32],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Unwraps the server's keys, or makes them on the first start. `secret` is MUSTER_SECRET.
    pub async fn open(store: &Store, secret: &str) -> Result<Self, StoreError> {
        let wrapping: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let mut keys = [[0; 32]; 3];
        for (key, name) in keys.iter_mut().zip(["hashing", "sealing", "signing"]) {
            *key = open_key(store, &wrapping, name).await?;
        }
        let [hashing, sealing, signing] = keys;
        Ok(Self { hashing, sealing, signing })
    }

    /// Would `open` find this to be the right secret? Makes nothing: a database without keys takes any.
    pub async fn fits(store: &Store, secret: &str) -> Result<bool, StoreError> {
        let wrapping: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let rows = sqlx::query("SELECT name, wrapped FROM server_keys").fetch_all(store.pool()).await?;
        Ok(rows.iter().all(|row| unseal(&wrapping, row.get("name"), row.get("wrapped")).is_some()))
    }

    /// HMAC-SHA256: equal bodies are recognised, and the stored hash says nothing about them.
    pub fn keyed_hash(&self, bytes: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.hashing).expect("HMAC takes any key length");
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    /// AES-256-GCM, bound to `purpose`: an answer with a secret in it is kept only like this.
    pub fn seal(&self, purpose: &str, clear: &[u8]) -> Vec<u8> {
        seal(&self.sealing, purpose, clear)
    }

    pub fn unseal(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        unseal(&self.sealing, purpose, sealed)
    }
}

async fn open_key(store: &Store, wrapping: &[u8; 32], name: &str) -> Result<[u8; 32], StoreError> {
    let fresh: [u8; 32] = rand::random();
    sqlx::query("INSERT INTO server_keys (name, wrapped) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(name)
        .bind(seal(wrapping, name, &fresh))
        .execute(store.pool())
        .await?;
    let row = sqlx::query("SELECT wrapped FROM server_keys WHERE name = $1").bind(name).fetch_one(store.pool()).await?;
    let key = unseal(wrapping, name, row.get("wrapped")).and_then(|key| key.try_into().ok());
    key.ok_or_else(|| {
        StoreError::Bug(format!(
            "the server key \"{name}\" in the database was wrapped with another MUSTER_SECRET; start with the secret \
             that this database was first used with"
        ))
    })
}

fn seal(key: &[u8; 32], purpose: &str, clear: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let cipher = Aes256Gcm::new(key.into());
    let payload = Payload { msg: clear, aad: purpose.as_bytes() };
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).expect("AES-GCM takes messages below 64 GiB");
    [nonce.as_slice(), &sealed].concat()
}

fn unseal(key: &[u8; 32], purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_BYTES)?;
    let cipher = Aes256Gcm::new(key.into());
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    cipher.decrypt(&Nonce::from(nonce), Payload { msg: text, aad: purpose.as_bytes() }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_for_its_purpose() {
        let key = [7; 32];
        let sealed = seal(&key, "a", b"token");
        assert_eq!(unseal(&key, "a", &sealed).as_deref(), Some(b"token".as_slice()));
        assert_eq!(unseal(&key, "b", &sealed), None);
        assert_eq!(unseal(&[8; 32], "a", &sealed), None);
    }
}

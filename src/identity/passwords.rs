//! Hashing passwords, slowly on purpose: on threads of its own, at most one per core, behind a bounded queue, so that a
//! storm of sign-ins cannot hold up anything else. What makes a password good is the domain's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_domain::identity::{PasswordFault, password_fault};
use tokio::sync::Semaphore;

use crate::http::{Code, Fields, Problem};

/// More than these do not wait for a core: 429.
const QUEUE_LIMIT: usize = 64;
const MAX_BYTES: usize = 72;

pub struct Passwords {
    cost: u32,
    /// A hash of the same cost that no password is known for.
    nobodys: String,
    cores: Arc<Semaphore>,
    waiting: AtomicUsize,
}

struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Passwords {
    pub fn new(cost: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cheap = bcrypt::hash(rand::random::<[u8; 16]>(), 4).expect("a cost of 4 is allowed");
        let nobodys = format!("$2b${cost:02}${}", &cheap[7..]);
        Self { cost, nobodys, cores: Arc::new(Semaphore::new(cores)), waiting: AtomicUsize::new(0) }
    }

    /// For a password that [`read`] accepted.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let cost = self.cost;
        self.run(move || bcrypt::hash(password, cost)).await?.map_err(Problem::internal)
    }

    /// Takes the same time whether there is a hash to compare with or not.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let is_known = hash.is_some() && password.len() <= MAX_BYTES && !password.contains('\0');
        let hash = hash.unwrap_or_else(|| self.nobodys.clone());
        let equal = self.run(move || bcrypt::verify(password, &hash)).await?;
        Ok(equal.map_err(Problem::internal)? && is_known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.waiting);
        if before >= QUEUE_LIMIT {
            metrics::counter!("muster_queue_refusals_total", "queue" => "passwords").increment(1);
            return Err(Problem::new(Code::OVERLOADED, "Too many sign-ins at once. Try again."));
        }
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(Problem::internal)?;
        drop(place);
        let done = tokio::task::spawn_blocking(move || {
            let _core = core;
            work()
        });
        done.await.map_err(Problem::internal)
    }
}

/// The attribute `password`, if it was sent and is good enough. Not trimmed: every character counts.
pub fn read(fields: &mut Fields<'_>) -> Option<String> {
    let value = fields.value("password")?;
    let Some(password) = value.as_str() else {
        fields.fault("password", "password must be text.");
        return None;
    };
    match check(password) {
        Ok(()) => Some(password.to_owned()),
        Err(detail) => {
            fields.fault("password", detail);
            None
        }
    }
}

/// Is it good enough? If not, why not.
pub fn check(password: &str) -> Result<(), &'static str> {
    let Some(fault) = password_fault(password) else { return Ok(()) };
    Err(match fault {
        PasswordFault::TooShort => "password must have at least 8 characters.",
        PasswordFault::TooLong => "password must have at most 72 bytes.",
        PasswordFault::HasNul => "password must not contain NUL.",
        PasswordFault::TooPlain => {
            "password must have three of: lower case letters, upper case letters, digits, symbols."
        }
        PasswordFault::Breached => "password is on the list of those that are tried first.",
    })
}

pub fn need(fields: &mut Fields<'_>) -> String {
    if fields.value("password").is_none() {
        fields.fault("password", "password is required.");
    }
    read(fields).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_signs_in_without_a_hash() {
        let passwords = Passwords::new(4);
        let hash = passwords.hash("correct-horse-9".into()).await.expect("room in the queue");
        let verify = |password: &str, hash: Option<&str>| passwords.verify(password.into(), hash.map(str::to_owned));
        assert_eq!(verify("correct-horse-9", Some(&hash)).await, Ok(true));
        assert_eq!(verify("correct-horse-8", Some(&hash)).await, Ok(false));
        assert_eq!(verify("correct-horse-9", None).await, Ok(false));
    }

    #[tokio::test]
    async fn what_bcrypt_would_cut_off_never_matches() {
        let passwords = Passwords::new(4);
        let longest = "Aa1-".repeat(18);
        let hash = passwords.hash(longest.clone()).await.expect("room in the queue");
        assert_eq!(passwords.verify(longest.clone(), Some(hash.clone())).await, Ok(true));
        assert_eq!(passwords.verify(format!("{longest}!"), Some(hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let passwords = Passwords::new(4);
        passwords.waiting.store(QUEUE_LIMIT, Ordering::Relaxed);
        let refused = passwords.hash("correct-horse-9".into()).await.expect_err("no room");
        assert!(refused.is(Code::OVERLOADED));
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), QUEUE_LIMIT);
    }
}

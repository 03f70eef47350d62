//! What the tests stand on.

pub mod cluster;

/// Applies all migrations, as the owner.
pub async fn migrate(_owner_url: &str) {}

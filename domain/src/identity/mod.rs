//! Who somebody is in an account, and what that lets him do.

mod access;

pub use access::{Permission, Role, Scope, scope_of};

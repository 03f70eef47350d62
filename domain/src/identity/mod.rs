//! Who somebody is in an account, and what that lets him do.

mod access;
mod password;
mod standing;

pub use access::{Permission, Role, Scope, scope_of};
pub use password::{PasswordFault, password_fault};
pub use standing::{Standing, StandingRejection};

//! The frame around every noun: envelope, errors, callers, paging, kept answers, security headers. Knows no noun, no SQL
//! and no rule of the business.

pub mod app;
pub mod body;
pub mod caller;
pub mod change;
pub mod code;
pub mod envelope;
pub mod fields;
pub mod input;
pub mod listing;
pub mod openapi;
pub mod problem;
pub mod shell;
pub mod tls;

pub use app::{Admission, App};
pub use caller::{Allowed, Caller};
pub use code::Code;
pub use fields::Fields;
pub use input::Input;
pub use listing::Listing;
pub use problem::{Fault, Problem};

//! `/v1/transactions`: payments as a list, each in all its detail, and what people may do with one.

mod cancel;
mod detail;
mod list;
mod resolve;

pub use cancel::*;
pub use detail::*;
pub use list::*;
pub use resolve::*;

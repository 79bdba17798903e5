//! The KYB file (seed 000): what its fields are, what is right in them, what is missing, and what changed.
//!
//! Pure. `fields` is the one table; `check` reads a file by it, `file` takes it apart by whose it is, `completeness` says
//! what a provider still needs. No message here repeats what was given: it may be a person's.

mod check;
pub mod company;
pub mod completeness;
pub mod documents;
pub mod fields;
pub mod file;
pub mod industry;
pub mod payload;
pub mod product;
pub mod syntax;

pub use check::{COUNTRY, Fault, LABEL, MOST_PRODUCTS, OWNERSHIP, check};
pub use file::{Draft, File, Person, Role, Sheet, Wanted};

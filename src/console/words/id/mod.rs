//! The Indonesian texts of the console, by key, one file an area of pages. A `{name}` in a text is filled in by the page that
//! shows it.

mod audit;
mod frame;
mod home;
mod people;
mod providers;
mod sequences;
mod transactions;

pub const TABLES: &[&super::Table] =
    &[audit::WORDS, frame::WORDS, home::WORDS, people::WORDS, providers::WORDS, sequences::WORDS, transactions::WORDS];

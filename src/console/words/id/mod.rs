//! The Indonesian texts of the console, by key, one file an area of pages. A `{name}` in a text is filled in by the page that
//! shows it.

mod audit;
mod doubt;
mod frame;
mod home;
mod kyb;
mod marketplace;
mod people;
mod providers;
mod sequences;
mod settings;
mod transactions;
mod webhooks;

pub const TABLES: &[&super::Table] = &[
    audit::WORDS,
    doubt::WORDS,
    frame::WORDS,
    home::WORDS,
    kyb::WORDS,
    marketplace::WORDS,
    people::WORDS,
    providers::WORDS,
    sequences::WORDS,
    settings::WORDS,
    transactions::WORDS,
    webhooks::WORDS,
];

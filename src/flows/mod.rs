//! What the product does, flow by flow: the only place that opens a transaction.
//!
//! A flow asks domain what is right, store to remember it and providers to speak; http, console and workers call it.
//! No provider is called inside a transaction, and nothing is acknowledged before its commit.

pub mod access;
pub mod advance;
pub mod audit;
pub mod balances;
pub mod batch;
pub mod books;
pub mod callback;
pub mod connections;
mod data_keys;
pub mod deliver;
pub mod dispatch;
pub mod documents;
pub mod endpoints;
pub mod gauges;
pub mod inquiry;
pub mod keys;
pub mod kyb;
pub mod lanes;
pub mod onboarding;
pub mod once;
pub mod overview;
pub mod people;
pub mod reads;
pub mod refresh;
pub mod resolve;
pub mod rollups;
pub mod rotation;
pub mod routing;
pub mod send_money;
pub mod sending;
pub mod sequences;

use crate::store::{self, Db, MayWrite, Tx};

/// The right to write, which only flows can make.
struct Flow(());

impl MayWrite for Flow {}

/// Begins a transaction.
async fn begin(db: &Db) -> store::Result<Tx> {
    Tx::begin(db, &Flow(())).await
}

/// A connection for one statement that commits by itself.
async fn single(db: &Db) -> store::Result<Tx> {
    Tx::single(db, &Flow(())).await
}

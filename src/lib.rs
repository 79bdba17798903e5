//! Paystrator: an open, self-hosted payment orchestrator for Indonesia.
//!
//! *Domain decides, store remembers, providers speak, flows do; http, console and workers call flows.*
//! ARCHITECTURE.md is the map; `tests/it/tidy.rs` keeps the arrows between these rooms.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod crash;
pub mod crypto;
pub mod devdb;
pub mod documents;
pub mod domain;
pub mod flows;
pub mod http;
pub mod outbound;
pub mod providers;
pub mod sandbox;
pub mod store;
pub mod telemetry;
pub mod workers;

//! What is true about money and its movement: pure decisions, no async, no IO, no framework.
//!
//! Everything here takes `now` as an argument and answers the same for the same input. It imports nothing of ours.

pub mod access;
pub mod audit;
pub mod backoff;
pub mod breaker;
pub mod connection;
pub mod destination;
pub mod document;
pub mod evidence;
pub mod fee;
pub mod ids;
pub mod kyb;
pub mod latency;
pub mod ledger;
pub mod money;
pub mod monitoring;
pub mod onboarding;
pub mod payment;
pub mod retry;
pub mod role;
pub mod sequence;
pub mod service;
pub mod webhook;

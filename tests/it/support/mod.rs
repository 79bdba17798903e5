//! What tests of several modules share.

pub mod bad;
pub mod browser;
pub mod bucket;
pub mod changes;
pub mod days;
pub mod dice;
pub mod files;
pub mod golden;
pub mod http;
pub mod kyb;
pub mod onboarding;
pub mod pg;
pub mod rig;
pub mod truth;
pub mod world;

pub use world::{Options, World, run, run_with};

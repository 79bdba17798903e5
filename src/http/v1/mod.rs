//! One file per word of the address: request, answer, documentation and handler together.

pub mod callback;
pub mod get_status;
pub mod health;
pub mod payment;
pub mod send_money;
pub mod webhook_endpoints;

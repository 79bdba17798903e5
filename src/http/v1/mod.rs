//! One file per word of the address: request, answer, documentation and handler together.

pub mod account_inquiry;
pub mod api_keys;
pub mod audit;
pub mod auth_token;
pub mod balances;
pub mod callback;
pub mod events;
pub mod exceptions;
pub mod files;
pub mod get_status;
pub mod health;
pub mod ip_allow_list;
pub mod kyb;
pub mod onboarding;
pub mod payment;
pub mod providers;
pub mod send_money;
pub mod sending;
pub mod sequences;
pub mod transactions;
pub mod webhook_endpoints;

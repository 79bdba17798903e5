//! The one integration binary: each module tests one part of the product from outside.

mod bad_callbacks;
mod bad_days;
mod bad_operations;
mod devdb;
mod domain_evidence;
mod domain_money;
mod domain_schedules;
mod outbound;
mod sandbox_oy;
mod send_money;
mod support;
mod tidy;

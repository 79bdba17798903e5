//! The one integration binary: each module tests one part of the product from outside.

mod api_access;
mod api_document;
mod api_payments;
mod api_resolve;
mod api_webhooks;
mod bad_callbacks;
mod bad_days;
mod bad_operations;
mod canary;
mod catalog;
mod conformance;
mod crash;
mod devdb;
mod domain_evidence;
mod domain_money;
mod domain_schedules;
mod outbound;
mod oy_golden;
mod production;
mod sandbox_oy;
mod seeded;
mod send_money;
mod support;
mod ticked;
mod tidy;
mod webhooks;

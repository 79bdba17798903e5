//! The one integration binary: each module tests one part of the product from outside.

mod api_access;
mod api_document;
mod api_payments;
mod api_resolve;
mod api_webhooks;
mod devdb;
mod outbound;
mod sandbox_oy;
mod send_money;
mod support;
mod tidy;

//! Sending money through KasPro: the cash-out, and a status call where a connection has one (contracts/kaspro.md).
//!
//! The contract has no account inquiry and no balance, and nothing in it says that a request id is deduplicated: so
//! nothing is ever sent twice, and what is in doubt stays so until it is proved.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Method;
use futures_util::future::BoxFuture;

use super::token::Question;
use super::wire::{CashOut, MOBILE_NUMBER};
use super::{KasPro, StatusMethod, mapping, pace};
use crate::crypto::secret::Personal;
use crate::domain::destination;
use crate::domain::evidence::Verdict;
use crate::domain::money::Currency;
use crate::domain::retry::ResendRule;
use crate::domain::sequence::Reach;
use crate::providers::budget::{Budget, Exchange};
use crate::providers::{Balance, Call, Inquiry, Order, Probe, Reading, SendMoney, Trouble, Wish};

impl SendMoney for KasPro {
    fn reach(&self, destination: &str, currency: Currency) -> Reach {
        if currency != Currency::Idr {
            return Reach::NoCurrency;
        }
        if destination::bank_number(destination).is_some() { Reach::Yes } else { Reach::NoDestination }
    }

    fn order(&self, wish: &Wish<'_>) -> Option<Order> {
        // No list of KasPro's bank codes is public: the national clearing numbers are used.
        let bank = destination::bank_number(wish.destination)?;
        let mobile_number = wish.settings.get(MOBILE_NUMBER)?.as_str()?;
        Some(Order {
            // A request id is of A-Z, 0-9 and the hyphen, at most 32 (section 5). Ours has 26 letters and digits.
            reference: wish.reference.to_ascii_uppercase(),
            destination: bank.to_owned(),
            account: wish.account.clone(),
            name: wish.name.clone(),
            units: wish.money.units,
            currency: wish.money.currency,
            // A cash-out carries no remark.
            note: String::new(),
            extras: BTreeMap::from([(MOBILE_NUMBER.to_owned(), Personal::new(local(mobile_number)))]),
        })
    }

    fn send<'a>(&'a self, call: &'a Call, order: &'a Order) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let budget = Budget::new(self.send_deadline(), self.send_timeout() / 3);
            let sent = async {
                let access = self.access(&call.account)?;
                let body = CashOut { config: &self.config, order };
                let question = Question {
                    operation: "bank-transfer",
                    method: Method::POST,
                    path: &self.config.cash_out_path,
                    query: String::new(),
                    body: serde_json::to_vec(&body).map_err(|error| error.to_string())?,
                    exchange: Exchange::Last(self.send_timeout()),
                };
                self.ask(call, &access, &budget, &question).await
            };
            match sent.await {
                Ok(outcome) => mapping::read_cash_out(&outcome, order, &self.config.definite_rejects),
                Err(reason) => Reading::of(Verdict::NotSent, reason),
            }
        })
    }

    fn status<'a>(&'a self, call: &'a Call, order: &'a Order) -> Option<BoxFuture<'a, Reading>> {
        let path = call.account.setting("status_path")?;
        Some(Box::pin(async move {
            let budget = Budget::new(pace::LONGEST + self.token_timeout() + self.read_timeout(), Duration::ZERO);
            let asked = async {
                let access = self.access(&call.account)?;
                let (name, id) = (&self.config.fields.request_id, &order.reference);
                let (method, query, body) = match self.config.status_method {
                    StatusMethod::Get => (Method::GET, format!("?{name}={id}"), Vec::new()),
                    StatusMethod::Post => {
                        (Method::POST, String::new(), serde_json::json!({ name.as_str(): id }).to_string().into_bytes())
                    }
                };
                let exchange = Exchange::Last(self.read_timeout());
                let question = Question { operation: "status", method, path, query, body, exchange };
                self.ask(call, &access, &budget, &question).await
            };
            match asked.await {
                Ok(outcome) => mapping::read_status(&outcome, order),
                Err(reason) => Reading::of(Verdict::Unknown, reason),
            }
        }))
    }

    fn inquiry<'a>(&'a self, _: &'a Call, _: &'a str, _: &'a Personal) -> Option<BoxFuture<'a, Inquiry>> {
        None
    }

    fn balance<'a>(&'a self, _: &'a Call) -> Option<BoxFuture<'a, Result<Balance, Trouble>>> {
        None
    }

    /// A token of its own, whatever is held: the one call of the contract that needs no customer and orders nothing.
    fn probe<'a>(&'a self, call: &'a Call) -> Option<Probe<'a>> {
        let answer = Box::pin(async move {
            let access = self.access(&call.account)?;
            let budget = Budget::new(self.token_timeout(), Duration::ZERO);
            self.mint(call, &access, &budget).await.map(drop)
        });
        let unproved = [
            "The pair that signs (HMAC) and the origin are first used by a payment.",
            "Pasangan penanda tangan (HMAC) dan origin baru dipakai saat ada pembayaran.",
        ];
        Some(Probe { asked: "token", unproved: Some(unproved), answer })
    }

    fn send_deadline(&self) -> Duration {
        pace::LONGEST + self.send_timeout()
    }

    fn resend(&self) -> Option<ResendRule> {
        None
    }
}

/// An Indonesian number in its local form, as the samples have it (1.2): `+62812…` and `62812…` become `0812…`.
fn local(number: &str) -> String {
    let digits = number.trim_start_matches('+');
    digits.strip_prefix("62").map_or_else(|| digits.to_owned(), |rest| format!("0{rest}"))
}

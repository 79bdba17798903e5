//! Sending money through OY!: inquiry, remit, remit-status and balance (contracts/oy.md 1.1 to 1.4).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Method;
use futures_util::future::BoxFuture;

use super::wire::{BalanceAnswer, InquiryAnswer, InquiryRequest, RemitRequest, Status, StatusRequest};
use super::{Oy, mapping};
use crate::crypto::secret::Personal;
use crate::domain::evidence::Verdict;
use crate::domain::money::{Currency, Money};
use crate::domain::retry::ResendRule;
use crate::domain::sequence::Reach;
use crate::outbound::Outcome;
use crate::providers::call::Ask;
use crate::providers::{Balance, Call, Cause, Inquiry, Order, Reading, SendMoney, Trouble, Wish};

impl SendMoney for Oy {
    fn reach(&self, destination: &str, currency: Currency) -> Reach {
        if currency != Currency::Idr {
            return Reach::NoCurrency;
        }
        if mapping::destination(destination).is_some() { Reach::Yes } else { Reach::NoDestination }
    }

    fn order(&self, wish: &Wish<'_>) -> Option<Order> {
        Some(Order {
            reference: wish.reference.to_owned(),
            destination: mapping::destination(wish.destination)?,
            account: wish.account.clone(),
            name: wish.name.clone(),
            units: wish.money.units,
            currency: wish.money.currency,
            note: note(wish.remark),
            extras: BTreeMap::new(),
        })
    }

    fn send<'a>(&'a self, call: &'a Call, order: &'a Order) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let body = RemitRequest {
                recipient_bank: &order.destination,
                recipient_account: order.account.reveal(),
                amount: order.units,
                note: &order.note,
                partner_trx_id: &order.reference,
            };
            match self.ask(call, "remit", "/api/remit", &body, self.send_deadline()) {
                Ok(ask) => mapping::read_remit(&call.exchange(ask).await, order),
                Err(reason) => Reading::of(Verdict::NotSent, reason),
            }
        })
    }

    fn status<'a>(&'a self, call: &'a Call, order: &'a Order) -> Option<BoxFuture<'a, Reading>> {
        Some(Box::pin(async move {
            let body = StatusRequest { partner_trx_id: &order.reference };
            match self.ask(call, "remit-status", "/api/remit-status", &body, self.read_timeout()) {
                Ok(ask) => mapping::read_status(&call.exchange(ask).await, order),
                Err(reason) => Reading::of(Verdict::Unknown, reason),
            }
        }))
    }

    fn inquiry<'a>(
        &'a self,
        call: &'a Call,
        destination: &'a str,
        account: &'a Personal,
    ) -> Option<BoxFuture<'a, Inquiry>> {
        Some(Box::pin(async move {
            let Some(bank) = mapping::destination(destination) else { return Inquiry::NotFound { code: "205".into() } };
            let body = InquiryRequest { recipient_bank: &bank, recipient_account: account.reveal() };
            let ask = match self.ask(call, "inquiry", "/api/inquiry", &body, self.read_timeout()) {
                Ok(ask) => ask,
                Err(reason) => return Inquiry::Failed { reason },
            };
            let body = match answered(call.exchange(ask).await) {
                Ok(body) => body,
                Err(trouble) => return Inquiry::Failed { reason: trouble.words },
            };
            let answer: InquiryAnswer = serde_json::from_slice(&body).unwrap_or_default();
            let code = answer.status.unwrap_or_default().code.unwrap_or_default();
            match (code.as_str(), answer.recipient_name) {
                ("000", Some(name)) => Inquiry::Found { name: Personal::new(name) },
                ("205" | "209", _) => Inquiry::NotFound { code },
                _ => Inquiry::Failed { reason: format!("code {code:?}") },
            }
        }))
    }

    fn balance<'a>(&'a self, call: &'a Call) -> Option<BoxFuture<'a, Result<Balance, Trouble>>> {
        Some(Box::pin(async move {
            let (url, headers) = self.address(&call.account, "/api/balance")?;
            let timeout = self.read_timeout();
            let ask = Ask { operation: "balance", method: Method::GET, url, headers, body: Vec::new(), timeout };
            let body = answered(call.exchange(ask).await)?;
            let answer: BalanceAnswer = serde_json::from_slice(&body)
                .map_err(|_| Trouble::new(Cause::Address, "the answer is not readable"))?;
            let Status { code, message } = answer.status.unwrap_or_default();
            let code = code.unwrap_or_default();
            if code != "000" {
                let words = format!("code {code:?} {}", message.unwrap_or_default());
                return Err(Trouble::new(mapping::balance_cause(&code), words.trim_end()));
            }
            let money = |text: Option<String>| text.and_then(|text| Money::parse(&text, Currency::Idr).ok());
            let balance = money(answer.balance).ok_or("the answer names no balance in whole rupiah")?;
            Ok(Balance { balance, available: money(answer.available_balance) })
        }))
    }

    fn send_deadline(&self) -> Duration {
        Duration::from_millis(self.config.send_timeout_ms)
    }

    fn resend(&self) -> Option<ResendRule> {
        // contracts/oy.md section 3, status 204: at least three over ten minutes, a minute after the last send.
        self.config.resend.then_some(ResendRule {
            not_found: 3,
            spread: Duration::from_secs(600),
            quiet: Duration::from_secs(60),
        })
    }
}

impl Oy {
    fn ask(
        &self,
        call: &Call,
        operation: &'static str,
        path: &str,
        body: &impl serde::Serialize,
        timeout: Duration,
    ) -> Result<Ask, String> {
        let (url, headers) = self.address(&call.account, path)?;
        let body = serde_json::to_vec(body).map_err(|error| error.to_string())?;
        Ok(Ask { operation, method: Method::POST, url, headers, body, timeout })
    }
}

fn answered(outcome: Outcome) -> Result<Vec<u8>, Trouble> {
    match outcome {
        Outcome::NotSent { reason } | Outcome::Unknown { reason } => Err(Trouble::new(Cause::Unreachable, reason)),
        Outcome::Answered(answer) if answer.status == 200 => Ok(answer.body),
        Outcome::Answered(answer) => Err(Trouble::of_http(&answer)),
    }
}

/// A remark in the characters OY! takes (contracts/oy.md 1.2: letters, digits and `+ - * .`, 255 long).
fn note(remark: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-*. ".contains(c);
    let kept: String = remark.chars().map(|c| if allowed(c) { c } else { ' ' }).take(255).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! Sending money through Kirim DOKU: inquiry, transfer, status and balance (contracts/doku.md 3.8).
//!
//! One send is three exchanges: a token where none is held, an inquiry for a session, the transfer. Only the last can
//! move money, so whatever goes wrong before it was not sent.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::mapping::{READ_REFUSED, TRANSFER_REFUSED};
use super::token::Question;
use super::wire::{Amount, BalanceRequest, InquiryInfo, InquiryRequest, StatusRequest, TransferInfo, TransferRequest};
use super::{Access, Doku, mapping};
use crate::crypto::secret::Personal;
use crate::domain::destination;
use crate::domain::evidence::Verdict;
use crate::domain::money::{Currency, Money};
use crate::domain::retry::ResendRule;
use crate::domain::sequence::Reach;
use crate::outbound::Outcome;
use crate::providers::budget::{Budget, Exchange};
use crate::providers::{Balance, Call, Inquiry, Order, Reading, SendMoney, Wish};

const INQUIRY_PATH: &str = "/snap/v1.1/emoney/bank-account-inquiry";
const TRANSFER_PATH: &str = "/snap/v1.1/emoney/transfer-bank";
const BALANCE_PATH: &str = "/snap/v1.1/balance-inquiry";

/// Where every sender is (3.8: enforced on the sandbox).
const COUNTRY: &str = "ID";

/// What an inquiry that belongs to no payment asks with: it needs an amount and a name, and moves nothing.
const ANY_AMOUNT: Money = Money { units: 10_000, currency: Currency::Idr };
const ANY_NAME: &str = "Inquiry";

/// The longest remark we pass on; the contract names no limit, this is what bank statements show.
const REMARK: usize = 50;

// What an order freezes beside the common fields.
const SENDER_NAME: &str = "sender_name";
const SENDER_PHONE: &str = "sender_phone";
const CHANNEL: &str = "channel";

impl SendMoney for Doku {
    fn reach(&self, destination: &str, currency: Currency) -> Reach {
        if currency != Currency::Idr {
            return Reach::NoCurrency;
        }
        // Bank accounts only: Kirim DOKU's channels 07 and 11 reach no e-wallet.
        if destination::bank_number(destination).is_some() { Reach::Yes } else { Reach::NoDestination }
    }

    fn order(&self, wish: &Wish<'_>) -> Option<Order> {
        // beneficiaryBankCode is the national clearing number ("014", 3.8).
        let bank = destination::bank_number(wish.destination)?;
        let setting = |name: &str| wish.settings.get(name)?.as_str();
        let phone = setting(SENDER_PHONE)?.trim_start_matches('+');
        Some(Order {
            reference: wish.reference.to_owned(),
            destination: bank.to_owned(),
            account: wish.account.clone(),
            name: wish.name.clone(),
            units: wish.money.units,
            currency: wish.money.currency,
            note: remark(wish.remark),
            extras: BTreeMap::from([
                (SENDER_NAME.to_owned(), Personal::new(setting(SENDER_NAME)?)),
                (SENDER_PHONE.to_owned(), Personal::new(phone)),
                (CHANNEL.to_owned(), Personal::new(self.config.channel_code.as_str())),
            ]),
        })
    }

    fn send<'a>(&'a self, call: &'a Call, order: &'a Order) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let budget = Budget::new(self.send_timeout(), self.send_timeout() / 3);
            let access = match self.access(&call.account) {
                Ok(access) => access,
                Err(reason) => return Reading::of(Verdict::NotSent, reason),
            };
            match self.session(call, &access, order, &budget).await {
                Ok(session) => self.transfer(call, &access, order, &session, &budget).await,
                Err(reading) => reading,
            }
        })
    }

    fn status<'a>(&'a self, call: &'a Call, order: &'a Order) -> Option<BoxFuture<'a, Reading>> {
        Some(Box::pin(async move {
            let body = StatusRequest { original_partner_reference_no: &order.reference, service_code: "43" };
            match self.read(call, "transfer-status", &self.config.status_path, &body).await {
                Ok(outcome) => mapping::read_status(&outcome, order),
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
            let Some(bank) = destination::bank_number(destination) else { return mapping::no_account() };
            let phone = call.account.setting(SENDER_PHONE).unwrap_or_default().trim_start_matches('+');
            let body = InquiryRequest {
                partner_reference_no: None,
                customer_number: phone,
                amount: Amount::of(ANY_AMOUNT),
                beneficiary_account_number: account.reveal(),
                additional_info: self.inquiry_info(bank, ANY_NAME, &self.config.channel_code),
            };
            match self.read(call, "inquiry", INQUIRY_PATH, &body).await {
                Ok(outcome) => mapping::read_inquiry(outcome),
                Err(reason) => Inquiry::Failed { reason },
            }
        }))
    }

    fn balance<'a>(&'a self, call: &'a Call) -> Option<BoxFuture<'a, Result<Balance, String>>> {
        Some(Box::pin(async move {
            let access = self.access(&call.account)?;
            let body = BalanceRequest { account_no: &access.agent_key };
            mapping::read_balance(self.read(call, "balance", BALANCE_PATH, &body).await?)
        }))
    }

    fn send_deadline(&self) -> Duration {
        self.send_timeout()
    }

    fn resend(&self) -> Option<ResendRule> {
        // contracts/doku.md section 5: the same partnerReferenceNo again, then the status call. See README.md.
        self.config.resend.then_some(ResendRule {
            not_found: 3,
            spread: Duration::from_secs(600),
            quiet: Duration::from_secs(60),
        })
    }
}

impl Doku {
    /// The session of an inquiry for `order`.
    async fn session(&self, call: &Call, access: &Access, order: &Order, budget: &Budget) -> Result<String, Reading> {
        let body = InquiryRequest {
            partner_reference_no: Some(&order.reference),
            customer_number: extra(order, SENDER_PHONE),
            amount: Amount::of(order.money()),
            beneficiary_account_number: order.account.reveal(),
            additional_info: self.inquiry_info(&order.destination, order.name.reveal(), extra(order, CHANNEL)),
        };
        let exchange = Exchange::Before(self.read_timeout());
        let question =
            Question { operation: "inquiry", path: INQUIRY_PATH, body: &body, refusal: READ_REFUSED, exchange };
        match self.ask(call, access, budget, question).await {
            Ok(outcome) => mapping::read_session(&outcome, order),
            Err(reason) => Err(Reading::of(Verdict::NotSent, format!("inquiry: {reason}"))),
        }
    }

    /// The one exchange that can move money.
    async fn transfer(&self, call: &Call, access: &Access, order: &Order, session: &str, budget: &Budget) -> Reading {
        let (first, last) = names(order.name.reveal());
        let (sender_first, sender_last) = names(extra(order, SENDER_NAME));
        let body = TransferRequest {
            partner_reference_no: &order.reference,
            customer_number: extra(order, SENDER_PHONE),
            beneficiary_account_number: order.account.reveal(),
            beneficiary_bank_code: &order.destination,
            amount: Amount::of(order.money()),
            session_id: session,
            additional_info: TransferInfo {
                beneficiary_first_name: first,
                beneficiary_last_name: last,
                beneficiary_account_name: order.name.reveal(),
                sender_country_code: COUNTRY,
                sender_first_name: sender_first,
                sender_last_name: sender_last,
                channel_code: extra(order, CHANNEL),
                remark: &order.note,
            },
        };
        let exchange = Exchange::Last(self.send_timeout());
        let question = Question {
            operation: "transfer-bank",
            path: TRANSFER_PATH,
            body: &body,
            refusal: TRANSFER_REFUSED,
            exchange,
        };
        match self.ask(call, access, budget, question).await {
            Ok(outcome) => mapping::read_transfer(&outcome, order),
            // No token, or a 401 (refused before it was worked on) and then no fresh one.
            Err(reason) => Reading::of(Verdict::NotSent, reason),
        }
    }

    /// A question that moves nothing, with time for one fresh token.
    async fn read<B: serde::Serialize + Sync>(
        &self,
        call: &Call,
        operation: &'static str,
        path: &str,
        body: &B,
    ) -> Result<Outcome, String> {
        let access = self.access(&call.account)?;
        let budget = Budget::new(self.token_timeout() + self.read_timeout(), Duration::ZERO);
        let exchange = Exchange::Last(self.read_timeout());
        self.ask(call, &access, &budget, Question { operation, path, body, refusal: READ_REFUSED, exchange }).await
    }

    fn inquiry_info<'a>(&self, bank: &'a str, name: &'a str, channel: &'a str) -> InquiryInfo<'a> {
        InquiryInfo {
            beneficiary_bank_code: bank,
            beneficiary_account_name: name,
            sender_country_code: COUNTRY,
            channel_code: channel,
        }
    }
}

fn extra<'a>(order: &'a Order, name: &str) -> &'a str {
    order.extras.get(name).map_or("", Personal::reveal)
}

/// A name's first word and the rest. Many have one name only: it is both.
fn names(name: &str) -> (&str, &str) {
    let name = name.trim();
    name.split_once(' ').map_or((name, name), |(first, rest)| (first, rest.trim_start()))
}

/// A remark in plain characters, as every bank can show it.
fn remark(remark: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " .,-/".contains(c);
    let kept: String = remark.chars().map(|c| if allowed(c) { c } else { ' ' }).collect();
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    kept.chars().take(REMARK).collect::<String>().trim_end().to_owned()
}

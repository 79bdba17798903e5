//! What the kit must know of one provider to put the same questions to every adapter, and the stage it is done on.
//!
//! A [`Subject`] holds wire facts from the provider's contract and names from its simulator, nothing else. The
//! [`Stage`] is the adapter as the registry builds it, calling its real simulator over HTTP.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use paystrator::clock::Clock;
use paystrator::config::Config;
use paystrator::crypto::secret::{Personal, SecretString};
use paystrator::domain::evidence::{Decision, Evidence, Facts, Seen, decide};
use paystrator::domain::money::{Currency, Money};
use paystrator::domain::service::Mode;
use paystrator::outbound::{Outbound, OutboundLimits};
use paystrator::providers::registry::Providers;
use paystrator::providers::{Account, Call, Order, Provider, Reading, SendMoney, Wish};
use paystrator::sandbox::{self, Fault, Kind, Row, Sandbox, SandboxConfig, Simulator};
use serde_json::{Value, json};

use crate::support::pg;

/// One provider, in the words of its contract and its simulator.
#[derive(Clone, Copy)]
pub struct Subject {
    /// The column's heading: the code, and in which form where there are several.
    pub title: &'static str,
    pub code: &'static str,
    /// The simulator's name of the call that moves money.
    pub send: &'static str,
    /// Calls that come before it, such as a token.
    pub before_send: &'static [&'static str],
    /// The simulator's name of the status call; `None`: there is none, and why.
    pub status: Result<&'static str, &'static str>,
    pub inquiry: Result<&'static str, &'static str>,
    pub balance: Result<&'static str, &'static str>,
    /// The listed refusal for lack of balance, or why there is none.
    pub no_balance: Result<(), &'static str>,
    /// The code of the listed refusal because of the destination's account.
    pub bad_account: &'static str,
    /// A code that ends a payment as failed after it was taken, where the provider lists one.
    pub failed: Result<&'static str, &'static str>,
    /// A code that says that paid money came back.
    pub returned: Result<&'static str, &'static str>,
    /// A code of the right form that the contract does not list.
    pub unlisted: &'static str,
    /// Simulator settings under which an order is taken first and paid later.
    pub later: fn() -> Value,
    /// Settings under which the answer to the send says paid, or why no answer does.
    pub at_once: Result<fn() -> Value, &'static str>,
    /// An account the simulator's inquiry does not know.
    pub unknown_account: &'static str,
    /// The credential whose loss makes every call fail, and a wrong value of its form.
    pub wrong_secret: fn(&mut Value),
    /// The same for the call that tests a connection.
    pub tested_secret: fn(&mut Value),
    /// How callbacks come, or why there are none.
    pub callbacks: Result<(), &'static str>,
}

/// Long enough for an answer on a busy machine; questions about silence wait as long in real time.
const SHORT: u64 = 1_000;

/// The adapter, its simulator and an account there.
pub struct Stage {
    pub subject: Subject,
    providers: Providers,
    hasty: Providers,
    outbound: Outbound,
    pub sandbox: Sandbox,
    pub credentials: Value,
    pub settings: Value,
    orders: AtomicU32,
}

impl Stage {
    pub async fn set(subject: Subject) -> Stage {
        let limits = OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() };
        let outbound = Outbound::new(limits).unwrap();
        let dir = pg::folder(&format!("conformance-{}", subject.title.replace([' ', ','], "-")));
        let sandbox = sandbox::start(SandboxConfig::new(&dir), outbound.clone()).await.unwrap();
        let simulator = sandbox.simulator(subject.code).expect("the sandbox has a simulator of every provider");
        simulator.change_settings((subject.later)().as_object().unwrap().clone()).unwrap();
        let described = sandbox.describe();
        let (credentials, settings) =
            (described[subject.code]["credentials"].clone(), described[subject.code]["settings"].clone());
        let blocks = unhurried();
        let mut hasty = blocks.clone();
        for block in hasty.values_mut() {
            block["send_timeout_ms"] = SHORT.into();
        }
        let stage = Stage {
            subject,
            providers: Providers::from_config(&blocks).unwrap(),
            hasty: Providers::from_config(&hasty).unwrap(),
            outbound,
            sandbox,
            credentials,
            settings,
            orders: AtomicU32::new(0),
        };
        stage.clean();
        stage
    }

    /// A good day again: no faults, orders taken first and paid at the first look.
    pub fn clean(&self) {
        self.simulator().clear_faults();
        self.settle_after(0);
    }

    /// How long an order takes from its acceptance to its end.
    pub fn settle_after(&self, ms: u64) {
        let mut settings = (self.subject.later)();
        settings["settle_after_ms"] = ms.into();
        self.simulator().change_settings(settings.as_object().unwrap().clone()).unwrap();
    }

    pub fn simulator(&self) -> &dyn Simulator {
        self.sandbox.simulator(self.subject.code).expect("the sandbox has a simulator of every provider")
    }

    pub fn provider(&self) -> &dyn Provider {
        self.providers.get(self.subject.code).expect("the registry has every provider")
    }

    pub fn sender(&self) -> &dyn SendMoney {
        self.provider().send_money().expect("every provider so far sends money")
    }

    /// The same adapter, with little patience for a send.
    pub fn hasty_sender(&self) -> &dyn SendMoney {
        self.hasty.get(self.subject.code).and_then(|provider| provider.send_money()).unwrap()
    }

    /// The same adapter as after a restart: it remembers no token and no conversation.
    pub fn fresh_sender(&self) -> Fresh {
        Fresh { providers: Providers::from_config(&unhurried()).unwrap(), code: self.subject.code }
    }

    /// A call as the connection's account, with other credentials or settings where a question wants them.
    pub fn call_with(&self, credentials: &Value, settings: &Value) -> Call {
        let identity = self.provider().identity(&self.credentials, &self.settings).expect("the account is good");
        let account = Account {
            identity,
            mode: Mode::Test,
            credentials: SecretString::from(credentials.to_string()),
            settings: settings.clone(),
        };
        Call::new(self.outbound.clone(), Clock::system(), self.provider().code(), account)
    }

    pub fn call(&self) -> Call {
        self.call_with(&self.credentials, &self.settings)
    }

    /// An order nobody has sent yet, to an account of its own with no meaning to the simulators.
    pub fn order(&self) -> Order {
        let n = self.orders.fetch_add(1, Ordering::Relaxed);
        self.order_to(&format!("98765{:04}", 5_100 + n))
    }

    pub fn order_to(&self, account: &str) -> Order {
        let n = self.orders.fetch_add(1, Ordering::Relaxed);
        let reference = format!("ps{n:026}");
        let wish = Wish {
            reference: &reference,
            destination: "BCA",
            account: &Personal::new(account),
            name: &Personal::new("Budi Santoso"),
            money: Money::new(25_000, Currency::Idr),
            remark: "Invoice 12",
            settings: &self.settings,
        };
        self.sender().order(&wish).expect("BCA in rupiah is within every provider's reach")
    }

    pub async fn send(&self, order: &Order) -> Reading {
        self.sender().send(&self.call(), order).await
    }

    /// What the status call says; `None` where there is none.
    pub async fn status(&self, order: &Order) -> Option<Reading> {
        let call = self.call();
        match self.sender().status(&call, order) {
            Some(asked) => Some(asked.await),
            None => None,
        }
    }

    pub fn fault(&self, fault: Fault) {
        self.simulator().add_fault(fault).expect("the simulator knows the fault");
    }

    /// A fault of the call that moves money.
    pub fn send_fault(&self, kind: Kind) {
        self.fault(Fault::new(kind).on(self.subject.send));
    }

    /// What the provider's books say of an order.
    pub fn row(&self, order: &Order) -> Option<Row> {
        self.simulator().payment(&order.reference)
    }

    /// Whether money left, or is held to leave, for this order.
    pub fn took(&self, order: &Order) -> bool {
        self.row(order).is_some_and(|row| row.moved || row.reserved)
    }

    /// Awaits a row that the provider writes after the caller has gone.
    pub async fn until_taken(&self, order: &Order) {
        let look = async {
            while !self.took(order) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), look).await.expect("the provider takes the order in the end");
    }
}

/// The providers' configuration as it is shipped, without the limits that only spare a real provider.
fn unhurried() -> BTreeMap<String, Value> {
    let mut blocks = Config::defaults().providers;
    for limit in blocks.values_mut().filter_map(|block| block.get_mut("per_second")) {
        *limit = 0.into();
    }
    blocks
}

/// An adapter of its own.
pub struct Fresh {
    providers: Providers,
    code: &'static str,
}

impl Fresh {
    pub fn sender(&self) -> &dyn SendMoney {
        self.providers.get(self.code).and_then(|provider| provider.send_money()).unwrap()
    }

    pub async fn send(&self, call: &Call, order: &Order) -> Reading {
        self.sender().send(call, order).await
    }
}

/// What the product would do by a reading: the conclusion, not the word, is what the kit holds an adapter to.
pub fn after_first_send(reading: &Reading) -> Decision {
    decide(facts(Evidence::Sent, 1, reading), Seen::Answer(reading.verdict))
}

pub fn after_resend(reading: &Reading) -> Decision {
    decide(facts(Evidence::Sent, 2, reading), Seen::Answer(reading.verdict))
}

pub fn after_status(reading: &Reading) -> Decision {
    decide(facts(Evidence::Unknown, 1, reading), Seen::Status(reading.verdict))
}

fn facts(state: Evidence, sends: i16, reading: &Reading) -> Facts {
    Facts { state, sends, accepted: false, echo_differs: reading.echo_differs }
}

/// The conclusion in a word or two, for the table.
pub fn word(decision: Decision) -> String {
    match decision {
        Decision::Keep => "nothing learned".into(),
        Decision::Move(evidence) => evidence.as_str().into(),
        Decision::Free { to, next } => format!("{}, {}", to.as_str(), crate::conformance::next_word(next)),
        Decision::Pay => "paid".into(),
        Decision::Reverse => "reversed".into(),
        Decision::Contradict(what) => format!("exception {}", what.as_str()),
    }
}

/// One question of the list.
pub struct Question {
    pub about: &'static str,
    pub text: &'static str,
    pub ask: for<'a> fn(&'a Stage) -> BoxFuture<'a, Outcome>,
}

/// How an adapter answered.
pub enum Outcome {
    /// As it must; what came of it.
    Held(String),
    /// The provider has no such thing, and why.
    Lacks(&'static str),
    /// Not as it must: what it did.
    Broken(String),
}

/// Held where `good`, with the conclusion in words.
pub fn judge(good: bool, said: &Reading, decision: Decision) -> Outcome {
    match good {
        true => Outcome::Held(word(decision)),
        false => Outcome::Broken(format!("{}: {said:?}", word(decision))),
    }
}

/// A settings object.
pub fn nothing_set() -> Value {
    json!({})
}

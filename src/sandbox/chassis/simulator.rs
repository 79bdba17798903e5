//! A simulator whose provider does not matter: what the sandbox, the demo and general tests need of each of them.
//!
//! Implemented once, for every [`Engine`]. Handles with their types stay in [`crate::sandbox::Sandbox`].

use std::pin::Pin;

use axum::Router;
use serde_json::{Map, Value, json};

use super::books::{Row, Summary, WholeBooks};
use super::callbacks::Try;
use super::engine::Engine;
use super::faults::{Fault, Standing};
use super::provider::Provider;
use super::{control, wire};

/// One provider's simulator.
pub trait Simulator: Send + Sync {
    /// The provider's code.
    fn code(&self) -> &'static str;
    /// The provider's own address.
    fn wire(&self) -> Router;
    /// The control API.
    fn control(&self) -> Router;
    /// The object of this provider in `describe()`: addresses, `credentials` and `settings` of a connection, and what
    /// else the provider gives its customers.
    fn describe(&self, base_url: &str, control_url: &str) -> Value;
    fn summary(&self) -> Summary;
    fn books(&self) -> WholeBooks;
    fn payment(&self, reference: &str) -> Option<Row>;
    fn add_fault(&self, fault: Fault) -> Result<u64, String>;
    fn standing_faults(&self) -> Vec<Standing>;
    fn clear_faults(&self);
    fn callbacks(&self) -> Vec<Try>;
    /// Changes the named settings, and says all of them.
    fn change_settings(&self, changes: Map<String, Value>) -> Result<Value, String>;
    fn top_up(&self, amount: i64) -> Result<Summary, String>;
    fn finish(&self, reference: &str, code: &str, description: Option<&str>, force: bool) -> Result<Row, String>;
    /// Ends when every task has; the token of the ground must have been cancelled.
    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<P: Provider> Simulator for Engine<P> {
    fn code(&self) -> &'static str {
        P::CODE
    }

    fn wire(&self) -> Router {
        wire::router(self.clone())
    }

    fn control(&self) -> Router {
        control::router(self.clone())
    }

    fn describe(&self, base_url: &str, control_url: &str) -> Value {
        let mut settings = Map::from_iter([("base_url".to_owned(), base_url.into())]);
        settings.extend(P::connection(self.account(), &self.settings()));
        let mut all = P::also(self.account());
        let facts = json!({ "base_url": base_url, "control_url": control_url, "credentials": self.credentials(), "settings": settings });
        if let Value::Object(facts) = facts {
            all.extend(facts);
        }
        Value::Object(all)
    }

    fn summary(&self) -> Summary {
        Engine::summary(self)
    }

    fn books(&self) -> WholeBooks {
        Engine::books(self)
    }

    fn payment(&self, reference: &str) -> Option<Row> {
        Engine::payment(self, reference)
    }

    fn add_fault(&self, fault: Fault) -> Result<u64, String> {
        Engine::add_fault(self, fault)
    }

    fn standing_faults(&self) -> Vec<Standing> {
        Engine::standing_faults(self)
    }

    fn clear_faults(&self) {
        Engine::clear_faults(self);
    }

    fn callbacks(&self) -> Vec<Try> {
        Engine::callbacks(self)
    }

    fn change_settings(&self, changes: Map<String, Value>) -> Result<Value, String> {
        let settings = Engine::change_settings(self, changes)?;
        serde_json::to_value(settings).map_err(|e| e.to_string())
    }

    fn top_up(&self, amount: i64) -> Result<Summary, String> {
        Engine::top_up(self, amount)
    }

    fn finish(&self, reference: &str, code: &str, description: Option<&str>, force: bool) -> Result<Row, String> {
        Engine::finish(self, reference, code, description, force)
    }

    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(Engine::stopped(self))
    }
}

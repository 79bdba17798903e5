//! Whose account is it? Asked of the client's connections in the order of its sequence, until one knows.
//!
//! The name goes to the caller and nowhere else: it is never stored, logged or counted.

use super::access::Caller;
use super::{connections, routing};
use crate::app::App;
use crate::crypto::secret::Personal;
use crate::domain::money::Currency;
use crate::domain::sequence::Wanted;
use crate::domain::service::Service;
use crate::providers::Inquiry;

/// An amount every fee plan has a fee for; an inquiry moves no money.
const ANY_AMOUNT: i64 = 10_000;

/// What came of an inquiry.
pub enum Answer {
    Found {
        name: Personal,
        provider: String,
    },
    /// The provider's contract lists this answer: there is no such account.
    NotFound,
    /// No connection of the sequence can be asked: there is none, or its provider has no such call.
    NoConnection,
    /// Every connection that was asked failed; the reasons are for people.
    Failed(String),
}

/// Asks whose account `account` at `destination` is.
pub async fn name_of(app: &App, caller: &Caller, destination: &str, account: &Personal) -> anyhow::Result<Answer> {
    let wanted = Wanted {
        service: Service::SendMoney,
        mode: caller.mode,
        currency: Currency::Idr,
        amount: ANY_AMOUNT,
        destination,
    };
    let plan = routing::recent_candidates(app, caller.client_id, wanted).await?;
    let mut failures = Vec::new();
    for candidate in &plan.candidates {
        let connection = &candidate.connection;
        let Some(sender) = routing::sender(app, &connection.provider) else { continue };
        let open = connections::open(app, caller.client_id, connection.id).await?;
        let call = connections::call(app, &open, &open.account.identity, None)?;
        let call = call.mask(account.reveal(), account.hint());
        // A provider without this call is no failure: the next one may know.
        let Some(question) = sender.inquiry(&call, destination, account) else { continue };
        let answer = question.await;
        app.activity.note(caller.client_id, connection.id, app.now());
        match answer {
            Inquiry::Found { name } => return Ok(Answer::Found { name, provider: connection.provider.clone() }),
            Inquiry::NotFound { .. } => return Ok(Answer::NotFound),
            Inquiry::Failed { reason } => failures.push(format!("{}: {reason}", connection.label)),
        }
    }
    Ok(if failures.is_empty() { Answer::NoConnection } else { Answer::Failed(failures.join("; ")) })
}

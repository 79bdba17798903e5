//! The questions. Each sets one scene at the provider's simulator, lets the adapter speak, and judges what the product
//! would conclude: a wrong word that frees a payment is worse than no word.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use paystrator::crypto::secret::Personal;
use paystrator::domain::evidence::{Decision, Evidence, Fault as Whose, Next, Verdict};
use paystrator::domain::money::Currency;
use paystrator::domain::sequence::Reach;
use paystrator::providers::form::Part;
use paystrator::providers::{CallbackReading, Cause, Inquiry, RawCallback, Reading, Trouble};
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};

use super::subject::{
    Outcome, Question, Stage, after_first_send, after_resend, after_status, judge, nothing_set, word,
};

const SENDING: &str = "Sending";
const ASKING: &str = "Asking how it ended";
const OTHER: &str = "Accounts and balances";
const CALLS: &str = "Calls from the provider";
const SETUP: &str = "Connections and reach";

/// The list.
pub const QUESTIONS: [Question; 39] = [
    q(SENDING, "A good order", |s| good_order(s).boxed()),
    q(SENDING, "Paid in the answer itself", |s| at_once(s).boxed()),
    q(SENDING, "The balance does not cover it", |s| no_balance(s).boxed()),
    q(SENDING, "The destination's account is refused", |s| bad_account(s).boxed()),
    q(SENDING, "Our secret is wrong", |s| wrong_secret(s).boxed()),
    q(SENDING, "Nobody listens at the address", |s| nobody_listens(s).boxed()),
    q(SENDING, "A call before the send breaks off", |s| before(s, Kind::DropResponse).boxed()),
    q(SENDING, "A call before the send answers garbage", |s| before(s, Kind::Garbage).boxed()),
    q(SENDING, "A call before the send answers HTTP 500", |s| before(s, Kind::HttpErrorBefore).boxed()),
    q(SENDING, "The connection breaks, nothing was done", |s| in_doubt(s, Kind::DropRequest, false).boxed()),
    q(SENDING, "The connection breaks, the money moved", |s| in_doubt(s, Kind::DropResponse, true).boxed()),
    q(SENDING, "HTTP 500, nothing was done", |s| in_doubt(s, Kind::HttpErrorBefore, false).boxed()),
    q(SENDING, "HTTP 500, the money moved", |s| in_doubt(s, Kind::HttpErrorAfter, true).boxed()),
    q(SENDING, "An unreadable answer, the money moved", |s| in_doubt(s, Kind::Garbage, true).boxed()),
    q(SENDING, "No answer in time, the order arrives later", |s| late(s).boxed()),
    q(SENDING, "A code the contract does not list", |s| unlisted(s).boxed()),
    q(SENDING, "The answer names a hundred times the amount", |s| wrong_amount(s).boxed()),
    q(SENDING, "The same order twice", |s| twice(s).boxed()),
    q(SENDING, "Refused when it is sent again", |s| refused_again(s).boxed()),
    q(ASKING, "It is paid", |s| paid(s).boxed()),
    q(ASKING, "It is under way", |s| under_way(s).boxed()),
    q(ASKING, "It was taken, and failed for good", |s| failed(s).boxed()),
    q(ASKING, "It was paid, and the money came back", |s| returned(s).boxed()),
    q(ASKING, "The provider does not know the reference", |s| not_known(s).boxed()),
    q(ASKING, "A code the contract does not list", |s| status_unlisted(s).boxed()),
    q(ASKING, "The answer names a hundred times the amount", |s| status_wrong_amount(s).boxed()),
    q(ASKING, "An unreadable answer", |s| status_fault(s, Kind::Garbage).boxed()),
    q(ASKING, "HTTP 500", |s| status_fault(s, Kind::HttpErrorAfter).boxed()),
    q(ASKING, "The connection breaks", |s| status_fault(s, Kind::DropResponse).boxed()),
    q(ASKING, "Our secret is wrong", |s| status_wrong_secret(s).boxed()),
    q(OTHER, "Whose is a known account, an unknown one", |s| inquiry(s).boxed()),
    q(OTHER, "The name inquiry answers garbage", |s| inquiry_garbage(s).boxed()),
    q(OTHER, "The balance is the one in the provider's books", |s| balance(s).boxed()),
    q(CALLS, "A call names our payment, and proves nothing", |s| callback(s).boxed()),
    q(CALLS, "An unreadable call is refused", |s| unreadable_callback(s).boxed()),
    q(SETUP, "A test of a good connection", |s| good_test(s).boxed()),
    q(SETUP, "A test with a wrong secret", |s| test_wrong_secret(s).boxed()),
    q(SETUP, "Every fault of a form is named at once", |s| form(s).boxed()),
    q(SETUP, "A destination or currency it lacks is skipped", |s| reach(s).boxed()),
];

const fn q(about: &'static str, text: &'static str, ask: for<'a> fn(&'a Stage) -> BoxFuture<'a, Outcome>) -> Question {
    Question { about, text, ask }
}

fn frees(decision: Decision) -> bool {
    matches!(decision, Decision::Free { .. })
}

async fn good_order(s: &Stage) -> Outcome {
    let order = s.order();
    let said = s.send(&order).await;
    let decision = after_first_send(&said);
    let taken = matches!(decision, Decision::Move(Evidence::Accepted) | Decision::Pay);
    let row = s.row(&order);
    judge(taken && s.took(&order) && row.is_some_and(|row| row.amount == 25_000), &said, decision)
}

async fn at_once(s: &Stage) -> Outcome {
    let settings = match s.subject.at_once {
        Ok(settings) => settings(),
        Err(why) => return Outcome::Lacks(why),
    };
    s.simulator().change_settings(settings.as_object().unwrap().clone()).unwrap();
    let order = s.order();
    let said = s.send(&order).await;
    let decision = after_first_send(&said);
    judge(decision == Decision::Pay && s.row(&order).is_some_and(|row| row.moved), &said, decision)
}

/// The deposit is emptied in earnest, and filled again.
async fn no_balance(s: &Stage) -> Outcome {
    let available = s.simulator().summary().available;
    s.simulator().top_up(1_000 - available).unwrap();
    let order = s.order();
    let said = s.send(&order).await;
    s.simulator().top_up(available - 1_000).unwrap();
    let decision = after_first_send(&said);
    let must = match s.subject.no_balance {
        Ok(()) => decision == Decision::Free { to: Evidence::Refused, next: Next::OtherConnection },
        // Without a published code nobody knows, and nobody guesses.
        Err(_) => decision == Decision::Move(Evidence::Unknown),
    };
    judge(must && !s.took(&order), &said, decision)
}

async fn bad_account(s: &Stage) -> Outcome {
    s.fault(Fault::new(Kind::Refuse).on(s.subject.send).code(s.subject.bad_account));
    let order = s.order();
    let said = s.send(&order).await;
    let decision = after_first_send(&said);
    let must = said.verdict == Verdict::Refused(Whose::Request) && frees(decision);
    judge(must && !s.took(&order), &said, decision)
}

async fn wrong_secret(s: &Stage) -> Outcome {
    let mut credentials = s.credentials.clone();
    (s.subject.wrong_secret)(&mut credentials);
    let order = s.order();
    let said = s.sender().send(&s.call_with(&credentials, &s.settings), &order).await;
    let decision = after_first_send(&said);
    let must = matches!(decision, Decision::Free { next: Next::OtherConnection | Next::AnyConnection, .. });
    judge(must && !s.took(&order), &said, decision)
}

async fn nobody_listens(s: &Stage) -> Outcome {
    let mut settings = s.settings.clone();
    settings["base_url"] = crate::support::bad::CLOSED.into();
    let said = s.sender().send(&s.call_with(&s.credentials, &settings), &s.order()).await;
    judge(said.verdict == Verdict::NotSent, &said, after_first_send(&said))
}

async fn before(s: &Stage, kind: Kind) -> Outcome {
    let mut last = None;
    for operation in s.subject.before_send {
        s.clean();
        s.fault(Fault::new(kind).on(operation));
        // An account of its own, so that nothing of an earlier conversation helps.
        let order = s.order();
        let said = s.fresh_sender().send(&s.call(), &order).await;
        let decision = after_first_send(&said);
        let must = said.verdict == Verdict::NotSent && frees(decision) && s.row(&order).is_none();
        if !must {
            return Outcome::Broken(format!("{operation}: {}: {said:?}", word(decision)));
        }
        last = Some(word(decision));
    }
    last.map_or(Outcome::Lacks("an order is one call, nothing comes before it"), Outcome::Held)
}

async fn in_doubt(s: &Stage, kind: Kind, moved: bool) -> Outcome {
    s.send_fault(kind);
    let order = s.order();
    let said = s.send(&order).await;
    let decision = after_first_send(&said);
    judge(decision == Decision::Move(Evidence::Unknown) && s.took(&order) == moved, &said, decision)
}

async fn late(s: &Stage) -> Outcome {
    s.send_fault(Kind::Hang);
    let order = s.order();
    let said = s.hasty_sender().send(&s.call(), &order).await;
    let decision = after_first_send(&said);
    let must = decision == Decision::Move(Evidence::Unknown) && s.row(&order).is_none();
    s.simulator().clear_faults();
    s.until_taken(&order).await;
    judge(must, &said, decision)
}

async fn unlisted(s: &Stage) -> Outcome {
    s.fault(Fault::new(Kind::WrongCode).on(s.subject.send).code(s.subject.unlisted));
    let said = s.send(&s.order()).await;
    let decision = after_first_send(&said);
    // Other fields of the answer may say that it was taken; that it was paid or refused, nothing may.
    judge(matches!(decision, Decision::Move(Evidence::Unknown | Evidence::Accepted)), &said, decision)
}

async fn wrong_amount(s: &Stage) -> Outcome {
    s.send_fault(Kind::WrongAmount);
    let said = s.send(&s.order()).await;
    let decision = after_first_send(&said);
    judge(decision != Decision::Pay && !frees(decision), &said, decision)
}

async fn twice(s: &Stage) -> Outcome {
    let order = s.order();
    let paid = s.simulator().summary();
    s.send(&order).await;
    let said = s.send(&order).await;
    let now = s.simulator().summary();
    let once = (now.paid + now.reserved) - (paid.paid + paid.reserved) == 25_000;
    let decision = after_resend(&said);
    judge(once && !frees(decision), &said, decision)
}

async fn refused_again(s: &Stage) -> Outcome {
    let order = s.order();
    s.send_fault(Kind::DropResponse);
    s.send(&order).await;
    s.simulator().clear_faults();
    s.fault(Fault::new(Kind::Refuse).on(s.subject.send).code(s.subject.bad_account));
    let said = s.send(&order).await;
    let decision = after_resend(&said);
    judge(decision == Decision::Move(Evidence::Unknown), &said, decision)
}

/// Sends an order that stays under way, then asks under `fault`; `Err` where nobody can be asked.
async fn asked(s: &Stage, fault: Option<Fault>) -> Result<Reading, Outcome> {
    let operation = s.subject.status.map_err(Outcome::Lacks)?;
    s.settle_after(3_600_000);
    let order = s.order();
    s.send(&order).await;
    if let Some(fault) = fault {
        s.fault(fault.on(operation));
    }
    s.status(&order).await.ok_or_else(|| Outcome::Broken("the adapter has no status call".into()))
}

async fn paid(s: &Stage) -> Outcome {
    if let Err(why) = s.subject.status {
        let none = s.status(&s.order()).await.is_none();
        return if none { Outcome::Lacks(why) } else { Outcome::Broken("it asks where nobody answers".into()) };
    }
    let order = s.order();
    s.send(&order).await;
    let Some(said) = s.status(&order).await else { return Outcome::Broken("the adapter has no status call".into()) };
    let decision = after_status(&said);
    judge(decision == Decision::Pay && s.row(&order).is_some_and(|row| row.moved), &said, decision)
}

async fn under_way(s: &Stage) -> Outcome {
    match asked(s, None).await {
        Err(outcome) => outcome,
        Ok(said) => {
            let decision = after_status(&said);
            judge(decision == Decision::Move(Evidence::Accepted), &said, decision)
        }
    }
}

/// An order whose end is `code`, asked about after `before`, an end that was told earlier.
async fn ended(s: &Stage, earlier: Option<&str>, code: &str) -> Result<(bool, Reading), Outcome> {
    s.subject.status.map_err(Outcome::Lacks)?;
    s.settle_after(3_600_000);
    let order = s.order();
    s.send(&order).await;
    for end in earlier.into_iter().chain([code]) {
        s.simulator().finish(&order.reference, end, None, true).unwrap();
    }
    let said = s.status(&order).await.ok_or_else(|| Outcome::Broken("the adapter has no status call".into()))?;
    Ok((s.took(&order), said))
}

async fn failed(s: &Stage) -> Outcome {
    let code = match s.subject.failed {
        Ok(code) => code,
        Err(why) => return Outcome::Lacks(why),
    };
    match ended(s, None, code).await {
        Err(outcome) => outcome,
        Ok((took, said)) => {
            let decision = after_status(&said);
            let must = matches!(decision, Decision::Free { to: Evidence::Failed, .. });
            judge(must && !took, &said, decision)
        }
    }
}

async fn returned(s: &Stage) -> Outcome {
    let code = match s.subject.returned {
        Ok(code) => code,
        Err(why) => return Outcome::Lacks(why),
    };
    match ended(s, None, code).await {
        Err(outcome) => outcome,
        Ok((_, said)) => match said.verdict {
            Verdict::Reversed => Outcome::Held("reversed".into()),
            other => Outcome::Broken(format!("{}: {said:?}", other.as_str())),
        },
    }
}

async fn not_known(s: &Stage) -> Outcome {
    if let Err(why) = s.subject.status {
        return Outcome::Lacks(why);
    }
    let Some(said) = s.status(&s.order()).await else { return Outcome::Broken("no status call".into()) };
    match (after_status(&said), said.verdict) {
        (Decision::Keep, Verdict::NotFound) => Outcome::Held("not found proves nothing".into()),
        (Decision::Keep, _) => Outcome::Held("nothing learned".into()),
        (decision, _) => Outcome::Broken(format!("{}: {said:?}", word(decision))),
    }
}

async fn status_unlisted(s: &Stage) -> Outcome {
    let fault = Fault::new(Kind::WrongCode).code(s.subject.unlisted);
    match asked(s, Some(fault)).await {
        Ok(said) if after_status(&said) == Decision::Move(Evidence::Accepted) => Outcome::Held("accepted".into()),
        said => teaches_nothing(said),
    }
}

async fn status_fault(s: &Stage, kind: Kind) -> Outcome {
    teaches_nothing(asked(s, Some(Fault::new(kind))).await)
}

fn teaches_nothing(said: Result<Reading, Outcome>) -> Outcome {
    match said {
        Err(outcome) => outcome,
        Ok(said) => judge(after_status(&said) == Decision::Keep, &said, after_status(&said)),
    }
}

async fn status_wrong_amount(s: &Stage) -> Outcome {
    let operation = match s.subject.status {
        Ok(operation) => operation,
        Err(why) => return Outcome::Lacks(why),
    };
    let order = s.order();
    s.send(&order).await;
    s.fault(Fault::new(Kind::WrongAmount).on(operation));
    let Some(said) = s.status(&order).await else { return Outcome::Broken("no status call".into()) };
    let decision = after_status(&said);
    judge(decision != Decision::Pay && !frees(decision), &said, decision)
}

async fn status_wrong_secret(s: &Stage) -> Outcome {
    if let Err(why) = s.subject.status {
        return Outcome::Lacks(why);
    }
    let order = s.order();
    s.send(&order).await;
    let mut credentials = s.credentials.clone();
    (s.subject.wrong_secret)(&mut credentials);
    let call = s.call_with(&credentials, &s.settings);
    match s.sender().status(&call, &order) {
        None => Outcome::Broken("no status call".into()),
        Some(asked) => teaches_nothing(Ok(asked.await)),
    }
}

async fn inquiry(s: &Stage) -> Outcome {
    let call = s.call();
    let ask = async |account: &str| match s.sender().inquiry(&call, "BCA", &Personal::new(account)) {
        Some(asked) => Some(asked.await),
        None => None,
    };
    match (s.subject.inquiry, ask("9876555555").await, ask(s.subject.unknown_account).await) {
        (Err(why), None, None) => Outcome::Lacks(why),
        (Ok(_), Some(Inquiry::Found { name }), Some(Inquiry::NotFound { .. })) if !name.reveal().is_empty() => {
            Outcome::Held("its name; not found".into())
        }
        (_, known, unknown) => Outcome::Broken(format!("{known:?}, {unknown:?}")),
    }
}

async fn inquiry_garbage(s: &Stage) -> Outcome {
    let operation = match s.subject.inquiry {
        Ok(operation) => operation,
        Err(why) => return Outcome::Lacks(why),
    };
    s.fault(Fault::new(Kind::Garbage).on(operation));
    let (call, account) = (s.call(), Personal::new("9876555555"));
    match s.sender().inquiry(&call, "BCA", &account) {
        None => Outcome::Broken("no inquiry".into()),
        Some(asked) => match asked.await {
            Inquiry::Failed { .. } => Outcome::Held("it could not say".into()),
            other => Outcome::Broken(format!("{other:?}")),
        },
    }
}

async fn balance(s: &Stage) -> Outcome {
    let call = s.call();
    let said = match (s.subject.balance, s.sender().balance(&call)) {
        (Err(why), None) => return Outcome::Lacks(why),
        (Ok(_), Some(asked)) => asked.await,
        (_, said) => return Outcome::Broken(format!("it answers: {}", said.is_some())),
    };
    let books = s.simulator().summary();
    match said {
        Ok(b) if [b.balance.units, b.available.unwrap_or(b.balance).units].contains(&books.available) => {
            Outcome::Held("equal".into())
        }
        other => Outcome::Broken(format!("{other:?}, not {}", books.available)),
    }
}

/// The simulator calls back to the merchant's server, which keeps what came; the adapter reads those bytes.
async fn callback(s: &Stage) -> Outcome {
    let Some(callbacks) = s.provider().callbacks() else {
        return match s.subject.callbacks {
            Err(why) => Outcome::Lacks(why),
            Ok(()) => Outcome::Broken("the adapter takes no calls".into()),
        };
    };
    let url = format!("{}/webhooks/{}", s.sandbox.merchant_url(), s.subject.code);
    s.simulator().change_settings(json!({ "callback_url": url }).as_object().unwrap().clone()).unwrap();
    let order = s.order();
    s.send(&order).await;
    let wanted = order.reference.clone();
    let receipt = s.sandbox.merchant.wait_for(|receipt| receipt.body.contains(&wanted)).await;
    let raw = RawCallback {
        headers: Default::default(),
        body: receipt.body.into_bytes(),
        source: std::net::IpAddr::from([127, 0, 0, 1]),
    };
    let reading = callbacks.read(&raw);
    let stored = callbacks.answer(&reading, true).status;
    let lost = callbacks.answer(&reading, false).status;
    match &reading {
        CallbackReading::Question { reference } if *reference == order.reference => {
            match (200..300).contains(&stored) && lost >= 500 {
                true => Outcome::Held("a question".into()),
                false => Outcome::Broken(format!("answers {stored} when stored, {lost} when not")),
            }
        }
        other => Outcome::Broken(format!("{other:?}")),
    }
}

async fn unreadable_callback(s: &Stage) -> Outcome {
    let (callbacks, why) = match (s.provider().callbacks(), s.subject.callbacks) {
        (Some(callbacks), Ok(())) => (callbacks, ""),
        (None, Err(why)) => return Outcome::Lacks(why),
        _ => return Outcome::Broken("callbacks are not as the subject says".into()),
    };
    for body in ["", "null", "[]", "{}", "{\"a\":1}", "\u{0}", "<xml/>"] {
        let source = std::net::IpAddr::from([127, 0, 0, 1]);
        let raw = RawCallback { headers: Default::default(), body: body.into(), source };
        let reading = callbacks.read(&raw);
        let status = callbacks.answer(&reading, true).status;
        if !matches!(reading, CallbackReading::Refused { .. }) || !(400..500).contains(&status) {
            return Outcome::Broken(format!("{body:?} is read as {reading:?} and answered {status} {why}"));
        }
    }
    Outcome::Held("refused".into())
}

/// Tests the account with these credentials, by an adapter that holds no token; nothing may move.
async fn tested(s: &Stage, credentials: &Value) -> Result<(&'static str, Result<(), Trouble>), Outcome> {
    let before = s.simulator().summary();
    let fresh = s.fresh_sender();
    let call = s.call_with(credentials, &s.settings);
    let probe = fresh.sender().probe(&call).ok_or(Outcome::Broken("there is no test".into()))?;
    let (asked, answer) = (probe.asked, probe.answer.await);
    let after = s.simulator().summary();
    match (before.available, before.paid, before.reserved) == (after.available, after.paid, after.reserved) {
        true => Ok((asked, answer)),
        false => Err(Outcome::Broken("money moved".into())),
    }
}

async fn good_test(s: &Stage) -> Outcome {
    match tested(s, &s.credentials).await {
        Ok((asked, Ok(()))) => Outcome::Held(format!("works, by its {asked} call")),
        Ok((_, Err(trouble))) => Outcome::Broken(format!("{trouble:?}")),
        Err(outcome) => outcome,
    }
}

async fn test_wrong_secret(s: &Stage) -> Outcome {
    let mut credentials = s.credentials.clone();
    (s.subject.tested_secret)(&mut credentials);
    match tested(s, &credentials).await {
        Ok((_, Err(Trouble { cause: Cause::Secret, .. }))) => Outcome::Held(Cause::Secret.as_str().into()),
        Ok((_, other)) => Outcome::Broken(format!("{other:?}")),
        Err(outcome) => outcome,
    }
}

async fn form(s: &Stage) -> Outcome {
    let form = s.provider().form();
    // Everything required is missing, and one field is nobody's.
    let empty = s.provider().identity(&json!({ "no_such_field": "x" }), &nothing_set()).unwrap_err();
    let mut wanted: Vec<String> = form
        .iter()
        .filter(|field| field.required)
        .map(|field| format!("{}.{}", field.part.as_str(), field.name))
        .collect();
    wanted.push("credentials.no_such_field".into());
    let mut named: Vec<String> = empty.iter().map(|fault| fault.field.clone()).collect();
    wanted.sort();
    named.sort();
    if wanted != named {
        return Outcome::Broken(format!("named {named:?}, not {wanted:?}"));
    }
    // A wrong type in any field is that field's fault alone, and its value is not repeated.
    for field in form {
        let (mut credentials, mut settings) = (s.credentials.clone(), s.settings.clone());
        let part = if field.part == Part::Credentials { &mut credentials } else { &mut settings };
        part[field.name] = Value::from(918_273_645);
        match s.provider().identity(&credentials, &settings) {
            Err(faults) if faults.len() == 1 && !faults[0].reason.contains("918273645") => {}
            other => return Outcome::Broken(format!("{}: {other:?}", field.name)),
        }
    }
    Outcome::Held(format!("{} fields", form.len()))
}

async fn reach(s: &Stage) -> Outcome {
    let sender = s.sender();
    let found = [
        sender.reach("BCA", Currency::Idr),
        sender.reach("NO_SUCH_BANK", Currency::Idr),
        sender.reach("BCA", Currency::Myr),
    ];
    match found {
        [Reach::Yes, Reach::NoDestination, Reach::NoCurrency] => Outcome::Held("skipped with the reason".into()),
        other => Outcome::Broken(format!("{other:?}")),
    }
}

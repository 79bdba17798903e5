//! The truth after a bad day: our rows, the three providers' books and the merchant's receipts beside each other, and
//! what DESIGN section 4 says must hold between them. Nothing here belongs to one test; each of them asks all of it.
//!
//! `doubt` says which payments may stay open because their provider never tells, `books` compares the money, `told` the
//! webhooks and what must stay secret, `sums` what is counted by the hour.

mod books;
mod doubt;
pub mod sums;
mod told;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use paystrator::sandbox::{Row, Sandbox};
use sqlx::PgPool;
use uuid::Uuid;

use super::days::{LIED, RETURNS};

pub use told::{leak, secrets};

/// What the truth is read from.
pub struct Eyes<'a> {
    pub sql: &'a PgPool,
    pub sandbox: &'a Sandbox,
    /// By the service's clock.
    pub now: DateTime<Utc>,
}

/// One payment with its attempts, as they stand. Some fields are only there to be printed.
#[derive(Clone, Debug, sqlx::FromRow)]
#[allow(dead_code)]
pub struct Paid {
    pub client_id: Uuid,
    pub id: Uuid,
    pub external_id: String,
    pub amount: i64,
    pub status: String,
    pub version: i32,
    #[sqlx(skip)]
    pub attempts: Vec<Tried>,
    /// Open exceptions, and all there ever were.
    pub open: i64,
    pub exceptions: Vec<String>,
    /// Nothing is sent or re-sent by itself any more.
    pub is_window_closed: bool,
}

#[derive(Clone, Debug, sqlx::FromRow)]
#[allow(dead_code)]
pub struct Tried {
    pub payment_id: Uuid,
    pub number: i16,
    pub connection_id: Uuid,
    pub provider: String,
    pub reference: String,
    pub state: String,
    pub created_at: DateTime<Utc>,
    /// The provider's code that brought it to its state, where one did.
    pub by_code: Option<String>,
    /// Whether its connection has a status call.
    pub can_ask: bool,
    /// What its provider's simulator knows of it.
    #[sqlx(skip)]
    pub theirs: Option<Row>,
}

impl Tried {
    /// Whether the payment may go on without this one.
    pub fn is_freed(&self) -> bool {
        ["not_sent", "refused", "failed"].contains(&self.state.as_str())
    }

    /// Whether money left the provider for it, and perhaps came back.
    fn went_out(&self) -> bool {
        self.theirs.as_ref().is_some_and(|row| row.moved || row.returned)
    }

    fn has(&self, what: fn(&Row) -> bool) -> bool {
        self.theirs.as_ref().is_some_and(what)
    }

    /// Whether a contract lets another provider try after this: not after a failure that is not the provider's own, and
    /// not after a refusal that every provider would repeat (contracts/oy.md 3, doku.md 3.8, kaspro.md 3).
    fn may_be_followed(&self) -> bool {
        let code = self.by_code.as_deref();
        match (self.state.as_str(), self.provider.as_str()) {
            ("not_sent", _) => true,
            ("refused", "oy") => {
                code.is_some_and(|c| ["201", "202", "205", "206", "207", "208", "211", "215", "264"].contains(&c))
            }
            ("refused", "doku") => code.is_some_and(|c| {
                c.starts_with("40143") || ["4034314", "4034301", "4034306", "4034315", "4294300"].contains(&c)
            }),
            // Its gateway's own refusal; it has no code that counts.
            ("refused", "kaspro") => code.is_none(),
            ("failed", "oy") => code.is_some_and(|c| ["206", "225"].contains(&c)),
            _ => false,
        }
    }
}

impl Paid {
    pub fn current(&self) -> &Tried {
        self.attempts.last().expect("a payment has an attempt")
    }

    /// At how many providers money is out for it, by their books.
    pub fn moved(&self) -> usize {
        self.attempts.iter().filter(|tried| tried.has(|row| row.moved)).count()
    }

    /// How often money left for it, over all providers, whether or not it came back.
    fn went_out(&self) -> usize {
        self.attempts.iter().filter(|tried| tried.went_out()).count()
    }

    /// Whether its provider says a hundred times the amount at times.
    fn is_lied_about(&self) -> bool {
        self.attempts.iter().any(|tried| tried.has(|row| row.account.starts_with(LIED)))
    }

    /// Whether its money came back, or will, and we have not heard of it yet.
    pub fn comes_back(&self) -> bool {
        let returns = |row: &Row| row.returned || (row.moved && row.account == RETURNS);
        self.status == "SUCCESS" && self.current().provider == "doku" && self.current().has(returns)
    }

    /// Whether two people must say how it ends: it is freed under an open exception.
    fn waits_for_people(&self) -> bool {
        self.status == "PROCESSING" && self.open > 0 && self.current().is_freed()
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_settled(&self) -> bool {
        match self.status.as_str() {
            "PROCESSING" => self.is_never_told() || self.waits_for_people(),
            _ => !self.comes_back(),
        }
    }
}

/// Every payment with the simulators' side of it.
pub async fn payments(eyes: &Eyes<'_>) -> Vec<Paid> {
    let Eyes { sql, sandbox, now } = *eyes;
    // The books first: what stands in them was written down by us before.
    let mut theirs: HashMap<(String, String), Row> = HashMap::new();
    for simulator in sandbox.simulators() {
        let rows = simulator.books().payments.into_iter();
        theirs.extend(rows.map(|row| ((simulator.code().to_owned(), row.reference.clone()), row)));
    }
    let mut payments: Vec<Paid> = sqlx::query_as(
        "SELECT p.client_id, p.id, p.external_id, p.amount, p.status, p.version, p.send_until <= $1 AS is_window_closed,
            count(x.id) FILTER (WHERE x.status = 'OPEN') AS open,
            COALESCE(array_agg(x.kind) FILTER (WHERE x.id IS NOT NULL), '{}') AS exceptions
         FROM payment p LEFT JOIN exception x ON x.client_id = p.client_id AND x.payment_id = p.id
         GROUP BY p.client_id, p.id ORDER BY p.client_id, p.external_id",
    )
    .bind(now)
    .fetch_all(sql)
    .await
    .unwrap();
    let tried: Vec<Tried> = sqlx::query_as(
        "SELECT a.payment_id, a.number, a.connection_id, a.provider, a.reference, a.state, a.created_at,
            a.provider <> 'kaspro' OR c.settings ? 'status_path' AS can_ask,
            (SELECT o.code FROM observation o WHERE o.client_id = a.client_id AND o.payment_id = a.payment_id
                AND o.attempt = a.number AND o.verdict = a.state ORDER BY o.seen_at LIMIT 1) AS by_code
         FROM attempt a JOIN connection c ON c.client_id = a.client_id AND c.id = a.connection_id
         ORDER BY a.payment_id, a.number",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let mut attempts: HashMap<Uuid, Vec<Tried>> = HashMap::new();
    for mut tried in tried {
        tried.theirs = theirs.remove(&(tried.provider.clone(), tried.reference.clone()));
        attempts.entry(tried.payment_id).or_default().push(tried);
    }
    assert!(theirs.is_empty(), "a provider knows what we do not: {theirs:#?}");
    for paid in &mut payments {
        paid.attempts = attempts.remove(&paid.id).unwrap_or_default();
    }
    payments
}

/// What must hold whenever no call is under way, also in the middle of everything. Says each thing that does not.
pub async fn always(eyes: &Eyes<'_>) -> Vec<String> {
    let sql = eyes.sql;
    let mut wrong = Vec::new();
    for paid in payments(eyes).await {
        let of = |what: &str| format!("{}: {what}: {paid:?}", paid.external_id);
        let live = paid.attempts.iter().filter(|tried| !tried.is_freed()).count();
        if live > 1 {
            wrong.push(of("1: two attempts could have the money"));
        }
        // The core of it all: over all providers together.
        if paid.went_out() > 1 {
            wrong.push(of("1: paid twice"));
        }
        if paid.status == "FAILED" && live > 0 {
            wrong.push(of("FAILED while an attempt is not freed"));
        }
        for tried in &paid.attempts {
            let Some(row) = &tried.theirs else { continue };
            if row.amount != paid.amount {
                wrong.push(of("12: the amount differs"));
            }
            if (row.moved || row.reserved) && tried.is_freed() {
                wrong.push(of("2: freed, and the provider has the money"));
            }
            if tried.state == "prepared" {
                wrong.push(of("4: sent before it was written"));
            }
            if tried.state == "paid" && !(row.moved || row.returned) {
                wrong.push(of("3: paid without the money"));
            }
            if tried.state == "reversed" && !row.returned {
                wrong.push(of("8: reversed, and the money did not come back"));
            }
        }
        for (at, next) in paid.attempts.iter().enumerate().skip(1) {
            let before = &paid.attempts[..at];
            if !before[at - 1].may_be_followed() {
                wrong.push(of("2: another attempt without proof that calls for one"));
            }
            let refused = |tried: &Tried| ["refused", "failed"].contains(&tried.state.as_str());
            if before.iter().any(|tried| refused(tried) && tried.connection_id == next.connection_id) {
                wrong.push(of("2: asked again who refused"));
            }
            // Whatever a provider did with an order, it had done before another one was asked.
            let late = |tried: &&Tried| tried.theirs.as_ref().is_some_and(|row| row.updated_at > next.created_at);
            if before.iter().any(|tried| late(&tried)) {
                wrong.push(of("2: another attempt while this one was not over at its provider"));
            }
        }
    }
    let statements = [
        ("7: a state without its one event", EVENTS),
        ("7: a version was told twice or fell", VERSIONS),
        ("7: an event without its delivery", DELIVERIES),
        ("8: not booked as the evidence says", include_str!("../../../../src/store/verify.sql")),
        ("3: in doubt, and nobody will ask", ASKED),
        ("3: told that it is paid, and not believed", HEARD),
        ("10: a row of one client hangs on another's", TENANTS),
    ];
    for (what, statement) in statements {
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT to_jsonb(w)::text FROM ({}) w",
            statement.trim().trim_end_matches(';')
        )))
        .fetch_all(sql)
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
        wrong.extend(rows.into_iter().map(|row| format!("{what}: {row}")));
    }
    wrong
}

/// One `processing` at version 1, and the end exactly when there is one.
const EVENTS: &str = "
    SELECT p.external_id, p.status, array_agg(e.type ORDER BY e.version) AS told
    FROM payment p LEFT JOIN event e ON e.client_id = p.client_id AND e.payment_id = p.id AND e.type <> 'payment.exception'
    GROUP BY p.client_id, p.id
    HAVING array_agg(e.type ORDER BY e.version) <> CASE p.status
        WHEN 'PROCESSING' THEN ARRAY['payment.processing']
        WHEN 'SUCCESS' THEN ARRAY['payment.processing', 'payment.succeeded']
        WHEN 'FAILED' THEN ARRAY['payment.processing', 'payment.failed']
        WHEN 'REVERSED' THEN ARRAY['payment.processing', 'payment.succeeded', 'payment.reversed']
        ELSE ARRAY[]::text[] END";

/// The version in the body is the row's, no payment is beyond its version, and no event comes twice.
const VERSIONS: &str = "
    SELECT e.payment_id, e.version, e.type FROM event e
        JOIN payment p ON p.client_id = e.client_id AND p.id = e.payment_id
    WHERE e.version > p.version OR (e.body::jsonb #>> '{data,version}')::int IS DISTINCT FROM e.version
        OR e.type <> e.body::jsonb ->> 'type' OR (e.type = 'payment.processing') <> (e.version = 1)";

/// Each event is to be told once to each endpoint that hears its type and was there.
const DELIVERIES: &str = "
    SELECT ev.id, ev.type, e.id AS endpoint, count(d.event_id) FROM event ev
        JOIN endpoint e ON e.client_id = ev.client_id AND e.mode = ev.mode AND ev.type = ANY (e.events)
            AND e.status = 'ACTIVE'
        LEFT JOIN delivery d ON d.client_id = ev.client_id AND d.event_id = ev.id AND d.endpoint_id = e.id
    GROUP BY 1, 2, 3 HAVING count(d.event_id) <> 1";

/// Every attempt whose end is open has a next time.
const ASKED: &str = "
    SELECT payment_id, number, state FROM attempt
    WHERE state IN ('prepared', 'sent', 'accepted', 'unknown') AND next_try_at IS NULL
    UNION ALL
    SELECT p.id, p.attempt, p.evidence FROM payment p
        JOIN attempt a ON a.client_id = p.client_id AND a.payment_id = p.id AND a.number = p.attempt
    WHERE p.evidence <> a.state OR (a.state = 'unknown') <> (p.unknown_since IS NOT NULL) AND a.state <> 'sent'";

/// A provider's clear word that it paid ends the doubt, or opens an exception.
const HEARD: &str = "
    SELECT a.payment_id, a.number, a.state FROM attempt a
    WHERE a.state IN ('prepared', 'sent', 'accepted', 'unknown')
        AND EXISTS (SELECT FROM observation o WHERE o.client_id = a.client_id AND o.payment_id = a.payment_id
            AND o.attempt = a.number AND o.verdict = 'paid')
        AND NOT EXISTS (SELECT FROM exception x WHERE x.client_id = a.client_id AND x.payment_id = a.payment_id)";

const TENANTS: &str = "
    SELECT a.payment_id FROM attempt a LEFT JOIN payment p ON p.client_id = a.client_id AND p.id = a.payment_id
        LEFT JOIN connection c ON c.client_id = a.client_id AND c.id = a.connection_id
    WHERE p.id IS NULL OR c.id IS NULL
    UNION ALL
    SELECT e.payment_id FROM event e LEFT JOIN payment p ON p.client_id = e.client_id AND p.id = e.payment_id
    WHERE p.id IS NULL";

/// What is left to do, in words; `None` when every payment is where it will stay and everybody was told.
pub async fn unfinished(eyes: &Eyes<'_>) -> Option<String> {
    let sql = eyes.sql;
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM delivery WHERE state = 'pending')
            + (SELECT count(*) FROM callback WHERE done_at IS NULL)",
    )
    .fetch_one(sql)
    .await
    .unwrap();
    let open: Vec<Paid> = payments(eyes).await.into_iter().filter(|paid| !paid.is_settled()).collect();
    if open.is_empty() && left == 0 {
        return None;
    }
    let mut text = format!("{left} deliveries or callbacks, {} payments", open.len());
    for paid in open.iter().take(5) {
        let _ = write!(text, "\n{paid:?}");
    }
    Some(text)
}

/// Waits until nothing is left to do. What is left after `patience` is told, with what is wrong by then.
pub async fn finished<'a>(eyes: impl Fn() -> Eyes<'a>, patience: Duration) -> Option<String> {
    let finished = async {
        while unfinished(&eyes()).await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(patience, finished).await.err()?;
    let left = unfinished(&eyes()).await?;
    Some(format!("{left}\n{}", always(&eyes()).await.join("\n")))
}

/// What must hold when nothing is left to do and no process runs. Panics with everything that does not.
pub async fn at_the_end(eyes: &Eyes<'_>) {
    let Eyes { sql, sandbox, .. } = *eyes;
    let mut wrong = always(eyes).await;
    let payments = payments(eyes).await;
    for paid in &payments {
        let of = |what: &str| format!("{}: {what}: {paid:?}", paid.external_id);
        let (moved, current) = (paid.moved(), paid.current());
        let truth = match paid.status.as_str() {
            "SUCCESS" => moved == 1 && current.has(|row| row.moved),
            "REVERSED" => moved == 0 && current.has(|row| row.returned),
            // What came back before we knew it paid is no promise broken: it never left for good.
            "FAILED" => paid.attempts.iter().all(|tried| !tried.went_out() || tried.state == "failed") && moved == 0,
            "PROCESSING" => paid.is_never_told(),
            _ => false,
        };
        if !truth {
            wrong.push(of("its end is not the provider's"));
        }
        if paid.attempts.iter().any(|tried| ["prepared", "sent"].contains(&tried.state.as_str())) {
            wrong.push(of("something is left to send"));
        }
        if paid.exceptions.iter().any(|kind| kind != "echo_differs" || !paid.is_lied_about()) {
            wrong.push(of("an exception, and nobody lied"));
        }
        if paid.open > 0 && !paid.is_never_told() {
            wrong.push(of("people have not closed its exception"));
        }
    }
    wrong.extend(books::agree(eyes, &payments).await);
    wrong.extend(sums::agree(sql).await);
    wrong.extend(told::everybody_was_told(sql, sandbox).await);
    wrong.extend(told::secrets_are_kept(sql, sandbox).await);
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

//! The truth after a bad day: our rows, the simulator's books and the merchant's receipts beside each other, and what
//! DESIGN section 4 says must hold between them. Nothing here belongs to one test; each of them asks all of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use paystrator::sandbox::{Row, Sandbox};
use sqlx::PgPool;
use uuid::Uuid;

use super::rig::NAME_MARK;

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
    pub exceptions: i64,
    /// Nothing is sent or re-sent by itself any more.
    pub is_window_closed: bool,
}

#[derive(Clone, Debug, sqlx::FromRow)]
#[allow(dead_code)]
pub struct Tried {
    pub payment_id: Uuid,
    pub number: i16,
    pub connection_id: Uuid,
    pub reference: String,
    pub state: String,
    /// What the simulator knows of it.
    #[sqlx(skip)]
    pub theirs: Option<Row>,
}

impl Paid {
    pub fn current(&self) -> &Tried {
        self.attempts.last().expect("a payment has an attempt")
    }

    /// How often money moved for it, by the simulator's books.
    pub fn moved(&self) -> usize {
        self.attempts.iter().filter(|tried| tried.theirs.as_ref().is_some_and(|row| row.moved)).count()
    }

    /// Whether the simulator will never say how it ended: its mocks for 999, 102 and 301 for ever, or a refusal for
    /// ever whose answer was lost (an id it rejected is an id it does not know). Where it never saw the order, or
    /// refused it unheard, the doubt stays once the window for a re-send has closed.
    fn is_never_told(&self) -> bool {
        let tried = self.current();
        let Some(row) = &tried.theirs else { return tried.state == "unknown" && self.is_window_closed };
        if tried.state == "unknown" && row.provider_ref.is_empty() && self.is_window_closed {
            return true;
        }
        match (tried.state.as_str(), row.code.as_str(), row.account.as_str()) {
            ("accepted" | "unknown", "102", "6666666666") => row.reserved,
            ("accepted" | "unknown", "301", "9999999999") => row.reserved,
            ("unknown", "999", "1234567890") => true,
            ("unknown", _, "2222222222" | "3333333333" | "4444444444" | "5555555555") => row.provider_ref.is_empty(),
            _ => false,
        }
    }

    /// Whether nothing more will happen to it.
    pub fn is_settled(&self) -> bool {
        self.status != "PROCESSING" || self.is_never_told()
    }
}

/// Every payment with the simulator's side of it.
pub async fn payments(eyes: &Eyes<'_>) -> Vec<Paid> {
    let Eyes { sql, sandbox, now } = *eyes;
    let mut theirs: HashMap<String, Row> =
        sandbox.oy.books().payments.into_iter().map(|row| (row.reference.clone(), row)).collect();
    let mut payments: Vec<Paid> = sqlx::query_as(
        "SELECT p.client_id, p.id, p.external_id, p.amount, p.status, p.version, p.send_until <= $1 AS is_window_closed,
            (SELECT count(*) FROM exception x WHERE x.client_id = p.client_id AND x.payment_id = p.id) AS exceptions
         FROM payment p ORDER BY p.client_id, p.external_id",
    )
    .bind(now)
    .fetch_all(sql)
    .await
    .unwrap();
    let tried: Vec<Tried> = sqlx::query_as(
        "SELECT payment_id, number, connection_id, reference, state FROM attempt ORDER BY payment_id, number",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let mut attempts: HashMap<Uuid, Vec<Tried>> = HashMap::new();
    for mut tried in tried {
        tried.theirs = theirs.remove(&tried.reference);
        attempts.entry(tried.payment_id).or_default().push(tried);
    }
    assert!(theirs.is_empty(), "the simulator knows what we do not: {theirs:#?}");
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
        let frees = |state: &str| ["not_sent", "refused", "failed"].contains(&state);
        let live = paid.attempts.iter().filter(|tried| !frees(&tried.state)).count();
        if live > 1 {
            wrong.push(of("1: two attempts could have the money"));
        }
        if paid.moved() > 1 {
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
            if (row.moved || row.reserved) && frees(&tried.state) {
                wrong.push(of("2: freed, and the provider has the money"));
            }
            if tried.state == "prepared" {
                wrong.push(of("4: sent before it was written"));
            }
            if tried.state == "paid" && !row.moved {
                wrong.push(of("3: paid without the money"));
            }
        }
    }
    let statements = [
        ("7: a state without its one event", EVENTS),
        ("7: a version was told twice or fell", VERSIONS),
        ("7: an event without its delivery", DELIVERIES),
        ("8: not booked as the evidence says", include_str!("../../../src/store/verify.sql")),
        ("3: in doubt, and nobody will ask", ASKED),
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
        let moved = paid.moved();
        let truth = match paid.status.as_str() {
            "SUCCESS" => moved == 1 && paid.current().theirs.as_ref().is_some_and(|row| row.moved),
            "FAILED" => moved == 0,
            "PROCESSING" => paid.is_never_told() && moved == 0,
            _ => false,
        };
        if !truth {
            wrong.push(of("its end is not the provider's"));
        }
        if paid.attempts.iter().any(|tried| ["prepared", "sent"].contains(&tried.state.as_str())) {
            wrong.push(of("something is left to send"));
        }
        if paid.exceptions > 0 {
            wrong.push(of("an exception, and nobody lied"));
        }
    }
    wrong.extend(books_agree(sql, &payments).await);
    wrong.extend(everybody_was_told(sql, sandbox).await);
    wrong.extend(secrets_are_kept(sql, sandbox).await);
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// Paid out by our books is what the provider moved; in transit is what it holds, and what nobody can know.
async fn books_agree(sql: &PgPool, payments: &[Paid]) -> Vec<String> {
    let ours: Vec<(Uuid, String, i64)> = sqlx::query_as(
        "SELECT l.connection_id, s.account, sum(s.units)::bigint
         FROM ledger_line l CROSS JOIN LATERAL (VALUES (l.debit, l.amount), (l.credit, -l.amount)) s(account, units)
         GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let mut wrong = Vec::new();
    let sum: i64 = ours.iter().map(|(_, _, balance)| balance).sum();
    if sum != 0 {
        wrong.push(format!("8: the books sum to {sum}"));
    }
    let mut theirs: BTreeMap<(Uuid, &str), i64> = BTreeMap::new();
    for paid in payments {
        for tried in &paid.attempts {
            let row = tried.theirs.as_ref();
            let doubt = tried.state == "unknown" && !row.is_some_and(|row| row.moved || row.reserved);
            let mut add = |account| *theirs.entry((tried.connection_id, account)).or_default() += paid.amount;
            if row.is_some_and(|row| row.moved) {
                add("paid_out");
            }
            if doubt || row.is_some_and(|row| row.reserved) {
                add("in_transit");
            }
        }
    }
    let mut booked: BTreeMap<(Uuid, &str), i64> = BTreeMap::new();
    for (connection, account, balance) in &ours {
        if ["paid_out", "in_transit"].contains(&account.as_str()) && *balance != 0 {
            booked.insert((*connection, account), *balance);
        }
        if account == "suspense" && *balance != 0 {
            wrong.push(format!("8: {balance} on suspense"));
        }
    }
    if booked != theirs {
        wrong.push(format!("8: our books {booked:?}, the provider's {theirs:?}"));
    }
    wrong
}

/// Each event reached each ACTIVE endpoint that hears it, signed; nobody heard what is another's; nothing else was told.
async fn everybody_was_told(sql: &PgPool, sandbox: &Sandbox) -> Vec<String> {
    let mut wrong = Vec::new();
    let due: Vec<(String, Uuid, Uuid, i32, String, String, i16)> = sqlx::query_as(
        "SELECT regexp_replace(p.url, '.*/', ''), e.id, e.payment_id, e.version, e.body, d.state, d.tries
         FROM delivery d JOIN event e ON e.client_id = d.client_id AND e.id = d.event_id
            JOIN endpoint p ON p.client_id = d.client_id AND p.id = d.endpoint_id
         WHERE p.status = 'ACTIVE'",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let mut heard: HashMap<(String, String), _> = HashMap::new();
    for receipt in sandbox.merchant.received() {
        if !receipt.verified && receipt.reason.is_some() && receipt.name != "gone" {
            wrong.push(format!("a webhook was not verified: {:?} {:?}", receipt.name, receipt.reason));
        }
        if receipt.answered.is_some_and(|status| (200..300).contains(&status)) {
            heard.insert((receipt.name.clone(), receipt.webhook_id.clone()), receipt);
        }
    }
    let mut told = HashSet::new();
    for (name, event, payment, version, body, state, tries) in due {
        let id = format!("ev_{}", event.simple());
        let Some(receipt) = heard.get(&(name.clone(), id.clone())) else {
            wrong.push(format!("{name} never heard {id} of {payment} (delivery {state}, {tries} tries)"));
            continue;
        };
        if state != "delivered" || receipt.version != Some(i64::from(version)) || receipt.body != body {
            wrong.push(format!("{name} heard {id} as {receipt:?}; delivery {state}"));
        }
        told.insert((name, id));
    }
    wrong.extend(
        heard.keys().filter(|key| !told.contains(*key) && key.0 != "gone").map(|key| format!("nobody told {key:?}")),
    );
    wrong
}

/// No name, no account number and no credential stands in a plain column.
async fn secrets_are_kept(sql: &PgPool, sandbox: &Sandbox) -> Vec<String> {
    let accounts: HashSet<String> =
        sandbox.oy.books().payments.into_iter().map(|row| row.account).filter(|a| a.len() > 8).collect();
    let api_key = sandbox.oy.credentials().api_key;
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .fetch_all(sql)
        .await
        .unwrap();
    let mut wrong = Vec::new();
    for table in tables {
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT to_jsonb(t)::text FROM \"{table}\" t")))
                .fetch_all(sql)
                .await
                .unwrap();
        let found = rows.iter().find_map(|row| leak(row, &accounts, &api_key).map(|what| (what, row)));
        wrong.extend(found.map(|(what, row)| format!("11: {what} in {table}: {row}")));
    }
    wrong
}

/// What of these stands in `text`, plainly or as the hexadecimal digits of a `bytea`.
pub fn leak(text: &str, accounts: &HashSet<String>, api_key: &str) -> Option<String> {
    let hidden = [NAME_MARK, api_key, "sk_test_", "whsec_"];
    // A key's hint shows its beginning and its end; a whole key is longer.
    let is_hint = |mark: &&str| *mark == "sk_test_" && text.contains("\"hint\"");
    if let Some(mark) = hidden
        .iter()
        .filter(|mark| !is_hint(mark))
        .find(|mark| text.contains(**mark) || text.contains(&hex::encode(mark)))
    {
        return Some(format!("{mark:?}"));
    }
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| accounts.contains(*digits)).map(str::to_owned)
}

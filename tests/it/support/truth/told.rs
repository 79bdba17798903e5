//! The merchant's receipts against our events, and what must stand nowhere in the open.

use std::collections::{HashMap, HashSet};

use paystrator::sandbox::Sandbox;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::rig::NAME_MARK;

/// Each event reached each ACTIVE endpoint that hears it, signed; nobody heard what is another's; nothing else was told.
pub async fn everybody_was_told(sql: &PgPool, sandbox: &Sandbox) -> Vec<String> {
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
pub async fn secrets_are_kept(sql: &PgPool, sandbox: &Sandbox) -> Vec<String> {
    let rows = sandbox.simulators().flat_map(|simulator| simulator.books().payments);
    let accounts: HashSet<String> = rows.map(|row| row.account).filter(|account| account.len() > 8).collect();
    let secrets = secrets(sandbox);
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
        let found = rows.iter().find_map(|row| leak(row, &accounts, &secrets).map(|what| (what, row)));
        wrong.extend(found.map(|(what, row)| format!("11: {what} in {table}: {row}")));
    }
    wrong
}

/// What must never be seen of all providers' credentials, and how DOKU's tokens begin.
pub fn secrets(sandbox: &Sandbox) -> Vec<String> {
    // These name the account, and stand in the open as its identity.
    const NAMES: [&str; 4] = ["username", "client_id", "agent_key", "hmac_key"];
    let all = sandbox.describe();
    let of = |code: &str| all[code]["credentials"].as_object().cloned().unwrap_or_default();
    let fields = sandbox.simulators().flat_map(|simulator| of(simulator.code()));
    let hidden = fields.filter(|(name, _)| !NAMES.contains(&name.as_str()));
    let line = |value: &Value| {
        // Of a key in PEM a line within it, as JSON writes its ends of lines in other ways.
        let text = value.as_str().expect("credentials are texts");
        text.lines().nth(usize::from(text.starts_with("-----"))).expect("it is not empty").to_owned()
    };
    hidden.map(|(_, value)| line(&value)).chain(["eyJhbGciOi".to_owned()]).collect()
}

/// What of these stands in `text`, plainly or as the hexadecimal digits of a `bytea`.
pub fn leak(text: &str, accounts: &HashSet<String>, secrets: &[String]) -> Option<String> {
    let marks = [NAME_MARK, "sk_test_", "whsec_"];
    let hidden = marks.into_iter().chain(secrets.iter().map(String::as_str));
    // A key's hint shows its beginning and its end; a whole key is longer.
    let is_hint = |mark: &&str| *mark == "sk_test_" && text.contains("\"hint\"");
    let mut hidden = hidden.filter(|mark| !is_hint(mark));
    if let Some(mark) = hidden.find(|mark| text.contains(*mark) || text.contains(&hex::encode(mark))) {
        return Some(format!("{mark:?}"));
    }
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| accounts.contains(*digits)).map(str::to_owned)
}

//! DOKU's Kirim in the conformance kit: codes of contracts/doku.md 2.4 and 3.8, names of its simulator.

use serde_json::{Value, json};

use super::subject::Subject;

pub const SUBJECT: Subject = Subject {
    title: "doku",
    code: "doku",
    send: "transfer",
    before_send: &["token", "inquiry"],
    status: Ok("status"),
    inquiry: Ok("inquiry"),
    balance: Ok("balance"),
    no_balance: Ok(()),
    bad_account: "4044311",
    failed: Ok("06"),
    returned: Ok("04"),
    unlisted: "2994399",
    later: || json!({ "sync": false }),
    at_once: Ok(|| json!({ "sync": true })),
    unknown_account: "98760404",
    wrong_secret: |credentials: &mut Value| credentials["secret_key"] = "SK-00000000000000000000000000000000".into(),
    tested_secret: |credentials: &mut Value| credentials["secret_key"] = "SK-00000000000000000000000000000000".into(),
    callbacks: Ok(()),
};

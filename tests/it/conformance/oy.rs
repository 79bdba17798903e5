//! OY! in the conformance kit: codes of contracts/oy.md section 3, names of its simulator.

use serde_json::{Value, json};

use super::subject::Subject;

pub const SUBJECT: Subject = Subject {
    title: "oy",
    code: "oy",
    send: "remit",
    before_send: &[],
    status: Ok("remit-status"),
    inquiry: Ok("inquiry"),
    balance: Ok("balance"),
    no_balance: Ok(()),
    bad_account: "209",
    failed: Ok("300"),
    returned: Err("OY! lists no code for money that came back: 000 and then 300 is an exception"),
    unlisted: "777",
    later: || json!({ "mode": "seed" }),
    at_once: Err("OY! answers a send before it pays"),
    unknown_account: "8888888888",
    wrong_secret: |credentials: &mut Value| credentials["api_key"] = "00000000000000000000000000000000".into(),
    tested_secret: |credentials: &mut Value| credentials["api_key"] = "00000000000000000000000000000000".into(),
    callbacks: Ok(()),
};

//! KasPro in the conformance kit: codes of contracts/kaspro.md 1.3, names of its simulator. Asked twice: as KasPro is
//! published, without a status call, and as a connection that was given one.

use serde_json::{Value, json};

use super::subject::Subject;

const NO_STATUS: &str = "KasPro publishes no status call: what is not final in the first answer waits for people, \
                         with KasPro's report";

pub const PUBLISHED: Subject = Subject {
    title: "kaspro",
    code: "kaspro",
    send: "transfer",
    before_send: &["token"],
    status: Err(NO_STATUS),
    inquiry: Err("KasPro publishes no inquiry of bank accounts"),
    balance: Err("KasPro publishes no balance of a partner"),
    no_balance: Err("KasPro publishes no code for it: an unlisted one is in doubt"),
    bad_account: "110005",
    failed: Err("KasPro publishes no code for a transfer that failed after it was taken"),
    returned: Err("KasPro publishes no code for money that came back"),
    unlisted: "199999",
    later: || json!({ "sync": false, "status_call": false }),
    at_once: Ok(|| json!({ "sync": true })),
    unknown_account: "98760000",
    wrong_secret: |credentials: &mut Value| credentials["hmac_secret"] = "00000000000000000000000000000000".into(),
    tested_secret: |credentials: &mut Value| credentials["client_secret"] = "00000000000000000000000000000000".into(),
    callbacks: Err("KasPro publishes no callbacks; the adapter takes none unless it is configured to"),
};

pub const WITH_STATUS: Subject = Subject {
    title: "kaspro, given a status call",
    status: Ok("status"),
    later: || json!({ "sync": false, "status_call": true }),
    ..PUBLISHED
};

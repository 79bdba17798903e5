//! Our ledger against the providers' books, connection by connection and provider by provider.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Eyes, Paid};

/// Paid out by our books is what the provider moved and did not take back; in transit is what it holds, and what nobody
/// can know; suspense is what open exceptions say beyond that.
pub async fn agree(eyes: &Eyes<'_>, payments: &[Paid]) -> Vec<String> {
    let Eyes { sql, sandbox, .. } = *eyes;
    let ours: Vec<(Uuid, String, String, i64)> = sqlx::query_as(
        "SELECT l.connection_id, c.provider, s.account, sum(s.units)::bigint
         FROM ledger_line l JOIN connection c ON c.client_id = l.client_id AND c.id = l.connection_id
            CROSS JOIN LATERAL (VALUES (l.debit, l.amount), (l.credit, -l.amount)) s(account, units)
         GROUP BY 1, 2, 3 HAVING sum(s.units) <> 0 ORDER BY 1, 2, 3",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let mut wrong = Vec::new();
    let sum: i64 = ours.iter().map(|(.., balance)| balance).sum();
    if sum != 0 {
        wrong.push(format!("8: the books sum to {sum}"));
    }
    let (mut theirs, mut doubts) = (BTreeMap::new(), BTreeMap::new());
    for paid in payments {
        for tried in &paid.attempts {
            let mut add = |account: &str| {
                *theirs.entry((tried.connection_id, account.to_owned())).or_default() += paid.amount;
            };
            let row = tried.theirs.as_ref();
            let (moved, reserved) = (row.is_some_and(|row| row.moved), row.is_some_and(|row| row.reserved));
            let is_never_told = tried.number == paid.current().number && paid.is_never_told();
            if is_never_told {
                add("in_transit");
            } else if moved {
                add("paid_out");
            } else if reserved {
                add("in_transit");
            }
            if is_never_told && !moved && !reserved {
                *doubts.entry(tried.provider.clone()).or_insert(0) += paid.amount;
            }
        }
    }
    let suspended: Vec<(Uuid, i64, bool)> = sqlx::query_as(
        "SELECT a.connection_id, sum(x.amount - p.amount) FILTER (WHERE x.status = 'OPEN')::bigint,
            bool_and(x.amount = 100 * p.amount)
         FROM exception x JOIN payment p ON p.client_id = x.client_id AND p.id = x.payment_id
            JOIN attempt a ON a.client_id = x.client_id AND a.payment_id = x.payment_id AND a.number = x.attempt
         GROUP BY 1",
    )
    .fetch_all(sql)
    .await
    .unwrap()
    .into_iter()
    .map(|(connection, open, hundredfold): (Uuid, Option<i64>, bool)| (connection, open.unwrap_or(0), hundredfold))
    .collect();
    for (connection, open, hundredfold) in suspended {
        if !hundredfold {
            wrong.push(format!("8: an exception at {connection} with another amount than the provider told"));
        }
        if open != 0 {
            theirs.insert((connection, "suspense".into()), open);
        }
    }
    let booked: BTreeMap<(Uuid, String), i64> = ours
        .iter()
        .filter(|(_, _, account, _)| ["paid_out", "in_transit", "suspense"].contains(&account.as_str()))
        .map(|(connection, _, account, balance)| ((*connection, account.clone()), *balance))
        .collect();
    if booked != theirs {
        wrong.push(format!("8: our books {booked:?}, the providers' {theirs:?}"));
    }
    // The same once more by the sums that each provider keeps for itself.
    for simulator in sandbox.simulators() {
        let out: i64 = ours
            .iter()
            .filter(|(_, code, account, _)| {
                code == simulator.code() && ["paid_out", "in_transit"].contains(&account.as_str())
            })
            .map(|(.., balance)| balance)
            .sum();
        let (summary, doubt) = (simulator.summary(), doubts.get(simulator.code()).copied().unwrap_or(0));
        if out != summary.paid + summary.reserved + doubt {
            wrong.push(format!("8: {out} out at {} by us, {doubt} in doubt, and {summary:?}", simulator.code()));
        }
    }
    wrong
}

//! What the demo prints at its end: the payments, and the sums on both sides.

use super::journey::Story;
use crate::domain::connection::Connection;
use crate::flows::books::Report;
use crate::sandbox::Summary;
use crate::store::ledger::BalanceRow;

/// The payments as a table, each with the reason of its last attempt where it was moved on.
pub fn payments(stories: &[Story]) {
    println!();
    println!("{:<29} {:>9}  {:<44} {:<10} {:>7}  webhook", "payment", "rupiah", "attempts", "status", "time");
    println!("{}", "─".repeat(137));
    for story in stories {
        println!(
            "{:<29} {:>9}  {:<44} {:<10} {:>5.1} s  {}",
            story.title,
            grouped(story.amount),
            story.attempts.join(" → "),
            story.status,
            story.took.as_secs_f64(),
            story.webhook,
        );
        println!("  {}", story.id);
        if let Some(why) = &story.why {
            println!("  why the last: {why}");
        }
    }
}

/// The sums on both sides, provider by provider, over every start on this data; a provider's connections are one account
/// there. `true` when they agree and our books are proved.
pub fn books(ours: &[BalanceRow], sides: &[(Vec<Connection>, Summary)], verified: &Report) -> bool {
    println!();
    println!(
        "{:<16} {:>13} {:>13} {:>13} {:>13} {:>12} {:>13}",
        "books (rupiah)", "paid: ours", "theirs", "on way: ours", "theirs", "on suspense", "fees and tax"
    );
    println!("{}", "─".repeat(99));
    let mut agree = true;
    for (connections, theirs) in sides {
        let is_theirs = |row: &&BalanceRow| connections.iter().any(|connection| connection.id == row.connection_id);
        let sum = |accounts: &[&str]| -> i64 {
            let mine = ours.iter().filter(is_theirs);
            mine.filter(|row| accounts.contains(&row.account.as_str())).map(|row| row.balance).sum()
        };
        let (paid, transit) = (sum(&["paid_out", "suspense"]), sum(&["in_transit"]));
        agree &= paid == theirs.paid && transit == theirs.reserved;
        println!(
            "{:<16} {:>13} {:>13} {:>13} {:>13} {:>12} {:>13}",
            connections.first().map_or("", |connection| &connection.label),
            grouped(paid),
            grouped(theirs.paid),
            grouped(transit),
            grouped(theirs.reserved),
            grouped(sum(&["suspense"])),
            grouped(sum(&["fee", "tax"])),
        );
    }
    println!();
    println!(
        "{} ledger lines replayed, {} faults; the books {}",
        verified.lines,
        verified.faults.len(),
        if agree { "agree" } else { "DO NOT AGREE" }
    );
    agree && verified.faults.is_empty()
}

/// Rupiah as people write it: 125.000.
fn grouped(units: i64) -> String {
    let digits = units.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    if units < 0 { format!("-{text}") } else { text }
}

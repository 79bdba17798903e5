//! What the demo prints at its end: the payments, and the sums on both sides.

use super::journey::Story;
use crate::flows::books::Report;
use crate::sandbox::Summary;
use crate::store::ledger::BalanceRow;

/// The payments as a table.
pub fn payments(stories: &[Story]) {
    println!();
    println!("{:<30} {:>12}  {:<20} {:<11} {:>7}  webhook", "payment", "rupiah", "attempts", "status", "time");
    println!("{}", "─".repeat(118));
    for story in stories {
        println!(
            "{:<30} {:>12}  {:<20} {:<11} {:>5.1} s  {}",
            story.title,
            grouped(story.amount),
            story.attempts.join(" → "),
            story.status,
            story.took.as_secs_f64(),
            story.webhook,
        );
        println!("  {}", story.id);
    }
}

/// The sums on both sides, over every start on this data. `true` when they agree and our books are proved.
pub fn books(ours: &[BalanceRow], theirs: &Summary, verified: &Report) -> bool {
    let sum = |account: &str| -> i64 { ours.iter().filter(|row| row.account == account).map(|row| row.balance).sum() };
    let (paid, transit, suspense) = (sum("paid_out"), sum("in_transit"), sum("suspense"));
    let agree = paid + transit + suspense == theirs.paid + theirs.reserved && paid + suspense == theirs.paid;
    println!();
    println!("{:<24} {:>18} {:>18}", "books (rupiah)", "ours", "simulator's");
    println!("{}", "─".repeat(62));
    println!("{:<24} {:>18} {:>18}", "paid out", grouped(paid + suspense), grouped(theirs.paid));
    println!("{:<24} {:>18} {:>18}", "under way", grouped(transit), grouped(theirs.reserved));
    println!("{:<24} {:>18}", "of it on suspense", grouped(suspense));
    println!("{:<24} {:>18}", "fees and tax", grouped(sum("fee") + sum("tax")));
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

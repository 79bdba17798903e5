//! What people type, read: rupiah with or without dots, percentages with a comma or a point, days and times of Jakarta.
//!
//! Nothing is guessed: what can be read in two ways is not read at all, and nothing here knows what is allowed.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// Whole rupiah: `4000`, `4.000`, `4,000`, `Rp 4.000`, `-1`. `None` where it is no such number.
pub fn rupiah(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_prefix("Rp").or_else(|| text.strip_prefix("IDR")).unwrap_or(text).trim();
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest.trim()));
    let mark = text.chars().find(|c| ['.', ','].contains(c));
    let parts: Vec<&str> = mark.map_or_else(|| vec![text], |mark| text.split(mark).collect());
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = parts.len() == 1 || (parts[0].len() <= 3 && parts[1..].iter().all(|part| part.len() == 3));
    if !grouped || !parts.iter().all(digits) {
        return None;
    }
    parts.concat().parse::<i64>().ok().map(|units| sign * units)
}

/// A percentage in basis points: `11`, `1,5`, `1.5%`. `None` where it is no number, or finer than a basis point.
pub fn basis_points(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix('%').unwrap_or(text).trim();
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, rest) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
    // Three digits behind it are thousands to many: `5.000` is no percentage.
    if !digits(whole) || rest.len() > 2 || !digits(rest) {
        return None;
    }
    let hundredths: i64 = format!("{rest:0<2}").parse().ok()?;
    Some(sign * (whole.parse::<i64>().ok()? * 100 + hundredths))
}

/// A moment of a field for day and time, in Jakarta.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let read = |form| NaiveDateTime::parse_from_str(text, form).ok();
    let there = read("%Y-%m-%dT%H:%M").or_else(|| read("%Y-%m-%dT%H:%M:%S"))?;
    there.and_utc().checked_sub_signed(TimeDelta::hours(7))
}

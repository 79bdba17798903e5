//! What a single value may look like: texts, numbers of offices, phones, addresses of e-mail and of websites.
//!
//! Pure functions over texts. A message says what is right and never repeats what was given.

use chrono::NaiveDate;

type Checked = Result<(), &'static str>;

/// Why a text of people may not be taken, whatever its field is.
pub fn line(text: &str) -> Checked {
    match () {
        () if text.chars().any(char::is_control) => Err("must not hold line breaks or other control characters"),
        () if text.chars().any(is_hidden) => Err("must not hold characters that cannot be seen"),
        // No name and no address has them; who reads the file next may show it as a page.
        () if text.contains(['<', '>']) => Err("must not hold < or >"),
        () if !text.chars().any(char::is_alphanumeric) => Err("must hold a letter or a digit"),
        () => Ok(()),
    }
}

/// What turns the direction of what is read, or ends a line unseen. (Joiners stay: some scripts need them.)
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Digits of our alphabet alone, so many.
fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && count.contains(&text.len())
}

/// A postal code.
pub fn postal_code(text: &str) -> Checked {
    if digits(text, 5..=5) { Ok(()) } else { Err("must be 5 digits, such as 12190") }
}

/// A NIB. By law it has 13 digits (PP 5/2021); the seed's example has 15, so 13 to 16 are taken.
pub fn nib(text: &str) -> Checked {
    if digits(text, 13..=16) { Ok(()) } else { Err("must be the digits alone: 13 of them, or up to 16") }
}

/// An NPWP: 15 digits, or the 16 of today.
pub fn npwp(text: &str) -> Checked {
    if digits(text, 15..=16) { Ok(()) } else { Err("must be 15 or 16 digits, without dots and dashes") }
}

/// A phone number of Indonesia, as dialled from anywhere.
pub fn phone(text: &str) -> Checked {
    let good = text.strip_prefix("+62").is_some_and(|rest| digits(rest, 7..=13) && !rest.starts_with('0'));
    let how = "must begin with +62, without the 0 after it, and go on with 7 to 13 digits, such as +628123456789";
    if good { Ok(()) } else { Err(how) }
}

/// An e-mail address in letters, digits and signs of our alphabet.
pub fn email(text: &str) -> Checked {
    const WRONG: Checked = Err("must be an e-mail address such as name@example.co.id");
    let Some((name, host)) = text.rsplit_once('@') else { return WRONG };
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
    let dotted = !name.starts_with('.') && !name.ends_with('.') && !name.contains("..");
    let named = (1..=64).contains(&name.len()) && name.bytes().all(is_sign) && dotted;
    if named && text.len() <= 254 && is_host(host) { Ok(()) } else { WRONG }
}

/// A name of the web with at least two parts, the last of them no number: no address of a machine is one.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().any(|b| b.is_ascii_alphabetic())
}

/// The address of a website, as a text: nothing is ever fetched from it.
pub fn website(text: &str) -> Checked {
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) else {
        return Err("must be an address that begins with https:// or http://");
    };
    if text.len() > 255 {
        return Err("must have at most 255 characters");
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("must not hold a user name or a password");
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let port_is_good = port.is_none_or(|port| digits(port, 1..=5) && (1..=65_535).contains(&port.parse().unwrap_or(0)));
    if !is_host(host) || !port_is_good {
        return Err("must name a website by its name, such as https://www.example.co.id");
    }
    let is_sign = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    if path.bytes().all(is_sign) { Ok(()) } else { Err("must hold no blanks and no signs that an address cannot have") }
}

/// A day as `YYYY-MM-DD`, of the calendar, from 1900 to `today`.
pub fn past_day(text: &str, today: NaiveDate) -> Checked {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    let Some(day) = shaped.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten() else {
        return Err("must be a day of the calendar written YYYY-MM-DD, such as 1988-10-23");
    };
    match () {
        () if day > today => Err("must not be in the future"),
        () if text < "1900" => Err("must not be before 1900"),
        () => Ok(()),
    }
}

/// A time of day as `HH:MM`.
pub fn time(text: &str) -> Checked {
    let good = text
        .split_once(':')
        .is_some_and(|(hour, minute)| digits(hour, 2..=2) && digits(minute, 2..=2) && hour <= "23" && minute <= "59");
    if good { Ok(()) } else { Err("must be a time from 00:00 to 23:59, written HH:MM") }
}

/// Two times with a dash between them.
pub fn hours(text: &str) -> Option<(&str, &str)> {
    let (open, close) = text.split_once(['-', '–'])?;
    let (open, close) = (open.trim(), close.trim());
    (time(open).is_ok() && time(close).is_ok()).then_some((open, close))
}

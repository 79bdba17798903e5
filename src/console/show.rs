//! How numbers and times are written for people: rupiah grouped with dots, times in Jakarta.

use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, Timelike, Utc};

use super::words::Lang;

/// Seven hours before UTC's sun: WIB has no summer time.
fn wib() -> FixedOffset {
    FixedOffset::east_opt(7 * 3600).expect("seven hours are an offset")
}

const MONTHS: [(&str, &str); 12] = [
    ("Jan", "Jan"),
    ("Feb", "Feb"),
    ("Mar", "Mar"),
    ("Apr", "Apr"),
    ("May", "Mei"),
    ("Jun", "Jun"),
    ("Jul", "Jul"),
    ("Aug", "Agu"),
    ("Sep", "Sep"),
    ("Oct", "Okt"),
    ("Nov", "Nov"),
    ("Dec", "Des"),
];

/// `20 Nov 2026, 21:46 WIB`; in Indonesian `20 Nov 2026 21.46 WIB`.
pub fn time(lang: Lang, at: DateTime<Utc>) -> String {
    let at = at.with_timezone(&wib());
    let (english, indonesian) = MONTHS[at.month0() as usize];
    let (day, year, hour, minute) = (at.day(), at.year(), at.hour(), at.minute());
    match lang {
        Lang::En => format!("{day} {english} {year}, {hour:02}:{minute:02} WIB"),
        Lang::Id => format!("{day} {indonesian} {year} {hour:02}.{minute:02} WIB"),
    }
}

/// The clock alone, to the second: `21:46:07`.
pub fn clock(lang: Lang, at: DateTime<Utc>) -> String {
    let at = at.with_timezone(&wib());
    let sign = if lang == Lang::En { ':' } else { '.' };
    format!("{:02}{sign}{:02}{sign}{:02}", at.hour(), at.minute(), at.second())
}

/// For `datetime` attributes.
pub fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `Rp1.250.000`; a minus stands before all of it. Other currencies show their code.
pub fn money(units: i64, currency: &str) -> String {
    let grouped = grouped(units.saturating_abs());
    let sign = if units < 0 { "−" } else { "" };
    match currency {
        "IDR" => format!("{sign}Rp{grouped}"),
        // In the currency's smallest unit, two of its digits behind the comma.
        other => {
            let (whole, rest) = (units.unsigned_abs() / 100, units.unsigned_abs() % 100);
            format!("{sign}{other} {whole},{rest:02}")
        }
    }
}

/// A number that is not negative, with dots between its thousands.
pub fn grouped(number: i64) -> String {
    in_threes(number.unsigned_abs(), '.')
}

fn in_threes(number: u64, sign: char) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(sign);
        }
        grouped.push(digit);
    }
    grouped
}

/// Basis points as people write them: `1,5%` in Indonesian, `1.5%` in English.
pub fn percent(lang: Lang, basis_points: i64) -> String {
    format!("{}%", rate(lang, basis_points))
}

/// The same without its sign, for a field.
pub fn rate(lang: Lang, basis_points: i64) -> String {
    let (whole, rest) = (basis_points.unsigned_abs() / 100, basis_points.unsigned_abs() % 100);
    let sign = if basis_points < 0 { "-" } else { "" };
    let point = if lang == Lang::Id { ',' } else { '.' };
    match rest {
        0 => format!("{sign}{whole}"),
        tenths if tenths % 10 == 0 => format!("{sign}{whole}{point}{}", tenths / 10),
        hundredths => format!("{sign}{whole}{point}{hundredths:02}"),
    }
}

/// A text as it stands in a query.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The first letters of the first and last word of a name.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    let both: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if both.is_empty() { "?".into() } else { both }
}

/// Digits in groups of three, as the language writes them: `1.250` or `1,250`.
pub fn count(lang: Lang, number: i64) -> String {
    let sign = if number < 0 { "−" } else { "" };
    format!("{sign}{}", in_threes(number.unsigned_abs(), if lang == Lang::En { ',' } else { '.' }))
}

/// A size of a file: `640 B`, `48 kB`, `2.4 MB`; in Indonesian `2,4 MB`.
pub fn bytes(lang: Lang, bytes: u64) -> String {
    let point = if lang == Lang::En { '.' } else { ',' };
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}{point}{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// A large amount in few digits, cut and not rounded up: `Rp1,25 M` is a bit over 1.25 billion. Up to ten million it
/// stands in full.
pub fn money_short(lang: Lang, units: i64, currency: &str) -> String {
    const STEPS: [(i64, &str, &str); 3] =
        [(1_000_000_000_000, "tn", "T"), (1_000_000_000, "bn", "M"), (1_000_000, "m", "jt")];
    let whole = if currency == "IDR" { units } else { units / 100 };
    let name = if currency == "IDR" { "Rp" } else { currency };
    let step = STEPS.iter().find(|(of, ..)| whole.unsigned_abs() >= of.unsigned_abs());
    let Some((of, english, indonesian)) = step.filter(|_| whole.unsigned_abs() >= 10_000_000) else {
        return money(units, currency);
    };
    let (word, point) = if lang == Lang::En { (english, '.') } else { (indonesian, ',') };
    let sign = if units < 0 { "−" } else { "" };
    let space = if currency == "IDR" { "" } else { " " };
    let hundredths = whole.unsigned_abs() / (of.unsigned_abs() / 100);
    let (before, behind) = (hundredths / 100, hundredths % 100);
    let behind = match before {
        0..10 => format!("{point}{behind:02}"),
        10..100 => format!("{point}{}", behind / 10),
        _ => String::new(),
    };
    format!("{sign}{name}{space}{before}{behind} {word}")
}

/// A share in tenths of a percent, cut: all of it is said only of all. `98.4%`; in Indonesian `98,4%`.
pub fn share(lang: Lang, part: i64, whole: i64) -> String {
    percent(lang, part.max(0) * 1_000 / whole.max(1) * 10)
}

/// A length of time in its two leading digits: `640 ms`, `2.4 s`, `12 s`, `3 min`, `1 h`.
pub fn lasting(lang: Lang, millis: i64) -> String {
    let point = if lang == Lang::En { '.' } else { ',' };
    let (minute, hour) = if lang == Lang::En { ("min", "h") } else { ("mnt", "jam") };
    let second = if lang == Lang::En { "s" } else { "dtk" };
    match millis {
        ..1_000 => format!("{} ms", millis.max(0)),
        1_000..10_000 => format!("{}{point}{} {second}", millis / 1_000, millis % 1_000 / 100),
        10_000..120_000 => format!("{} {second}", millis / 1_000),
        120_000..7_200_000 => format!("{} {minute}", millis / 60_000),
        _ => format!("{} {hour}", millis / 3_600_000),
    }
}

/// The beginning of a step of time, short: `14:00`, or `20 Nov`.
pub fn step(lang: Lang, at: DateTime<Utc>, hours: i32) -> String {
    let at = at.with_timezone(&wib());
    let (english, indonesian) = MONTHS[at.month0() as usize];
    let (month, sign) = if lang == Lang::En { (english, ':') } else { (indonesian, '.') };
    let day = format!("{} {month}", at.day());
    match hours {
        1 => format!("{:02}{sign}00", at.hour()),
        24 => day,
        _ => format!("{day}, {:02}{sign}00", at.hour()),
    }
}

//! Keeps the house in order: reads src as text and tells each line that breaks the map of ARCHITECTURE.md.
//!
//! What it knows: which room may use which, who may name a provider, a library or a database statement, and how long
//! files and functions may grow. The checker itself is tested at the end, on small sources that break each rule.

use std::collections::BTreeSet;
use std::path::Path;

/// The rooms, and which others each may use besides itself. `+` stands for the leaves.
const MAP: &[(&str, &str)] = &[
    ("main", "cli"),
    ("lib", ""),
    ("cli", "http console workers sandbox app flows devdb store providers documents outbound domain +"),
    ("http", "app flows store providers documents domain +"),
    ("console", "app flows store providers documents domain +"),
    ("workers", "app flows store providers documents domain +"),
    ("app", "store providers documents outbound domain +"),
    ("flows", "app store providers documents outbound domain +"),
    ("store", "domain +"),
    ("providers", "domain outbound +"),
    ("documents", "domain +"),
    ("sandbox", "outbound +"),
    ("domain", ""),
    ("outbound", "+"),
    ("devdb", "+"),
    ("config", "+"),
    ("clock", "+"),
    ("crash", ""),
    ("telemetry", "+"),
    ("crypto", "+"),
];

const LEAVES: &[&str] = &["config", "clock", "crash", "telemetry", "crypto"];

const PROVIDERS: &[&str] = &["oy", "doku", "kaspro"];

/// Libraries that only some rooms may name, and what the others do instead.
const LIBRARIES: &[(&str, &[&str], &str)] = &[
    ("reqwest", &["src/outbound/"], "call others through crate::outbound"),
    ("object_store", &["src/documents.rs"], "keep files through crate::documents"),
    ("sqlx", &["src/store/", "src/devdb/", "src/cli/migrate"], "put the statement into src/store"),
];

/// What the pure room must not name: it takes what it needs as arguments.
const NOT_IN_DOMAIN: &[&str] = &["async", "tokio", "axum", "sqlx", "reqwest", "std::fs", "std::net", "std::env"];

const FILE_LIMIT: usize = 400;
const FUNCTION_LIMIT: usize = 70;

/// Files that may be longer, or hold longer functions, each with its reason. One that needs it no more must go.
const EXCEPTIONS: &[(&str, &str)] =
    &[("src/store/advance.rs", "one statement with an argument a line, and the columns they are made of")];

/// A file, with its path from the repository's root.
struct Source {
    path: String,
    text: String,
}

#[test]
fn the_house_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "migrations"] {
        collect(root, &root.join(folder), &mut files);
    }
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "no sources found below {}", root.display());
    let broken = check(&files, EXCEPTIONS);
    assert!(broken.is_empty(), "\n{}\n{} to put in order", broken.join("\n"), broken.len());
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.push(Source { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
}

/// Every violation as `file:line: what is wrong: what to do`.
fn check(files: &[Source], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for file in files {
        let mut report = |line: usize, what: String| broken.push(format!("{}:{line}: {what}", file.path));
        if file.path.ends_with(".sql") {
            check_sql(&file.text, &mut report);
            continue;
        }
        let read = read(&file.text);
        check_no_ignored_tests(&read, &mut report);
        if !file.path.starts_with("src/") {
            continue;
        }
        check_text(file, &mut report);
        check_words(file, &read, &mut report);
        check_arrows(&file.path, &read, &mut report);
        check_providers(&file.path, &read, &mut report);
        let mut long = Vec::new();
        check_lengths(file, &read, &mut |line, what| long.push((line, what)));
        if exceptions.iter().any(|(path, _)| *path == file.path) {
            if !long.is_empty() {
                used.insert(file.path.as_str());
            }
        } else {
            long.into_iter().for_each(|(line, what)| report(line, what));
        }
    }
    for (path, _) in exceptions.iter().filter(|(path, _)| !used.contains(path)) {
        broken.push(format!("{path}:1: needs its exception no more: take it from EXCEPTIONS in tests/it/tidy.rs"));
    }
    broken
}

type Report<'a> = &'a mut dyn FnMut(usize, String);

fn check_sql(text: &str, report: Report) {
    for (index, line) in text.lines().enumerate() {
        let statement = line.split("--").next().unwrap_or("");
        if words(statement).any(notifies) {
            report(index + 1, NOTIFY.into());
        }
    }
}

const NOTIFY: &str = "NOTIFY inside a transaction serialises every commit: wake workers in the process after it";

fn notifies(word: &str) -> bool {
    word == "NOTIFY" || word == "notify" || word.eq_ignore_ascii_case("pg_notify")
}

fn check_text(file: &Source, report: Report) {
    if !file.text.starts_with("//!") {
        report(1, "has no `//!` at its start: say what it is for, what it may call and what it must never do".into());
    }
    for (index, line) in file.text.lines().enumerate() {
        for mark in words(line).filter(|word| ["TODO", "FIXME", "XXX"].contains(word)) {
            report(index + 1, format!("{mark}: do it now, or write it where plans are kept"));
        }
    }
}

fn check_no_ignored_tests(read: &Read, report: Report) {
    for at in read.find(&["#", "[", "ignore"]) {
        report(at.line, "an ignored test proves nothing: mend it or remove it".into());
    }
}

fn check_words(file: &Source, read: &Read, report: Report) {
    for (macro_name, instead) in
        [("todo", "write it"), ("unimplemented", "write it"), ("dbg", "use tracing, or remove it")]
    {
        for at in read.find(&[macro_name, "!"]) {
            report(at.line, format!("`{macro_name}!` has no place in src: {instead}"));
        }
    }
    for at in read.find(&[".", "unwrap", "(", ")"]) {
        report(at.line, "`.unwrap()`: return the error, or `.expect(\"why it cannot fail\")`".into());
    }
    for (library, homes, instead) in LIBRARIES {
        if !homes.iter().any(|home| in_home(&file.path, home)) {
            for at in read.find(&[library]) {
                report(at.line, format!("`{library}` is named outside {}: {instead}", homes.join(", ")));
            }
        }
    }
    let room = room_of(&file.path);
    if room == "store" {
        for at in read.find(&["axum"]) {
            report(at.line, "store knows nothing of the web: return a type of domain".into());
        }
    }
    if room == "domain" {
        for word in NOT_IN_DOMAIN {
            let pattern: Vec<&str> = word.split_inclusive("::").flat_map(split_path).collect();
            for at in read.find(&pattern) {
                report(at.line, format!("domain is pure and must not name `{word}`: take it as an argument"));
            }
        }
    }
    for literal in read.literals.iter().filter(|literal| words(&literal.text).any(|w| w != "notify" && notifies(w))) {
        report(literal.line, NOTIFY.into());
    }
}

fn split_path(part: &str) -> impl Iterator<Item = &str> {
    let name = part.trim_end_matches("::");
    [name, "::"].into_iter().take(if part.ends_with("::") { 2 } else { 1 })
}

/// `src/outbound/` is the folder and `src/outbound.rs`; a home without a slash is a prefix.
fn in_home(path: &str, home: &str) -> bool {
    path.starts_with(home) || home.strip_suffix('/').is_some_and(|file| path == format!("{file}.rs"))
}

/// The first word below src: a folder's or a file's name.
fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or("").trim_end_matches(".rs")
}

fn check_arrows(path: &str, read: &Read, report: Report) {
    let room = room_of(path);
    let Some((_, may)) = MAP.iter().find(|(name, _)| *name == room) else {
        return report(
            1,
            format!("`{room}` is an unknown room: add it to the map in tests/it/tidy.rs and ARCHITECTURE.md"),
        );
    };
    let may_use =
        |other: &str| other == room || may.split(' ').any(|m| m == other || (m == "+" && LEAVES.contains(&other)));
    for (line, target) in read.own_paths(path) {
        let Some(other) = target.first() else { continue };
        let known = MAP.iter().any(|(name, _)| name == other);
        if !known && other.starts_with(|c: char| c.is_ascii_lowercase()) && other != "self" {
            let what = "is in no room of the map: name the room it comes from, or add the room";
            report(line, format!("`crate::{other}` {what} to tests/it/tidy.rs and ARCHITECTURE.md"));
        } else if other == "self" || other == "*" {
            report(line, "imports the whole crate: name the room".into());
        } else if known && !may_use(other) {
            let what = format!("{room} must not use {other} (crate::{})", target.join("::"));
            report(line, format!("{what}: move what both need down, or hand it in as an argument"));
        }
    }
}

fn check_providers(path: &str, read: &Read, report: Report) {
    let home = PROVIDERS
        .iter()
        .find(|name| ["providers", "sandbox"].iter().any(|room| in_home(path, &format!("src/{room}/{name}/"))));
    if home.is_none()
        && ["src/providers/registry.rs", "src/sandbox/mod.rs", "src/cli/demo", "src/cli/bench", "src/cli/sandbox.rs"]
            .iter()
            .any(|h| path.starts_with(h))
    {
        return;
    }
    let instead = "ask the registry, or move this into the provider's folder";
    for (index, token) in read.tokens.iter().enumerate() {
        let Some(name) = PROVIDERS.iter().find(|name| **name == token.text && home != Some(name)) else { continue };
        let declared = path == "src/providers/mod.rs"
            && read.tokens[..index].last().is_some_and(|t| t.text == "mod")
            && read.tokens.get(index + 1).is_some_and(|t| t.text == ";");
        if !declared {
            report(token.line, format!("names the provider `{name}`: {instead}"));
        }
    }
    for literal in &read.literals {
        let named = words(&literal.text).find(|word| PROVIDERS.contains(word) && home != Some(word));
        if let Some(name) = named {
            report(literal.line, format!("names the provider `{name}` in a text: {instead}"));
        }
    }
}

fn check_lengths(file: &Source, read: &Read, report: Report) {
    let how = "divide it by what it does, or give its reason in EXCEPTIONS of tests/it/tidy.rs";
    let lines = file.text.lines().count();
    if lines > FILE_LIMIT {
        report(FILE_LIMIT + 1, format!("{lines} lines, more than {FILE_LIMIT}: {how}"));
    }
    for (name, first, last) in read.functions() {
        let lines = last - first + 1;
        if lines > FUNCTION_LIMIT {
            report(first, format!("fn {name} has {lines} lines, more than {FUNCTION_LIMIT}: {how}"));
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

struct Token {
    text: String,
    line: usize,
}

/// A source without its comments: its words and signs, and apart from them its texts.
struct Read {
    tokens: Vec<Token>,
    literals: Vec<Token>,
}

fn read(text: &str) -> Read {
    let chars: Vec<char> = text.chars().collect();
    let mut read = Read { tokens: Vec::new(), literals: Vec::new() };
    let (mut at, mut line) = (0, 1);
    let next = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let start = at;
        match chars[at] {
            '/' if next(at + 1) == '/' => {
                while at < chars.len() && chars[at] != '\n' {
                    at += 1;
                }
            }
            '/' if next(at + 1) == '*' => at = end_of_block_comment(&chars, at),
            '"' => at = literal(&chars, at, 0, true, line, &mut read),
            '\'' if next(at + 1) == '\\' => {
                // The sign after the backslash may be a quote itself.
                at += 3;
                while at < chars.len() && chars[at] != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if next(at + 2) == '\'' => at += 3,
            c if c.is_alphanumeric() || c == '_' => {
                while next(at).is_alphanumeric() || next(at) == '_' {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
                if ["r", "br", "cr"].contains(&word.as_str()) && next(at + hashes) == '"' {
                    at = literal(&chars, at + hashes, hashes, false, line, &mut read);
                } else if !(["b", "c"].contains(&word.as_str()) && next(at) == '"') {
                    read.tokens.push(Token { text: word, line });
                }
            }
            ':' if next(at + 1) == ':' => {
                at += 2;
                read.tokens.push(Token { text: "::".into(), line });
            }
            c => {
                at += 1;
                if !c.is_whitespace() {
                    read.tokens.push(Token { text: c.to_string(), line });
                }
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    read
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Reads the text that opens at `quote` and returns where it ended.
fn literal(chars: &[char], quote: usize, hashes: usize, escapes: bool, line: usize, read: &mut Read) -> usize {
    let mut at = quote + 1;
    while at < chars.len() {
        if escapes && chars[at] == '\\' {
            at += 2;
        } else if chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            break;
        } else {
            at += 1;
        }
    }
    let end = at.min(chars.len());
    read.literals.push(Token { text: chars[quote + 1..end].iter().collect(), line });
    (end + 1 + hashes).min(chars.len())
}

impl Read {
    /// Where these tokens follow each other.
    fn find<'a>(&'a self, pattern: &'a [&'a str]) -> impl Iterator<Item = &'a Token> {
        let found = move |window: &&[Token]| window.iter().zip(pattern).all(|(token, text)| token.text == *text);
        self.tokens.windows(pattern.len()).filter(found).map(|window| &window[0])
    }

    /// Every path into our own crate, as its words from the crate's root: `crate::…`, `super::…` that climbs out of
    /// its room, and `paystrator::…` in main.
    fn own_paths(&self, path: &str) -> Vec<(usize, Vec<String>)> {
        let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
        let mut module: Vec<&str> = inside.split('/').filter(|part| *part != "mod").collect();
        if ["main", "lib"].contains(&inside) {
            module.clear();
        }
        let mut found = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            let text = |at: usize| self.tokens.get(at).map_or("", |t| t.text.as_str());
            if index > 0 && text(index - 1) == "::" {
                continue;
            }
            let mut at = index;
            let mut base = match token.text.as_str() {
                "crate" => Vec::new(),
                "paystrator" if inside == "main" => Vec::new(),
                "super" => module[..module.len().saturating_sub(1)].to_vec(),
                _ => continue,
            };
            while text(at + 1) == "::" && text(at + 2) == "super" {
                base.pop();
                at += 2;
            }
            let base: Vec<String> = base.into_iter().map(str::to_owned).collect();
            if text(at + 1) == "::" {
                self.tree(at + 2, base, &mut found);
            } else if text(at + 1) == "as" || text(at + 1) == ";" {
                found.push((token.line, vec!["self".into()]));
            }
        }
        found
    }

    /// Reads `a::b`, `a::{b, c::d}` or `*` from `at`, adds each path, and returns where it ended.
    fn tree(&self, mut at: usize, mut path: Vec<String>, found: &mut Vec<(usize, Vec<String>)>) -> usize {
        let Some(token) = self.tokens.get(at) else { return at };
        if token.text == "{" {
            at += 1;
            while self.tokens.get(at).is_some_and(|t| t.text != "}") {
                at = self.tree(at, path.clone(), found);
                while self.tokens.get(at).is_some_and(|t| t.text != "," && t.text != "}") {
                    at += 1;
                }
                at += usize::from(self.tokens.get(at).is_some_and(|t| t.text == ","));
            }
            return at + 1;
        }
        path.push(token.text.clone());
        if self.tokens.get(at + 1).is_some_and(|t| t.text == "::") {
            return self.tree(at + 2, path, found);
        }
        found.push((token.line, path));
        at + 1
    }

    /// Every function with a body: name, first line, last line.
    fn functions(&self) -> Vec<(&str, usize, usize)> {
        let mut found = Vec::new();
        for (index, pair) in self.tokens.windows(2).enumerate() {
            let named = pair[1].text.starts_with(|c: char| c.is_alphabetic() || c == '_');
            if pair[0].text != "fn" || !named {
                continue;
            }
            let mut depth = 0;
            let mut in_body = false;
            for token in &self.tokens[index..] {
                match token.text.as_str() {
                    ";" if depth == 0 => break,
                    "{" if depth == 0 => (in_body, depth) = (true, 1),
                    "{" | "(" | "[" => depth += 1,
                    "}" | ")" | "]" => depth -= 1,
                    _ => {}
                }
                if in_body && depth == 0 {
                    found.push((pair[1].text.as_str(), pair[0].line, token.line));
                    break;
                }
            }
        }
        found
    }
}

/// The checker, checked: each source with the one thing it must find, or nothing.
mod checker {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        let text = if path.ends_with(".sql") { text.to_owned() } else { format!("//! A file.\n{text}") };
        check(&[Source { path: path.into(), text }], &[])
    }

    #[track_caller]
    fn breaks(path: &str, text: &str, line: usize, what: &str) {
        let told = told(path, text);
        assert_eq!(told.len(), 1, "{path}: {text}: {told:?}");
        assert!(told[0].starts_with(&format!("{path}:{line}: ")), "{told:?}");
        assert!(told[0].contains(what), "{told:?}");
    }

    #[track_caller]
    fn passes(path: &str, text: &str) {
        assert_eq!(told(path, text), Vec::<String>::new(), "{path}: {text}");
    }

    #[test]
    fn arrows() {
        breaks("src/store/payment.rs", "use crate::flows::advance;", 2, "store must not use flows");
        breaks("src/store/payment.rs", "fn f() { crate::http::reply::ok(); }", 2, "store must not use http");
        breaks("src/domain/money.rs", "use crate::clock::Clock;", 2, "domain must not use clock");
        breaks(
            "src/sandbox/chassis.rs",
            "use crate::{\n config::Config,\n domain::Money,\n};",
            4,
            "must not use domain",
        );
        breaks("src/flows/send.rs", "use super::super::http::reply;", 2, "flows must not use http");
        breaks("src/flows/mod.rs", "use super::workers;", 2, "flows must not use workers");
        breaks("src/crypto/mod.rs", "use crate::store::Tx;", 2, "crypto must not use store");
        breaks("src/main.rs", "use paystrator::flows::send;", 2, "main must not use flows");
        breaks("src/store/mod.rs", "use crate::app::App;", 2, "store must not use app");
        breaks("src/outbound/mod.rs", "pub(in crate::flows) fn f() {}", 2, "outbound must not use flows");
        passes("src/flows/send.rs", "use crate::{store::{self, payment}, domain, app::App};\nuse super::advance;");
        passes("src/http/v1/send.rs", "use crate::store::payment;\nuse super::super::reply;\npub(crate) fn f() {}");
        passes("src/main.rs", "fn main() { paystrator::cli::run() }");
        passes("src/store/payment.rs", "// crate::flows decides\nconst A: &str = \"crate::flows\"; /* crate::http */");
        passes("src/clock.rs", "use crate::config::Config;");
    }

    #[test]
    fn rooms() {
        breaks("src/attic/mod.rs", "", 1, "`attic` is an unknown room");
        breaks("src/attic.rs", "", 1, "add it to the map");
        breaks("src/flows/send.rs", "use crate::attic::Box;", 2, "in no room of the map");
        breaks("src/flows/send.rs", "use crate as all;", 2, "imports the whole crate");
        breaks("src/flows/send.rs", "use crate::*;", 2, "imports the whole crate");
    }

    #[test]
    fn providers() {
        breaks("src/flows/send.rs", "use crate::providers::oy::Oy;", 2, "names the provider `oy`");
        breaks("src/http/mod.rs", "fn f(code: &str) -> bool { code == \"doku\" }", 2, "`doku` in a text");
        breaks("src/providers/doku/mod.rs", "use crate::providers::oy::wire;", 2, "names the provider `oy`");
        breaks("src/providers/doku/mod.rs", "use super::kaspro::wire;", 2, "names the provider `kaspro`");
        breaks("src/config.rs", "const A: &str = r#\"[providers.kaspro]\"#;", 2, "`kaspro` in a text");
        breaks("src/cli/admin.rs", "const A: &str = \"oy\";", 2, "`oy` in a text");
        passes("src/providers/doku/mod.rs", "const CODE: &str = \"doku\";");
        passes("src/sandbox/oy/mod.rs", "const CODE: &str = \"oy\";");
        passes("src/providers/registry.rs", "use super::{oy, doku};");
        passes("src/providers/mod.rs", "pub mod oy;\nmod doku;\npub mod registry;");
        passes("src/cli/demo/mod.rs", "const A: &str = \"oy\";");
        passes("src/flows/send.rs", "// oy and doku\nconst A: &str = \"employ\"; fn joy() {}");
    }

    #[test]
    fn libraries() {
        breaks("src/http/mod.rs", "use reqwest::Client;", 2, "call others through crate::outbound");
        breaks("src/flows/send.rs", "fn f() { sqlx::query!(\"SELECT 1\"); }", 2, "put the statement into src/store");
        breaks("src/flows/kyb.rs", "use object_store::path::Path;", 2, "keep files through crate::documents");
        breaks("src/store/mod.rs", "use axum::Json;", 2, "store knows nothing of the web");
        breaks("src/domain/money.rs", "async fn f() {}", 2, "must not name `async`");
        breaks("src/domain/money.rs", "use std::fs::File;", 2, "must not name `std::fs`");
        passes("src/outbound/guard.rs", "use reqwest::Url;");
        passes("src/outbound.rs", "use reqwest::Url;");
        passes("src/store/payment.rs", "use sqlx::PgConnection;");
        passes("src/domain/money.rs", "use std::fmt;");
    }

    #[test]
    fn notifications() {
        breaks("migrations/0001.sql", "SELECT 1;\nNOTIFY payments;", 2, "serialises every commit");
        breaks("migrations/0001.sql", "SELECT PG_NOTIFY('a', 'b');", 1, "serialises every commit");
        breaks("src/store/mod.rs", "const A: &str = \"SELECT pg_notify('a', '')\";", 2, "serialises every commit");
        breaks("src/store/mod.rs", "const A: &str = \"NOTIFY payments\";", 2, "serialises every commit");
        passes("migrations/0001.sql", "-- no NOTIFY here\nSELECT notified FROM notice;");
    }

    #[test]
    fn unfinished_work() {
        breaks("src/clock.rs", "fn f() { todo!() }", 2, "`todo!`");
        breaks("src/clock.rs", "fn f() { dbg!(1); }", 2, "`dbg!`");
        breaks("src/clock.rs", "fn f() {\n g()\n  .unwrap();\n}", 4, "`.unwrap()`");
        breaks("src/clock.rs", "// TODO: later", 2, "TODO");
        breaks("src/clock.rs", "/* FIXME */", 2, "FIXME");
        breaks("tests/it/clock.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", 3, "ignored test");
        passes("src/clock.rs", "fn f() { g().unwrap_or(1); h().expect(\"holds\"); const A: &str = \".unwrap()\"; }");
        passes("tests/it/clock.rs", "fn f() { g().unwrap(); }");
        let bare = Source { path: "src/clock.rs".into(), text: "use std::fmt;\n".into() };
        assert!(check(&[bare], &[])[0].starts_with("src/clock.rs:1: has no `//!`"));
    }

    #[test]
    fn lengths() {
        let lines = |n: usize| "    g();\n".repeat(n);
        let long = format!("\nfn long(a: [u8; 2]) -> u8\nwhere\n    u8: Copy,\n{{\n{}}}\nfn short() {{}}\n", lines(66));
        breaks("src/clock.rs", &long, 3, "fn long has 71 lines");
        passes("src/clock.rs", &long.replacen("    g();\n", "", 1));
        passes(
            "src/clock.rs",
            &format!("trait A {{\nfn a(&self);\nfn b(&self) {{}}\n{}}}", "const A: u8 = 1;\n".repeat(90)),
        );
        breaks("src/clock.rs", &"\n".repeat(400), 401, "401 lines, more than 400");
        passes("src/clock.rs", &"\n".repeat(399));
        let file = || Source { path: "src/clock.rs".into(), text: format!("//! A file.\n{}", "\n".repeat(400)) };
        assert!(check(&[file()], &[("src/clock.rs", "a table")]).is_empty());
        assert!(check(&[], &[("src/clock.rs", "a table")])[0].contains("needs its exception no more"));
    }

    /// What could lead the reader astray: after each of these it still sees what follows.
    #[test]
    fn signs_that_look_like_others() {
        for astray in [
            "const A: char = '\"';",
            "const A: char = '\\'';",
            "const A: char = '\\\\';",
            "const A: char = '\\u{22}';",
            "fn f<'a>(a: &'a str) -> &'a str { a }",
            "const A: &str = \"\\\"\";",
            "const A: &str = \"// not a comment\";",
            "const A: &str = r#\"a \" quote\"#;",
            "const A: &[u8] = br\"\\\";",
            "const A: &[u8] = b\"/*\";",
            "/* one /* inside */ another */",
            "const A: u8 = b'\"';",
            "fn r#type() {}",
        ] {
            breaks("src/clock.rs", &format!("{astray}\nfn g() {{ todo!() }}"), 3, "`todo!`");
        }
    }
}

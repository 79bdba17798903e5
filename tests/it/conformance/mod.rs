//! The conformance kit: one list of questions that every adapter answers against its real simulator.
//!
//! `questions` is the list, `subject` what it needs to know of a provider; beside them one file per provider. The
//! result is docs/CONFORMANCE.md: `UPDATE_DOCS=1 cargo test --test it conformance` writes it, a test keeps it true.
//! A registered provider without a file here fails.

mod doku;
mod kaspro;
mod oy;
mod questions;
mod subject;

use std::fmt::Write;
use std::path::Path;

use paystrator::config::Config;
use paystrator::domain::evidence::Next;

use questions::QUESTIONS;
use subject::{Outcome, Stage, Subject};

/// Every provider, in the order of the table's columns.
const SUBJECTS: [Subject; 4] = [oy::SUBJECT, doku::SUBJECT, kaspro::PUBLISHED, kaspro::WITH_STATUS];

/// What follows a freed payment, in the words of the table.
fn next_word(next: Next) -> &'static str {
    match next {
        Next::AnyConnection => "the same soon or the next",
        Next::OtherConnection => "the next connection",
        Next::Nothing => "the payment fails",
    }
}

/// One provider's column: an outcome for each question.
async fn answers(subject: Subject) -> Vec<Outcome> {
    let stage = Stage::set(subject).await;
    let mut all = Vec::new();
    for question in &QUESTIONS {
        stage.clean();
        all.push((question.ask)(&stage).await);
    }
    stage.sandbox.stop().await;
    all
}

#[tokio::test]
async fn every_adapter_answers_every_question() {
    let mut columns = Vec::new();
    for subject in SUBJECTS {
        columns.push(answers(subject).await);
    }
    let mut broken = String::new();
    for (subject, column) in SUBJECTS.iter().zip(&columns) {
        for (question, outcome) in QUESTIONS.iter().zip(column) {
            if let Outcome::Broken(what) = outcome {
                let _ = writeln!(broken, "{}: {}: {}\n    {what}", subject.title, question.about, question.text);
            }
        }
    }
    assert!(broken.is_empty(), "not as they must:\n{broken}");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFORMANCE.md");
    let table = render(&columns);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "docs/CONFORMANCE.md is old: UPDATE_DOCS=1 cargo test --test it conformance");
}

#[test]
fn every_registered_provider_is_asked() {
    let registered: Vec<String> = Config::defaults().providers.into_keys().collect();
    for code in &registered {
        assert!(
            SUBJECTS.iter().any(|subject| subject.code == code),
            "{code} is registered and has no file in tests/it/conformance: docs/ADDING_A_PROVIDER.md says what goes there"
        );
    }
    assert!(SUBJECTS.iter().all(|subject| registered.iter().any(|code| code == subject.code)));
}

fn render(columns: &[Vec<Outcome>]) -> String {
    let mut out = String::from(
        "# What every adapter was asked\n\n\
         Written by the conformance kit (`tests/it/conformance/`), never by hand: each question is put to each adapter\n\
         against its simulator, and the table says what the product concludes from the answer. *No* means that the\n\
         provider has no such thing; the reasons stand below.\n",
    );
    let mut reasons: Vec<&'static str> = Vec::new();
    let mut about = "";
    for (row, question) in QUESTIONS.iter().enumerate() {
        if question.about != about {
            about = question.about;
            let _ = write!(out, "\n## {about}\n\n| |");
            SUBJECTS.iter().for_each(|subject| out.push_str(&format!(" {} |", subject.title)));
            let _ = write!(out, "\n|---|{}\n", "---|".repeat(SUBJECTS.len()));
        }
        let _ = write!(out, "| {} |", question.text);
        for column in columns {
            let cell = match &column[row] {
                Outcome::Held(word) => word.clone(),
                Outcome::Lacks(why) => {
                    let known = reasons.iter().position(|reason| reason == why);
                    let number = known.unwrap_or_else(|| {
                        reasons.push(why);
                        reasons.len() - 1
                    });
                    format!("no ({})", number + 1)
                }
                Outcome::Broken(_) => unreachable!("a broken answer ends the test before"),
            };
            let _ = write!(out, " {cell} |");
        }
        out.push('\n');
    }
    if !reasons.is_empty() {
        out.push_str("\n## Reasons\n\n");
        for (n, why) in reasons.iter().enumerate() {
            let _ = writeln!(out, "{}. {why}", n + 1);
        }
    }
    out
}

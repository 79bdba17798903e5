//! Bad days by the dice: who is paid, and what goes wrong with that payment at each of the three providers, wherever it
//! is tried. The seeded runs draw from here.
//!
//! What must hold afterwards is in `truth`, which knows an account by its number: the simulators' mock accounts, and
//! [`LIED`] for those whose amounts are told wrong.

use paystrator::sandbox::{Fault, Kind, Sandbox};

use super::dice::Dice;

/// Accounts of payments whose amount a provider tells a hundredfold begin so: these, and no others, may meet an
/// exception.
pub const LIED: &str = "96";

/// The description of a payment that a fault keeps in process for ever.
pub const FOR_EVER: &str = "for ever";

/// The account whose payout DOKU takes back.
pub const RETURNS: &str = "7746555134";

/// OY!'s mock accounts that have no end of money (contracts/oy.md 2); elsewhere they are accounts like any other.
const OY_MOCKS: [&str; 9] = [
    "7777777777",
    "8888888888",
    "6666666666",
    "9999999999",
    "1234567890",
    "2222222222",
    "4444444444",
    "3000000000",
    "5555555555",
];

/// Ends of account numbers that DOKU's and KasPro's simulators know.
const MOCK_ENDS: [&str; 11] = ["0404", "0405", "0000", "1000", "1001", "1002", "1003", "1004", "1005", "1007", "1008"];

const BANKS: [&str; 5] = ["BCA", "BCA", "BNI", "MANDIRI", "BRI"];

/// One payment's account and what it meets.
pub struct Day {
    pub account: String,
    pub bank: &'static str,
    /// The day in a few words.
    pub said: String,
    /// By provider code.
    faults: Vec<(&'static str, Fault)>,
}

impl Day {
    /// Draws the `number`th payment's day. Calls hang, and arrive late, only where the simulators' clock `runs`.
    pub fn draw(dice: &mut Dice, number: usize, runs: bool) -> Day {
        let bank = *dice.pick(&BANKS);
        let body = format!("{number:04}{:04}", dice.below(10_000));
        let end = format!("{:04}", dice.below(10_000));
        let plain = |account: String| Day { said: account.clone(), account, bank, faults: Vec::new() };
        match dice.below(20) {
            0 | 1 => plain((*dice.pick(&OY_MOCKS)).to_owned()),
            2 | 3 => plain(format!("55{body}{}", dice.pick(&MOCK_ENDS))),
            // In process first, whatever the setting says; at BRI it then fails.
            4 => plain(format!("55{body}12345")),
            5 | 6 => plain(RETURNS.to_owned()),
            7 | 8 => lied(dice, format!("{LIED}{body}{end}"), bank, runs),
            _ => bad(dice, format!("55{body}{end}"), bank, runs),
        }
    }

    /// Sets it at the simulators.
    pub fn set(&self, sandbox: &Sandbox) {
        for (code, fault) in &self.faults {
            let simulator = sandbox.simulator(code).expect("the sandbox has it");
            simulator.add_fault(fault.clone()).unwrap_or_else(|why| panic!("{code} {fault:?}: {why}"));
        }
    }
}

/// Each simulator's names of the call that moves money and of the status call, and a status code for "not found".
const CALLS: [(&str, &str, &str, &str); 3] = [
    ("oy", "remit", "remit-status", "204"),
    ("doku", "transfer", "status", "4045301"),
    ("kaspro", "transfer", "status", "900011"),
];

/// A day on which every provider tells another amount, in the answer to the send, to questions, or both. On a clock that
/// stands they go on until the test ends them: two questions about one payment may race for the last of them.
fn lied(dice: &mut Dice, account: String, bank: &'static str, runs: bool) -> Day {
    let mut faults = Vec::new();
    for (code, send, status, _) in CALLS {
        let which = dice.below(3);
        let wrong = |on: &str, times| Fault { times, ..Fault::new(Kind::WrongAmount).on(on).account(&account) };
        if which != 1 {
            faults.push((code, wrong(send, Some(1))));
        }
        if which != 0 {
            let times = 1 + dice.below(2);
            faults.push((code, wrong(status, runs.then_some(times))));
        }
    }
    Day { said: format!("wrong amounts for {account}"), account, bank, faults }
}

/// A day of its own at each provider.
fn bad(dice: &mut Dice, account: String, bank: &'static str, runs: bool) -> Day {
    let mut faults: Vec<(&'static str, Fault)> = Vec::new();
    let mut said = Vec::new();
    for (code, send, status, not_found) in CALLS {
        let on = |kind: Kind| Fault::new(kind).account(&account).times(1);
        let mut here: Vec<Fault> = match (dice.below(if runs { 16 } else { 13 }), code) {
            (0, _) => vec![on(Kind::DropRequest).on(send)],
            (1, _) => vec![on(Kind::DropResponse).on(send)],
            (2, _) => vec![on(Kind::HttpErrorBefore).on(send)],
            (3, _) => vec![on(Kind::HttpErrorAfter).on(send)],
            (4, _) => vec![on(Kind::Garbage).on(send)],
            // Taken; the answer is lost, the provider says so long that it does not know it that the order comes again,
            // and refuses it however often it comes: one that is taken after all and not known would be a lie of its own.
            (5 | 6, _) => {
                let first = on(Kind::DropResponse).on(send);
                let lost = on(Kind::WrongCode).on(status).code(not_found).times(12);
                let refused =
                    Fault { after: Some(1), times: None, ..on(Kind::Refuse).on(send).code(own_refusal(code)) };
                vec![first, lost, refused]
            }
            (7, _) => vec![on(Kind::CallbackFirst)],
            (8..=10, "oy") => of_oy(dice, on),
            (8..=10, "doku") => of_doku(dice, on),
            (8..=10, _) => of_kaspro(dice, on),
            // Longer than the time a send may take: the order arrives after its sender gave up.
            (13, _) => vec![on(Kind::Delay).on(send).ms(3_500)],
            (14, _) => vec![on(Kind::Hang).on(send)],
            (15, "doku") => vec![on(Kind::Hang).on("inquiry")],
            _ => Vec::new(),
        };
        let asked = |kind: Kind, times| Fault::new(kind).on(status).account(&account).times(times);
        let times = 1 + dice.below(3);
        match dice.below(8) {
            // On a clock that stands the test sets these for one attempt alone.
            _ if !runs => {}
            0 => here.push(asked(Kind::HttpErrorBefore, times)),
            1 => here.push(asked(Kind::Garbage, times)),
            2 => here.push(asked(Kind::DropResponse, times)),
            3 if code == "oy" => here.push(asked(Kind::WrongCode, times).code("504")),
            _ => {}
        }
        if runs && code != "kaspro" {
            match dice.below(6) {
                0 => here.push(on(Kind::DuplicateCallback)),
                1 => here.push(on(Kind::ReorderCallbacks)),
                2 => here.push(on(Kind::DropCallback)),
                _ => {}
            }
        }
        said.extend(here.iter().map(|fault| {
            let (operation, code) = (fault.operation.as_deref(), fault.code.as_deref());
            format!("{:?} {} {}", fault.kind, operation.unwrap_or_default(), code.unwrap_or_default())
        }));
        faults.extend(here.into_iter().map(|fault| (code, fault)));
    }
    Day { said: said.join(", "), account, bank, faults }
}

/// A refusal that the contract calls the provider's own; KasPro lists none but for the account.
fn own_refusal(code: &str) -> &'static str {
    match code {
        "oy" => "206",
        "doku" => "4034314",
        _ => "110005",
    }
}

fn of_oy(dice: &mut Dice, on: impl Fn(Kind) -> Fault) -> Vec<Fault> {
    vec![match dice.below(6) {
        0 | 1 => on(Kind::Refuse).on("remit").code(["201", "206", "210"][dice.below(3) as usize]),
        2 => on(Kind::End).code(["206", "225", "300", "209"][dice.below(4) as usize]),
        3 => on(Kind::SuspectFirst),
        4 if dice.one_in(3) => on(Kind::ForceCredit),
        4 => on(Kind::WrongCode).on("remit").code(["777", "504"][dice.below(2) as usize]),
        _ => on(Kind::HttpErrorBefore).on("remit").http_status(429),
    }]
}

fn of_doku(dice: &mut Dice, on: impl Fn(Kind) -> Fault) -> Vec<Fault> {
    vec![match dice.below(9) {
        0 | 1 => on(Kind::Refuse).on("transfer").code(["4034314", "4044311", "4294300"][dice.below(3) as usize]),
        // One fresh token helps once.
        2 => on(Kind::Refuse).on("transfer").code("4014300").times(1 + dice.below(2)),
        3 => on(Kind::WrongCode).on("transfer").code(["2994399", "5044300"][dice.below(2) as usize]),
        4 => on(Kind::End).code(["04", "05", "06", "00"][dice.below(4) as usize]),
        5 if dice.one_in(3) => for_ever(on(Kind::End).code("03")),
        5 | 6 => on(Kind::Refuse).on("inquiry").code(["4044211", "4034209", "5004200"][dice.below(3) as usize]),
        7 => on([Kind::DropResponse, Kind::Garbage][dice.below(2) as usize]).on("inquiry"),
        _ => on(Kind::WrongAmount).on("inquiry"),
    }]
}

fn of_kaspro(dice: &mut Dice, on: impl Fn(Kind) -> Fault) -> Vec<Fault> {
    vec![match dice.below(5) {
        0 => on(Kind::Refuse).on("transfer").code("110005"),
        1 => on(Kind::Refuse).on("transfer").code("900401").times(1 + dice.below(2)),
        2 => on(Kind::WrongCode).on("transfer").code("199999"),
        3 if dice.one_in(3) => for_ever(on(Kind::End).code("1")),
        _ => on(Kind::End).code(["0", "900010"][dice.below(2) as usize]),
    }]
}

fn for_ever(fault: Fault) -> Fault {
    Fault { text: Some(FOR_EVER.into()), ..fault }
}

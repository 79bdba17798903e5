//! OY!'s published tables: bank codes and the staging mock numbers (contracts/oy.md 1.11 and 2).
//!
//! Pure data and look-ups; nothing here knows the books.

use super::code::Code;
use super::settings::Mode;

/// The seed's bank table: 102 codes (022 is printed twice).
#[rustfmt::skip]
const BANKS: [&str; 102] = [
    "002", "008", "009", "011", "013", "014", "016", "019", "022", "023", "028", "031", "036", "037", "042", "046", "050",
    "054", "061", "069", "076", "087", "088", "089", "095", "097", "110", "111", "112", "113", "114", "115", "116", "117",
    "118", "119", "120", "121", "122", "123", "124", "125", "126", "127", "128", "129", "130", "131", "132", "133", "134",
    "135", "137", "145", "146", "147", "151", "152", "153", "157", "161", "164", "167", "200", "212", "213", "405", "422",
    "425", "426", "427", "441", "451", "472", "484", "485", "490", "494", "498", "501", "503", "506", "513", "517", "520",
    "521", "523", "526", "535", "536", "542", "547", "548", "553", "555", "559", "564", "566", "567", "945", "949", "950",
];

/// Gone from the 2026 table: merged into 451.
const MERGED: [&str; 2] = ["422", "427"];

/// E-wallets, which the later documents take as a `recipient_bank`.
const WALLETS: [&str; 5] = ["dana", "gopay", "linkaja", "ovo", "shopeepay"];

/// Whether `bank` is an e-wallet slug of the later documents.
pub fn is_wallet(bank: &str) -> bool {
    WALLETS.contains(&bank)
}

/// Whether money can be sent to `bank`.
pub fn supports(bank: &str, mode: Mode) -> bool {
    match mode {
        Mode::Seed => BANKS.contains(&bank),
        Mode::Modern => is_wallet(bank) || (BANKS.contains(&bank) && !MERGED.contains(&bank)),
    }
}

/// What a mock number does to a remit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mock {
    /// Rejected with this code; nothing is created.
    Refused(Code),
    /// 999, and 999 for ever at status: nobody knows.
    Unclear,
    /// 203, and 000 at status: an earlier send with this id is said to have paid.
    PaidEarlier,
    /// Accepted; it ends like this.
    Ends(Code),
    /// Accepted; it stays like this.
    Stays(Code),
}

/// The mock of a remit to `account`; `None` is a good day.
pub fn remit_mock(account: &str, mode: Mode) -> Option<Mock> {
    match account {
        "1234567890" => Some(Mock::Unclear),
        "1111111111" => Some(Mock::PaidEarlier),
        "2222222222" => Some(Mock::Refused(Code::BANK_NOT_FOUND)),
        "3333333333" => Some(Mock::Refused(Code::TX_NOT_FOUND)),
        "4444444444" => Some(Mock::Refused(Code::USER_NOT_FOUND)),
        "5555555555" => Some(Mock::Refused(Code::USER_NOT_ACTIVE)),
        "6666666666" => Some(Mock::Stays(Code::IN_PROGRESS)),
        "7777777777" => Some(Mock::Ends(Code::FAILED)),
        "8888888888" => Some(Mock::Ends(Code::ACCOUNT_NOT_FOUND)),
        "9999999999" => Some(Mock::Stays(Code::SUSPECT)),
        _ => coded(account).map(|code| match code {
            Code::FAILED => Mock::Ends(code),
            // Since 2024 these two are no longer on the create table: they come as asynchronous failures.
            Code::BALANCE_TOO_LOW | Code::OVER_LIMIT if mode == Mode::Modern => Mock::Ends(code),
            _ => Mock::Refused(code),
        }),
    }
}

/// The mock of an inquiry: the seed's two numbers, and the same two codes in the later scheme.
pub fn inquiry_mock(account: &str) -> Option<Code> {
    match account {
        "2222222222" => Some(Code::BANK_NOT_FOUND),
        "8888888888" => Some(Code::ACCOUNT_NOT_FOUND),
        _ => coded(account).filter(|c| [Code::BANK_NOT_FOUND, Code::ACCOUNT_NOT_FOUND].contains(c)),
    }
}

/// The seed's status table read literally, for ids whose remit was rejected.
pub fn literal_status(account: &str) -> Code {
    match account {
        "1234567890" => Code::INTERNAL,
        "6666666666" => Code::IN_PROGRESS,
        "7777777777" => Code::FAILED,
        "8888888888" => Code::ACCOUNT_NOT_FOUND,
        "9999999999" => Code::SUSPECT,
        _ => Code::SUCCESS,
    }
}

/// The later scheme: `<code>` and four to fifteen zeros, for codes that end a disbursement without success.
fn coded(account: &str) -> Option<Code> {
    let (code, zeros) = account.split_at_checked(3)?;
    if !(4..=15).contains(&zeros.len()) || zeros.bytes().any(|b| b != b'0') {
        return None;
    }
    const FINAL: [&str; 18] = [
        "201", "202", "203", "204", "205", "206", "207", "208", "209", "210", "211", "215", "225", "257", "264", "300",
        "429", "990",
    ];
    FINAL.contains(&code).then(|| code.parse().ok()).flatten()
}

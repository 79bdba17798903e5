//! The twelve kinds of legal entity of seed 000, and what some of them do not have.
//!
//! Data alone. Their bracketed glosses are labels for people (contracts/paystrator.md 2.10): they are taken, and not kept.

/// What a company is by law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompanyType {
    Pt,
    Tbk,
    Cv,
    Firm,
    Koperasi,
    LembagaPemerintah,
    Bumn,
    Bumd,
    Other,
    PtPerorangan,
    Yayasan,
    None,
}

/// A kind, its word on the wire and its gloss in seed 000; empty where it prints none.
type Row = (CompanyType, &'static str, &'static str);

const TYPES: [Row; 12] = [
    (CompanyType::Pt, "PT", "Private Limited Company"),
    (CompanyType::Tbk, "TBK", "Public Company"),
    (CompanyType::Cv, "CV", "Registered Partnership Establishment"),
    (CompanyType::Firm, "Firm", ""),
    (CompanyType::Koperasi, "Koperasi", "Cooperative"),
    // So the seed spells it.
    (CompanyType::LembagaPemerintah, "Lembaga Pemerintah", "Goverment Institution"),
    (CompanyType::Bumn, "BUMN", "State-owned Enterprise"),
    (CompanyType::Bumd, "BUMD", "Regional Owned Enterprise"),
    (CompanyType::Other, "Other", ""),
    (CompanyType::PtPerorangan, "PT Perorangan", "Individual Limited Company"),
    (CompanyType::Yayasan, "Yayasan", "Foundation"),
    (CompanyType::None, "My business has no legal entity yet", ""),
];

/// Their words, in the seed's order.
pub const WORDS: [&str; 12] = {
    let mut words = [""; 12];
    let mut at = 0;
    while at < TYPES.len() {
        words[at] = TYPES[at].1;
        at += 1;
    }
    words
};

/// Who has no certificate of the Ministry of Law: what no law founds as an entity, what the state founds, and what
/// nobody can say of *Other*.
pub const WITHOUT_CERTIFICATE: [CompanyType; 3] =
    [CompanyType::None, CompanyType::LembagaPemerintah, CompanyType::Other];

/// Who has no deed of a notary: the same, and the company of one person, which is founded by a statement (law 6/2023).
pub const WITHOUT_DEED: [CompanyType; 4] =
    [CompanyType::None, CompanyType::LembagaPemerintah, CompanyType::Other, CompanyType::PtPerorangan];

/// Who does no business and so has no NIB.
pub const WITHOUT_NIB: [CompanyType; 1] = [CompanyType::LembagaPemerintah];

impl CompanyType {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        TYPES.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, word, _)| word)
    }

    /// Reads a word in any case, with its gloss in brackets or without.
    pub fn parse(text: &str) -> Option<CompanyType> {
        let (word, gloss) = match text.split_once('(') {
            Some((word, rest)) => (word.trim(), Some(rest.trim().strip_suffix(')')?.trim())),
            None => (text.trim(), None),
        };
        let is_it = |row: &&Row| {
            let glossed = gloss.is_none_or(|gloss| !row.2.is_empty() && row.2.eq_ignore_ascii_case(gloss));
            row.1.eq_ignore_ascii_case(word) && glossed
        };
        TYPES.iter().find(is_it).map(|(kind, ..)| *kind)
    }
}

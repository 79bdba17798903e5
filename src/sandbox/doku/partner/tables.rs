//! The Partner API's allowed values and the words it prints for them (seed 002, contracts/doku.md 3.1). Data only; what is
//! ours, because nothing is printed, says so.

pub const PERSONAL: &str = "PERSONAL";
pub const CORPORATE: &str = "CORPORATE";

/// Codes with their words. Only those of the samples are printed; other words are ours.
pub type Words = &'static [(&'static str, &'static str)];

pub const PERSONAL_ENTITIES: Words = &[("PERSEORANGAN", "Personal")];
pub const CORPORATE_ENTITIES: Words = &[
    ("PT", "PT (Perseroan Terbatas)"),
    ("CV", "CV"),
    ("UD", "UD"),
    ("KOPERASI", "Koperasi"),
    ("FIRMA", "Firma"),
    ("PP", "PP"),
    ("BUMN", "BUMN"),
    ("PTN_BH", "PTN BH"),
    ("YAYASAN", "Yayasan"),
    ("PERKUMPULAN_BERBADAN_HUKUM", "Perkumpulan Berbadan Hukum"),
    ("BLU", "BLU"),
];

pub const PERSONAL_LINES: Words = &[("RETAIL", "Retail")];
pub const CORPORATE_LINES: Words = &[
    ("AGRICULTURE", "Agriculture"),
    ("CAPITAL_MARKET", "Capital Market"),
    ("CHARITY", "Charity"),
    ("COMMUNICATION", "Communication"),
    ("DIGITAL_AND_GAME", "Digital and Game"),
    ("EDUCATION", "Education"),
    ("EVENT_ORGANIZER", "Event Organizer"),
    ("FINANCIAL_SERVICE", "Financial Service"),
    ("FOOD_AND_BEVERAGE", "Food and Beverage"),
    ("GAS_STATION", "Gas Station"),
    ("HOSPITALITY", "Hospitality"),
    ("INSURANCE", "Insurance"),
    ("LOGISTICS", "Logistics"),
    ("MANUFACTURE", "Manufacture"),
    ("MARKETPLACE", "Marketplace"),
    ("MINING", "Mining"),
    ("ONLINE_STORE", "Online Store"),
    ("P2P_LENDING", "P2P Lending"),
    ("PROPERTY", "Property"),
    ("PUBLIC_SERVICE", "Public Service"),
    ("RETAIL", "Retail"),
    ("TRANSPORTATION", "Transportation"),
    ("TRAVEL_AGENT", "Travel Agent"),
];

pub const BRAND_CATEGORIES: Words = &[("RETAIL", "Retail"), ("NON_RETAIL", "Non Retail")];
pub const COUNTRIES: Words = &[("ID", "Indonesia")];
pub const CURRENCIES: Words = &[("IDR", "Indonesian rupiah")];
pub const POSITIONS: Words = &[("OWNER", "Owner"), ("DIRECTOR", "Board of Director")];
pub const SOCIAL_MEDIA: Words = &[("INSTAGRAM", "Instagram"), ("FACEBOOK", "Facebook")];
pub const WEBSITE: Words =
    &[("HAVE", "Have a website"), ("DONT_HAVE", "Don't have a website"), ("UNDER_DEVELOPMENT", "Under development")];
pub const MOBILE_APP: Words = &[
    ("HAVE", "Have a mobile app"),
    ("DONT_HAVE", "Don't have a mobile app"),
    ("UNDER_DEVELOPMENT", "Under development"),
];
/// The only value that is printed; others are taken, and printed as they came.
pub const FREQUENCIES: Words = &[("UMI", "< IDR 20 Mio")];
/// The same.
pub const QUANTITIES: Words = &[("UP_TO_100", "< 100")];

/// Categories of files, and how the id of such a file begins (those of OWNER_LIVENESS and DOCUMENT are printed).
pub const FILE_CATEGORIES: Words = &[
    ("OWNER_LIVENESS", "CNT"),
    ("PHOTO_PROOF", "PHP"),
    ("LOGO", "LGO"),
    ("DOCUMENT", "DCM"),
    ("SERVICE_AGREEMENT", "SVA"),
    ("BANK_ACCOUNT", "BNK"),
];

/// Kinds of documents.
pub const DOCUMENTS: Words = &[
    ("KTP", "Kartu Tanda Penduduk"),
    ("KITAS_OR_KITAP", "KITAS / KITAP"),
    ("NPWP_BADAN", "NPWP (Nomor Pokok Wajib Pajak) Badan"),
    ("NIB", "NIB (Nomor Induk Berusaha)"),
    ("SK_KEMENKUMHAM", "Surat Keputusan Kementerian Hukum & HAM"),
    ("AKTA_PENDIRIAN_PERUSAHAAN", "Akta Pendirian dan Perubahan Perusahaan"),
    ("COMPANY_REGISTRATION", "Company Registration"),
    ("IZIN_USAHA", "Surat Izin Usaha"),
    ("IZIN_USAHA_PERSEORANGAN", "Surat Izin Usaha Perseorangan"),
    ("BPOM", "Izin BPOM"),
    ("IZIN_BLU", "Surat Izin BLU"),
    ("IZIN_BOPI", "Surat Izin BOPI"),
    ("IZIN_DISPENDIK_KEMENDIKBUD", "Surat Izin dari Dinas Pendidikan atau Kemendikbud"),
    ("IZIN_DISTRIBUTOR_RESMI", "Surat Izin Distributor Resmi"),
    ("IZIN_EDAR_ALAT_KESEHATAN", "Izin Edar Alat Kesehatan"),
    ("IZIN_KERAMAIAN", "Surat Izin Keramaian"),
    ("IZIN_KOPERASI_SIMPAN_PINJAM", "Surat Izin Koperasi Simpan Pinjam"),
    ("IZIN_PENYELENGGARAAN_IBADAH_HAJI_DAN_UMRAH", "Izin Penyelenggaraan Ibadah Haji dan Umrah"),
    ("IZIN_PMB", "Surat Izin PMB"),
    ("IZIN_PUB", "Surat Izin PUB"),
];

/// The number that goes with a document: its code, its words, and how many digits it has (ours).
pub const FORMS: &[(&str, &str, &str, std::ops::RangeInclusive<usize>)] = &[
    ("KTP", "NO_KTP", "KTP No. (NIK)", 16..=16),
    ("NPWP_BADAN", "NO_NPWP", "NPWP No.", 15..=16),
    ("NIB", "NO_NIB", "NIB No.", 13..=16),
];

/// The products that both samples print: code, name, description.
pub const PRODUCTS: [(&str, &str, &str); 6] = [
    (
        "ONLINE_TO_OFFLINE_ALFA_AGGREGATOR",
        "Alfa Group (Aggregator)",
        "Accept payments at Alfamart, Alfamidi, Dan+Dan, and Lawson outlets.",
    ),
    ("DOKU_WALLET", "DOKU Wallet", "Accept payments using DOKU Wallet."),
    ("PEER_TO_PEER_AKULAKU", "Akulaku", "Accept payments using the Akulaku paylater program."),
    ("VIRTUAL_ACCOUNT", "Virtual Account (Multiple Banks)", "Accept payments using a virtual account number."),
    (
        "VIRTUAL_ACCOUNT_PARTNER_AGGREGATOR",
        "VA Aggregator (Multiple Banks)",
        "Service to accept payment using virtual account number from multiple banks",
    ),
    ("CREDIT_CARD_AGGREGATOR", "Credit Card (Partner Agregator)", "Accept payments using credit cards."),
];

/// The words of a code; the code itself where none are known.
pub fn words(table: Words, code: &str) -> &str {
    table.iter().find(|(known, _)| *known == code).map_or(code, |(_, words)| words)
}

pub fn knows(table: Words, code: &str) -> bool {
    table.iter().any(|(known, _)| *known == code)
}

/// Which legal entities and business lines a type of business has; `None` for an unknown type.
pub fn of_type(kind: &str) -> Option<(Words, Words)> {
    match kind {
        PERSONAL => Some((PERSONAL_ENTITIES, PERSONAL_LINES)),
        CORPORATE => Some((CORPORATE_ENTITIES, CORPORATE_LINES)),
        _ => None,
    }
}

/// The documents that a company of this kind must have, and those of its brand (ours, after the corporate sample).
pub fn needed_documents(entity: &str, line: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let of_business = match entity {
        "PERSEORANGAN" => vec![],
        "BLU" => vec!["NPWP_BADAN", "IZIN_BLU"],
        "UD" => vec!["NPWP_BADAN", "NIB"],
        _ => vec!["NPWP_BADAN", "NIB", "SK_KEMENKUMHAM", "AKTA_PENDIRIAN_PERUSAHAAN"],
    };
    let of_brand = match line {
        "EDUCATION" => vec!["IZIN_DISPENDIK_KEMENDIKBUD"],
        "TRAVEL_AGENT" => vec!["IZIN_PENYELENGGARAAN_IBADAH_HAJI_DAN_UMRAH"],
        _ => vec![],
    };
    (of_business, of_brand)
}

//! What DOKU wants to know beyond the KYB file (contracts/doku.md 3.1). Data only; names are those of `table`.

use super::words::{BUSINESS_LINES, CATEGORIES, LEGAL_ENTITIES, READINESS};
use crate::providers::form::{Field, Format, Part};

/// Field, format, whether it is needed, and what it is called and means in both languages.
type Question = (&'static str, Format, bool, [&'static str; 4]);

const fn question((name, format, required, words): Question) -> Field {
    let [label, hint, label_id, hint_id] = words;
    Field { name, part: Part::Settings, required, secret: false, format, label, hint, label_id, hint_id }
}

/// What DOKU calls the business, which it asks for with every question about it.
const LEGAL_ENTITY: Field = question((
    "legal_entity",
    Format::Choice(&LEGAL_ENTITIES),
    false,
    [
        "Legal entity, as DOKU lists it",
        "Needed where the company's type is Lembaga Pemerintah, BUMD or Other: DOKU's list lacks these.",
        "Badan hukum menurut DOKU",
        "Diperlukan jika jenis perusahaan Lembaga Pemerintah, BUMD, atau Other: tidak ada di daftar DOKU.",
    ],
));

const BUSINESS_LINE: Field = question((
    "business_line",
    Format::Choice(&BUSINESS_LINES),
    false,
    [
        "Business line, as DOKU lists it",
        "Left out, it follows from the first industry of the file that has a place in DOKU's list.",
        "Bidang usaha menurut DOKU",
        "Bila dikosongkan, diambil dari industri pertama dalam berkas yang ada di daftar DOKU.",
    ],
));

/// Of a whole registration.
pub const FULL: [Field; 13] = [
    question((
        "business_description",
        Format::Text { max: 255 },
        true,
        [
            "What the business does",
            "One or two sentences; DOKU shows them with the brand.",
            "Kegiatan usaha",
            "Satu atau dua kalimat; ditampilkan DOKU bersama merek.",
        ],
    )),
    question((
        "mobile_app_readiness",
        Format::Choice(&READINESS),
        true,
        [
            "Mobile app",
            "Whether the business has an app of its own.",
            "Aplikasi seluler",
            "Apakah usaha memiliki aplikasi sendiri.",
        ],
    )),
    question((
        "bank_id",
        Format::Digits { min: 1, max: 6 },
        true,
        [
            "Bank, as DOKU numbers it",
            "The bank that settlements go to, by DOKU's own number: 4 is BCA. Ask DOKU for the others.",
            "Bank, menurut nomor DOKU",
            "Bank tujuan settlement, dengan nomor dari DOKU: 4 adalah BCA. Tanyakan yang lain ke DOKU.",
        ],
    )),
    question((
        "bank_account_name",
        Format::Text { max: 50 },
        true,
        [
            "Holder of the bank account",
            "As it stands in the bank book.",
            "Nama pemilik rekening",
            "Seperti tertulis di buku tabungan.",
        ],
    )),
    question((
        "bank_account_number",
        Format::Digits { min: 5, max: 34 },
        true,
        [
            "Number of the bank account",
            "Settlements go there.",
            "Nomor rekening",
            "Settlement dikirim ke rekening ini.",
        ],
    )),
    question((
        "ktp_numbers",
        Format::Text { max: 400 },
        true,
        [
            "KTP numbers (NIK) of the directors",
            "Sixteen digits each, in the order of the directors in the file, separated by commas.",
            "NIK para direktur",
            "Masing-masing enam belas digit, sesuai urutan direktur dalam berkas, dipisah koma.",
        ],
    )),
    question((
        "transaction_frequency",
        Format::Code { max: 22 },
        false,
        [
            "Turnover class",
            "DOKU's code, such as UMI for less than IDR 20 million.",
            "Kelas omzet",
            "Kode dari DOKU, misalnya UMI untuk di bawah Rp20 juta.",
        ],
    )),
    question((
        "transaction_quantity",
        Format::Code { max: 22 },
        false,
        [
            "Number of transactions",
            "DOKU's code, such as UP_TO_100.",
            "Jumlah transaksi",
            "Kode dari DOKU, misalnya UP_TO_100.",
        ],
    )),
    LEGAL_ENTITY,
    BUSINESS_LINE,
    question((
        "brand_category",
        Format::Choice(&CATEGORIES),
        false,
        [
            "Category of the brand",
            "For a business without a legal entity; RETAIL where nothing is said.",
            "Kategori merek",
            "Untuk usaha tanpa badan hukum; RETAIL bila dikosongkan.",
        ],
    )),
    question((
        "instagram",
        Format::Url,
        false,
        ["Instagram", "Address of the brand's account.", "Instagram", "Alamat akun merek."],
    )),
    question((
        "facebook",
        Format::Url,
        false,
        ["Facebook", "Address of the brand's page.", "Facebook", "Alamat halaman merek."],
    )),
];

/// Of a registration that DOKU's dashboard completes (business lite).
pub const LITE: [Field; 3] = [
    LEGAL_ENTITY,
    BUSINESS_LINE,
    question((
        "referral_code",
        Format::Code { max: 6 },
        false,
        [
            "Referral code",
            "Six characters, where DOKU gave one.",
            "Kode referral",
            "Enam karakter, bila diberikan DOKU.",
        ],
    )),
];

//! Where money can be sent, by neutral names: banks with their national clearing numbers, and e-wallets.
//!
//! Adapters map from here to their own codes, and skip what their provider lacks; callers may give the name (`BCA`,
//! `DANA`) or a bank's number (`014`). The rows are data: banks merge and rename. Sources: seed 003, Bank Codes, with
//! today's names (contracts/oy.md 1.11); e-wallets: contracts/oy.md 1.2.

/// A bank or an e-wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The neutral code, as `receiverBankCode` takes it and the API prints it.
    pub code: &'static str,
    pub kind: Kind,
    pub name: &'static str,
}

/// What a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bank {
        /// The national clearing number: text, for its leading zeros.
        number: &'static str,
    },
    /// An e-wallet; its accounts are phone numbers.
    Wallet,
}

impl Kind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Bank { .. } => "bank",
            Kind::Wallet => "ewallet",
        }
    }
}

impl Destination {
    /// The clearing number; `None` for what is not a bank.
    pub fn bank_number(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Bank { number } => Some(number),
            Kind::Wallet => None,
        }
    }
}

/// Finds a destination by its neutral code, in any case, or a bank by its clearing number.
pub fn find(text: &str) -> Option<&'static Destination> {
    DESTINATIONS.iter().find(|known| known.bank_number() == Some(text) || known.code.eq_ignore_ascii_case(text))
}

/// The clearing number of the bank with this code; `None` where it is not a bank's.
pub fn bank_number(code: &str) -> Option<&'static str> {
    find(code)?.bank_number()
}

const fn bank(number: &'static str, code: &'static str, name: &'static str) -> Destination {
    Destination { code, kind: Kind::Bank { number }, name }
}

const fn wallet(code: &'static str, name: &'static str) -> Destination {
    Destination { code, kind: Kind::Wallet, name }
}

/// Everything that can be paid to: banks by number, then e-wallets.
pub const DESTINATIONS: [Destination; 107] = [
    bank("002", "BRI", "Bank Rakyat Indonesia"),
    bank("008", "MANDIRI", "Bank Mandiri"),
    bank("009", "BNI", "Bank Negara Indonesia"),
    bank("011", "DANAMON", "Bank Danamon"),
    bank("013", "PERMATA", "Bank Permata"),
    bank("014", "BCA", "Bank Central Asia"),
    bank("016", "MAYBANK", "Maybank Indonesia"),
    bank("019", "PANIN", "Bank Panin"),
    bank("022", "CIMB", "CIMB Niaga"),
    bank("023", "UOB", "Bank UOB Indonesia"),
    bank("028", "OCBC", "Bank OCBC NISP"),
    bank("031", "CITIBANK", "Citibank"),
    bank("036", "CCB", "Bank China Construction Bank Indonesia (Windu Kentjana)"),
    bank("037", "ARTHA_GRAHA", "Bank Artha Graha"),
    bank("042", "MUFG", "Bank of Tokyo Mitsubishi UFJ"),
    bank("046", "DBS", "Bank DBS Indonesia"),
    bank("050", "STANDARD_CHARTERED", "Standard Chartered"),
    bank("054", "CAPITAL", "Bank Capital"),
    bank("061", "ANZ", "ANZ Indonesia"),
    bank("069", "BANK_OF_CHINA", "Bank of China"),
    bank("076", "BUMI_ARTA", "Bank Bumi Arta"),
    bank("087", "EKONOMI", "Bank Ekonomi Raharja (HSBC)"),
    bank("088", "ANTARDAERAH", "Bank Antardaerah"),
    bank("089", "RABOBANK", "Rabobank"),
    bank("095", "JTRUST", "Bank JTrust Indonesia"),
    bank("097", "MAYAPADA", "Bank Mayapada"),
    bank("110", "BJB", "Bank Jabar Banten"),
    bank("111", "DKI", "Bank DKI"),
    bank("112", "DIY", "Bank BPD DIY"),
    bank("113", "JATENG", "Bank Jateng"),
    bank("114", "JATIM", "Bank Jatim"),
    bank("115", "JAMBI", "Bank Jambi"),
    bank("116", "ACEH", "Bank Aceh"),
    bank("117", "SUMUT", "Bank Sumut"),
    bank("118", "NAGARI", "Bank Nagari"),
    bank("119", "RIAU", "Bank Riau Kepri"),
    bank("120", "SUMSEL_BABEL", "Bank Sumsel Babel"),
    bank("121", "LAMPUNG", "Bank Lampung"),
    bank("122", "KALSEL", "Bank Kalsel"),
    bank("123", "KALBAR", "Bank Kalbar"),
    bank("124", "KALTIM", "Bank Kaltimtara"),
    bank("125", "KALTENG", "Bank Kalteng"),
    bank("126", "SULSELBAR", "Bank Sulselbar"),
    bank("127", "SULUT", "Bank SulutGo"),
    bank("128", "NTB", "Bank NTB"),
    bank("129", "BALI", "Bank BPD Bali"),
    bank("130", "NTT", "Bank NTT"),
    bank("131", "MALUKU", "Bank Maluku Malut"),
    bank("132", "PAPUA", "Bank Papua"),
    bank("133", "BENGKULU", "Bank Bengkulu"),
    bank("134", "SULTENG", "Bank Sulteng"),
    bank("135", "SULTRA", "Bank Sultra"),
    bank("137", "BANTEN", "Bank Banten"),
    bank("145", "BNP", "Bank Nusantara Parahyangan"),
    bank("146", "INDIA", "Bank of India Indonesia"),
    bank("147", "MUAMALAT", "Bank Muamalat"),
    bank("151", "MESTIKA", "Bank Mestika"),
    bank("152", "SHINHAN", "Bank Shinhan"),
    bank("153", "SINARMAS", "Bank Sinarmas"),
    bank("157", "MASPION", "Bank Maspion"),
    bank("161", "GANESHA", "Bank Ganesha"),
    bank("164", "ICBC", "Bank ICBC Indonesia"),
    bank("167", "QNB", "Bank QNB Indonesia"),
    bank("200", "BTN", "Bank Tabungan Negara"),
    bank("212", "WOORI", "Bank Woori Saudara"),
    bank("213", "BTPN", "Bank BTPN"),
    bank("405", "VICTORIA_SYARIAH", "Bank Victoria Syariah"),
    bank("422", "BRI_SYARIAH", "Bank BRI Syariah (merged into BSI)"),
    bank("425", "BJB_SYARIAH", "Bank Jabar Banten Syariah"),
    bank("426", "MEGA", "Bank Mega"),
    bank("427", "BNI_SYARIAH", "Bank BNI Syariah (merged into BSI)"),
    bank("441", "BUKOPIN", "Bank Bukopin (KB Bank)"),
    bank("451", "BSI", "Bank Syariah Indonesia (was Mandiri Syariah)"),
    bank("472", "JASA_JAKARTA", "Bank Jasa Jakarta"),
    bank("484", "KEB_HANA", "Bank KEB Hana"),
    bank("485", "MNC", "Bank MNC Internasional"),
    bank("490", "NEO", "Bank Neo Commerce (was Yudha Bhakti)"),
    bank("494", "AGRONIAGA", "Bank Raya (was BRI Agroniaga)"),
    bank("498", "SBI", "Bank SBI Indonesia"),
    bank("501", "BCA_DIGITAL", "BCA Digital (was Royal)"),
    bank("503", "NOBU", "Bank Nationalnobu"),
    bank("506", "MEGA_SYARIAH", "Bank Mega Syariah"),
    bank("513", "INA", "Bank Ina Perdana"),
    bank("517", "PANIN_SYARIAH", "Bank Panin Dubai Syariah"),
    bank("520", "PRIMA", "Prima Master Bank"),
    bank("521", "BUKOPIN_SYARIAH", "Bank Bukopin Syariah"),
    bank("523", "SAMPOERNA", "Bank Sahabat Sampoerna"),
    bank("526", "DINAR", "Bank Dinar (Oke)"),
    bank("535", "SEABANK", "SeaBank (was Kesejahteraan Ekonomi)"),
    bank("536", "BCA_SYARIAH", "BCA Syariah"),
    bank("542", "JAGO", "Bank Jago (was Artos)"),
    bank("547", "BTPN_SYARIAH", "Bank BTPN Syariah"),
    bank("548", "MULTIARTA", "Bank Multiarta Sentosa"),
    bank("553", "MAYORA", "Bank Mayora"),
    bank("555", "INDEX", "Bank Index"),
    bank("559", "CNB", "Centratama Nasional Bank"),
    bank("564", "MANTAP", "Bank Mandiri Taspen"),
    bank("566", "VICTORIA", "Bank Victoria International"),
    bank("567", "ALLO", "Allo Bank (was Harda)"),
    bank("945", "IBK", "IBK Bank Indonesia"),
    bank("949", "CTBC", "Bank CTBC Indonesia"),
    bank("950", "COMMONWEALTH", "Bank Commonwealth"),
    wallet("DANA", "DANA"),
    wallet("GOPAY", "GoPay"),
    wallet("LINKAJA", "LinkAja"),
    wallet("OVO", "OVO"),
    wallet("SHOPEEPAY", "ShopeePay"),
];

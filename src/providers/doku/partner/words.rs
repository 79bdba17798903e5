//! DOKU's allowed values (seed 002, contracts/doku.md 3.1), and which of them our words become. Data only.

/// A business is a person's or a company's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Personal,
    Corporate,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Personal => PERSONAL,
            Kind::Corporate => "CORPORATE",
        }
    }
}

const PERSONAL: &str = "PERSONAL";
/// The only legal entity of a person.
pub const PERSEORANGAN: &str = "PERSEORANGAN";
/// The only business line of a person.
pub const RETAIL: &str = "RETAIL";
/// The only country and nationality.
pub const INDONESIA: &str = "ID";
pub const READINESS: [&str; 3] = ["HAVE", "DONT_HAVE", "UNDER_DEVELOPMENT"];
pub const CATEGORIES: [&str; 2] = [RETAIL, "NON_RETAIL"];

/// Categories of uploaded files but DOCUMENT, which has kinds of its own.
pub const CATEGORIES_OF_FILES: [&str; 5] =
    ["OWNER_LIVENESS", "PHOTO_PROOF", "LOGO", "SERVICE_AGREEMENT", "BANK_ACCOUNT"];

/// Legal entities of a company.
pub const LEGAL_ENTITIES: [&str; 11] =
    ["PT", "CV", "UD", "KOPERASI", "FIRMA", "PP", "BUMN", "PTN_BH", "YAYASAN", "PERKUMPULAN_BERBADAN_HUKUM", "BLU"];

/// Business lines of a company.
pub const BUSINESS_LINES: [&str; 23] = [
    "AGRICULTURE",
    "CAPITAL_MARKET",
    "CHARITY",
    "COMMUNICATION",
    "DIGITAL_AND_GAME",
    "EDUCATION",
    "EVENT_ORGANIZER",
    "FINANCIAL_SERVICE",
    "FOOD_AND_BEVERAGE",
    "GAS_STATION",
    "HOSPITALITY",
    "INSURANCE",
    "LOGISTICS",
    "MANUFACTURE",
    "MARKETPLACE",
    "MINING",
    "ONLINE_STORE",
    "P2P_LENDING",
    "PROPERTY",
    "PUBLIC_SERVICE",
    RETAIL,
    "TRANSPORTATION",
    "TRAVEL_AGENT",
];

/// Our `company_type`, what it becomes, and what is lost. `None`: nothing of theirs is it, so the client is asked.
pub const COMPANY_TYPES: [(&str, Kind, Option<&str>, &str); 12] = [
    ("PT", Kind::Corporate, Some("PT"), ""),
    ("TBK", Kind::Corporate, Some("PT"), "that the company is public"),
    ("CV", Kind::Corporate, Some("CV"), ""),
    ("Firm", Kind::Corporate, Some("FIRMA"), ""),
    ("Koperasi", Kind::Corporate, Some("KOPERASI"), ""),
    ("Lembaga Pemerintah", Kind::Corporate, None, ""),
    ("BUMN", Kind::Corporate, Some("BUMN"), ""),
    ("BUMD", Kind::Corporate, None, ""),
    ("Other", Kind::Corporate, None, ""),
    ("PT Perorangan", Kind::Corporate, Some("PT"), "that one person founded it"),
    ("Yayasan", Kind::Corporate, Some("YAYASAN"), ""),
    ("My business has no legal entity yet", Kind::Personal, Some(PERSEORANGAN), ""),
];

/// Which industries of our file are which business line. An industry that is in none has no honest place among theirs:
/// the client is asked.
pub const INDUSTRIES: [(&str, &[&str]); 21] = [
    ("AGRICULTURE", &["Agriculture", "Agriculture Consulting", "Agricultural Supplies", "Smart Agriculture"]),
    ("CAPITAL_MARKET", &["Wealth Management"]),
    (
        "COMMUNICATION",
        &[
            "Social Media",
            "Programmatic Advertising",
            "Influencer Marketing",
            "Email Marketing",
            "SEO Tools",
            "Social Media Management",
            "Content Marketing",
            "Affiliate Marketing",
            "Marketing Analytics",
            "Conversational Marketing",
            "Video Marketing",
            "Marketing",
            "Telecom Equipment",
            "WiFi Sharing",
        ],
    ),
    (
        "DIGITAL_AND_GAME",
        &[
            "SaaS",
            "IaaS",
            "PaaS",
            "Cybersecurity",
            "API Services",
            "Web Development",
            "Design Tools",
            "Video Streaming",
            "Music Streaming",
            "Podcasting",
            "Digital Publishing",
            "Online Gaming",
            "Esports",
            "Digital Art",
            "Augmented Reality",
            "Smart Home",
            "Industrial IoT",
            "Wearable Tech",
            "Smart City",
            "Connected Cars",
            "IoT Security",
            "Smart Retail",
            "IoT Platforms",
            "Smart Energy",
            "AI Software",
            "Machine Learning",
            "Natural Language Processing",
            "Computer Vision",
            "Predictive Analytics",
            "Big Data",
            "AI Chatbots",
            "AI in Healthcare",
            "AI in Finance",
            "Data Visualization",
            "IT Services",
            "Software",
        ],
    ),
    (
        "EDUCATION",
        &[
            "Online Courses",
            "Language Learning",
            "Skill Development",
            "Tutoring",
            "Test Preparation",
            "Early Childhood",
            "Corporate Training",
            "Educational Content",
            "EdTech Tools",
            "Virtual Reality Education",
            "Skill Sharing",
            "Education",
            "EdTech",
        ],
    ),
    ("EVENT_ORGANIZER", &["Virtual Events", "Entertainment"]),
    (
        "FINANCIAL_SERVICE",
        &[
            "Digital Banking",
            "Digital Payments",
            "Cryptocurrency",
            "Remittance",
            "Financial Comparison",
            "Financial Services",
        ],
    ),
    (
        "FOOD_AND_BEVERAGE",
        &["Food Delivery", "Food and Beverage", "Food Service", "Food Processing", "Beverage Production"],
    ),
    ("GAS_STATION", &["Fuel Delivery"]),
    ("HOSPITALITY", &["Accommodation Sharing", "Hospitality", "Hospitality Supplies"]),
    ("INSURANCE", &["Insurtech"]),
    (
        "LOGISTICS",
        &["Grocery Delivery", "Logistics", "Storage Sharing", "Delivery Crowdsourcing", "Freight", "Supply Chain"],
    ),
    ("MANUFACTURE", &["Medical Supplies", "Pharmaceutical", "Textiles", "Apparel"]),
    ("MARKETPLACE", &["Social Commerce"]),
    (
        "ONLINE_STORE",
        &[
            "General E-commerce",
            "Fashion E-commerce",
            "Grocery E-commerce",
            "Electronics E-commerce",
            "Luxury E-commerce",
            "Second-hand E-commerce",
            "B2B E-commerce",
            "Subscription E-commerce",
            "E-pharmacy",
        ],
    ),
    ("P2P_LENDING", &["Digital Lending"]),
    ("PROPERTY", &["Co-working Spaces", "Real Estate"]),
    ("PUBLIC_SERVICE", &["Retail Energy", "Renewable Energy", "Waste Management", "Water Services"]),
    (
        RETAIL,
        &[
            "General Retail",
            "Personal Care",
            "Fashion and Apparel",
            "Electronics",
            "Automotive",
            "Home and Garden",
            "Pet Care",
            "Art and Craft",
            "Sports and Recreation",
            "Equipment Sharing",
            "Wholesale",
            "Apparel Wholesale",
            "Fitness Equipment",
            "Educational Supplies",
        ],
    ),
    (
        "TRANSPORTATION",
        &["Ride-hailing", "Parking", "Car Washing", "Car Sharing", "Bike Sharing", "Passenger Transport"],
    ),
    ("TRAVEL_AGENT", &["Tourism"]),
];

/// The business line of an industry.
pub fn line_of(industry: &str) -> Option<&'static str> {
    let is_in = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(industry));
    INDUSTRIES.iter().find(|(_, names)| is_in(names)).map(|(line, _)| *line)
}

/// Their word for our `company_type`.
pub fn company_type(ours: &str) -> Option<(Kind, Option<&'static str>)> {
    COMPANY_TYPES.iter().find(|row| row.0 == ours).map(|row| (row.1, row.2))
}

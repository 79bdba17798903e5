//! What a connection to KasPro is made with. Data only.

use crate::providers::form::{Field, Format, Part};

/// Sources: contracts/kaspro.md 1.0 (authentication), 1.2 and section 5 (the wallet that pays).
pub const FORM: [Field; 8] = [
    Field {
        name: "client_id",
        part: Part::Credentials,
        required: true,
        secret: false,
        format: Format::Token { max: 255 },
        label: "Client ID",
        hint: "From KasPro; with the client secret it gets access tokens.",
    },
    Field {
        name: "client_secret",
        part: Part::Credentials,
        required: true,
        secret: true,
        format: Format::Token { max: 255 },
        label: "Client secret",
        hint: "From KasPro.",
    },
    Field {
        name: "hmac_key",
        part: Part::Credentials,
        required: true,
        secret: false,
        format: Format::Token { max: 255 },
        label: "HMAC key",
        hint: "Names you in every signature (Partner-Key). It never changes.",
    },
    Field {
        name: "hmac_secret",
        part: Part::Credentials,
        required: true,
        secret: true,
        format: Format::Token { max: 255 },
        label: "HMAC secret",
        hint: "Signs every call.",
    },
    Field {
        name: "base_url",
        part: Part::Settings,
        required: true,
        secret: false,
        format: Format::Url,
        label: "Base address",
        hint: "As KasPro told you; the development gateway is https://apigw-devel.kaspro.id.",
    },
    Field {
        name: "origin",
        part: Part::Settings,
        required: true,
        secret: false,
        format: Format::Ip,
        label: "Origin",
        hint: "The address of your server that KasPro has on its list.",
    },
    Field {
        name: "mobile_number",
        part: Part::Settings,
        required: true,
        secret: false,
        format: Format::Phone,
        label: "Mobile number",
        hint: "The number of the wallet that pays, such as 081234567890.",
    },
    Field {
        name: "status_path",
        part: Part::Settings,
        required: false,
        secret: false,
        format: Format::Path,
        label: "Status path",
        hint: "Of the status call, where KasPro gave you one. Without it an unclear payment waits for its resolution by people.",
    },
];

//! What a connection to DOKU is made with. Data only.

use crate::providers::form::{Field, Format, Part};

/// Forms of the ids: contracts/doku.md section 0; the agent key's length: 3.8, Balance.
pub const FORM: [Field; 8] = [
    Field {
        name: "client_id",
        part: Part::Credentials,
        required: true,
        secret: false,
        format: Format::Code { max: 64 },
        label: "Client ID",
        hint: "From DOKU's dashboard, such as BRN-0201-1676357010382. It never changes.",
    },
    Field {
        name: "secret_key",
        part: Part::Credentials,
        required: true,
        secret: true,
        format: Format::Token { max: 255 },
        label: "Secret key",
        hint: "From DOKU's dashboard, such as SK-…; it signs every call.",
    },
    Field {
        name: "private_key",
        part: Part::Credentials,
        required: true,
        secret: true,
        format: Format::RsaPrivateKey,
        label: "Private key",
        hint: "The key of your own whose public half you gave to DOKU; it signs the call for a token.",
    },
    Field {
        name: "agent_key",
        part: Part::Credentials,
        required: true,
        secret: false,
        format: Format::Code { max: 16 },
        label: "Agent key",
        hint: "The purse of Kirim DOKU that payouts leave, such as A41879. It never changes.",
    },
    Field {
        name: "public_key",
        part: Part::Credentials,
        required: false,
        secret: false,
        format: Format::RsaPublicKey,
        label: "DOKU's public key",
        hint: "Checks what DOKU signs with its own key; nothing of Kirim DOKU is.",
    },
    Field {
        name: "base_url",
        part: Part::Settings,
        required: false,
        secret: false,
        format: Format::Url,
        label: "Base address",
        hint: "Instead of DOKU's own address.",
    },
    Field {
        name: "sender_name",
        part: Part::Settings,
        required: true,
        secret: false,
        format: Format::Text { max: 60 },
        label: "Sender's name",
        hint: "Who pays, as DOKU passes it on with every payout.",
    },
    Field {
        name: "sender_phone",
        part: Part::Settings,
        required: true,
        secret: false,
        format: Format::Phone,
        label: "Sender's phone",
        hint: "The sender's number, such as 6281234567890; DOKU asks for it with every payout.",
    },
];

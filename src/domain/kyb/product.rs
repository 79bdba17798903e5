//! The labels by which a client says what it wants of a provider, and the services they stand for.
//!
//! Seed 000 prints them as one text, joined by commas, and lists none (contracts/paystrator.md section 4, no. 7): the
//! text is kept as it came, and what is known of it is read from here.

/// A label, without regard to case, blanks and dashes, and the service it stands for.
const LABELS: [(&str, &str); 16] = [
    ("qr code", "qrcode"),
    ("qr code payment", "qrcode"),
    ("qris", "qrcode"),
    ("open va", "virtual_account"),
    ("close va", "virtual_account"),
    ("closed va", "virtual_account"),
    ("virtual account", "virtual_account"),
    ("va", "virtual_account"),
    ("ewallet", "ewallet"),
    ("e wallet", "ewallet"),
    ("credit card", "credit_card"),
    ("card", "credit_card"),
    ("send money", "send_money"),
    ("disbursement", "send_money"),
    ("payout", "send_money"),
    ("transfer", "send_money"),
];

/// The labels of a selection, in its order.
pub fn labels(selection: &str) -> impl Iterator<Item = &str> {
    selection.split(',').map(str::trim)
}

/// The service a label stands for; `None` for one that is not known.
pub fn service(label: &str) -> Option<&'static str> {
    let words: Vec<&str> = label.split(|c: char| c.is_whitespace() || c == '-' || c == '_').collect();
    let plain = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").to_lowercase();
    LABELS.iter().find(|(known, _)| *known == plain).map(|(_, service)| *service)
}

/// The services of a selection, each once.
pub fn services(selection: &str) -> Vec<&'static str> {
    let mut all = Vec::new();
    for service in labels(selection).filter_map(service) {
        if !all.contains(&service) {
            all.push(service);
        }
    }
    all
}

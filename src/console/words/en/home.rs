//! English texts: the first page. A table of data: nothing else belongs here.

pub const WORDS: &super::super::Table = &[
    ("home.title", "Home"),
    ("home.as", "You are"),
    ("home.go", "Where to"),
    ("home.transactions", "Every payment, and why it went where it went."),
    ("home.providers", "Connections to payment providers and their state."),
    ("home.team", "Who works here, as what. Invite others."),
    ("home.audit", "Who changed what, and when."),
    ("home.security", "Your password, your second step, your devices."),
    ("home.rights", "What you may do here"),
    ("home.second_factor", "Protect your account."),
    ("home.second_factor_text", "A code from your phone keeps others out, even if they learn your password."),
    ("home.nowhere", "You work for no client now"),
    ("home.nowhere_text", "Choose another client, or ask an owner for an invitation."),
];

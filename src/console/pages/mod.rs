//! The pages, one file each, with their templates beside them.

pub mod allow_list;
pub mod audit;
pub mod clients;
pub mod home;
pub mod invitation;
pub mod keys;
pub mod kyb;
pub mod marketplace;
pub mod password;
pub mod preferences;
pub mod providers;
pub mod security;
pub mod sending;
pub mod sequences;
pub mod sign_in;
pub mod team;
pub mod transactions;
pub mod webhooks;

use super::words::Lang;
use crate::flows::people::passwords::Weak;

/// What is wrong with a new password, in words; empty where nothing is.
fn weakness(lang: Lang, checked: Result<(), Weak>) -> &'static str {
    match checked {
        Ok(()) => "",
        Err(Weak::Short) => lang.text("password.short"),
        Err(Weak::Long) => lang.text("password.long"),
        Err(Weak::Guessable) => lang.text("password.guessable"),
    }
}

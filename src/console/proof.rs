//! The field that asks once more who is there, before money is decided about.

use super::field::Field;
use super::frame::Frame;
use super::guard::Fail;
use super::pages::sign_in::said;
use super::visitor::{Console, Fields, Signed};
use crate::flows::people::proof;

/// The field, where the session's last proof is old; an answer that was wrong stands beside it.
pub fn field(console: &Console, signed: &Signed, frame: &Frame, wrong: &str) -> Option<Field> {
    if proof::is_fresh(&console.app, &signed.person) {
        return None;
    }
    let field = match signed.person.second_factor {
        true => Field::new("proof", frame.t("field.code")).code().hint(frame.t("proof.code_hint")),
        false => Field::password("proof", frame.t("field.password"), "current-password").hint(frame.t("proof.hint")),
    };
    Some(field.error(wrong))
}

/// Takes what the field holds, where it is asked for; answers what is wrong with it, empty where nothing is.
pub async fn take(console: &Console, signed: &Signed, fields: &Fields) -> Result<String, Fail> {
    if proof::is_fresh(&console.app, &signed.person) {
        return Ok(String::new());
    }
    let wrong = if signed.person.second_factor { "code.wrong" } else { "password.old_wrong" };
    match proof::prove(&console.app, &signed.person, fields.secret("proof")).await {
        Ok(()) => Ok(String::new()),
        Err(refused) => said(signed.look.lang, refused, wrong),
    }
}

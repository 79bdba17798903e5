//! The second factor (RFC 6238), its recovery codes, and the change of a password: what a person does for the own account.
//!
//! Each of these changes what the account's sessions are worth, so the others end and this one goes on under a new token.

use super::sessions;
use super::sign_in::{Refused, again};
use super::{EMAIL, Person, TOTP, audited_own, open, open_text, passwords, seal, token_hash};
use crate::app::App;
use crate::crypto::secret::SecretString;
use crate::crypto::{random_bytes, totp};
use crate::store::user::{self, User};
use crate::store::{Tx, session};

/// How many recovery codes there are.
const RECOVERY: usize = 10;

/// A secret that is shown, for the person to put into an app.
pub struct Enrolment {
    /// In groups of four, to be typed.
    pub secret: String,
    pub uri: String,
}

/// What is kept of a recovery code.
fn recovery_hash(app: &App, user: &User, code: &str) -> Vec<u8> {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    token_hash(app, "recovery code", &format!("{} {code}", user.user_id.simple())).to_vec()
}

/// Takes a code or a recovery code of this person; answers which it was. Both can be taken once.
pub(super) async fn takes(app: &App, tx: &mut Tx, user: &User, given: &str) -> anyhow::Result<Option<&'static str>> {
    let Some(sealed) = &user.totp else { return Ok(None) };
    let digits: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = open(app, user.user_id, TOTP, sealed)?;
    if let Some(step) = totp::accept(&secret, &digits, app.now().timestamp(), user.totp_step) {
        // The row decides: of two that bring the same code at once, one is late.
        return Ok(user::take_step(tx, user.user_id, step).await?.then_some("code"));
    }
    let hash = recovery_hash(app, user, given);
    Ok(user::take_recovery(tx, user.user_id, &hash).await?.then_some("recovery code"))
}

async fn own_row(app: &App, person: &Person) -> anyhow::Result<User> {
    let row = user::get(&app.db, person.user_id).await?;
    row.ok_or_else(|| anyhow::anyhow!("the signed-in person is missing"))
}

/// Begins an enrolment, or shows the one that was begun: a page that is loaded twice shows one secret.
pub async fn enrolment(app: &App, person: &Person) -> anyhow::Result<Enrolment> {
    let row = own_row(app, person).await?;
    let secret = match &row.totp_pending {
        Some(sealed) => open(app, person.user_id, TOTP, sealed)?,
        None => {
            let secret = random_bytes::<20>().to_vec();
            let mut tx = crate::flows::single(&app.db).await?;
            user::set_pending(&mut tx, person.user_id, &seal(app, person.user_id, TOTP, &secret)).await?;
            tx.commit().await?;
            secret
        }
    };
    let text = totp::base32(&secret);
    let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let uri = totp::uri("Paystrator", person.email.reveal(), &secret);
    Ok(Enrolment { secret: groups.join(" "), uri })
}

/// Makes the enrolled secret the second factor, proved by a code; answers the recovery codes, which are shown once, and
/// the session's new token. The password is asked again: who finds a browser open must not lock its owner out.
pub async fn confirm(
    app: &App,
    person: &Person,
    password: SecretString,
    code: &str,
) -> Result<(Vec<String>, String), Refused> {
    let row = own_row(app, person).await?;
    again(app, person.email.reveal(), &row, password).await?;
    let sealed = row.totp_pending.clone().ok_or(Refused::Wrong)?;
    let secret = open(app, person.user_id, TOTP, &sealed)?;
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let now = app.now();
    let step = totp::accept(&secret, &digits, now.timestamp(), row.totp_step).ok_or(Refused::Wrong)?;
    let codes: Vec<String> = (0..RECOVERY).map(|_| recovery_code()).collect();
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| recovery_hash(app, &row, code)).collect();
    let mut tx = crate::flows::begin(&app.db).await?;
    if !user::confirm_totp(&mut tx, person.user_id, &sealed, step, &hashes).await? {
        return Err(Refused::Wrong);
    }
    let token = others_end(app, &mut tx, person).await?;
    audited_own(&mut tx, person, "second_factor.added", now).await?;
    tx.commit().await?;
    Ok((codes, token))
}

/// Takes the second factor away; answers the session's new token.
pub async fn remove(app: &App, person: &Person, password: SecretString) -> Result<String, Refused> {
    let row = own_row(app, person).await?;
    again(app, person.email.reveal(), &row, password).await?;
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    user::clear_totp(&mut tx, person.user_id).await?;
    let token = others_end(app, &mut tx, person).await?;
    audited_own(&mut tx, person, "second_factor.removed", now).await?;
    tx.commit().await?;
    Ok(token)
}

/// Sets a new password, checked already; answers the session's new token.
pub async fn change_password(
    app: &App,
    person: &Person,
    old: SecretString,
    new: SecretString,
) -> Result<String, Refused> {
    let row = own_row(app, person).await?;
    again(app, person.email.reveal(), &row, old).await?;
    let (hash, now) = (passwords::hash(new).await?, app.now());
    let mut tx = crate::flows::begin(&app.db).await?;
    user::set_password(&mut tx, person.user_id, &hash, now).await?;
    let token = others_end(app, &mut tx, person).await?;
    audited_own(&mut tx, person, "password.changed", now).await?;
    tx.commit().await?;
    Ok(token)
}

async fn others_end(app: &App, tx: &mut Tx, person: &Person) -> anyhow::Result<String> {
    session::end_all(tx, person.user_id).await?;
    let client_id = person.work.as_ref().map(|work| work.client_id);
    Ok(sessions::renew(app, tx, person, client_id).await?)
}

/// Whose link this is, by its address; `None` where it was used or ran out.
pub async fn link_owner(app: &App, link: &str) -> anyhow::Result<Option<crate::crypto::secret::Personal>> {
    let hash = token_hash(app, "password link", link);
    let Some(user_id) = user::by_reset(&app.db, &hash, app.now()).await? else { return Ok(None) };
    let Some(row) = user::get(&app.db, user_id).await? else { return Ok(None) };
    Ok(Some(open_text(app, user_id, EMAIL, &row.email)?))
}

/// Sets a password, checked already, by a link; every session of the person ends. `false` where the link is over.
pub async fn set_by_link(app: &App, link: &str, new: SecretString) -> anyhow::Result<bool> {
    let hash = token_hash(app, "password link", link);
    let now = app.now();
    let Some(user_id) = user::by_reset(&app.db, &hash, now).await? else { return Ok(false) };
    let password = passwords::hash(new).await?;
    let mut tx = crate::flows::begin(&app.db).await?;
    if !user::use_reset(&mut tx, user_id, &hash, now).await? {
        return Ok(false);
    }
    user::set_password(&mut tx, user_id, &password, now).await?;
    session::end_all(&mut tx, user_id).await?;
    tx.commit().await?;
    Ok(true)
}

/// Ten letters and digits that are not mistaken for each other, in two groups: about 49 bits.
fn recovery_code() -> String {
    const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let signs = random_bytes::<10>().map(|byte| char::from(SIGNS[usize::from(byte & 31)]));
    let text: String = signs.iter().collect();
    format!("{}-{}", &text[..5], &text[5..])
}

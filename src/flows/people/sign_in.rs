//! Signing in: the password, then the code where there is a second factor; and how often may be tried.
//!
//! Every try counts before it is looked at, for the account (known or not) and for the address it comes from. An
//! unknown address, a wrong password and too many tries look the same for accounts that exist and for those that do
//! not, in words and in time.

use std::net::IpAddr;

use uuid::Uuid;

use super::passwords;
use super::second_factor::takes;
use super::sessions::{self, FULL, HalfWay, SECOND_FACTOR};
use super::{audited, email_hash};
use crate::app::App;
use crate::crypto::secret::SecretString;
use crate::domain::{backoff, ids};
use crate::store::user::{self, User};
use crate::store::{self, membership, session};

/// How many tries in a row cost nothing: of one account, from one address (which an office may share), of one code.
const ACCOUNT: (&str, i32) = ("account", 5);
const ADDRESS: (&str, i32) = ("address", 30);
pub(super) const CODE: (&str, i32) = ("second_factor", 5);

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the address, the password or the code is wrong")]
    Wrong,
    #[error("too many tries: the next one counts in {0} s")]
    Wait(i64),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// A session that begins. The token goes into a cookie and is kept nowhere.
pub struct Begun {
    pub token: String,
    /// The code is still to come.
    pub needs_code: bool,
}

/// What somebody gives to sign in.
pub struct Try<'a> {
    pub email: &'a str,
    pub password: SecretString,
    pub from: IpAddr,
    /// Browser and system, for the person's list of sessions.
    pub device: &'a str,
    /// The token the browser came with, which ends here.
    pub earlier: Option<&'a str>,
}

/// Checks a password and begins a session.
pub async fn password(app: &App, given: Try<'_>) -> Result<Begun, Refused> {
    let account = email_hash(app, given.email);
    let address = app.keys.blind_index(Uuid::nil(), "sign-in address", &counted_as(given.from));
    counted(app, &[(ADDRESS, &address), (ACCOUNT, &account)]).await?;
    let known = user::by_email(&app.db, &account).await?;
    let kept = known.as_ref().map(|user| user.password.clone());
    let right = passwords::matches(kept, given.password).await?;
    let Some(user) = known.filter(|_| right) else {
        metrics::counter!("sign_in_total", "end" => "refused").increment(1);
        return Err(Refused::Wrong);
    };
    let now = app.now();
    let needs_code = user.totp.is_some();
    let client = first_client(app, &user).await?;
    let mut tx = crate::flows::begin(&app.db).await?;
    if let Some(earlier) = given.earlier {
        session::end(&mut tx, &sessions::hash(app, earlier)).await?;
    }
    user::uncount_try(&mut tx, ADDRESS.0, &address).await?;
    user::forget_tries(&mut tx, ACCOUNT.0, &account).await?;
    user::sweep_tries(&mut tx, now - backoff::FORGOTTEN * 24).await?;
    let stage = if needs_code { SECOND_FACTOR } else { FULL };
    let token = sessions::begin(app, &mut tx, user.user_id, stage, given.device, client).await?;
    if let Some(client_id) = client.filter(|_| !needs_code) {
        let shown = ids::show(ids::USER, user.user_id);
        audited(&mut tx, client_id, &shown, ("session.began", &shown), serde_json::json!({}), now).await?;
    }
    tx.commit().await?;
    metrics::counter!("sign_in_total", "end" => "password").increment(1);
    Ok(Begun { token, needs_code })
}

/// Checks a code, or a recovery code, and begins the session anew under another token.
pub async fn code(app: &App, half: &HalfWay, given: &str) -> Result<Begun, Refused> {
    counted(app, &[(CODE, half.user_id.as_bytes())]).await?;
    let user = user::get(&app.db, half.user_id).await?.ok_or(Refused::Wrong)?;
    let now = app.now();
    let client = first_client(app, &user).await?;
    let mut tx = crate::flows::begin(&app.db).await?;
    let Some(how) = takes(app, &mut tx, &user, given).await? else {
        metrics::counter!("sign_in_total", "end" => "refused").increment(1);
        return Err(Refused::Wrong);
    };
    // Two answers to one page: the first ends it.
    if !session::end(&mut tx, &half.token_hash).await? {
        return Err(Refused::Wrong);
    }
    user::forget_tries(&mut tx, CODE.0, half.user_id.as_bytes()).await?;
    let token = sessions::begin(app, &mut tx, user.user_id, FULL, &half.device, client).await?;
    if let Some(client_id) = client {
        let shown = ids::show(ids::USER, user.user_id);
        audited(&mut tx, client_id, &shown, ("session.began", &shown), serde_json::json!({ "by": how }), now).await?;
    }
    tx.commit().await?;
    metrics::counter!("sign_in_total", "end" => "code").increment(1);
    Ok(Begun { token, needs_code: false })
}

/// What tries from an address count on: all of an IPv4 address, the network of an IPv6 one. Who has one of those has
/// all the addresses in it.
fn counted_as(from: IpAddr) -> Vec<u8> {
    match from.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

async fn first_client(app: &App, user: &User) -> store::Result<Option<Uuid>> {
    Ok(membership::of_user(&app.db, user.user_id).await?.first().map(|employer| employer.client_id))
}

/// Counts a try on each of these, in their order; the first that is blocked refuses it.
pub(super) async fn counted(app: &App, on: &[((&'static str, i32), &[u8])]) -> Result<(), Refused> {
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    for ((kind, free), lookup) in on {
        let Some(tries) = user::count_try(&mut tx, kind, lookup, now - backoff::FORGOTTEN, now).await? else {
            drop(tx);
            let until = user::blocked_until(&app.db, kind, lookup).await?.unwrap_or(now);
            metrics::counter!("sign_in_total", "end" => "blocked").increment(1);
            return Err(Refused::Wait((until - now).num_seconds().max(0) + 1));
        };
        user::block_tries(&mut tx, kind, lookup, now + backoff::wait(tries, *free)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Checks the password of who is signed in already, before something that must not be done by who only found the
/// browser open. Counts like a sign-in to the account.
pub(super) async fn again(app: &App, email: &str, user: &User, password: SecretString) -> Result<(), Refused> {
    let account = email_hash(app, email);
    counted(app, &[(ACCOUNT, &account)]).await?;
    if !passwords::matches(Some(user.password.clone()), password).await? {
        return Err(Refused::Wrong);
    }
    let mut tx = crate::flows::single(&app.db).await?;
    user::forget_tries(&mut tx, ACCOUNT.0, &account).await?;
    tx.commit().await?;
    Ok(())
}

//! A fresh proof of who is there, before money is decided about: who finds a browser open must not decide for its owner.
//!
//! The password or a code of the last ten minutes is enough; otherwise it is asked for once more, and counts like a try
//! to sign in.

use chrono::TimeDelta;

use super::Person;
use super::second_factor::takes;
use super::sign_in::{CODE, Refused, again, counted};
use crate::app::App;
use crate::crypto::secret::{ExposeSecret, SecretString};
use crate::store::{session, user};

/// How long a proof holds.
pub const FRESH: TimeDelta = TimeDelta::minutes(10);

/// Whether the person proved lately who they are.
pub fn is_fresh(app: &App, person: &Person) -> bool {
    app.now() - person.proved_at < FRESH
}

/// Takes a code, where sign-ins ask for one, or else the password; it holds for a while.
pub async fn prove(app: &App, person: &Person, given: SecretString) -> Result<(), Refused> {
    let row = user::get(&app.db, person.user_id).await?.ok_or(Refused::Wrong)?;
    let now = app.now();
    if row.totp.is_none() {
        again(app, person.email.reveal(), &row, given).await?;
    } else {
        counted(app, &[(CODE, person.user_id.as_bytes())]).await?;
        let mut tx = crate::flows::begin(&app.db).await?;
        takes(app, &mut tx, &row, given.expose_secret()).await?.ok_or(Refused::Wrong)?;
        user::forget_tries(&mut tx, CODE.0, person.user_id.as_bytes()).await?;
        tx.commit().await?;
    }
    let mut tx = crate::flows::single(&app.db).await?;
    session::set_proved(&mut tx, &person.token_hash, now).await?;
    Ok(tx.commit().await?)
}

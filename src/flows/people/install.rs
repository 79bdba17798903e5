//! What who runs the installation does for people: a link for a new password, and the owner of the demo.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{EMAIL, NAME, audited, email_hash, passwords, seal, tidy_email, token, token_hash};
use crate::app::App;
use crate::crypto::secret::SecretString;
use crate::domain::ids;
use crate::domain::role::Role;
use crate::flows::audit::COMMAND_LINE;
use crate::store::user::{self, NewUser};
use crate::store::{membership, session};

/// Makes the one link by which a person sets a new password, and takes the second factor away where that is lost too.
/// `None` where nobody has this address.
pub async fn reset(app: &App, email: &str, second_factor_too: bool) -> anyhow::Result<Option<String>> {
    let Some(row) = user::by_email(&app.db, &email_hash(app, email)).await? else { return Ok(None) };
    let (now, token) = (app.now(), token());
    let life = TimeDelta::seconds(i64::try_from(app.config.console.invitation_s)?);
    let mut tx = crate::flows::begin(&app.db).await?;
    user::set_reset(&mut tx, row.user_id, &token_hash(app, "password link", &token), now + life).await?;
    if second_factor_too {
        user::clear_totp(&mut tx, row.user_id).await?;
        session::end_all(&mut tx, row.user_id).await?;
    }
    let whom = ids::show(ids::USER, row.user_id);
    for employer in membership::of_user(&app.db, row.user_id).await? {
        let detail = json!({ "secondFactorRemoved": second_factor_too });
        audited(&mut tx, employer.client_id, COMMAND_LINE, ("password.link_made", &whom), detail, now).await?;
    }
    tx.commit().await?;
    Ok(Some(format!("{}/console/set-password?token={token}", app.config.public_url())))
}

/// Makes a person with a password, or gives one who is there that password and no second factor, and lets the person
/// work for the client. For demos and tests: in earnest people come by invitation and choose a password themselves.
pub async fn person(
    app: &App,
    client_id: Uuid,
    (email, name): (&str, &str),
    role: Role,
    password: SecretString,
) -> anyhow::Result<Uuid> {
    let (now, hash) = (app.now(), email_hash(app, email));
    let password = passwords::hash(password).await?;
    let known = user::by_email(&app.db, &hash).await?;
    let mut tx = crate::flows::begin(&app.db).await?;
    let user_id = match known {
        Some(user) => {
            user::set_password(&mut tx, user.user_id, &password, now).await?;
            user::clear_totp(&mut tx, user.user_id).await?;
            session::end_all(&mut tx, user.user_id).await?;
            user.user_id
        }
        None => {
            let user_id = ids::new_id(now);
            let new = NewUser {
                user_id,
                email: &seal(app, user_id, EMAIL, tidy_email(email).as_bytes()),
                email_hash: &hash,
                name: &seal(app, user_id, NAME, name.as_bytes()),
                password: &password,
            };
            anyhow::ensure!(user::insert(&mut tx, &new, now).await?, "the address was taken meanwhile");
            user_id
        }
    };
    if membership::insert(&mut tx, client_id, user_id, role.as_str(), now).await? {
        let whom = ids::show(ids::USER, user_id);
        let detail = json!({ "role": role.as_str() });
        audited(&mut tx, client_id, COMMAND_LINE, ("member.added", &whom), detail, now).await?;
    }
    tx.commit().await?;
    Ok(user_id)
}

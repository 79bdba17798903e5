//! Invitations by link: made, listed, withdrawn, accepted. A link works once and for three days, by configuration.
//!
//! There is no mail here: the link is shown once to who invites, who hands it over. Of its token only a hash is kept.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::sessions::{self, FULL};
use super::{EMAIL, NAME, Person, Work, audited, email_hash, passwords, seal, tidy_email, token, token_hash};
use crate::app::App;
use crate::crypto::envelope::Place;
use crate::crypto::secret::{Personal, SecretString};
use crate::domain::ids;
use crate::domain::role::{Feature, Level, Role};
use crate::flows::audit::COMMAND_LINE;
use crate::store::membership::{self, Invitation, NewInvitation};
use crate::store::user::{self, NewUser};
use crate::store::{self, Tx};

/// Why nobody was invited, or nobody came in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the role does not allow it")]
    NotAllowed,
    #[error("this person works for the client already")]
    Member,
    #[error("the invitation was used, withdrawn, or ran out")]
    Over,
    #[error("the invitation is for another address")]
    OtherPerson,
    #[error("there is an account of this address: it must sign in first")]
    Known,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Fault(#[from] anyhow::Error),
}

/// An invitation as it is listed or opened.
pub struct Invited {
    pub id: Uuid,
    pub client: String,
    pub email: Personal,
    pub role: Role,
    pub invited_by: String,
    pub expires_at: DateTime<Utc>,
}

fn place(client: Uuid, row: Uuid) -> Place<'static> {
    Place { client, column: "invitation.email", row }
}

/// The address that an invitation of a client was made for, as the audit log names it.
pub(super) async fn address(app: &App, client_id: Uuid, id: Uuid) -> anyhow::Result<Option<Personal>> {
    let Some(sealed) = membership::invited(&app.db, client_id, id).await? else { return Ok(None) };
    Ok(Some(Personal::new(String::from_utf8(app.keys.open(place(client_id, id), &sealed)?)?)))
}

fn opened(app: &App, row: &Invitation) -> anyhow::Result<Invited> {
    let email = app.keys.open(place(row.client_id, row.id), &row.email)?;
    Ok(Invited {
        id: row.id,
        client: row.client.clone(),
        email: Personal::new(String::from_utf8(email)?),
        role: Role::parse(&row.role).ok_or_else(|| anyhow::anyhow!("an invitation of an unknown role"))?,
        invited_by: row.invited_by.clone(),
        expires_at: row.expires_at,
    })
}

/// Where a token is brought.
pub fn link(app: &App, token: &str) -> String {
    format!("{}/console/invitation?token={token}", app.config.public_url())
}

/// Invites an address, checked already, as what the inviter may give. An earlier open invitation of the same address
/// ends. Answers the token.
pub async fn invite(app: &App, person: &Person, email: &str, role: Role) -> Result<String, Refused> {
    let work = person.work.as_ref().ok_or(Refused::NotAllowed)?;
    if !person.may(Feature::Team, Level::Edit) || !work.role.may_give(role) {
        return Err(Refused::NotAllowed);
    }
    write(app, work.client_id, &person.shown(), email, role).await
}

/// The same for who runs the installation: how the first owner comes in.
pub async fn invite_first(app: &App, client_id: Uuid, email: &str, role: Role) -> Result<String, Refused> {
    write(app, client_id, COMMAND_LINE, email, role).await
}

async fn write(app: &App, client_id: Uuid, by: &str, email: &str, role: Role) -> Result<String, Refused> {
    let (now, hash, token) = (app.now(), email_hash(app, email), token());
    if let Some(known) = user::by_email(&app.db, &hash).await?
        && membership::role(&app.db, client_id, known.user_id).await?.is_some()
    {
        return Err(Refused::Member);
    }
    let id = ids::new_id(now);
    let life = TimeDelta::seconds(i64::try_from(app.config.console.invitation_s).unwrap_or(259_200));
    let new = NewInvitation {
        client_id,
        id,
        email: &app.keys.seal(place(client_id, id), tidy_email(email).as_bytes()),
        email_hash: &hash,
        role: role.as_str(),
        invited_by: by,
        token_hash: &token_hash(app, "invitation", &token),
        expires_at: now + life,
    };
    let mut tx = crate::flows::begin(&app.db).await?;
    // Holding the people orders two invitations of one address, and this one with the removal of its maker.
    let people = membership::lock(&mut tx, client_id).await?;
    let still = ids::parse(ids::USER, by).is_none_or(|maker| {
        people.iter().any(|(id, mine)| *id == maker && Role::parse(mine).is_some_and(|mine| mine.may_give(role)))
    });
    if !still {
        return Err(Refused::NotAllowed);
    }
    membership::end_invitations_to(&mut tx, client_id, &hash, now).await?;
    membership::insert_invitation(&mut tx, &new, now).await?;
    let whom = ids::show(ids::INVITATION, id);
    audited(&mut tx, client_id, by, ("invitation.made", &whom), json!({ "role": role.as_str() }), now).await?;
    tx.commit().await?;
    Ok(token)
}

/// The open invitations of the client, those that ran out too.
pub async fn list(app: &App, work: &Work) -> anyhow::Result<Vec<Invited>> {
    let rows = membership::invitations(&app.db, work.client_id).await?;
    rows.iter().map(|row| opened(app, row)).collect()
}

/// Withdraws an invitation; `false` where there is none such.
pub async fn withdraw(app: &App, person: &Person, id: Uuid) -> Result<bool, Refused> {
    let work = person.work.as_ref().ok_or(Refused::NotAllowed)?;
    if !person.may(Feature::Team, Level::Edit) {
        return Err(Refused::NotAllowed);
    }
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    let done = membership::end_invitation(&mut tx, work.client_id, id, now).await?;
    if done {
        let whom = ids::show(ids::INVITATION, id);
        audited(&mut tx, work.client_id, &person.shown(), ("invitation.withdrawn", &whom), json!({}), now).await?;
    }
    tx.commit().await?;
    Ok(done)
}

/// What an open invitation says, and whether its address has an account already.
pub async fn read(app: &App, token: &str) -> anyhow::Result<Option<(Invited, bool)>> {
    let hash = token_hash(app, "invitation", token);
    let Some(row) = membership::invitation_by_token(&app.db, &hash, app.now()).await? else { return Ok(None) };
    let known = user::by_email(&app.db, &row.email_hash).await?.is_some();
    Ok(Some((opened(app, &row)?, known)))
}

/// Accepts as somebody new, with a password that is checked already; signs in and answers the session's token.
pub async fn accept_new(
    app: &App,
    token: &str,
    name: &str,
    password: SecretString,
    device: &str,
) -> Result<String, Refused> {
    let hash = token_hash(app, "invitation", token);
    let row = membership::invitation_by_token(&app.db, &hash, app.now()).await?.ok_or(Refused::Over)?;
    let (invited, password) = (opened(app, &row)?, passwords::hash(password).await?);
    let now = app.now();
    let user_id = ids::new_id(now);
    let new = NewUser {
        user_id,
        email: &seal(app, user_id, EMAIL, invited.email.reveal().as_bytes()),
        email_hash: &row.email_hash,
        name: &seal(app, user_id, NAME, name.trim().as_bytes()),
        password: &password,
    };
    let mut tx = crate::flows::begin(&app.db).await?;
    if !user::insert(&mut tx, &new, now).await? {
        return Err(Refused::Known);
    }
    come_in(&mut tx, &row, user_id, now).await?;
    let session = sessions::begin(app, &mut tx, user_id, FULL, device, Some(row.client_id)).await?;
    tx.commit().await?;
    Ok(session)
}

/// Accepts as who is signed in; answers the session's new token, which works for the new client.
pub async fn accept_known(app: &App, token: &str, person: &Person) -> Result<String, Refused> {
    let hash = token_hash(app, "invitation", token);
    let now = app.now();
    let row = membership::invitation_by_token(&app.db, &hash, now).await?.ok_or(Refused::Over)?;
    if row.email_hash != email_hash(app, person.email.reveal()) {
        return Err(Refused::OtherPerson);
    }
    let mut tx = crate::flows::begin(&app.db).await?;
    come_in(&mut tx, &row, person.user_id, now).await?;
    let session = sessions::renew(app, &mut tx, person, Some(row.client_id)).await?;
    tx.commit().await?;
    Ok(session)
}

/// Uses the invitation up and makes the membership. Of two who come at once, one is late.
async fn come_in(tx: &mut Tx, row: &Invitation, user_id: Uuid, now: DateTime<Utc>) -> Result<(), Refused> {
    membership::lock(tx, row.client_id).await?;
    if !membership::end_invitation(tx, row.client_id, row.id, now).await? {
        return Err(Refused::Over);
    }
    if !membership::insert(tx, row.client_id, user_id, &row.role, now).await? {
        return Err(Refused::Member);
    }
    let (who, which) = (ids::show(ids::USER, user_id), ids::show(ids::INVITATION, row.id));
    let detail = json!({ "role": row.role, "invitedBy": row.invited_by });
    Ok(audited(tx, row.client_id, &who, ("invitation.accepted", &which), detail, now).await?)
}

//! The people of a client: listed, given another role, removed. A client never loses its last owner.
//!
//! Who decides is looked at again inside the transaction that holds the client's people, so two who take each other's
//! role at once cannot both succeed.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{EMAIL, NAME, Person, Work, audited, open_text};
use crate::app::App;
use crate::crypto::secret::Personal;
use crate::domain::ids;
use crate::domain::role::{Feature, Level, Role, may};
use crate::store::{self, Tx, access, membership, session};

/// Why the team stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("there is no such person in this client's team")]
    NotFound,
    #[error("the role does not allow it")]
    NotAllowed,
    #[error("a client keeps at least one owner")]
    LastOwner,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Somebody of the team.
pub struct Member {
    pub user_id: Uuid,
    pub name: Personal,
    pub email: Personal,
    pub role: Role,
    pub second_factor: bool,
    /// How many API keys belong to the person that are not revoked, of both modes. They outlive the work here.
    pub keys: i64,
    pub since: DateTime<Utc>,
}

/// Everybody who works for the client, in the order they came.
pub async fn list(app: &App, work: &Work) -> anyhow::Result<Vec<Member>> {
    let rows = membership::of_client(&app.db, work.client_id).await?;
    let open = |row: membership::Member| {
        Ok(Member {
            user_id: row.user_id,
            name: open_text(app, row.user_id, NAME, &row.name)?,
            email: open_text(app, row.user_id, EMAIL, &row.email)?,
            role: Role::parse(&row.role).ok_or_else(|| anyhow::anyhow!("a membership of an unknown role"))?,
            second_factor: row.second_factor,
            keys: row.keys,
            since: row.created_at,
        })
    };
    rows.into_iter().map(open).collect()
}

/// How many keys that are not revoked belong to people who left this client.
pub async fn keys_left_behind(app: &App, work: &Work) -> store::Result<i64> {
    access::keys_left_behind(&app.db, work.client_id).await
}

/// What a decision is made on, held until the transaction ends.
struct Held {
    people: Vec<(Uuid, Role)>,
    /// What the person who decides is, now.
    mine: Role,
}

impl Held {
    async fn take(tx: &mut Tx, person: &Person, work: &Work) -> Result<Held, Refused> {
        let rows = membership::lock(tx, work.client_id).await?;
        let people: Vec<(Uuid, Role)> =
            rows.into_iter().filter_map(|(id, role)| Some((id, Role::parse(&role)?))).collect();
        let mine = people.iter().find(|(id, _)| *id == person.user_id).ok_or(Refused::NotAllowed)?.1;
        Ok(Held { people, mine })
    }

    fn role_of(&self, user_id: Uuid) -> Result<Role, Refused> {
        self.people.iter().find(|(id, _)| *id == user_id).map(|(_, role)| *role).ok_or(Refused::NotFound)
    }

    fn is_last_owner(&self, user_id: Uuid) -> bool {
        self.people.iter().filter(|(_, role)| *role == Role::Owner).all(|(id, _)| *id == user_id)
    }
}

/// Gives somebody another role. The person's sessions for this client end, and so do the invitations it made.
pub async fn change_role(app: &App, person: &Person, user_id: Uuid, role: Role) -> Result<(), Refused> {
    let work = person.work.as_ref().ok_or(Refused::NotAllowed)?;
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    let held = Held::take(&mut tx, person, work).await?;
    let before = held.role_of(user_id)?;
    if !may(held.mine, Feature::Team, Level::Edit) || !held.mine.may_give(role) || !held.mine.may_give(before) {
        return Err(Refused::NotAllowed);
    }
    if before == role {
        return Ok(());
    }
    if before == Role::Owner && held.is_last_owner(user_id) {
        return Err(Refused::LastOwner);
    }
    membership::set_role(&mut tx, work.client_id, user_id, role.as_str()).await?;
    ends(&mut tx, work, user_id, now).await?;
    let detail = json!({ "before": { "role": before.as_str() }, "after": { "role": role.as_str() } });
    let whom = ids::show(ids::USER, user_id);
    audited(&mut tx, work.client_id, &person.shown(), ("member.role_changed", &whom), detail, now).await?;
    Ok(tx.commit().await?)
}

/// Ends somebody's work for the client; everybody may end the own.
pub async fn remove(app: &App, person: &Person, user_id: Uuid) -> Result<(), Refused> {
    let work = person.work.as_ref().ok_or(Refused::NotAllowed)?;
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    let held = Held::take(&mut tx, person, work).await?;
    let role = held.role_of(user_id)?;
    let over_others = may(held.mine, Feature::Team, Level::Edit) && held.mine.may_remove(role);
    if user_id != person.user_id && !over_others {
        return Err(Refused::NotAllowed);
    }
    if role == Role::Owner && held.is_last_owner(user_id) {
        return Err(Refused::LastOwner);
    }
    membership::remove(&mut tx, work.client_id, user_id).await?;
    ends(&mut tx, work, user_id, now).await?;
    let (whom, detail) = (ids::show(ids::USER, user_id), json!({ "before": { "role": role.as_str() } }));
    audited(&mut tx, work.client_id, &person.shown(), ("member.removed", &whom), detail, now).await?;
    Ok(tx.commit().await?)
}

/// What rested on a role ends with it: the sessions for this client, and the invitations made under it.
async fn ends(tx: &mut Tx, work: &Work, user_id: Uuid, now: DateTime<Utc>) -> store::Result<()> {
    session::end_at(tx, user_id, work.client_id).await?;
    membership::end_invitations_by(tx, work.client_id, &ids::show(ids::USER, user_id), now).await
}

//! The team: who works for the client, who is invited, and what the role lets one change of it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::shown::Shown;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::ids;
use crate::domain::role::{Feature, Level, Role};
use crate::flows::people::invitations::{self, Invited};
use crate::flows::people::team::{self, Member, Refused};
use crate::flows::people::{Work, is_email};

const HERE: &str = "/console/settings/team";

/// The key of a feature's name.
pub fn feature_key(feature: Feature) -> &'static str {
    match feature {
        Feature::Clients => "feature.clients",
        Feature::ClientKyb => "feature.client_kyb",
        Feature::Onboarding => "feature.onboarding",
        Feature::NewClient => "feature.new_client",
        Feature::Reconciliation => "feature.reconciliation",
        Feature::Transactions => "feature.transactions",
        Feature::TransactionLog => "feature.transaction_log",
        Feature::Providers => "feature.providers",
        Feature::Maintenance => "feature.maintenance",
        Feature::Billing => "feature.billing",
        Feature::Settings => "feature.settings",
        Feature::Ownership => "feature.ownership",
        Feature::Team => "feature.team",
    }
}

/// What each role is for, in a line.
fn role_text(role: &Role) -> &'static str {
    match role {
        Role::Owner => "role.owner_text",
        Role::SuperAdmin => "role.super_admin_text",
        Role::Admin => "role.admin_text",
        Role::Finance => "role.finance_text",
        Role::Operation => "role.operation_text",
        Role::Developer => "role.developer_text",
    }
}

/// A text for one, or for many with their number.
fn counted(frame: &Frame, (one, many): (&'static str, &'static str), n: i64) -> String {
    if n == 1 { frame.t(one).into() } else { frame.t1(many, "n", &n.to_string()) }
}

/// A role that can be given.
struct Choice {
    role: Role,
    chosen: bool,
}

/// The roles that `work`'s may give; `chosen` stands first in the form.
fn choices(work: &Work, chosen: Option<Role>) -> Vec<Choice> {
    let given = Role::ALL.into_iter().filter(|role| work.role.may_give(*role));
    given.map(|role| Choice { role, chosen: chosen == Some(role) }).collect()
}

#[derive(Template)]
#[template(path = "pages/team.html")]
struct TeamPage<'a> {
    frame: &'a Frame,
    members: Vec<Member>,
    invited: Vec<Invited>,
    me: uuid::Uuid,
    choices: Vec<Choice>,
    email: Field,
    role_error: &'static str,
    /// Made just now, shown once: the link and for whom.
    made: Option<(Shown, String)>,
    /// Keys of people who do not work here any more.
    left: i64,
}

impl TeamPage<'_> {
    fn left_behind(&self) -> Option<String> {
        (self.left > 0).then(|| counted(self.frame, ("team.keys_left_one", "team.keys_left_many"), self.left))
    }

    fn member_path(&self, member: &Member) -> String {
        format!("{HERE}/{}", ids::show(ids::USER, member.user_id))
    }

    fn withdraw_path(&self, invited: &Invited) -> String {
        format!("{HERE}/invitations/{}/withdraw", ids::show(ids::INVITATION, invited.id))
    }

    fn over(&self, invited: &Invited) -> bool {
        invited.expires_at <= self.frame.now
    }

    fn text_of(&self, role: &Role) -> &'static str {
        self.frame.t(role_text(role))
    }
}

/// What the invitation form holds when it is shown again.
#[derive(Default)]
struct Typed<'a> {
    email: &'a str,
    email_error: &'static str,
    role: Option<Role>,
    role_error: &'static str,
    made: Option<(String, String)>,
}

async fn show(console: &Console, signed: &Signed, typed: Typed<'_>) -> Result<Response, Fail> {
    let work = signed.needs(Feature::Team, Level::View)?;
    let frame = Frame::of(console, signed, HERE, "team.title");
    let wrong = !typed.email_error.is_empty() || !typed.role_error.is_empty();
    let email = Field::new("email", frame.t("field.email")).kind("email", "off");
    let page = TeamPage {
        members: team::list(&console.app, work).await?,
        invited: invitations::list(&console.app, work).await?,
        me: signed.person.user_id,
        choices: choices(work, typed.role),
        email: email.value(typed.email).error(typed.email_error),
        role_error: typed.role_error,
        made: typed.made.map(|(link, email)| (Shown::new(frame.lang, "link", "team.link", &link), email)),
        left: team::keys_left_behind(&console.app, work).await?,
        frame: &frame,
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    show(&console, &signed, Typed::default()).await
}

pub async fn invite(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    signed.needs(Feature::Team, Level::Edit)?;
    let (lang, email) = (signed.look.lang, fields.text("email"));
    let role = Role::parse(fields.text("role"));
    let mut typed = Typed { email, role, ..Typed::default() };
    if !is_email(email) {
        typed.email_error = lang.text("team.email_wrong");
    }
    if role.is_none() {
        typed.role_error = lang.text("team.role_missing");
    }
    let Some(role) = role.filter(|_| typed.email_error.is_empty()) else { return show(&console, &signed, typed).await };
    match invitations::invite(&console.app, &signed.person, email, role).await {
        Ok(token) => {
            let made = Some((invitations::link(&console.app, &token), email.to_owned()));
            show(&console, &signed, Typed { made, ..Typed::default() }).await
        }
        Err(invitations::Refused::Member) => {
            typed.email_error = lang.text("team.member_already");
            show(&console, &signed, typed).await
        }
        Err(other) => Err(other.into()),
    }
}

pub async fn withdraw(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    signed.needs(Feature::Team, Level::Edit)?;
    let id = ids::parse(ids::INVITATION, &id).ok_or(Fail::NotFound)?;
    match invitations::withdraw(&console.app, &signed.person, id).await? {
        true => Ok(go(&console, HERE, "flash.withdrawn")),
        false => Err(Fail::NotFound),
    }
}

#[derive(Template)]
#[template(path = "pages/member.html")]
struct MemberPage<'a> {
    frame: &'a Frame,
    member: &'a Member,
    path: String,
    mine: bool,
    /// Empty: the role cannot be changed by who looks.
    choices: Vec<Choice>,
    may_remove: bool,
    problem: &'static str,
}

impl MemberPage<'_> {
    fn keys(&self) -> String {
        counted(self.frame, ("member.keys_one", "member.keys_many"), self.member.keys)
    }

    fn text_of(&self, role: &Role) -> &'static str {
        self.frame.t(role_text(role))
    }
}

async fn show_member(console: &Console, signed: &Signed, id: &str, problem: &'static str) -> Result<Response, Fail> {
    let work = signed.needs(Feature::Team, Level::View)?;
    let user_id = ids::parse(ids::USER, id).ok_or(Fail::NotFound)?;
    let members = team::list(&console.app, work).await?;
    let member = members.iter().find(|member| member.user_id == user_id).ok_or(Fail::NotFound)?;
    let frame = Frame::of(console, signed, HERE, "team.title").below("team.title", HERE).titled(member.name.reveal());
    let mine = user_id == signed.person.user_id;
    let may_change = work.role.may_give(member.role);
    let page = MemberPage {
        path: format!("{HERE}/{}", ids::show(ids::USER, user_id)),
        mine,
        choices: if may_change { choices(work, Some(member.role)) } else { Vec::new() },
        may_remove: mine || work.role.may_remove(member.role),
        problem,
        member,
        frame: &frame,
    };
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    frame::with_status(console, &frame, &page, status)
}

pub async fn member(State(console): State<Console>, signed: Signed, Path(id): Path<String>) -> Result<Response, Fail> {
    show_member(&console, &signed, &id, "").await
}

pub async fn change_role(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    signed.needs(Feature::Team, Level::Edit)?;
    let user_id = ids::parse(ids::USER, &id).ok_or(Fail::NotFound)?;
    let Some(role) = Role::parse(fields.text("role")) else {
        return show_member(&console, &signed, &id, signed.look.lang.text("team.role_missing")).await;
    };
    match team::change_role(&console.app, &signed.person, user_id, role).await {
        Ok(()) => Ok(go(&console, HERE, "flash.role_changed")),
        Err(Refused::LastOwner) => show_member(&console, &signed, &id, signed.look.lang.text("team.last_owner")).await,
        Err(other) => Err(other.into()),
    }
}

pub async fn remove(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    signed.needs(Feature::Team, Level::View)?;
    let user_id = ids::parse(ids::USER, &id).ok_or(Fail::NotFound)?;
    match team::remove(&console.app, &signed.person, user_id).await {
        Ok(()) => Ok(go(&console, HERE, "flash.removed")),
        Err(Refused::LastOwner) => show_member(&console, &signed, &id, signed.look.lang.text("team.last_owner")).await,
        Err(other) => Err(other.into()),
    }
}

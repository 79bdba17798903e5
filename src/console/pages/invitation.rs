//! An invitation's link: what it offers, and coming in by it, as somebody new or as who is signed in.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::weakness;
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go, signed_in};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Look, Origin, Perhaps};
use crate::crypto::secret::ExposeSecret;
use crate::flows::people::invitations::{self, Invited, Refused};
use crate::flows::people::{Person, passwords};

#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    token: String,
}

#[derive(Template)]
#[template(path = "pages/invitation.html")]
struct InvitationPage<'a> {
    frame: &'a Frame,
    token: &'a str,
    /// `None`: used, withdrawn or too late.
    invited: Option<&'a Invited>,
    /// The address has an account.
    known: bool,
    /// Who is signed in, by address.
    me: Option<&'a str>,
    name: Field,
    password: Field,
    repeat: Field,
}

impl InvitationPage<'_> {
    /// Whether who is signed in is the one who was invited.
    fn mine(&self) -> bool {
        self.me.zip(self.invited).is_some_and(|(me, invited)| me == invited.email.reveal())
    }
}

/// What somebody new typed, and what is wrong with it.
#[derive(Default)]
struct Typed<'a> {
    name: &'a str,
    name_error: &'static str,
    password_error: &'static str,
    repeat_error: &'static str,
}

impl Typed<'_> {
    fn is_right(&self) -> bool {
        self.name_error.is_empty() && self.password_error.is_empty() && self.repeat_error.is_empty()
    }
}

async fn show(
    console: &Console,
    look: &Look,
    token: &str,
    me: Option<&Person>,
    typed: Typed<'_>,
) -> Result<Response, Fail> {
    let read = invitations::read(&console.app, token).await?;
    let frame = Frame::bare(look, "invitation.title");
    let status = match (&read, typed.is_right()) {
        (None, _) => StatusCode::GONE,
        (Some(_), true) => StatusCode::OK,
        (Some(_), false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = InvitationPage {
        frame: &frame,
        token,
        invited: read.as_ref().map(|(invited, _)| invited),
        known: read.as_ref().is_some_and(|(_, known)| *known),
        me: me.map(|person| person.email.reveal()),
        name: Field::new("name", frame.t("field.name")).kind("text", "name").value(typed.name).error(typed.name_error),
        password: Field::password("password", frame.t("field.new_password"), "new-password")
            .hint(frame.t("password.hint"))
            .error(typed.password_error),
        repeat: Field::password("repeat", frame.t("field.repeat"), "new-password").error(typed.repeat_error),
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(
    State(console): State<Console>,
    look: Look,
    Query(link): Query<Link>,
    visitor: Perhaps,
) -> Result<Response, Fail> {
    show(&console, &look, &link.token, visitor.person().as_ref(), Typed::default()).await
}

pub async fn accept(
    State(console): State<Console>,
    look: Look,
    origin: Origin,
    visitor: Perhaps,
    fields: Fields,
) -> Result<Response, Fail> {
    let (token, me) = (fields.text("token"), visitor.person());
    let Some((invited, known)) = invitations::read(&console.app, token).await? else {
        return show(&console, &look, token, me.as_ref(), Typed::default()).await;
    };
    let accepted = if known {
        let Some(person) = &me else { return show(&console, &look, token, None, Typed::default()).await };
        invitations::accept_known(&console.app, token, person).await
    } else {
        let (name, password) = (fields.text("name"), fields.secret("password"));
        let fits = password.expose_secret() == fields.secret("repeat").expose_secret();
        let typed = Typed {
            name,
            name_error: if (1..=100).contains(&name.chars().count()) { "" } else { look.lang.text("name.wrong") },
            password_error: weakness(look.lang, passwords::check(&password, invited.email.reveal())),
            repeat_error: if fits { "" } else { look.lang.text("password.differs") },
        };
        if !typed.is_right() {
            return show(&console, &look, token, me.as_ref(), typed).await;
        }
        invitations::accept_new(&console.app, token, name, password, &origin.device).await
    };
    match accepted {
        Ok(session) => {
            let mut response = go(&console, "/console/", "flash.welcome");
            signed_in(&console, response.headers_mut(), &session);
            Ok(response)
        }
        // Somebody was quicker, or it is for somebody else: the page says how it stands now.
        Err(Refused::Over | Refused::Known | Refused::OtherPerson | Refused::Member) => {
            show(&console, &look, token, me.as_ref(), Typed::default()).await
        }
        Err(other) => Err(other.into()),
    }
}

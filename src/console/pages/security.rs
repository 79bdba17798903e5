//! A person's own security: password, second factor, and where one is signed in.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::weakness;
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go, signed_in};
use crate::console::guard::Fail;
use crate::console::qr::Qr;
use crate::console::visitor::{Console, Fields, Signed};
use crate::console::words::Lang;
use crate::crypto::secret::ExposeSecret;
use crate::domain::ids;
use crate::flows::people::second_factor::{self, Enrolment};
use crate::flows::people::sign_in::Refused;
use crate::flows::people::{passwords, sessions};
use crate::store::session::Place;

const HERE: &str = "/console/settings/security";

#[derive(Template)]
#[template(path = "pages/security.html")]
struct SecurityPage<'a> {
    frame: &'a Frame,
    second_factor: bool,
    places: Vec<Place>,
    here: uuid::Uuid,
    old: Field,
    new: Field,
    repeat: Field,
    remove: Field,
}

impl SecurityPage<'_> {
    fn end_path(&self, place: &Place) -> String {
        format!("{HERE}/sessions/{}/end", ids::show(ids::SESSION, place.id))
    }
}

/// What is wrong on the page, field by field.
#[derive(Default)]
struct Wrong {
    old: String,
    new: &'static str,
    repeat: &'static str,
    remove: String,
}

impl Wrong {
    fn is_nothing(&self) -> bool {
        self.old.is_empty() && self.new.is_empty() && self.repeat.is_empty() && self.remove.is_empty()
    }
}

async fn show(console: &Console, signed: &Signed, wrong: Wrong) -> Result<Response, Fail> {
    let frame = Frame::of(console, signed, HERE, "security.title");
    let field = Field::password;
    let page = SecurityPage {
        second_factor: signed.person.second_factor,
        places: sessions::list(&console.app, &signed.person).await?,
        here: signed.person.session_id,
        old: field("old", frame.t("field.old_password"), "current-password").error(&wrong.old),
        new: field("new", frame.t("field.new_password"), "new-password")
            .hint(frame.t("password.hint"))
            .error(wrong.new),
        repeat: field("repeat", frame.t("field.repeat"), "new-password").error(wrong.repeat),
        remove: field("password", frame.t("field.password"), "current-password").error(&wrong.remove),
        frame: &frame,
    };
    let status = if wrong.is_nothing() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    frame::with_status(console, &frame, &page, status)
}

/// What a refusal says beside the field it is about.
fn said(lang: Lang, refused: Refused, wrong: &'static str) -> Result<String, Fail> {
    match refused {
        Refused::Wrong => Ok(lang.text(wrong).into()),
        Refused::Wait(seconds) => Ok(lang.with("sign_in.wait_seconds", &[("n", &seconds.to_string())])),
        other => Err(other.into()),
    }
}

pub async fn page(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    show(&console, &signed, Wrong::default()).await
}

pub async fn change_password(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let lang = signed.look.lang;
    let (old, new) = (fields.secret("old"), fields.secret("new"));
    let fits = new.expose_secret() == fields.secret("repeat").expose_secret();
    let wrong = Wrong {
        new: weakness(lang, passwords::check(&new, signed.person.email.reveal())),
        repeat: if fits { "" } else { lang.text("password.differs") },
        ..Wrong::default()
    };
    if !wrong.is_nothing() {
        return show(&console, &signed, wrong).await;
    }
    match second_factor::change_password(&console.app, &signed.person, old, new).await {
        Ok(token) => {
            let mut response = go(&console, HERE, "flash.password_changed");
            signed_in(&console, response.headers_mut(), &token);
            Ok(response)
        }
        Err(refused) => {
            let old = said(lang, refused, "password.old_wrong")?;
            show(&console, &signed, Wrong { old, ..Wrong::default() }).await
        }
    }
}

#[derive(Template)]
#[template(path = "pages/enrol.html")]
struct EnrolPage<'a> {
    frame: &'a Frame,
    enrolment: Enrolment,
    /// Nothing else can be done before.
    demanded: bool,
    /// The address as a picture; not where it is too long for one.
    qr: Option<Qr>,
    code: Field,
    password: Field,
}

async fn enrol_form(console: &Console, signed: &Signed, problem: &str) -> Result<Response, Fail> {
    let frame = Frame::of(console, signed, HERE, "enrol.title").below("security.title", HERE);
    let enrolment = second_factor::enrolment(&console.app, &signed.person).await?;
    let page = EnrolPage {
        demanded: console.app.config.demands_second_factor(),
        qr: Qr::of(&enrolment.uri),
        enrolment,
        code: Field::new("code", frame.t("field.code")).code().hint(frame.t("enrol.code_hint")).error(problem),
        password: Field::password("password", frame.t("field.password"), "current-password"),
        frame: &frame,
    };
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    frame::with_status(console, &frame, &page, status)
}

pub async fn enrol(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    enrol_form(&console, &signed, "").await
}

#[derive(Template)]
#[template(path = "pages/recovery.html")]
struct RecoveryPage<'a> {
    frame: &'a Frame,
    codes: Vec<String>,
}

pub async fn confirm(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let (password, code) = (fields.secret("password"), fields.text("code"));
    match second_factor::confirm(&console.app, &signed.person, password, code).await {
        Ok((codes, token)) => {
            // The session goes on under a new token with this very answer, so a form in it would not be taken: it has none.
            let frame = Frame { form_token: String::new(), ..Frame::bare(&signed.look, "recovery.title") };
            let mut response = frame::page(&console, &frame, &RecoveryPage { frame: &frame, codes })?;
            signed_in(&console, response.headers_mut(), &token);
            Ok(response)
        }
        Err(refused) => {
            let problem = said(signed.look.lang, refused, "enrol.wrong")?;
            enrol_form(&console, &signed, &problem).await
        }
    }
}

pub async fn remove(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    match second_factor::remove(&console.app, &signed.person, fields.secret("password")).await {
        Ok(token) => {
            let mut response = go(&console, HERE, "flash.second_factor_removed");
            signed_in(&console, response.headers_mut(), &token);
            Ok(response)
        }
        Err(refused) => {
            let remove = said(signed.look.lang, refused, "password.old_wrong")?;
            show(&console, &signed, Wrong { remove, ..Wrong::default() }).await
        }
    }
}

pub async fn end_session(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let id = ids::parse(ids::SESSION, &id).ok_or(Fail::NotFound)?;
    match sessions::end_one(&console.app, &signed.person, id).await? {
        true => Ok(go(&console, HERE, "flash.session_ended")),
        false => Err(Fail::NotFound),
    }
}

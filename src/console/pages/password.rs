//! The link by which who runs the installation lets a person set a new password.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::weakness;
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Look};
use crate::crypto::secret::{ExposeSecret, Personal};
use crate::flows::people::{passwords, second_factor};

#[derive(Deserialize)]
pub struct Link {
    #[serde(default)]
    token: String,
}

#[derive(Template)]
#[template(path = "pages/password.html")]
struct PasswordPage<'a> {
    frame: &'a Frame,
    token: &'a str,
    /// Whose link it is; `None`: used or too late.
    owner: Option<&'a str>,
    password: Field,
    repeat: Field,
}

fn show(
    console: &Console,
    look: &Look,
    token: &str,
    owner: Option<&Personal>,
    wrong: (&str, &str),
) -> Result<Response, Fail> {
    let frame = Frame::bare(look, "password.title");
    let status = match (owner, wrong) {
        (None, _) => StatusCode::GONE,
        (Some(_), ("", "")) => StatusCode::OK,
        (Some(_), _) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = PasswordPage {
        frame: &frame,
        token,
        owner: owner.map(Personal::reveal),
        password: Field::password("password", frame.t("field.new_password"), "new-password")
            .hint(frame.t("password.hint"))
            .error(wrong.0),
        repeat: Field::password("repeat", frame.t("field.repeat"), "new-password").error(wrong.1),
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(State(console): State<Console>, look: Look, Query(link): Query<Link>) -> Result<Response, Fail> {
    let owner = second_factor::link_owner(&console.app, &link.token).await?;
    show(&console, &look, &link.token, owner.as_ref(), ("", ""))
}

pub async fn set(State(console): State<Console>, look: Look, fields: Fields) -> Result<Response, Fail> {
    let token = fields.text("token");
    let Some(owner) = second_factor::link_owner(&console.app, token).await? else {
        return show(&console, &look, token, None, ("", ""));
    };
    let password = fields.secret("password");
    let weak = weakness(look.lang, passwords::check(&password, owner.reveal()));
    let fits = password.expose_secret() == fields.secret("repeat").expose_secret();
    let differs = if fits { "" } else { look.lang.text("password.differs") };
    if !weak.is_empty() || !fits {
        return show(&console, &look, token, Some(&owner), (weak, differs));
    }
    if !second_factor::set_by_link(&console.app, token, password).await? {
        return show(&console, &look, token, None, ("", ""));
    }
    Ok(go(&console, "/console/sign-in", "flash.password_set"))
}

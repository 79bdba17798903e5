//! Signing in: address and password, then the code where there is a second factor; and signing out.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::console::field::Field;
use crate::console::frame::{self, Frame, go, signed_in};
use crate::console::guard::{Fail, set_cookie};
use crate::console::show;
use crate::console::visitor::{Console, Fields, Look, Origin, Perhaps, SESSION, own_path};
use crate::console::words::Lang;
use crate::flows::people::sessions;
use crate::flows::people::sign_in::{self, Refused, Try};

#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInPage<'a> {
    frame: &'a Frame,
    next: &'a str,
    problem: String,
    email: Field,
    password: Field,
}

/// The page, with what went wrong and the address that was tried.
fn sign_in_page(console: &Console, look: &Look, next: &str, email: &str, problem: String) -> Result<Response, Fail> {
    let frame = Frame::bare(look, "sign_in.title");
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let address = Field::new("email", frame.t("field.email")).kind("email", "username").value(email);
    let password = Field::password("password", frame.t("field.password"), "current-password");
    let again = !email.is_empty();
    let page = SignInPage {
        next: own_path(next),
        problem,
        email: if again { address } else { address.focus() },
        password: if again { password.focus() } else { password },
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, status)
}

pub async fn page(
    State(console): State<Console>,
    look: Look,
    Query(query): Query<Next>,
    visitor: Perhaps,
) -> Result<Response, Fail> {
    match visitor.person() {
        Some(_) => Ok(Redirect::to(own_path(&query.next)).into_response()),
        None => sign_in_page(&console, &look, &query.next, "", String::new()),
    }
}

/// What a refusal says, the same whether the account is there or not.
pub(in crate::console) fn said(lang: Lang, refused: Refused, wrong: &'static str) -> Result<String, Fail> {
    match refused {
        Refused::Wrong => Ok(lang.text(wrong).into()),
        Refused::Wait(seconds) if seconds < 90 => Ok(lang.with("sign_in.wait_seconds", &[("n", &seconds.to_string())])),
        Refused::Wait(seconds) => Ok(lang.with("sign_in.wait_minutes", &[("n", &((seconds + 59) / 60).to_string())])),
        other => Err(other.into()),
    }
}

pub async fn enter(
    State(console): State<Console>,
    look: Look,
    origin: Origin,
    fields: Fields,
) -> Result<Response, Fail> {
    let (email, next) = (fields.text("email"), own_path(fields.text("next")));
    let given = Try {
        email,
        password: fields.secret("password"),
        from: origin.address,
        device: &origin.device,
        earlier: look.session.as_deref(),
    };
    let begun = match sign_in::password(&console.app, given).await {
        Ok(begun) => begun,
        Err(refused) => {
            let problem = said(look.lang, refused, "sign_in.wrong")?;
            return sign_in_page(&console, &look, next, email, problem);
        }
    };
    let to = if begun.needs_code { format!("/console/code?next={}", show::encoded(next)) } else { next.to_owned() };
    let mut response = Redirect::to(&to).into_response();
    signed_in(&console, response.headers_mut(), &begun.token);
    Ok(response)
}

#[derive(Template)]
#[template(path = "pages/code.html")]
struct CodePage<'a> {
    frame: &'a Frame,
    next: &'a str,
    code: Field,
}

fn code_form(console: &Console, look: &Look, next: &str, problem: &str) -> Result<Response, Fail> {
    let frame = Frame::bare(look, "code.title");
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let code = Field::new("code", frame.t("field.code")).code().hint(frame.t("code.hint")).error(problem).focus();
    frame::with_status(console, &frame, &CodePage { frame: &frame, next: own_path(next), code }, status)
}

pub async fn code_page(
    State(console): State<Console>,
    look: Look,
    Query(query): Query<Next>,
    visitor: Perhaps,
) -> Result<Response, Fail> {
    match visitor.half_way() {
        Some(_) => code_form(&console, &look, &query.next, ""),
        None => Ok(Redirect::to("/console/").into_response()),
    }
}

pub async fn code(
    State(console): State<Console>,
    look: Look,
    visitor: Perhaps,
    fields: Fields,
) -> Result<Response, Fail> {
    let next = own_path(fields.text("next"));
    let Some(half) = visitor.half_way() else { return Ok(go(&console, "/console/sign-in", "")) };
    match sign_in::code(&console.app, &half, fields.text("code")).await {
        Ok(begun) => {
            let mut response = Redirect::to(next).into_response();
            signed_in(&console, response.headers_mut(), &begun.token);
            Ok(response)
        }
        Err(refused) => {
            let problem = said(look.lang, refused, "code.wrong")?;
            code_form(&console, &look, next, &problem)
        }
    }
}

pub async fn leave(State(console): State<Console>, look: Look, _: Fields) -> Result<Response, Fail> {
    if let Some(token) = &look.session {
        sessions::sign_out(&console.app, token).await?;
    }
    let mut response = go(&console, "/console/sign-in", "flash.signed_out");
    set_cookie(response.headers_mut(), &console.cookie(SESSION, "", Some(0)));
    Ok(response)
}

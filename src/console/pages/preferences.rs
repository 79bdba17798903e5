//! How a person wants the console: language and theme, kept in cookies; test or live data, kept in the session.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use crate::console::frame::go;
use crate::console::guard::{Fail, set_cookie};
use crate::console::visitor::{Console, Fields, LANGUAGE, Signed, THEME, own_path, theme_of};
use crate::console::words::Lang;
use crate::domain::service::Mode;
use crate::flows::people::sessions;

/// A year.
const KEPT_S: u32 = 31_536_000;

pub async fn set(State(console): State<Console>, fields: Fields) -> Response {
    let mut response = Redirect::to(own_path(fields.text("back"))).into_response();
    if let Some(lang) = Lang::parse(fields.text("language")) {
        set_cookie(response.headers_mut(), &console.cookie(LANGUAGE, lang.code(), Some(KEPT_S)));
    }
    match fields.text("theme") {
        "" => {}
        theme => {
            let theme = theme_of(theme);
            let age = if theme.is_empty() { 0 } else { KEPT_S };
            set_cookie(response.headers_mut(), &console.cookie(THEME, theme, Some(age)));
        }
    }
    response
}

pub async fn mode(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let mode = Mode::parse(fields.text("mode")).ok_or(Fail::BadForm)?;
    sessions::set_mode(&console.app, &signed.person, mode).await?;
    Ok(go(&console, "/console/", if mode == Mode::Live { "flash.live" } else { "flash.test" }))
}

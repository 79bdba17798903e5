//! What stands around every page: language, theme, who is signed in, the menu, where one is; and how a page is answered.

use askama::Template;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};

use super::guard::{Fail, set_cookie};
use super::visitor::{Console, FLASH, Look, Signed};
use super::words::Lang;
use super::{MENU, assets, show};
use crate::domain::connection::OwnReason;
use crate::domain::role::{Feature, Level, Role};
use crate::domain::service::Mode;
use crate::flows::audit::{COMMAND_LINE, ENGINE};
use crate::flows::connections::MONITORING;
use crate::flows::people::{Pause, Person};

/// A link of the menu.
pub struct Link {
    pub path: &'static str,
    pub label: &'static str,
    pub icon: &'static str,
    pub current: bool,
    /// The first of the settings: a heading stands before it.
    pub heading: bool,
}

/// Where one is: the pages above, each with its address, and this one without.
pub struct Crumb {
    pub label: String,
    pub path: Option<String>,
}

/// Who is signed in, as the header shows it.
pub struct Me {
    pub name: String,
    pub email: String,
    pub initials: String,
    pub client: Option<String>,
    pub role: Option<Role>,
    pub live: bool,
}

/// What every template has as `frame`.
pub struct Frame {
    pub lang: Lang,
    pub theme: &'static str,
    pub title: String,
    pub path: String,
    pub form_token: String,
    pub flash: Option<&'static str>,
    pub me: Option<Me>,
    pub menu: Vec<Link>,
    pub crumbs: Vec<Crumb>,
    pub now: DateTime<Utc>,
    /// Sending is held back: every page says so.
    pub pause: Option<Pause>,
    /// Who looks may look at the switch.
    pub sees_sending: bool,
}

impl Frame {
    /// The frame of a page that nobody need be signed in for.
    pub fn bare(look: &Look, title: &'static str) -> Self {
        Frame {
            lang: look.lang,
            theme: look.theme,
            title: look.lang.text(title).into(),
            path: look.path.clone(),
            form_token: look.form_token.clone(),
            flash: look
                .flash
                .as_deref()
                .filter(|key| key.starts_with("flash."))
                .and_then(|key| message(look.lang, key)),
            me: None,
            menu: Vec::new(),
            crumbs: Vec::new(),
            now: DateTime::UNIX_EPOCH,
            pause: None,
            sees_sending: false,
        }
    }

    /// The frame of a signed-in person's page. `at` is the path of its entry in the menu.
    pub fn of(console: &Console, signed: &Signed, at: &str, title: &'static str) -> Self {
        let mut frame = Frame::bare(&signed.look, title);
        frame.me = Some(me(&signed.person));
        frame.now = console.app.now();
        frame.pause = signed.person.work.as_ref().and_then(|work| work.pause.clone());
        frame.sees_sending = signed.person.may(Feature::Maintenance, Level::View);
        let seen = MENU.iter().filter(|entry| match entry.feature {
            Some(feature) => signed.person.may(feature, Level::View),
            None => true,
        });
        let mut settings = false;
        for entry in seen {
            let inside = entry.path.starts_with("/console/settings/");
            frame.menu.push(Link {
                path: entry.path,
                label: frame.lang.text(entry.title),
                icon: entry.icon,
                current: entry.path == at,
                heading: inside && !settings,
            });
            settings |= inside;
        }
        frame.crumbs.push(Crumb { label: frame.title.clone(), path: None });
        frame
    }

    /// The address of a file of the console's own; a script of a page goes into its template's `script` block.
    pub fn asset(&self, stem: &str) -> String {
        assets::address(stem)
    }

    /// Puts a page above this one: `title` is its key, `path` its address.
    pub fn below(mut self, title: &'static str, path: &'static str) -> Self {
        let last = self.crumbs.len().saturating_sub(1);
        self.crumbs.insert(last, Crumb { label: self.lang.text(title).into(), path: Some(path.into()) });
        self
    }

    /// Puts a page above this one whose title is a name.
    pub fn under(mut self, name: &str, path: String) -> Self {
        let last = self.crumbs.len().saturating_sub(1);
        self.crumbs.insert(last, Crumb { label: name.into(), path: Some(path) });
        self
    }

    /// Another title than the table's: a name.
    pub fn titled(mut self, title: &str) -> Self {
        self.title = title.into();
        if let Some(last) = self.crumbs.last_mut() {
            last.label = title.into();
        }
        self
    }

    /// The text of a key.
    pub fn t(&self, key: &'static str) -> &'static str {
        self.lang.text(key)
    }

    /// The text of a key with one `{name}` replaced.
    pub fn t1(&self, key: &'static str, name: &str, value: &str) -> String {
        self.lang.with(key, &[(name, value)])
    }

    pub fn role(&self, role: &Role) -> &'static str {
        self.lang.text(match role {
            Role::Owner => "role.owner",
            Role::SuperAdmin => "role.super_admin",
            Role::Admin => "role.admin",
            Role::Finance => "role.finance",
            Role::Operation => "role.operation",
            Role::Developer => "role.developer",
        })
    }

    /// Why a connection has its status: in this language where we said so, and as it was written where a person did.
    pub fn reason(&self, kept: &str) -> String {
        match OwnReason::read(kept) {
            None => kept.to_owned(),
            Some(OwnReason::Silent { unanswered, sends }) => {
                self.t1("reason.silent", "n", &unanswered.to_string()).replace("{of}", &sends.to_string())
            }
            Some(OwnReason::WaitOver) => self.t("reason.wait_over").into(),
            Some(OwnReason::Answers) => self.t("reason.answers").into(),
            Some(OwnReason::MaintenanceOver) => self.t("reason.maintenance_over").into(),
        }
    }

    /// What people call who did something where no person did.
    pub fn nobody(&self, shown: &str) -> Option<&'static str> {
        let word = match shown {
            ENGINE => "who.engine",
            MONITORING => "monitoring.title",
            COMMAND_LINE => "who.command_line",
            _ => return None,
        };
        Some(self.t(word))
    }

    pub fn time(&self, at: &DateTime<Utc>) -> String {
        show::time(self.lang, *at)
    }

    pub fn machine(&self, at: &DateTime<Utc>) -> String {
        show::machine(*at)
    }

    /// How long ago, or how long until, in one unit.
    pub fn ago(&self, at: &DateTime<Utc>) -> String {
        let passed = self.now - *at;
        let ahead = passed < chrono::TimeDelta::zero();
        let minutes = passed.num_minutes().abs();
        let (key, many): (&'static str, i64) = match minutes {
            0 => return self.t(if ahead { "time.soon" } else { "time.now" }).into(),
            1..60 => (if ahead { "time.in_minutes" } else { "time.minutes" }, minutes),
            60..2_880 => (if ahead { "time.in_hours" } else { "time.hours" }, minutes / 60),
            _ => (if ahead { "time.in_days" } else { "time.days" }, minutes / 1_440),
        };
        self.t1(key, "n", &many.to_string())
    }
}

fn me(person: &Person) -> Me {
    Me {
        name: person.name.reveal().into(),
        email: person.email.reveal().into(),
        initials: show::initials(person.name.reveal()),
        client: person.work.as_ref().map(|work| work.client.clone()),
        role: person.work.as_ref().map(|work| work.role),
        live: person.mode == Mode::Live,
    }
}

/// A message by its key, which came by a cookie and may be anything.
fn message(lang: Lang, key: &str) -> Option<&'static str> {
    lang.find(key)
}

/// Answers a page. A message that it shows is taken away.
pub fn page(console: &Console, frame: &Frame, template: &impl Template) -> Result<Response, Fail> {
    with_status(console, frame, template, StatusCode::OK)
}

/// The same for a form with something wrong in it.
pub fn with_status(
    console: &Console,
    frame: &Frame,
    template: &impl Template,
    status: StatusCode,
) -> Result<Response, Fail> {
    let mut response = (status, html(), rendered(template)?).into_response();
    if frame.flash.is_some() {
        set_cookie(response.headers_mut(), &console.cookie(FLASH, "", Some(0)));
    }
    Ok(response)
}

fn html() -> [(axum::http::HeaderName, &'static str); 1] {
    [(CONTENT_TYPE, "text/html; charset=utf-8")]
}

fn rendered(template: &impl Template) -> Result<String, Fail> {
    template.render().map_err(|error| Fail::fault(error.into()))
}

/// Goes to another page, with a message there where `flash` is not empty.
pub fn go(console: &Console, path: &str, flash: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    if !flash.is_empty() {
        set_cookie(response.headers_mut(), &console.cookie(FLASH, flash, Some(60)));
    }
    response
}

/// Adds the cookie of a session's new token.
pub fn signed_in(console: &Console, headers: &mut HeaderMap, token: &str) {
    set_cookie(headers, &console.cookie(super::visitor::SESSION, token, None));
}

/// What a page of a failure says: its words in the table.
pub struct Problem {
    pub word: &'static str,
}

#[derive(Template)]
#[template(path = "pages/problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    heading: &'static str,
    text: &'static str,
    request_id: &'a str,
}

/// The page of a failure.
pub fn problem(look: &Look, status: StatusCode, problem: Problem) -> Response {
    let (heading, text) = match problem.word {
        "forbidden" => ("problem.forbidden", "problem.forbidden_text"),
        "not_found" => ("problem.not_found", "problem.not_found_text"),
        "forged" => ("problem.forged", "problem.forged_text"),
        "bad_form" => ("problem.bad_form", "problem.bad_form_text"),
        "unavailable" => ("problem.unavailable", "problem.unavailable_text"),
        _ => ("problem.fault", "problem.fault_text"),
    };
    let frame = Frame::bare(look, heading);
    let (heading, text) = (look.lang.text(heading), look.lang.text(text));
    let page = ProblemPage { frame, heading, text, request_id: &look.request_id };
    match rendered(&page) {
        Ok(body) => (status, html(), body).into_response(),
        Err(_) => (status, "internal error").into_response(),
    }
}

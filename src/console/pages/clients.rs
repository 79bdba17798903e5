//! The clients a person works for, and going from one to another.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::console::frame::{self, Frame, go, signed_in};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::ids;
use crate::domain::role::Role;
use crate::flows::people::sessions;
use crate::store::membership::Employer;

#[derive(Template)]
#[template(path = "pages/clients.html")]
struct ClientsPage<'a> {
    frame: &'a Frame,
    employers: Vec<Employer>,
    at: Option<Uuid>,
}

impl ClientsPage<'_> {
    fn role(&self, employer: &Employer) -> &'static str {
        Role::parse(&employer.role).map_or("", |role| self.frame.role(&role))
    }

    fn is_here(&self, employer: &Employer) -> bool {
        self.at == Some(employer.client_id)
    }

    fn id(&self, employer: &Employer) -> String {
        ids::show(ids::CLIENT, employer.client_id)
    }
}

pub async fn page(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    let frame = Frame::of(&console, &signed, "/console/clients", "clients.title");
    let employers = sessions::employers(&console.app, &signed.person).await?;
    let at = signed.person.work.as_ref().map(|work| work.client_id);
    frame::page(&console, &frame, &ClientsPage { frame: &frame, employers, at })
}

pub async fn choose(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let client_id = ids::parse(ids::CLIENT, fields.text("client")).ok_or(Fail::NotFound)?;
    let token = sessions::work_for(&console.app, &signed.person, client_id).await?.ok_or(Fail::NotFound)?;
    let mut response = go(&console, "/console/", "");
    signed_in(&console, response.headers_mut(), &token);
    Ok(response)
}

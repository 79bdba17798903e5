//! What is done about an onboarding: a newer version of the file submitted, and taking it back.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::board::{below_one, details};
use super::story::{Beside, show};
use super::{fail, id, path_of};
use crate::console::frame::go;
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::kyb::Fault;
use crate::domain::role::{Feature, Level};
use crate::flows::onboarding::{self, Refused};

/// Submits the newest version of the file, with new answers to the provider's questions where some were given.
pub async fn submit(
    State(console): State<Console>,
    signed: Signed,
    Path(reference): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Onboarding, Level::Edit)?;
    let id = id(&reference)?;
    let story = onboarding::read(&console.app, &caller, id).await?.ok_or(Fail::NotFound)?;
    let code = story.standing.provider;
    let answers = console.app.targets.get(&code).and_then(|target| details(target, &fields));
    let (beside, status) = match onboarding::submit(&console.app, &caller, id, answers.as_ref()).await {
        Ok(standing) => return Ok(go(&console, &path_of(&standing), "flash.resubmitted")),
        Err(Refused::Unfit(faults)) => {
            let faults = faults.iter().map(|fault| below_one(fault, &code)).collect();
            let beside = Beside { alert: "forms.wrong", faults, fields: Some(&fields), ..Beside::default() };
            (beside, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(Refused::Incomplete(faults)) => {
            let own = |fault: &Fault| Fault {
                field: fault.field.strip_prefix(&format!("{code}.")).unwrap_or(&fault.field).to_owned(),
                message: fault.message.clone(),
            };
            let missing = faults.iter().map(own).collect();
            (Beside { alert: "board.incomplete", missing, ..Beside::default() }, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(Refused::NothingNew) => {
            (Beside { alert: "onboarding.nothing_new", ..Beside::default() }, StatusCode::CONFLICT)
        }
        Err(Refused::Stands(_)) => (Beside { alert: "onboarding.stands", ..Beside::default() }, StatusCode::CONFLICT),
        Err(other) => return Err(fail(other)),
    };
    show(&console, &signed, &caller, id, beside, status).await
}

/// Takes an onboarding back.
pub async fn withdraw(
    State(console): State<Console>,
    signed: Signed,
    Path(reference): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Onboarding, Level::Edit)?;
    let id = id(&reference)?;
    match onboarding::withdraw(&console.app, &caller, id).await {
        Ok(standing) => Ok(go(&console, &path_of(&standing), "flash.onboarding_withdrawn")),
        Err(Refused::Stands(_)) => {
            let beside = Beside { alert: "onboarding.stands", ..Beside::default() };
            show(&console, &signed, &caller, id, beside, StatusCode::CONFLICT).await
        }
        Err(other) => Err(fail(other)),
    }
}

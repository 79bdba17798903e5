//! What is done to an endpoint: changed, switched off and on, tested, given a new secret, told again.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::new::SecretsPage;
use super::one::{Beside, Tested, show};
use super::{HERE, SNIPPET, Typed, Wrong, find, path_of};
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::shown::Shown;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::ids;
use crate::domain::role::{Feature, Level};
use crate::flows::deliver::Tried;
use crate::flows::endpoints;
use crate::store::endpoint::Endpoint;

const NEED: (Feature, Level) = (Feature::Settings, Level::Edit);

/// The page once more, with why nothing was done.
async fn conflict(
    console: &Console,
    signed: &Signed,
    endpoint: &Endpoint,
    problem: &'static str,
) -> Result<Response, Fail> {
    let beside = Beside { problem: signed.look.lang.text(problem), ..Beside::default() };
    show(console, signed, endpoint, beside, StatusCode::CONFLICT).await
}

pub async fn change(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(NEED.0, NEED.1)?;
    let before = find(&console, &caller, &id).await?;
    let typed = Typed::read(&fields);
    let wrong = typed.check(&console, &signed);
    if wrong.is_any() {
        let beside = Beside { typed: Some((typed, wrong)), ..Beside::default() };
        return show(&console, &signed, &before, beside, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    // Decided on the version that was shown: nobody's change is undone unseen.
    let seen = fields.text("version").parse().ok();
    let changed = (seen == Some(before.version)).then(|| Endpoint {
        url: typed.url.clone(),
        description: typed.description.clone(),
        events: typed.events.clone(),
        ..before.clone()
    });
    let written = match changed {
        Some(changed) => endpoints::change(&console.app, &caller, &before, changed).await?,
        None => None,
    };
    if written.is_some() {
        return Ok(go(&console, &path_of(&before), "flash.endpoint_changed"));
    }
    let now = find(&console, &caller, &id).await?;
    let problem = signed.look.lang.text("webhooks.changed_meanwhile");
    let beside = Beside { typed: Some((typed, Wrong::default())), problem, ..Beside::default() };
    show(&console, &signed, &now, beside, StatusCode::CONFLICT).await
}

pub async fn switch(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(NEED.0, NEED.1)?;
    let on = match fields.text("to") {
        "on" => true,
        "off" => false,
        _ => return Err(Fail::BadForm),
    };
    loop {
        let before = find(&console, &caller, &id).await?;
        let changed = endpoints::switched(before.clone(), on);
        // The switch is meant for whatever version stands.
        if endpoints::change(&console.app, &caller, &before, changed).await?.is_some() {
            let flash = if on { "flash.endpoint_on" } else { "flash.endpoint_off" };
            return Ok(go(&console, &path_of(&before), flash));
        }
    }
}

pub async fn test(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(NEED.0, NEED.1)?;
    let endpoint = find(&console, &caller, &id).await?;
    if endpoint.status != endpoints::ACTIVE {
        return conflict(&console, &signed, &endpoint, "webhooks.is_off").await;
    }
    let (_, tried) = endpoints::test(&console.app, &endpoint).await?;
    let lang = signed.look.lang;
    let tested = match tried {
        None => Tested { good: false, title: lang.text("webhooks.test_open").into(), said: String::new() },
        Some(Tried { status: None, said }) => {
            Tested { good: false, title: lang.text("webhooks.test_none").into(), said }
        }
        Some(Tried { status: Some(status), said }) => {
            let good = (200..300).contains(&status);
            let key = if good { "webhooks.test_good" } else { "webhooks.test_bad" };
            Tested { good, title: lang.with(key, &[("status", &status.to_string())]), said }
        }
    };
    let beside = Beside { tested: Some(tested), ..Beside::default() };
    show(&console, &signed, &endpoint, beside, StatusCode::OK).await
}

pub async fn rotate(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(NEED.0, NEED.1)?;
    let endpoint = find(&console, &caller, &id).await?;
    let immediately = !fields.text("immediately").is_empty();
    let rotated = endpoints::rotate(&console.app, &caller, endpoint.id, immediately).await?;
    let (endpoint, secret) = rotated.ok_or(Fail::NotFound)?;
    let frame = Frame::of(&console, &signed, HERE, "webhooks.rotated").below("webhooks.title", HERE);
    let page = SecretsPage {
        secrets: vec![Shown::new(frame.lang, "secret", "webhooks.secret", &secret)],
        old_until: endpoint.previous_until.map(|until| frame.time(&until)),
        snippet: SNIPPET,
        back: path_of(&endpoint),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

pub async fn replay(
    State(console): State<Console>,
    signed: Signed,
    Path((id, event)): Path<(String, String)>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(NEED.0, NEED.1)?;
    let endpoint = find(&console, &caller, &id).await?;
    let event = ids::parse(ids::EVENT, &event).ok_or(Fail::NotFound)?;
    if endpoint.status != endpoints::ACTIVE {
        return conflict(&console, &signed, &endpoint, "webhooks.is_off").await;
    }
    endpoints::replay(&console.app, &endpoint, event).await?.ok_or(Fail::NotFound)?;
    Ok(go(&console, &path_of(&endpoint), "flash.replayed"))
}

pub async fn replay_failed(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    _: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(NEED.0, NEED.1)?;
    let endpoint = find(&console, &caller, &id).await?;
    if endpoint.status != endpoints::ACTIVE {
        return conflict(&console, &signed, &endpoint, "webhooks.is_off").await;
    }
    let count = endpoints::replay_failed(&console.app, &endpoint).await?;
    let flash = if count > 0 { "flash.replayed_failed" } else { "flash.replayed_none" };
    Ok(go(&console, &path_of(&endpoint), flash))
}

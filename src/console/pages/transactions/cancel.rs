//! Stopping a payment that was not sent yet, after a look at what it is.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{HERE, OPERATE, path_of, payment_id};
use crate::console::field::Field;
use crate::console::frame::{self, Frame, go};
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Fields, Signed};
use crate::console::{proof, show};
use crate::flows::access::Caller;
use crate::flows::reads;
use crate::flows::send_money::{self, Cancelled};

#[derive(Template)]
#[template(path = "pages/transactions/cancel.html")]
struct CancelPage<'a> {
    frame: &'a Frame,
    path: String,
    order: &'a str,
    amount: String,
    receiver: &'a str,
    proof: Option<Field>,
    unsure: bool,
}

async fn show_page(
    console: &Console,
    signed: &Signed,
    caller: &Caller,
    id: &str,
    (unsure, unproved): (bool, &str),
) -> Result<Response, Fail> {
    let id = payment_id(id)?;
    let view = reads::payment(&console.app, caller, id).await?.ok_or(Fail::NotFound)?;
    let frame = Frame::of(console, signed, HERE, "cancel.title").below("transactions.title", HERE);
    let page = CancelPage {
        path: path_of(id),
        order: &view.row.external_id,
        amount: show::money(view.row.amount, &view.row.currency),
        receiver: view.name.reveal(),
        proof: proof::field(console, signed, &frame, unproved),
        unsure,
        frame: &frame,
    };
    let wrong = unsure || !unproved.is_empty();
    frame::with_status(console, &frame, &page, if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK })
}

pub async fn cancel_page(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    let caller = signed.caller(OPERATE.0, OPERATE.1)?;
    show_page(&console, &signed, &caller, &id, (false, "")).await
}

pub async fn cancel(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Fail> {
    let caller = signed.caller(OPERATE.0, OPERATE.1)?;
    if fields.text("sure").is_empty() {
        return show_page(&console, &signed, &caller, &id, (true, "")).await;
    }
    let unproved = proof::take(&console, &signed, &fields).await?;
    if !unproved.is_empty() {
        return show_page(&console, &signed, &caller, &id, (false, &unproved)).await;
    }
    let payment = payment_id(&id)?;
    let flash = match send_money::cancel(&console.app, &caller, payment).await? {
        Cancelled::Done(_) => "flash.cancelled",
        Cancelled::TooLate(_) => "flash.too_late",
        Cancelled::NotFound => return Err(Fail::NotFound),
    };
    Ok(go(&console, &path_of(payment), flash))
}

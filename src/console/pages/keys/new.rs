//! The form that makes a key: its name, and a right for each product; and the key, shown once.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{HERE, product_name, right_name};
use crate::console::field::Field;
use crate::console::frame::{self, Frame};
use crate::console::guard::Fail;
use crate::console::shown::Shown;
use crate::console::visitor::{Console, Fields, Signed};
use crate::domain::access::{Product, Right, Rights};
use crate::domain::role::{Feature, Level};
use crate::flows::access::Caller;
use crate::flows::keys::{self, Refused};
use crate::flows::once::{self, First};

/// A right that can be chosen for a product.
struct Choice {
    value: &'static str,
    label: &'static str,
    chosen: bool,
    /// The person's role does not go so far.
    beyond: bool,
}

/// A product and the rights to it.
struct Line {
    /// The name of its field.
    field: String,
    name: String,
    text: &'static str,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "pages/keys/new.html")]
struct NewPage<'a> {
    frame: &'a Frame,
    name: Field,
    columns: Vec<&'static str>,
    lines: Vec<Line>,
    rights_error: &'static str,
}

/// A right by its word in forms.
const RIGHTS: [(&str, Right); 4] =
    [("none", Right::None), ("read", Right::Read), ("write", Right::Write), ("read_write", Right::ReadWrite)];

fn field_of(product: Product) -> String {
    format!("right_{}", product.as_str())
}

/// What a form asks for; a word that is none counts as none.
fn wanted(fields: &Fields) -> Rights {
    let right = |product: Product| {
        let word = field_of(product);
        RIGHTS.into_iter().find(|(known, _)| *known == fields.text(&word)).map_or(Right::None, |(_, right)| right)
    };
    Rights(Product::ALL.into_iter().map(|product| (product, right(product))).collect())
}

fn lines(frame: &Frame, caller: &Caller, chosen: &Rights) -> Vec<Line> {
    let line = |product: Product| {
        let now = chosen.0.get(&product).copied().unwrap_or_default();
        let choice = |(value, right): (&'static str, Right)| Choice {
            value,
            label: right_name(frame, right),
            chosen: right == now,
            beyond: !Rights([(product, right)].into()).within(&caller.rights),
        };
        Line {
            field: field_of(product),
            name: product_name(frame, product),
            text: frame.lang.find(&format!("product.{}_text", product.as_str())).unwrap_or_default(),
            choices: RIGHTS.into_iter().map(choice).collect(),
        }
    };
    Product::ALL.into_iter().map(line).collect()
}

/// What is wrong with the form: under the name, under the rights.
type Wrong = (&'static str, &'static str);

fn show(
    console: &Console,
    signed: &Signed,
    caller: &Caller,
    (name, rights): (&str, &Rights),
    (name_wrong, rights_wrong): Wrong,
) -> Result<Response, Fail> {
    let frame = Frame::of(console, signed, HERE, "keys.new").below("keys.title", HERE);
    let field = Field::new("name", frame.t("keys.name")).hint(frame.t("keys.name_hint"));
    let wrong = !name_wrong.is_empty() || !rights_wrong.is_empty();
    let page = NewPage {
        name: field.value(name).error(name_wrong),
        columns: RIGHTS.into_iter().map(|(_, right)| right_name(&frame, right)).collect(),
        lines: lines(&frame, caller, rights),
        rights_error: rights_wrong,
        frame: &frame,
    };
    frame::with_status(console, &frame, &page, if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK })
}

pub async fn form(State(console): State<Console>, signed: Signed) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::Edit)?;
    show(&console, &signed, &caller, ("", &Rights::default()), ("", ""))
}

#[derive(Template)]
#[template(path = "pages/keys/made.html")]
struct MadePage<'a> {
    frame: &'a Frame,
    key: Shown,
    call: String,
}

pub async fn make(State(console): State<Console>, signed: Signed, fields: Fields) -> Result<Response, Fail> {
    let caller = signed.caller(Feature::Settings, Level::Edit)?;
    let (lang, name, rights) = (signed.look.lang, fields.text("name"), wanted(&fields));
    let again = |wrong: Wrong| show(&console, &signed, &caller, (name, &rights), wrong);
    if rights.0.values().all(|right| *right == Right::None) {
        return again(("", lang.text("keys.rights_none")));
    }
    let made = match keys::create_by(&console.app, &caller, name, &rights, None).await {
        Ok(First::Made(made)) => made,
        Ok(First::Replayed(_)) => return Err(Fail::fault(anyhow::anyhow!("a form without a key was a repeat"))),
        Err(Refused::Name) => return again((lang.text("name.wrong"), "")),
        Err(Refused::Exceeded) => return again(("", lang.text("keys.rights_beyond"))),
        Err(Refused::Once(once::Refused::Store(error)) | Refused::Store(error)) => return Err(error.into()),
        Err(Refused::Once(refused)) => return Err(Fail::fault(refused.into())),
    };
    let frame = Frame::of(&console, &signed, HERE, "keys.made").below("keys.title", HERE);
    let url = console.app.config.public_url();
    let page = MadePage {
        key: Shown::new(lang, "secret", "keys.secret", &made.secret),
        call: format!("curl {url}/v1/transactions -H 'Authorization: Bearer {}'", made.secret),
        frame: &frame,
    };
    frame::page(&console, &frame, &page)
}

//! What a service of a connection costs, as a part of forms: typed, read, refused beside its field, and shown by an
//! example that the flow computes.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::service_name;
use crate::console::field::Field;
use crate::console::frame::Frame;
use crate::console::guard::Fail;
use crate::console::visitor::{Console, Signed};
use crate::console::words::Lang;
use crate::console::{show, typed};
use crate::domain::fee::FeePlan;
use crate::domain::money::{Currency, Money};
use crate::domain::role::{Feature, Level};
use crate::domain::service::Service;
use crate::flows::connections;
use crate::providers::FieldFault;

/// What is typed of a plan, as it was typed.
#[derive(Clone, Default)]
pub struct Typed {
    kind: String,
    value: String,
    vat: bool,
    vat_rate: String,
    from: String,
    amount: String,
}

/// The amount an example begins with.
const EXAMPLE: i64 = 100_000;

/// What a form sends for what cannot be read: it is refused with everything else that is wrong, and nothing is guessed.
const UNREADABLE: i64 = i64::MIN;

impl Typed {
    /// A form nobody has typed into: a flat fee, and the VAT that is usual.
    pub fn fresh() -> Self {
        let amount = show::money(EXAMPLE, "IDR");
        Typed { kind: "flat".into(), vat: true, vat_rate: "11".into(), amount, ..Typed::default() }
    }

    /// A plan that stands.
    pub fn of(lang: Lang, plan: &FeePlan) -> Self {
        let (kind, value) = match (plan.flat, plan.percentage_bp) {
            (Some(flat), _) => ("flat", show::grouped(flat)),
            (None, Some(rate)) => ("percentage", show::rate(lang, rate)),
            (None, None) => ("none", String::new()),
        };
        let vat_rate = show::rate(lang, plan.vat_bp);
        Typed { kind: kind.into(), value, vat: plan.vat, vat_rate, ..Typed::fresh() }
    }

    /// What was sent for a service.
    pub fn sent(service: Service, get: impl Fn(&str) -> String) -> Self {
        let of = |name: &str| get(&format!("fee.{}.{name}", service.as_str()));
        Typed {
            kind: of("kind"),
            value: of("value"),
            vat: !of("vat").is_empty(),
            vat_rate: of("vat_rate"),
            from: of("from"),
            amount: of("amount"),
        }
    }

    fn read_value(&self) -> Option<i64> {
        if self.kind == "percentage" { typed::basis_points(&self.value) } else { typed::rupiah(&self.value) }
    }

    fn read_vat(&self) -> Option<i64> {
        if self.vat_rate.trim().is_empty() { Some(0) } else { typed::basis_points(&self.vat_rate) }
    }

    /// The plan that was typed. What cannot be read of it is out of every range.
    pub fn plan(&self) -> FeePlan {
        let value = self.read_value().unwrap_or(UNREADABLE);
        FeePlan {
            flat: (!["percentage", "none"].contains(&self.kind.as_str())).then_some(value),
            percentage_bp: (self.kind == "percentage").then_some(value),
            vat_bp: self.read_vat().unwrap_or(UNREADABLE),
            vat: self.vat && self.kind != "none",
        }
    }

    /// When it begins; at once where nothing was typed. What cannot be read is long past.
    pub fn from(&self) -> Option<DateTime<Utc>> {
        let text = self.from.trim();
        (!text.is_empty()).then(|| typed::moment(text).unwrap_or(DateTime::UNIX_EPOCH))
    }

    /// What a transfer costs by it, in a sentence; or the key of what is missing.
    pub fn example(&self, lang: Lang) -> Result<String, &'static str> {
        let amount = typed::rupiah(&self.amount).ok_or("fees.amount_wrong")?;
        let amount = Money::new(amount, Currency::Idr);
        if amount.units <= 0 {
            return Err("fees.amount_wrong");
        }
        let quote = connections::quote(&self.plan(), amount).map_err(|_| "fees.example_wait")?;
        let rupiah = |units: i64| show::money(units, Currency::Idr.as_str());
        let key = match (quote.fee.units, quote.tax.units) {
            (0, 0) => "fees.example_none",
            (_, 0) => "fees.example_plain",
            _ => "fees.example",
        };
        let values = [
            ("amount", rupiah(amount.units)),
            ("cost", rupiah(quote.total.units - amount.units)),
            ("fee", rupiah(quote.fee.units)),
            ("tax", rupiah(quote.tax.units)),
            ("total", rupiah(quote.total.units)),
        ];
        Ok(lang.with(key, &values.each_ref().map(|(name, value)| (*name, value.as_str()))))
    }
}

/// The part of a form.
#[derive(Template)]
#[template(path = "pages/providers/fee.html")]
pub struct FeeForm<'a> {
    frame: &'a Frame,
    service: &'static str,
    name: &'static str,
    kind: &'static str,
    vat: bool,
    value: Field,
    vat_rate: Field,
    from: Field,
    amount: Field,
    example: String,
}

/// Draws the part for one service; `faults` are those of its plan, below any name.
pub fn draw<'a>(frame: &'a Frame, service: Service, typed: &Typed, faults: &[&FieldFault]) -> FeeForm<'a> {
    let is = |ends: &[&str]| faults.iter().any(|fault| ends.iter().any(|end| fault.field.ends_with(end)));
    let wrong = |is: bool, key: &'static str| if is { frame.t(key) } else { "" };
    let name = |name: &str| format!("fee.{}.{name}", service.as_str());
    let field = |part: &str, key| Field::new(name(part), frame.t(key)).optional();
    let value_wrong = wrong(is(&["flat", "percentageBp", "plan"]), value_key(typed));
    let amount = if typed.amount.is_empty() { show::money(EXAMPLE, "IDR") } else { typed.amount.clone() };
    let shown = Typed { amount, ..typed.clone() };
    FeeForm {
        frame,
        service: service.as_str(),
        name: service_name(frame, service),
        kind: ["percentage", "none"].into_iter().find(|kind| *kind == typed.kind).unwrap_or("flat"),
        vat: typed.vat,
        value: field("value", "fees.value")
            .hint(frame.t("fees.value_hint"))
            .decimal()
            .value(&typed.value)
            .error(value_wrong),
        vat_rate: field("vat_rate", "fees.vat_rate")
            .decimal()
            .value(&typed.vat_rate)
            .error(wrong(is(&["vatBp"]), vat_key(typed))),
        from: field("from", "fees.from")
            .kind("datetime-local", "off")
            .hint(frame.t("fees.from_hint"))
            .value(&typed.from)
            .error(wrong(is(&["effectiveFrom"]), "fees.from_wrong")),
        amount: field("amount", "fees.amount").decimal().value(&shown.amount),
        example: shown.example(frame.lang).unwrap_or_else(|key| frame.t(key).to_owned()),
    }
}

/// What is wrong with the fee itself.
fn value_key(typed: &Typed) -> &'static str {
    let is_rate = typed.kind == "percentage";
    match typed.read_value() {
        None if typed.value.trim().is_empty() => "fees.value_missing",
        None if is_rate => "fees.rate_wrong",
        None => "fees.value_wrong",
        Some(_) if is_rate => "fees.rate_range",
        Some(_) => "fees.value_range",
    }
}

fn vat_key(typed: &Typed) -> &'static str {
    match typed.read_vat() {
        Some(0) => "fees.vat_missing",
        None => "fees.rate_wrong",
        Some(_) => "fees.vat_range",
    }
}

/// A plan in a line: `1.5% + VAT 11%`.
pub fn plan_text(frame: &Frame, plan: &FeePlan) -> String {
    let fee = match (plan.flat, plan.percentage_bp) {
        (Some(flat), _) => show::money(flat, Currency::Idr.as_str()),
        (None, Some(rate)) => show::percent(frame.lang, rate),
        (None, None) => return frame.t("fees.none").to_owned(),
    };
    if plan.vat { format!("{fee} + {} {}", frame.t("fees.vat"), show::percent(frame.lang, plan.vat_bp)) } else { fee }
}

/// The example alone, for the script that keeps it true while somebody types.
pub async fn example(
    State(_): State<Console>,
    signed: Signed,
    Query(sent): Query<HashMap<String, String>>,
) -> Result<Response, Fail> {
    signed.needs(Feature::Providers, Level::Edit)?;
    let lang = signed.look.lang;
    let service = sent.get("service").and_then(|text| Service::parse(text)).ok_or(Fail::NotFound)?;
    let typed = Typed::sent(service, |name| sent.get(name).cloned().unwrap_or_default());
    let (status, text) = match typed.example(lang) {
        Ok(text) => (StatusCode::OK, text),
        Err(key) => (StatusCode::UNPROCESSABLE_ENTITY, lang.text(key).to_owned()),
    };
    Ok((status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

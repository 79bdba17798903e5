//! All that DOKU says of a business, folded into one status of ours (seed 002; contracts/doku.md 3.1 and 8, adapter musts).
//!
//! Pure. An unknown word is never an approval: what is neither rejected nor ACTIVE is looked at by DOKU.

use super::model::{Business, Coded, Kept};
use crate::domain::onboarding::Status;

/// How one thing stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Active,
    Rejected,
    Open,
}

fn stand(rejected: Option<bool>, status: Option<&str>) -> Stand {
    match (rejected, status) {
        (Some(true), _) | (_, Some("REJECTED")) => Stand::Rejected,
        (_, Some("ACTIVE")) => Stand::Active,
        _ => Stand::Open,
    }
}

/// The status, and what is to be said of it: names of things, never of people.
pub fn fold(business: &Business) -> (Status, Option<String>) {
    let brands = business.brands.as_deref().unwrap_or_default();
    let whole = stand(business.rejected, business.status.get());
    let brand = |stands: Stand| brands.iter().filter(|b| stand(b.rejected, b.status.get()) == stands).count();
    let products: Vec<(String, Stand)> = brands
        .iter()
        .flat_map(|brand| brand.products.as_deref().unwrap_or_default())
        .map(|p| (format!("product {}", called(p.code.get(), p.name.get())), stand(p.rejected, p.status.get())))
        .collect();
    let parts = parts(business);
    let named = |all: &[(String, Stand)]| {
        all.iter().filter(|(_, stand)| *stand == Stand::Rejected).map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let (refused, refused_products) = (named(&parts), named(&products));
    let all_products_refused = !products.is_empty() && refused_products.len() == products.len();
    let no_brand_is_left = !brands.is_empty() && brand(Stand::Rejected) == brands.len();
    let list = |names: Vec<String>| names.join(", ");
    if whole == Stand::Rejected || no_brand_is_left || all_products_refused {
        let what = match () {
            () if whole == Stand::Rejected => "the business",
            () if no_brand_is_left => "the brand",
            () => "every product",
        };
        let more = if refused.is_empty() { String::new() } else { format!("; also: {}", list(refused)) };
        return (Status::Rejected, Some(format!("DOKU rejected {what}{more}.")));
    }
    if !refused.is_empty() {
        return (Status::NeedRevision, Some(format!("DOKU rejected: {}.", list(refused))));
    }
    let remarks = (!refused_products.is_empty()).then(|| format!("DOKU rejected: {}.", list(refused_products)));
    let settled = parts.iter().all(|(_, stand)| *stand == Stand::Active)
        && products.iter().all(|(_, stand)| *stand != Stand::Open);
    let is_active = whole == Stand::Active && !brands.is_empty() && brand(Stand::Active) == brands.len();
    if is_active && settled { (Status::Approved, remarks) } else { (Status::Processing, remarks) }
}

/// Everything that is looked at by itself but business, brands and products. A brand beside others that stand may be
/// mended too.
fn parts(business: &Business) -> Vec<(String, Stand)> {
    let brands = business.brands.as_deref().unwrap_or_default();
    let mut all = Vec::new();
    for (n, brand) in brands.iter().enumerate() {
        if brands.len() > 1 {
            all.push((format!("brand {}", n + 1), stand(brand.rejected, brand.status.get())));
        }
        for (n, photo) in brand.photo_proofs.iter().flatten().enumerate() {
            all.push((format!("photo {} of the premises", n + 1), stand(photo.rejected, photo.status.get())));
        }
        for social in brand.social_media.iter().flatten() {
            let name = called(social.code.get(), social.name.get());
            all.push((format!("social media {name}"), stand(social.rejected, social.status.get())));
        }
    }
    for (n, contact) in business.contacts.iter().flatten().enumerate() {
        all.push((format!("contact {}", n + 1), stand(contact.rejected, contact.status.get())));
    }
    for address in business.addresses.iter().flatten() {
        all.push(("the address".to_owned(), stand(address.rejected, address.status.get())));
    }
    for document in business.documents.iter().flatten() {
        let kind = document.document.as_ref();
        let word = |get: fn(&Kept<Coded>) -> Option<&str>| kind.and_then(get);
        let name = called(word(|kind| kind.code.get()), word(|kind| kind.name.get()));
        all.push((format!("document {name}"), stand(document.rejected, document.status.get())));
    }
    for bank in business.banks.iter().flatten() {
        all.push(("the bank account".to_owned(), stand(bank.rejected, bank.status.get())));
    }
    all
}

fn called(code: Option<&str>, name: Option<&str>) -> String {
    match (code, name) {
        (Some(code), Some(name)) => format!("{code} ({name})"),
        (Some(word), None) | (None, Some(word)) => word.to_owned(),
        (None, None) => "without a name".to_owned(),
    }
}

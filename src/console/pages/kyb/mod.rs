//! The KYB file: filled in step by step, with what is missing always in view, and its versions.
//!
//! What a file is, what is right in it and what a provider needs comes from the table of its fields and from its flow.

mod brought;
mod collect;
mod draw;
mod files;
mod overview;
mod step;
mod version;
pub mod words;

pub use files::{open as open_document, take as take_document};
pub use overview::page;
pub use step::{page as step_page, save};
pub use version::page as version_page;

use crate::console::guard::Fail;
use crate::domain::kyb::Fault;
use crate::domain::kyb::file::block;
use crate::flows::kyb::Refused;

/// Where the file is.
pub const HERE: &str = "/console/kyb";

/// A step of the form: some blocks of the file.
pub struct Step {
    /// Its word in addresses.
    slug: &'static str,
    blocks: &'static [&'static str],
    /// Keys of its name and of what it is about.
    title: &'static str,
    text: &'static str,
}

/// The steps, in the order in which they are filled in. Each block of the file stands in one of them.
static STEPS: [Step; 6] = [
    Step { slug: "start", blocks: &["submitter", "product_selection"], title: "kyb.start", text: "kyb.start_text" },
    Step { slug: "company", blocks: &["legal_entity"], title: "kyb.company", text: "kyb.company_text" },
    Step { slug: "documents", blocks: &["documents"], title: "kyb.documents", text: "kyb.documents_text" },
    Step { slug: "directors", blocks: &["stakeholder"], title: "kyb.directors", text: "kyb.directors_text" },
    Step { slug: "supporting", blocks: &["supporting"], title: "kyb.supporting", text: "kyb.supporting_text" },
    Step { slug: "business", blocks: &["business_info"], title: "kyb.business", text: "kyb.business_text" },
];

impl Step {
    fn of(slug: &str) -> Result<&'static Step, Fail> {
        STEPS.iter().find(|step| step.slug == slug).ok_or(Fail::NotFound)
    }

    /// The step in which a field is filled in.
    fn with(field: &str) -> Option<&'static Step> {
        STEPS.iter().find(|step| step.holds(field))
    }

    fn holds(&self, field: &str) -> bool {
        self.blocks.contains(&block(field))
    }

    fn path(&self) -> String {
        format!("{HERE}/{}", self.slug)
    }

    /// The step after it; `None` after the last.
    fn next(&self) -> Option<&'static Step> {
        let at = STEPS.iter().position(|step| step.slug == self.slug)?;
        STEPS.get(at + 1)
    }
}

/// A step as a list of steps shows it: by word, shape and colour.
pub struct Standing {
    path: String,
    number: usize,
    title: &'static str,
    text: &'static str,
    missing: Vec<Named>,
    is_current: bool,
}

/// A field that is named somewhere, and where it is filled in.
pub struct Named {
    pub label: String,
    pub path: String,
}

/// How every step stands, by what is missing in the file.
fn standings(lang: crate::console::words::Lang, missing: &[Fault], current: Option<&Step>) -> Vec<Standing> {
    let standing = |(n, step): (usize, &'static Step)| Standing {
        path: step.path(),
        number: n + 1,
        title: lang.text(step.title),
        text: lang.text(step.text),
        missing: missing.iter().filter(|fault| step.holds(&fault.field)).map(|fault| named(lang, fault)).collect(),
        is_current: current.is_some_and(|current| current.slug == step.slug),
    };
    STEPS.iter().enumerate().map(standing).collect()
}

/// What is missing or wrong, by its name, with the address of its place.
pub fn named(lang: crate::console::words::Lang, fault: &Fault) -> Named {
    let path = Step::with(&fault.field).map_or_else(|| HERE.to_owned(), Step::path);
    // Blocks, lists and entries have their heads, fields themselves.
    let is_field = crate::domain::kyb::fields::find(&words::plain(&fault.field)).is_some_and(|field| {
        use crate::domain::kyb::fields::Rule;
        !matches!(field.rule, Rule::Block(_) | Rule::Blocks(..)) && !fault.field.ends_with(']')
    });
    let place = if is_field { fault.field.clone() } else { format!("at-{}", fault.field) };
    Named { label: words::label_at(lang, &fault.field), path: format!("{path}#{place}") }
}

/// What no page of these can say beside a field.
fn fail(refused: Refused) -> Fail {
    match refused {
        Refused::Store(error) => error.into(),
        Refused::Fault(error) => error.into(),
        other => anyhow::Error::from(other).into(),
    }
}

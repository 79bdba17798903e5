//! The list of providers: the one match from a code to its adapter.

use std::collections::BTreeMap;

use super::{Provider, doku, kaspro, oy};

/// All adapters, built once from the configuration.
pub struct Providers {
    all: Vec<Box<dyn Provider>>,
}

impl Providers {
    /// Builds every adapter from its own block of the configuration; an unknown or missing block is an error.
    pub fn from_config(blocks: &BTreeMap<String, serde_json::Value>) -> anyhow::Result<Self> {
        let mut all: Vec<Box<dyn Provider>> = Vec::new();
        for (code, block) in blocks {
            all.push(match code.as_str() {
                oy::CODE => Box::new(oy::Oy::new(serde_json::from_value(block.clone())?)?),
                doku::CODE => Box::new(doku::Doku::new(serde_json::from_value(block.clone())?)?),
                kaspro::CODE => Box::new(kaspro::KasPro::new(serde_json::from_value(block.clone())?)?),
                other => anyhow::bail!("configuration names provider {other:?}, which this build does not know"),
            });
        }
        Ok(Providers { all })
    }

    /// The adapter of `code`.
    pub fn get(&self, code: &str) -> Option<&dyn Provider> {
        self.all.iter().find(|provider| provider.code() == code).map(AsRef::as_ref)
    }

    pub fn iter(&self) -> impl Iterator<Item = &dyn Provider> {
        self.all.iter().map(AsRef::as_ref)
    }
}

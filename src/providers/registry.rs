//! The list of providers: the one match from a code to its adapter; and the list of those that take KYB files, with the
//! one match from a way to who goes it.

use std::collections::BTreeMap;

use super::kyb_push::KybPush;
use super::onboarding::Onboarding;
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

/// Every provider that takes onboardings in this installation, each by its block of the configuration.
pub struct Targets {
    all: Vec<Box<dyn Onboarding>>,
}

impl Targets {
    /// Reads every block by its way; one that cannot be read is an error.
    pub fn from_config(blocks: &BTreeMap<String, serde_json::Value>, providers: &Providers) -> anyhow::Result<Self> {
        let mut all: Vec<Box<dyn Onboarding>> = Vec::new();
        for (code, block) in blocks {
            let mut block = block.clone();
            let way = block.as_object_mut().and_then(|block| block.remove("way"));
            let name = providers.get(code).map(|provider| provider.name());
            all.push(match way.as_ref().and_then(serde_json::Value::as_str) {
                Some("push") => Box::new(KybPush::new(code, name, block)?),
                // Its own API: it takes files for nobody else.
                Some("doku") if code == doku::CODE => {
                    Box::new(doku::partner::Partner::new(serde_json::from_value(block)?)?)
                }
                _ => anyhow::bail!("configuration: onboarding.{code}.way must be \"push\", or \"doku\" at doku"),
            });
        }
        Ok(Targets { all })
    }

    /// The target of `code`.
    pub fn get(&self, code: &str) -> Option<&dyn Onboarding> {
        self.iter().find(|target| target.code() == code)
    }

    pub fn iter(&self) -> impl Iterator<Item = &dyn Onboarding> {
        self.all.iter().map(AsRef::as_ref)
    }
}

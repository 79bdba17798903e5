//! The keys by which providers tell how onboardings stand (docs/KYB.md), for who runs the installation.

use anyhow::Context;
use clap::Subcommand;

use super::admin::with_app;
use crate::config::Config;
use crate::domain::ids;
use crate::domain::service::Mode;
use crate::flows::onboarding;

#[derive(Subcommand)]
pub enum ProviderKeyCommand {
    /// Make a key for a provider; prints it, once.
    Create {
        /// The provider's code: a block of [onboarding] in the configuration.
        #[arg(long)]
        provider: String,
        /// `test` or `live`.
        #[arg(long, default_value = "test")]
        mode: String,
    },
    /// List the keys of all providers.
    List,
    /// Revoke a key; what it has told stays.
    Revoke {
        /// `key_…`, as the list shows it.
        key: String,
    },
}

pub fn provider_key(config: Config, command: ProviderKeyCommand) -> anyhow::Result<()> {
    with_app(config, async |app| {
        match command {
            ProviderKeyCommand::Create { provider, mode } => {
                let mode = Mode::parse(&mode).context("--mode is test or live")?;
                let (key, id) = onboarding::create_provider_key(&app, &provider, mode).await?;
                println!("{key}");
                eprintln!("keep it now: it is not shown again; to revoke it: {}", ids::show(ids::KEY, id));
            }
            ProviderKeyCommand::List => {
                for key in onboarding::provider_keys(&app).await? {
                    let state = key.revoked_at.map_or("in use".into(), |at| format!("revoked on {}", at.date_naive()));
                    println!("{}  {}  {}  {}  {state}", ids::show(ids::KEY, key.id), key.target, key.mode, key.hint);
                }
            }
            ProviderKeyCommand::Revoke { key } => {
                let id = ids::parse(ids::KEY, &key).context("a key is named by its id, key_…, as the list shows it")?;
                anyhow::ensure!(
                    onboarding::revoke_provider_key(&app, id).await?,
                    "there is no such key, or it was revoked before"
                );
                println!("revoked");
            }
        }
        Ok(())
    })
}

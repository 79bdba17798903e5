//! `paystrator sandbox`: the simulators alone, for scripts and other people's tests.

use std::io::Write;

use crate::config::Config;
use crate::devdb;
use crate::outbound::{Outbound, OutboundLimits};
use crate::sandbox::{self, Ports, SandboxConfig};

#[derive(clap::Args)]
pub struct Options {
    /// Where the simulators keep their books; the data folder by default.
    #[arg(long)]
    dir: Option<std::path::PathBuf>,
    /// Divides every documented time.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Where a provider's callbacks go, as CODE=URL; may be given once for each provider.
    #[arg(long, value_name = "CODE=URL", value_parser = by_code)]
    callback_url: Vec<(String, String)>,
    /// OY!'s port; any that is free by default.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

fn by_code(text: &str) -> Result<(String, String), String> {
    let (code, url) = text.split_once('=').ok_or("say CODE=URL")?;
    Ok((code.to_owned(), url.to_owned()))
}

/// Starts them, prints one line of JSON that says where they are, and serves until Ctrl-C.
pub fn run(config: Config, options: &Options) -> anyhow::Result<()> {
    let given = (!config.data.dir.is_empty()).then(|| config.data.dir.into());
    let dir = options.dir.clone().or(given).unwrap_or_else(devdb::default_dir);
    super::runtime()?.block_on(async {
        let mut sandbox = SandboxConfig::new(dir);
        sandbox.speed = options.speed;
        sandbox.callback_urls = options.callback_url.iter().cloned().collect();
        sandbox.ports = [("oy".to_owned(), Ports { wire: options.port, control: 0 })].into();
        let outbound = Outbound::new(OutboundLimits { allow_http: true, allow_private: true, ..Default::default() })?;
        let sandbox = sandbox::start(sandbox, outbound).await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", sandbox.describe())?;
        out.flush()?;
        super::service::interrupted().await?;
        sandbox.stop().await;
        Ok(())
    })
}

//! `paystrator sandbox`: the simulators alone, for scripts and other people's tests.

use std::fmt::Display;
use std::io::Write;
use std::str::FromStr;

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
    #[arg(long, value_name = "CODE=URL", value_parser = by_code::<String>)]
    callback_url: Vec<(String, String)>,
    /// A provider's port, as CODE=PORT; may be given once for each provider. Any that is free by default.
    #[arg(long, value_name = "CODE=PORT", value_parser = by_code::<u16>)]
    port: Vec<(String, u16)>,
}

fn by_code<T: FromStr<Err: Display>>(text: &str) -> Result<(String, T), String> {
    let (code, value) = text.split_once('=').ok_or("begin with a provider's code and =")?;
    Ok((code.to_owned(), value.parse().map_err(|error| format!("{value}: {error}"))?))
}

/// Starts them, prints one line of JSON that says where they are, and serves until Ctrl-C.
pub fn run(config: Config, options: &Options) -> anyhow::Result<()> {
    let runtime = super::runtime(&config)?;
    let given = (!config.data.dir.is_empty()).then(|| config.data.dir.into());
    let dir = options.dir.clone().or(given).unwrap_or_else(devdb::default_dir);
    runtime.block_on(async {
        let mut sandbox = SandboxConfig::new(dir);
        sandbox.speed = options.speed;
        sandbox.callback_urls = options.callback_url.iter().cloned().collect();
        let ports = options.port.iter().cloned();
        sandbox.ports = ports.map(|(code, wire)| (code, Ports { wire, control: 0 })).collect();
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

//! stub
#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    exit: bool,
}
pub fn run(_config: crate::config::Config, _options: &Options) -> anyhow::Result<()> {
    Ok(())
}

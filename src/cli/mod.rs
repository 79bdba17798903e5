//! The command line: one binary, a command each. Commands put parts together and print; the work is elsewhere.

mod admin;
mod bench;
mod client;
mod demo;
mod keyring;
mod privacy;
mod provider_key;
mod sandbox;
pub mod service;
mod user;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::telemetry;

/// Paystrator: an open, self-hosted payment orchestrator for Indonesia.
#[derive(Parser)]
#[command(name = "paystrator", version)]
struct Cli {
    /// A configuration file; every setting is described in config/default.toml.
    #[arg(long, global = true, env = "PAYSTRATOR_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and work in the background (the default).
    Serve,
    /// Play the whole journey against the simulators, then keep serving.
    Demo(demo::Options),
    /// Measure against plain statements on the same Postgres; takes a few minutes.
    Bench(bench::Options),
    /// Run the simulators alone; prints one line of JSON that says where they are.
    Sandbox(sandbox::Options),
    /// Bring the database to this version's schema.
    Migrate,
    /// Print the OpenAPI document.
    Openapi {
        /// Print a Postman collection instead.
        #[arg(long)]
        postman: bool,
    },
    /// Clients.
    #[command(subcommand)]
    Client(admin::ClientCommand),
    /// API keys.
    #[command(subcommand)]
    Key(admin::KeyCommand),
    /// Master keys.
    #[command(subcommand)]
    Keys(admin::KeysCommand),
    /// People.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Connections to providers.
    #[command(subcommand)]
    Connection(admin::ConnectionCommand),
    /// The books.
    #[command(subcommand)]
    Ledger(admin::LedgerCommand),
    /// What is kept of the people of a KYB file, and its end.
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    /// The keys by which providers tell how onboardings stand.
    #[command(subcommand)]
    ProviderKey(provider_key::ProviderKeyCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(admin::AuditCommand),
    /// The sums by hour that Home shows.
    #[command(subcommand)]
    Rollups(admin::RollupsCommand),
    /// Sending of the whole installation.
    #[command(subcommand)]
    Sending(admin::SendingCommand),
    /// After a restore from a backup: counts every prepared attempt as unknown and pauses sending.
    AfterRestore,
}

/// Runs the command line of this process; the error is for people.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Some(Command::Openapi { postman }) = cli.command {
        return admin::openapi(postman);
    }
    let mut config = Config::load(cli.config.as_deref())?;
    if matches!(cli.command, Some(Command::Demo(_) | Command::Bench(_))) {
        // These print a page for people; only trouble may stand between its lines.
        config.log.filter = "warn".into();
    }
    telemetry::init_logs(&config.log);
    // The private Postgres dies with the thread that started it, so that is this one.
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => service::serve(config),
        Command::Demo(options) => demo::run(config, &options),
        Command::Bench(options) => bench::run(config, &options),
        Command::Sandbox(options) => sandbox::run(config, &options),
        Command::Migrate => admin::migrate(config),
        Command::Openapi { .. } => Ok(()),
        Command::Client(command) => admin::client(config, command),
        Command::Key(command) => admin::key(config, command),
        Command::Keys(command) => admin::master_keys(config, &command),
        Command::User(command) => user::user(config, command),
        Command::Connection(command) => admin::connection(config, command),
        Command::Ledger(command) => admin::ledger(config, &command),
        Command::Privacy(command) => privacy::privacy(config, command),
        Command::ProviderKey(command) => provider_key::provider_key(config, command),
        Command::Audit(command) => admin::audit(config, &command),
        Command::Rollups(command) => admin::rollups(config, &command),
        Command::Sending(command) => admin::sending(config, &command),
        Command::AfterRestore => admin::after_restore(config),
    }
}

/// The asynchronous runtime of a command.
fn runtime(config: &Config) -> anyhow::Result<tokio::runtime::Runtime> {
    let half = || std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
    let threads = if config.server.threads == 0 { half() } else { config.server.threads };
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?)
}

//! The commands of who runs the installation: migrate, clients, keys, connections, the books.

use std::sync::Arc;

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;

use super::service::Database;
use crate::app::App;
use crate::config::Config;
use crate::crash;
use crate::domain::access::Rights;
use crate::domain::fee::FeePlan;
use crate::domain::ids;
use crate::domain::service::{Mode, Service};
use crate::flows::rotation::Progress;
use crate::flows::{access, audit, books, connections, keys, rollups, rotation, sending};
use crate::http::{openapi as document, postman};
use crate::store::client;

#[derive(Subcommand)]
pub enum ClientCommand {
    /// Make a client; prints its id.
    Create { name: String },
    /// List the clients.
    List,
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make an API key with every right; prints it, once.
    Create {
        /// The client's id or name.
        #[arg(long)]
        client: String,
        /// `test` or `live`.
        #[arg(long, default_value = "test")]
        mode: String,
        #[arg(long, default_value = "first key")]
        name: String,
        /// Whom it belongs to, who answers for what it does: the e-mail address of a person of the console, or a name,
        /// which counts as a person of its own where two must agree.
        #[arg(long)]
        person: String,
    },
}

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Seal every stored value anew under the master key with the highest id, while the service runs; it can be cut off
    /// and run again. Exit code 1 while a value is left under another key.
    Rotate {
        /// Change nothing: count the values under each key.
        #[arg(long)]
        check: bool,
    },
}

#[derive(Subcommand)]
pub enum ConnectionCommand {
    /// Connect a client's account at a provider; prints its callback address.
    Create {
        /// The client's id or name.
        #[arg(long)]
        client: String,
        #[arg(long, default_value = "test")]
        mode: String,
        /// The provider's code.
        #[arg(long)]
        provider: String,
        #[arg(long)]
        label: String,
        /// JSON with the provider's fields; `-` reads it from standard input, so that no secret stands in a process list.
        #[arg(long)]
        credentials: String,
        /// JSON with the provider's optional settings.
        #[arg(long, default_value = "{}")]
        settings: String,
        /// JSON with the fee plan, such as {"flat":2500,"vatBp":1100,"vat":true}.
        #[arg(long, default_value = "{}")]
        fee: String,
    },
}

#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Replay every attempt and prove the books; exit code 1 when they do not hold.
    Verify,
}

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Hash every entry of every client again and compare; exit code 1 where a chain does not hold.
    Verify,
}

#[derive(Subcommand)]
pub enum RollupsCommand {
    /// Make all sums anew from the rows they are made of; the service may run.
    Rebuild,
}

#[derive(Subcommand)]
pub enum SendingCommand {
    /// Hold back everything that was not sent yet, of all clients.
    Pause { reason: String },
    /// Let out what was held back so; what a client paused for itself stays paused.
    Resume,
}

/// Runs `work` with an [`App`] whose workers do not run.
pub(super) fn with_app<T>(config: Config, work: impl AsyncFnOnce(Arc<App>) -> anyhow::Result<T>) -> anyhow::Result<T> {
    crash::arm(config.server.production)?;
    let database = Database::open(config)?;
    let result = super::runtime(&database.config)?.block_on(async {
        let (app, _inboxes) = App::new(database.parts().await?)?;
        let result = work(app.clone()).await;
        app.db.close().await;
        result
    });
    database.close()?;
    result
}

pub(super) async fn find_client(app: &App, text: &str) -> anyhow::Result<Uuid> {
    match ids::parse(ids::CLIENT, text) {
        Some(id) => Ok(id),
        None => client::by_name(&app.db, text).await?.with_context(|| format!("there is no client {text:?}")),
    }
}

pub fn migrate(config: Config) -> anyhow::Result<()> {
    let database = Database::open(config)?;
    super::runtime(&database.config)?.block_on(async {
        let db = database.connect().await?;
        println!("the database has this version's schema");
        db.close().await;
        anyhow::Ok(())
    })?;
    database.close()
}

pub fn openapi(as_postman: bool) -> anyhow::Result<()> {
    let text = match as_postman {
        true => serde_json::to_string_pretty(&postman::collection()?)?,
        false => document::document().to_pretty_json()?,
    };
    println!("{text}");
    Ok(())
}

pub fn client(config: Config, command: ClientCommand) -> anyhow::Result<()> {
    with_app(config, async |app| {
        match command {
            ClientCommand::Create { name } => {
                println!("{}", ids::show(ids::CLIENT, access::create_client(&app, &name).await?));
            }
            ClientCommand::List => {
                for client in client::list(&app.db).await? {
                    println!("{}  {}", ids::show(ids::CLIENT, client.client_id), client.name);
                }
            }
        }
        Ok(())
    })
}

pub fn key(config: Config, command: KeyCommand) -> anyhow::Result<()> {
    let KeyCommand::Create { client, mode, name, person } = command;
    let mode = Mode::parse(&mode).context("--mode is test or live")?;
    with_app(config, async |app| {
        let client_id = find_client(&app, &client).await?;
        let (rights, owner) = (Rights::all(), keys::owner(&app, &person).await?);
        let wish = keys::KeyWish { client_id, mode, name: &name, person: &owner, rights: &rights };
        let made = keys::create(&app, &wish).await?;
        println!("{}", made.secret);
        eprintln!("keep it now: it is not shown again");
        match owner == person.trim() {
            true => eprintln!("it belongs to {owner:?}, nobody of the console, who counts as a person of its own"),
            false => eprintln!("it belongs to {owner}, the person of the console who has this address"),
        }
        Ok(())
    })
}

pub fn master_keys(config: Config, command: &KeysCommand) -> anyhow::Result<()> {
    let KeysCommand::Rotate { check } = command;
    with_app(config, async |app| {
        if !check {
            let line = |p: &Progress| eprint!("\r{}: {} looked at, {} sealed anew ", p.column, p.values, p.renewed);
            rotation::rotate(&app, line).await?;
            eprintln!();
        }
        let counted = rotation::count(&app).await?;
        for column in &counted {
            let by_key = column.by_key.iter().map(|(id, count)| format!(" key {id}: {count}")).collect::<String>();
            println!("{}:{by_key}", column.column);
        }
        let left = rotation::left(&app, &counted);
        println!("{left} values are not under key {}", app.keys.current());
        anyhow::ensure!(left == 0, "an older key is still needed");
        Ok(())
    })
}

pub fn connection(config: Config, command: ConnectionCommand) -> anyhow::Result<()> {
    let ConnectionCommand::Create { client, mode, provider, label, credentials, settings, fee } = command;
    let mode = Mode::parse(&mode).context("--mode is test or live")?;
    let credentials = if credentials == "-" { std::io::read_to_string(std::io::stdin())? } else { credentials };
    // The text may hold a secret: the error says where, never what.
    let credentials: Value =
        serde_json::from_str(&credentials).map_err(|_| anyhow::anyhow!("--credentials is not JSON"))?;
    let settings: Value = serde_json::from_str(&settings).context("--settings is not JSON")?;
    let fee: FeePlan = serde_json::from_str(&fee).context("--fee is not a fee plan")?;
    with_app(config, async |app| {
        let client_id = find_client(&app, &client).await?;
        let made = connections::create(
            &app,
            &connections::NewConnection {
                client_id,
                mode,
                provider: &provider,
                label: &label,
                credentials: &credentials,
                settings: &settings,
                fee,
                by: audit::COMMAND_LINE,
            },
        )
        .await?;
        println!("{}", ids::show(ids::CONNECTION, made.id));
        for service in Service::ALL {
            if let Some(url) = connections::callback_url(&app, &provider, service, &made.codename) {
                println!("callbacks to {url}");
            }
        }
        Ok(())
    })
}

pub fn ledger(config: Config, command: &LedgerCommand) -> anyhow::Result<()> {
    let LedgerCommand::Verify = command;
    with_app(config, async |app| {
        let report = books::verify(&app).await?;
        for fault in &report.faults {
            println!("{} attempt {}: {}", ids::show(ids::SEND_MONEY, fault.payment_id), fault.attempt, fault.wrong);
        }
        println!("{} lines, {} faults", report.lines, report.faults.len());
        anyhow::ensure!(report.faults.is_empty(), "the books do not hold");
        Ok(())
    })
}

pub fn audit(config: Config, command: &AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::Verify = command;
    with_app(config, async |app| {
        let report = audit::verify(&app).await?;
        for found in &report.breaks {
            println!("{} entry {}: {}", ids::show(ids::CLIENT, found.client_id), found.seq, found.what);
        }
        println!("{} entries of {} clients, {} broken chains", report.entries, report.clients, report.breaks.len());
        anyhow::ensure!(report.breaks.is_empty(), "the audit log was changed");
        Ok(())
    })
}

pub fn rollups(config: Config, command: &RollupsCommand) -> anyhow::Result<()> {
    let RollupsCommand::Rebuild = command;
    with_app(config, async |app| {
        rollups::rebuild(&app).await?;
        println!("the sums by hour were made anew");
        Ok(())
    })
}

pub fn sending(config: Config, command: &SendingCommand) -> anyhow::Result<()> {
    with_app(config, async |app| {
        match command {
            SendingCommand::Pause { reason } => sending::set_all(&app, Some(reason)).await?,
            SendingCommand::Resume => sending::set_all(&app, None).await?,
        }
        Ok(())
    })
}

pub fn after_restore(config: Config) -> anyhow::Result<()> {
    with_app(config, async |app| {
        let doubted = books::after_restore(&app).await?;
        rollups::rebuild(&app).await?;
        println!("{doubted} prepared attempts count as unknown now and will be asked about");
        println!(
            "sending is paused; resume it with `paystrator sending resume` once the providers' books were compared"
        );
        Ok(())
    })
}

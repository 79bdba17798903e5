//! Privacy, for who runs the installation: who stands in a client's KYB file, what is kept of one of them, and its end.
//!
//! What is printed is personal and goes to standard output and nowhere else.

use anyhow::Context;
use clap::Subcommand;
use uuid::Uuid;

use super::admin::{find_client, with_app};
use crate::config::Config;
use crate::domain::ids;
use crate::flows::audit::COMMAND_LINE;
use crate::flows::kyb::{self, Erasure};

#[derive(Subcommand)]
pub enum PrivacyCommand {
    /// List everybody who ever stood in a client's KYB file.
    People {
        /// The client's id or name.
        client: String,
    },
    /// Print everything that is kept of one person, as JSON.
    Export {
        /// The client's id or name.
        client: String,
        /// `per_…`
        person: String,
    },
    /// Destroy the keys of one person and their documents: no version of the file can tell of them any more. It cannot be
    /// undone.
    Erase {
        /// The client's id or name.
        client: String,
        /// `per_…`
        person: String,
        /// Yes, for ever.
        #[arg(long)]
        yes: bool,
    },
}

const NOBODY: &str = "there is no such person in the client's KYB file; `paystrator privacy people` lists them";

fn person_id(text: &str) -> anyhow::Result<Uuid> {
    ids::parse(ids::PERSON, text).context("a person is named by an id, per_…; `paystrator privacy people` lists them")
}

pub fn privacy(config: Config, command: PrivacyCommand) -> anyhow::Result<()> {
    with_app(config, async |app| {
        match command {
            PrivacyCommand::People { client } => {
                for person in kyb::people(&app, find_client(&app, &client).await?).await? {
                    let kyb::Listed { id, roles, name, first_version, last_version, erased_at } = person;
                    let name = match (&name, erased_at) {
                        (_, Some(at)) => format!("erased on {}", at.date_naive()),
                        (Some(name), None) => name.reveal().to_owned(),
                        (None, None) => "without a name".into(),
                    };
                    let (id, roles) = (ids::show(ids::PERSON, id), roles.join(" and "));
                    println!("{id}  {roles}, versions {first_version} to {last_version}  {name}");
                }
            }
            PrivacyCommand::Export { client, person } => {
                let (client_id, person) = (find_client(&app, &client).await?, person_id(&person)?);
                let all = kyb::export(&app, client_id, person, COMMAND_LINE).await?.context(NOBODY)?;
                println!("{}", serde_json::to_string_pretty(&all)?);
            }
            PrivacyCommand::Erase { client, person, yes } => {
                let (client_id, person) = (find_client(&app, &client).await?, person_id(&person)?);
                anyhow::ensure!(
                    yes,
                    "this destroys what every version of the file says of the person, and cannot be undone: add --yes"
                );
                match kyb::erase(&app, client_id, person, COMMAND_LINE).await? {
                    Erasure::Done => println!("erased"),
                    Erasure::DoneBefore => println!("was erased before"),
                    Erasure::Nobody => anyhow::bail!(NOBODY),
                }
            }
        }
        Ok(())
    })
}

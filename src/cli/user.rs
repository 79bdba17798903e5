//! People, for who runs the installation: how the first owner comes in, and how somebody locked out comes in again.
//!
//! Links are printed once and hold a secret; they go to standard output and nowhere else.

use anyhow::Context;
use clap::Subcommand;

use super::admin::{find_client, with_app};
use crate::config::Config;
use crate::domain::role::Role;
use crate::flows::people::{install, invitations, is_email};

#[derive(Subcommand)]
pub enum UserCommand {
    /// Invite a person to a client; prints the link, once. The first owner of a client comes in so.
    Create {
        #[arg(long)]
        email: String,
        /// The client's id or name.
        #[arg(long)]
        client: String,
        /// owner, super_admin, admin, finance, operation or developer.
        #[arg(long, default_value = "owner")]
        role: String,
    },
    /// Make a link by which a person sets a new password; prints it, once.
    Reset {
        #[arg(long)]
        email: String,
        /// Take the second step away too: the phone and the recovery codes are lost.
        #[arg(long)]
        second_factor: bool,
    },
}

pub fn user(config: Config, command: UserCommand) -> anyhow::Result<()> {
    with_app(config, async |app| {
        match command {
            UserCommand::Create { email, client, role } => {
                let role = Role::parse(&role)
                    .context("--role is owner, super_admin, admin, finance, operation or developer")?;
                anyhow::ensure!(is_email(&email), "--email is no e-mail address");
                let client_id = find_client(&app, &client).await?;
                let token = invitations::invite_first(&app, client_id, &email, role).await?;
                println!("{}", invitations::link(&app, &token));
                eprintln!("hand it over now: it is not shown again, and works once");
            }
            UserCommand::Reset { email, second_factor } => {
                let link = install::reset(&app, &email, second_factor).await?;
                println!("{}", link.context("nobody has this address")?);
                eprintln!("hand it over now: it is not shown again, and works once");
            }
        }
        Ok(())
    })
}

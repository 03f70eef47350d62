//! `muster admin`: what whoever runs the server may do, past all roles. A running server learns of it from the database.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, bail};
use clap::Subcommand;
use uuid::Uuid;

use super::Given;
use crate::ground::Ground;
use crate::identity::Settings as IdentitySettings;
use crate::identity::admin::{self, NewUser};

#[derive(Subcommand)]
pub enum Errand {
    /// Add a user to an account; the password is read from standard input
    CreateUser {
        /// The account's id
        #[arg(long)]
        account: Uuid,
        #[arg(long)]
        email: String,
        #[arg(long)]
        first_name: String,
        #[arg(long)]
        last_name: String,
        /// owner, admin, manager, dispatcher, worker or limitedWorker
        #[arg(long, default_value = "admin")]
        role: String,
        #[command(flatten)]
        given: Given,
    },
    /// Give somebody a new password, read from standard input, and end all of his sessions
    ResetPassword {
        #[arg(long)]
        email: String,
        #[command(flatten)]
        given: Given,
    },
}

pub async fn run(errand: Errand) -> anyhow::Result<()> {
    let given = match &errand {
        Errand::CreateUser { given, .. } | Errand::ResetPassword { given, .. } => given,
    };
    let settings = given.settings()?;
    let password = password()?;
    let ground = Ground::open(&settings).await?;
    let identity = IdentitySettings { bcrypt_cost: settings.password_cost };
    let outcome = match errand {
        Errand::CreateUser { account, email, first_name, last_name, role, .. } => {
            let new = NewUser { account, email: email.clone(), first_name, last_name, role, password };
            admin::create_user(&ground.store, &ground.secrets, identity, new).await.map(|(id, invited)| match invited {
                true => format!("{email} is known from another account: user {id} must accept with his own password."),
                false => format!("User {id} can sign in as {email}."),
            })
        }
        Errand::ResetPassword { email, .. } => {
            let done = admin::reset_password(&ground.store, &ground.secrets, identity, &email, &password).await;
            done.map(|()| format!("{email} has a new password, and is signed out everywhere."))
        }
    };
    ground.close().await;
    println!("{}", outcome?);
    Ok(())
}

/// Not a flag: flags are seen by everybody on the machine, and kept in the shell's history.
fn password() -> anyhow::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("New password (it will be visible): ");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).context("cannot read the password")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("give the password on standard input");
    }
    Ok(password.to_owned())
}

//! `get`: print an access token.

use crate::cli;
use crate::config::{self, Config};
use crate::credentials::{self, Plan};
use crate::env::Env;
use crate::error::Error;
use crate::oauth::ClientCredentials;
use crate::output;
use crate::time::Timestamp;
use crate::token_source;
use crate::ui::Ui;

/// Gets a token and prints it.
///
/// # Errors
/// Whatever stands in the way.
pub fn run(args: &cli::Get, env: &Env, ui: Ui) -> Result<(), Error> {
    let env_name = config::env_name(&args.output).map_err(Error::Usage)?;
    let plan = Plan::new(&args.credentials, env).map_err(Error::Usage)?;
    let config = Config::new(&args.network, &plan, env).map_err(Error::Usage)?;
    tell(&plan, &config, ui);
    let id = credentials::client_id(&plan)?;
    let secret = credentials::client_secret(&plan, args.credentials.client_secret.as_ref(), env)?;
    let token = token_source::token(
        &config,
        &ClientCredentials { id, secret },
        Timestamp::now,
        ui,
    )?;
    let line = output::render(&token, args.output.output, env_name, Timestamp::now());
    Ok(output::write_stdout(&line)?)
}

/// Which sources won, which were passed over, and why.
fn tell(plan: &Plan, config: &Config, ui: Ui) {
    ui.note(|| {
        format!(
            "the client id comes from {}, the secret from {}",
            plan.id_source, plan.secret
        )
    });
    for passed_over in &plan.passed_over {
        let text = || format!("passed over {}: {}", passed_over.source, passed_over.why);
        if passed_over.surprising {
            ui.warning(&text());
        } else {
            ui.note(text);
        }
    }
    ui.note(|| {
        format!(
            "the token URL is {} ({})",
            config.endpoint, config.endpoint_source
        )
    });
}

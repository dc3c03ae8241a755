//! Client secrets that `login` saved: in the keyring, or in a file of ours that is not encrypted. Secrets that are a
//! user's file or command are not ours to write or delete.

use anyhow::Context as _;

use super::keyring;
use crate::error::{Error, Exit};
use crate::lock_file::Guard;
use crate::private_file;
use crate::problem::Problem;
use crate::profile::{ProfileName, Profiles, SecretLocation};
use crate::secret::ClientSecret;

/// Checks that `login` will be able to save a secret at `location`, before it asks for one.
///
/// # Errors
/// If that is the keyring and it is not usable.
pub fn check(name: &ProfileName, location: &SecretLocation) -> Result<(), Error> {
    match location {
        SecretLocation::Keyring => keyring::check(name).map_err(cannot_save),
        _ => Ok(()),
    }
}

/// Saves the secret of the profile `name`.
///
/// # Errors
/// If the keyring does not take it, or the file cannot be written.
pub fn save(
    profiles: &Profiles,
    name: &ProfileName,
    location: &SecretLocation,
    secret: &ClientSecret,
    guard: &Guard,
) -> Result<(), Error> {
    match location {
        SecretLocation::Keyring => keyring::store(name, secret).map_err(cannot_save)?,
        SecretLocation::Stored => {
            let path = profiles.stored_secret(name);
            private_file::replace(&path, secret.expose().as_bytes(), guard)
                .with_context(|| format!("cannot write the client secret to {}", path.display()))?;
        }
        SecretLocation::File(_) | SecretLocation::Command(_) => {}
    }
    Ok(())
}

/// Deletes the secret of the profile `name`, if it is still there.
///
/// # Errors
/// If the keyring does not delete it, or the file cannot be deleted.
pub fn delete(
    profiles: &Profiles,
    name: &ProfileName,
    location: &SecretLocation,
) -> Result<(), Error> {
    match location {
        SecretLocation::Keyring => keyring::delete(name).map_err(|why| {
            keyring_failure(
                format!(
                    "cannot delete the client secret of the profile {name} from the keyring: {why}"
                ),
                "make the keyring available and run the command again",
            )
        })?,
        SecretLocation::Stored => {
            let path = profiles.stored_secret(name);
            private_file::remove(&path).with_context(|| {
                format!("cannot delete the client secret in {}", path.display())
            })?;
        }
        SecretLocation::File(_) | SecretLocation::Command(_) => {}
    }
    Ok(())
}

fn cannot_save(why: String) -> Error {
    keyring_failure(
        format!("cannot save the client secret in the keyring: {why}"),
        "give --client-secret-command to read it from a password manager, or --store file to save it unencrypted",
    )
}

fn keyring_failure(what: String, hint: &str) -> Error {
    Error::Local(Exit::Unexpected, Problem::new(what, hint))
}

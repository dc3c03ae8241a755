//! Client secrets in the operating system's keyring: the Secret Service on Linux, the Keychain on macOS, the Credential
//! Manager on Windows. Errors are one clause that says what the keyring did not do.

use std::io::ErrorKind;
use std::time::Duration;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
#[cfg(all(unix, not(target_os = "macos")))]
use dbus_secret_service_keyring_store::Store;
use keyring_core::api::CredentialStoreApi as _;
use keyring_core::{Entry, Error};
#[cfg(windows)]
use windows_native_keyring_store::Store;

use crate::blocking;
use crate::profile::ProfileName;
use crate::secret::ClientSecret;
use crate::time::Deadline;

/// The service that all entries are filed under; the account is the profile's name.
const SERVICE: &str = "cells-token";

/// A keyring that takes longer is locked, and nobody is at the desktop to unlock it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the secret of a profile.
///
/// # Errors
/// If there is none, or the keyring cannot be used.
pub fn read(name: &ProfileName) -> Result<ClientSecret, String> {
    let read = |entry: &Entry| entry.get_password().map(ClientSecret::new);
    with_entry(name, read)?.ok_or_else(|| "it has no entry for the profile".to_owned())
}

/// Adds or replaces the secret of a profile.
///
/// # Errors
/// If the keyring cannot be used.
pub fn store(name: &ProfileName, secret: &ClientSecret) -> Result<(), String> {
    let secret = secret.clone();
    with_entry(name, move |entry| entry.set_password(secret.expose())).map(drop)
}

/// Deletes the secret of a profile, if there is one.
///
/// # Errors
/// If the keyring cannot be used.
pub fn delete(name: &ProfileName) -> Result<(), String> {
    with_entry(name, Entry::delete_credential).map(drop)
}

/// Checks that a keyring answers.
///
/// # Errors
/// If it cannot be used.
pub fn check(name: &ProfileName) -> Result<(), String> {
    with_entry(name, |entry| entry.get_credential().map(drop)).map(drop)
}

/// `None` if there is no such entry. A locked keyring does not answer until somebody unlocks it.
fn with_entry<T: Send + 'static>(
    name: &ProfileName,
    action: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static,
) -> Result<Option<T>, String> {
    let name = name.as_str().to_owned();
    let work = move || {
        let store =
            Store::new().map_err(|error| format!("no keyring service: {}", explain(error)))?;
        let entry = store.build(SERVICE, &name, None);
        match entry.and_then(|entry| action(&entry)) {
            Ok(result) => Ok(Some(result)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(explain(error)),
        }
    };
    blocking::run(Deadline::after(TIMEOUT), || {}, work).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => format!(
            "no answer within {} seconds; it may be locked",
            TIMEOUT.as_secs()
        ),
        _ => error.to_string(),
    })?
}

/// Not every `Error` may be shown: some contain the secret.
fn explain(error: Error) -> String {
    match error {
        Error::PlatformFailure(cause) => cause.to_string(),
        Error::NoStorageAccess(cause) => format!("it cannot be unlocked: {cause}"),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "the entry is not text".to_owned(),
        Error::TooLong(_, limit) => format!("secrets over {limit} characters do not fit"),
        Error::Ambiguous(_) => "it has several entries for the profile".to_owned(),
        _ => "it refused the request".to_owned(),
    }
}

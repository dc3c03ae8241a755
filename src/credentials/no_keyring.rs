//! Stands in for `keyring` in a program built without that feature.

use crate::profile::ProfileName;
use crate::secret::ClientSecret;

const WHY: &str = "this program was built without keyring support";

pub fn read(_: &ProfileName) -> Result<ClientSecret, String> {
    Err(WHY.to_owned())
}

pub fn store(_: &ProfileName, _: &ClientSecret) -> Result<(), String> {
    Err(WHY.to_owned())
}

pub fn delete(_: &ProfileName) -> Result<(), String> {
    Err(WHY.to_owned())
}

pub fn check(_: &ProfileName) -> Result<(), String> {
    Err(WHY.to_owned())
}

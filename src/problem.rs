//! An error message and its hint. The code that detects a problem writes both; `error` assigns the exit code.

use serde::{Deserialize, Serialize};

/// An error message and a hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What failed and where: one lower-case clause without a full stop, never a secret.
    pub what: String,
    /// What to do about it: one imperative sentence that names the option or variable.
    pub hint: String,
}

impl Problem {
    /// Creates a problem from its message and hint.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

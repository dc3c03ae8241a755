//! A problem in words: what happened and where, and what to do. Whoever finds it words it; `error`
//! says which exit code it means.

use serde::{Deserialize, Serialize};

/// One sentence, and one hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What happened and where: lower case, no full stop, never a secret.
    pub what: String,
    /// The option or variable to change, or the thing to look at.
    pub hint: String,
}

impl Problem {
    /// `what` happened; `hint` helps.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

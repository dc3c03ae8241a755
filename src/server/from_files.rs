//! Values that are read from files at startup, and again on SIGHUP.

use std::sync::{Arc, Mutex};

use super::lock;
use crate::problem::Problem;
use crate::report::Reporter;

/// A value from files.
pub struct FromFiles<T> {
    /// What it is, for messages.
    what: &'static str,
    read: Box<dyn Fn() -> Result<T, Problem> + Send + Sync>,
    value: Mutex<Arc<T>>,
}

impl<T> FromFiles<T> {
    /// Reads the files.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn new(
        what: &'static str,
        read: impl Fn() -> Result<T, Problem> + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        Ok(Self {
            what,
            value: Mutex::new(Arc::new(read()?)),
            read: Box::new(read),
        })
    }

    /// Reads the files again. If they cannot be used, the old value stays in use.
    pub fn reload(&self, report: Reporter) {
        let what = self.what;
        match (self.read)() {
            Ok(value) => {
                *lock(&self.value) = Arc::new(value);
                report.info(&format!("reloaded {what}"));
            }
            Err(Problem { what: why, .. }) => report.warning(&format!(
                "{what} could not be reloaded and stays in use: {why}"
            )),
        }
    }

    /// The value in use.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&lock(&self.value))
    }
}

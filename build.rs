//! How the program is linked, and nothing else: no file is made.
//!
//! On Linux with glibc it takes the unwinder into itself. libgcc_s.so.1, which Rust's standard library asks for otherwise,
//! is found, mapped and relocated at each start, for panics that do not come: an eighth of a cached `get`
//! (CONTRIBUTING.md, "Speed"). Where the static one is not to be had, everything stays as it would have been.

#![allow(
    clippy::disallowed_methods,
    reason = "cargo talks to a build script by its environment; the program's own reader is env.rs"
)]

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux"
        && target("ENV") == "gnu"
        && let Some(folder) = folder_of("libgcc_eh.a")
    {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static=gcc_eh");
    }
}

/// Where the C compiler that links the program keeps one of its own libraries.
fn folder_of(library: &str) -> Option<PathBuf> {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or("cc".into());
    let question = format!("-print-file-name={library}");
    let answer = Command::new(linker).arg(question).output().ok()?;
    let file = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim_end());
    // The bare name comes back if there is none.
    if !file.is_absolute() {
        return None;
    }
    file.parent().map(Into::into)
}

//! Linker settings for Linux with glibc. Both keep the start short, because a cached `get` is little more than its start.
//! The static musl binaries that are released have no dynamic linker.
//!
//! - The unwinder is linked statically: loading libgcc_s.so.1 takes an eighth of the time of a cached `get`
//!   (CONTRIBUTING.md, "Speed"). Without a static unwinder, the default stays.
//! - Functions of libc are bound when they are first called, as C programs do by default. libdbus alone imports 80 that a
//!   cached `get` never calls; to bind them all at the start is 8 % of its instructions.

#![allow(
    clippy::disallowed_methods,
    reason = "cargo passes settings to build scripts in the environment"
)]

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") != "linux" || target("ENV") != "gnu" {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-z,lazy");
    if let Some(directory) = directory_of("libgcc_eh.a") {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static=gcc_eh");
    }
}

/// The directory in which the C compiler has one of its own libraries.
fn directory_of(library: &str) -> Option<PathBuf> {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or("cc".into());
    let option = format!("-print-file-name={library}");
    let output = Command::new(linker).arg(option).output().ok()?;
    let file = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end());
    // Without such a library, the compiler prints the bare name.
    if !file.is_absolute() {
        return None;
    }
    file.parent().map(Into::into)
}

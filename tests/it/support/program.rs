//! Which program the tests run: the one cargo built with them, or the release build that `CELLS_TOKEN_BIN` names.
//!
//! A named program is used only if it cannot be the wrong one by mistake: its version and help are those of the built
//! program, and it is newer than every source file.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

#[cfg(target_os = "linux")]
use super::skip::{needed, skipped};

const BUILT: &str = env!("CARGO_BIN_EXE_cells-token");
const VARIABLE: &str = "CELLS_TOKEN_BIN";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The absolute path of the program under test.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os(VARIABLE) {
        Some(path) => named(Path::new(&path)),
        None => BUILT.into(),
    });
    &PROGRAM
}

/// Whether a dynamic linker loads the program: its ELF header, 64-bit and little-endian, has an entry PT_INTERP. `LD_PRELOAD`
/// has no effect on other programs.
#[cfg(target_os = "linux")]
pub fn is_dynamic() -> bool {
    const PT_INTERP: usize = 3;
    let elf = fs::read(program()).unwrap();
    let number = |at: usize, length: usize| {
        let bytes = elf[at..at + length].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|i| number(table + i * size, 4) == PT_INTERP)
}

/// The library that sets the calendar clock of a process; `None`, with a message, if `test` cannot use it.
#[cfg(target_os = "linux")]
pub fn libfaketime(test: &str) -> Option<String> {
    let arch = std::env::consts::ARCH;
    let library = format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketimeMT.so.1");
    if !is_dynamic() {
        skipped(test, "a dynamic program, for LD_PRELOAD");
        return None;
    }
    if !Path::new(&library).exists() {
        needed(test, "libfaketime");
        return None;
    }
    Some(library)
}

fn named(path: &Path) -> PathBuf {
    let program = fs::canonicalize(path)
        .unwrap_or_else(|error| panic!("{VARIABLE}: cannot use {path:?}: {error}"));
    let expected_name = Path::new(BUILT).file_name();
    assert_eq!(
        program.file_name(),
        expected_name,
        "{VARIABLE}: the tests call the program by this name"
    );
    for option in ["--version", "--help"] {
        let output = |program: &Path| Command::new(program).arg(option).output().unwrap().stdout;
        assert!(
            output(&program) == output(Path::new(BUILT)),
            "{VARIABLE}: {option} differs from that of {BUILT}: wrong version or cargo features"
        );
    }
    let built_at = modified(&program);
    for source in ["Cargo.toml", "Cargo.lock", "build.rs", "src"] {
        assert_older(&Path::new(ROOT).join(source), built_at);
    }
    let notice = format!("{VARIABLE}: testing {}\n", program.display());
    // Past libtest's capture.
    io::stderr().write_all(notice.as_bytes()).unwrap();
    program
}

fn assert_older(source: &Path, built_at: SystemTime) {
    if source.is_dir() {
        for file in fs::read_dir(source).unwrap() {
            assert_older(&file.unwrap().path(), built_at);
        }
    } else {
        assert!(
            modified(source) <= built_at,
            "{VARIABLE}: the program is older than {}",
            source.display()
        );
    }
}

fn modified(file: &Path) -> SystemTime {
    fs::metadata(file).unwrap().modified().unwrap()
}

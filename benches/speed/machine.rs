//! Which machine and which versions the measurements were made with.

use std::fs;
use std::time::SystemTime;

use crate::measure::first_line;

/// Date, versions and machine in one line, its parts separated by ` · `; `versions` are those of the programs compared.
pub fn describe(versions: impl IntoIterator<Item = String>) -> String {
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let machine = [
        value_in("/etc/os-release", "PRETTY_NAME"),
        first_line("uname", &["-sr"]),
        value_in("/proc/cpuinfo", "model name").map(|name| format!("{processors} × {name}")),
    ];
    let mut parts = vec![date[..10].to_owned()];
    parts.extend(versions);
    parts.extend(machine.into_iter().flatten());
    parts.join(" · ")
}

/// The value in a line such as `name: value` or `NAME="value"`.
fn value_in(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim_matches(['\t', ' ', ':', '=', '"']).to_owned())
}

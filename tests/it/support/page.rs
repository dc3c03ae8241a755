//! Runs the code blocks of the documents unchanged: in a sandbox, with stand-ins for programs that a test must not run
//! or that may be missing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Output, TestEnv};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The service that the sandbox replaces.
const SERVICE: &str = "https://api.aspose.cloud";

/// Programs that the documents call, and the scripts that replace them.
const STAND_INS: &[(&str, &str)] = &[
    // Building again would take minutes; .ci/run does it.
    (
        "cargo",
        "case $* in
'run --release -- '*) shift 3; exec cells-token \"$@\" ;;
'install --path . --locked' | test) ;;
*) exit 99 ;;
esac",
    ),
    // Sends requests for the service to the sandbox.
    (
        "curl",
        "PATH=${PATH#*/stand-ins:}
for argument do
    shift
    case $argument in SERVICE*) argument=$CELLS_BASE_URL${argument#SERVICE} ;; esac
    set -- \"$@\" \"$argument\"
done
exec curl \"$@\"",
    ),
    // A password manager.
    ("pass", "cat secret.txt"),
    // Records the pause instead of sleeping.
    ("sleep", "echo \"$1\" >>slept"),
];

/// What the documents assume: a program, a file with the secret, the URL of an API call.
const PREREQUISITES: &str = "\
printf '%s\\n' \"$CELLS_CLIENT_SECRET\" >secret.txt
printf '#!/bin/sh\\ncase $CELLS_ACCESS_TOKEN in eyJ*.*.*) echo reported ;; *) exit 1 ;; esac\\n' >report.sh
chmod +x report.sh
export URL=\"$CELLS_BASE_URL/v4.0/cells/anything\"
";

/// Prints the next command and keeps the exit status of the previous one.
const MARK: &str = "mark() { s=$?; printf '%s\\n' \"$1\"; return $s; }\n";

/// A block of code between fences.
pub struct Block {
    /// The word after the opening fence.
    pub language: String,
    /// File and line, for messages.
    pub place: String,
    pub text: String,
}

/// Reads a document. The path is relative to the repository.
pub fn document(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// The code blocks of a document, in order.
pub fn blocks(name: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (i, line) in document(name).lines().enumerate() {
        match (line.trim_end().strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.to_owned(),
                    place: format!("{name}:{}", i + 2),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{name} ends inside a block");
    blocks
}

/// An environment in which the documents' blocks run.
pub fn environment() -> TestEnv {
    let mut env = TestEnv::new();
    let dir = env.path("stand-ins");
    fs::create_dir(&dir).unwrap();
    for (name, script) in STAND_INS {
        let path = dir.join(name);
        let script = format!("#!/bin/sh\n{}\n", script.replace("SERVICE", SERVICE));
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    env.first_on_path(dir)
        .var("CELLS_NO_CACHE", "")
        .var("GITHUB_ENV", "github-env");
    env
}

/// Runs `text` in `shell`, such as `sh -eu`, in a sandbox with the given options.
pub fn run(env: &mut TestEnv, sandbox: &str, shell: &str, text: &str) -> Output {
    env.file("prerequisites.sh", PREREQUISITES);
    env.file("block", text);
    env.sh(&format!(
        "exec cells-token sandbox {sandbox} -- sh -euc '. ./prerequisites.sh; exec {shell} ./block'"
    ))
}

/// Fails unless a block succeeds and prints nothing to standard error.
pub fn succeeds(shell: &str, block: &Block) -> Output {
    let output = run(&mut environment(), "", shell, &block.text);
    assert_eq!(output.code, Some(0), "{}: {output}", block.place);
    assert_eq!(output.stderr, "", "{}: {output}", block.place);
    output
}

/// Fails unless the commands of a block, marked with `$ `, print what it shows. `…` matches any text.
pub fn shows(block: &Block) {
    let mut script = MARK.to_owned();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let quoted = line.replace('\'', r"'\''");
            script += &format!("mark '{quoted}'\n{command}\n");
        }
    }
    let output = run(
        &mut environment(),
        "",
        "sh -c \"exec 2>&1; . \\$0\"",
        &script,
    );
    let base_url = |line: &str| match line.split_once("http://127.0.0.1:") {
        Some((before, after)) => format!(
            "{before}{SERVICE}{}",
            after.trim_start_matches(|c: char| c.is_ascii_digit())
        ),
        None => line.to_owned(),
    };
    let printed: Vec<String> = output.stdout.lines().map(base_url).collect();
    let shown: Vec<&str> = block.text.lines().collect();
    assert!(
        printed.len() == shown.len()
            && printed
                .iter()
                .zip(&shown)
                .all(|(line, pattern)| is_like(line, pattern)),
        "{} shows\n{}\nbut the output is\n{}",
        block.place,
        block.text,
        printed.join("\n")
    );
}

fn is_like(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn an_ellipsis_matches_any_text() {
    for (line, pattern, expected) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "a…", true),
        ("abc", "…c", true),
        ("abc", "a…b…c", true),
        ("abc", "a…x…c", false),
        ("abc", "x…", false),
        ("abc", "…b", false),
    ] {
        assert_eq!(is_like(line, pattern), expected, "{line} {pattern}");
    }
}

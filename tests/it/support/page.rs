//! The blocks of code in a document of ours, and a world in which they can be run as they stand: beside a sandbox, with
//! stand-ins for what a test must not do or a machine need not have.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Output, TestEnv};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The service, whose place the sandbox takes.
const SERVICE: &str = "https://api.aspose.cloud";

/// Commands of the documents that are not what they seem here.
const STAND_INS: &[(&str, &str)] = &[
    // To build it again would take minutes. The rest is for .ci/run.
    (
        "cargo",
        "case $* in
'run --release -- '*) shift 3; exec cells-token \"$@\" ;;
'install --path . --locked' | test) ;;
*) exit 99 ;;
esac",
    ),
    // The sandbox is the service.
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
    ("pass", "printf '%s\\n' \"$CELLS_CLIENT_SECRET\""),
    // Nobody waits for a test.
    ("sleep", "echo \"$1\" >>slept"),
];

/// What a reader of the documents has: a program of their own, a file with the secret, a page of the API.
const READERS: &str = "\
printf '%s\\n' \"$CELLS_CLIENT_SECRET\" >secret.txt
printf '#!/bin/sh\\ncase $CELLS_ACCESS_TOKEN in eyJ*.*.*) echo reported ;; *) exit 1 ;; esac\\n' >report.sh
chmod +x report.sh
export URL=\"$CELLS_BASE_URL/v4.0/cells/anything\"
";

/// Says which command it is, and leaves its predecessor's status alone.
const MARK: &str = "mark() { s=$?; printf '%s\\n' \"$1\"; return $s; }\n";

/// A block of code between fences.
pub struct Block {
    /// The word behind the fence.
    pub language: String,
    /// Its first line, with the document: for messages.
    pub place: String,
    pub text: String,
}

/// The document, from the top of the repository.
pub fn document(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// The blocks of a document, in order.
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
    assert!(open.is_none(), "{name} ends within a block");
    blocks
}

/// A world for a reader.
pub fn world() -> TestEnv {
    let mut env = TestEnv::new();
    let folder = env.path("stand-ins");
    fs::create_dir(&folder).unwrap();
    for (name, script) in STAND_INS {
        let path = folder.join(name);
        let script = format!("#!/bin/sh\n{}\n", script.replace("SERVICE", SERVICE));
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    env.first_on_path(folder)
        .var("CELLS_NO_CACHE", "")
        .var("GITHUB_ENV", "github-env");
    env
}

/// Runs `text` in `shell`, such as `sh -eu`, beside a sandbox with these options.
pub fn run(env: &mut TestEnv, sandbox: &str, shell: &str, text: &str) -> Output {
    env.file("readers.sh", READERS);
    env.file("block", text);
    env.sh(&format!(
        "exec cells-token sandbox {sandbox} -- sh -euc '. ./readers.sh; exec {shell} ./block'"
    ))
}

/// Fails unless a block runs to its end, in a shell that stops at the first failure, and complains of nothing.
pub fn succeeds(shell: &str, block: &Block) -> Output {
    let output = run(&mut world(), "", shell, &block.text);
    assert_eq!(output.code, Some(0), "{}: {output}", block.place);
    assert_eq!(output.stderr, "", "{}: {output}", block.place);
    output
}

/// Fails unless the commands of a block, which stand behind `$ `, print what it shows; `…` is anything.
pub fn shows(block: &Block) {
    let mut script = MARK.to_owned();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let quoted = line.replace('\'', r"'\''");
            script += &format!("mark '{quoted}'\n{command}\n");
        }
    }
    let output = run(&mut world(), "", "sh -c \"exec 2>&1; . \\$0\"", &script);
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
        "{} shows\n{}\nbut it is\n{}",
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
fn likeness_is_judged_part_by_part() {
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

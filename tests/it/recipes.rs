//! docs/recipes.md: the shell lines of every recipe run in a sandbox, in the shell and with the settings that the
//! recipe is for. The rest of the files (YAML keys, unit settings, Dockerfile) is not tested here.
#![cfg(all(unix, feature = "server"))]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::page::{self, Block, blocks, document, environment};
use crate::support::{Output, TestEnv, is_installed};

const RECIPES: &str = "docs/recipes.md";
const STRICT: &str = "sh -eu";

/// The one block of a language that contains `text`.
fn block(language: &str, text: &str) -> Block {
    let mut found = blocks(RECIPES)
        .into_iter()
        .filter(|block| block.language == language && block.text.contains(text));
    match (found.next(), found.next()) {
        (Some(block), None) => block,
        _ => panic!("{RECIPES} needs exactly one {language} block with {text:?}"),
    }
}

fn succeeds(env: &mut TestEnv, shell: &str, script: &str) -> Output {
    let output = page::run(env, "", shell, script);
    assert_eq!(output.code, Some(0), "{script}\n{output}");
    assert_eq!(output.stderr, "", "{script}\n{output}");
    output
}

fn executable(env: &TestEnv, name: &str, script: &str) {
    let path = env.path("stand-ins").join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_block_has_a_test() {
    let languages: Vec<_> = blocks(RECIPES)
        .into_iter()
        .map(|block| block.language)
        .collect();
    let expected = [
        "sh",
        "sh",
        "fish",
        "powershell",
        "sh",
        "yaml",
        "yaml",
        "make",
        "dockerfile",
        "dockerfile",
        "sh",
        "yaml",
        "ini",
        "crontab",
    ];
    assert_eq!(languages, expected);
}

#[test]
fn password_manager() {
    let script = block("sh", "CELLS_CLIENT_SECRET_COMMAND").text;
    let script = format!("unset CELLS_CLIENT_SECRET\n{script}");
    let output = succeeds(&mut environment(), STRICT, &script);
    assert_eq!(output.stdout, "reported\n");
}

/// Stand-ins print the secret only when they are called with exactly the documented arguments.
#[test]
fn commands_of_password_managers() {
    let document = document(RECIPES);
    let table = document
        .lines()
        .skip_while(|line| !line.starts_with("| password manager"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let commands: Vec<_> = table
        .map(|row| row.trim_end_matches("` |").rsplit_once('`').unwrap().1)
        .collect();
    assert_eq!(commands.len(), 6);
    for command in commands {
        let mut env = environment();
        let (program, arguments) = command.split_once(' ').unwrap();
        let arguments = arguments.replace('"', "");
        executable(
            &env,
            program,
            &format!("#!/bin/sh\n[ \"$*\" = '{arguments}' ] && printf '%s\\n' \"$STORED\"\n"),
        );
        let script = format!(
            "export STORED=\"$CELLS_CLIENT_SECRET\"; unset CELLS_CLIENT_SECRET\n\
             cells-token get --client-secret-command '{command}'"
        );
        let output = succeeds(&mut env, STRICT, &script);
        assert!(output.stdout.starts_with("eyJ"), "{command}: {output}");
    }
}

#[test]
fn posix_shells() {
    let block = block("sh", "export TOKEN");
    succeeds(&mut environment(), STRICT, &block.text);
    page::run(&mut environment(), "--respond 404", STRICT, &block.text).exits(7);
    let hidden = "export TOKEN=$(cells-token get)";
    page::run(&mut environment(), "--respond 404", STRICT, hidden).exits(0);
}

#[test]
fn fish() {
    if is_installed("fish") {
        let block = block("fish", "set -gx");
        succeeds(&mut environment(), "fish --no-config", &block.text);
        page::run(
            &mut environment(),
            "--respond 404",
            "fish --no-config",
            &block.text,
        )
        .exits(7);
    }
}

/// PowerShell is rarely installed, so its absence is no failure even under `CI`.
#[test]
fn powershell() {
    if TestEnv::new().sh("command -v pwsh").code == Some(0) {
        let block = block("powershell", "LASTEXITCODE");
        succeeds(&mut environment(), "pwsh -NoProfile -File", &block.text);
    } else {
        eprintln!("SKIPPED: pwsh is not installed");
    }
}

#[test]
fn retry_loop() {
    let block = block("sh", "for pause in");
    for (answers, code, slept) in [
        ("200", 0, ""),
        ("503,200", 0, "60\n"),
        ("503,429,200", 0, "60\n300\n"),
        ("503", 1, "60\n300\n0\n"),
        ("404", 1, ""),
    ] {
        let mut env = environment();
        env.var("CELLS_RETRIES", "0").var("CELLS_NO_CACHE", "1");
        let respond = format!("--respond {answers}");
        page::run(&mut env, &respond, STRICT, &block.text).exits(code);
        let found = fs::read_to_string(env.path("slept")).unwrap_or_default();
        assert_eq!(found, slept, "{answers}");
    }
}

/// Each step runs in its own shell, with what earlier ones wrote to `$GITHUB_ENV`.
#[test]
fn github_actions() {
    let mut script = "touch github-env\n".to_owned();
    let steps = scripts(&block("yaml", "runs-on:").text, "run:");
    assert_eq!(steps.len(), 3);
    for (i, step) in steps.iter().enumerate() {
        script += &format!("cat >step-{i} <<'END-OF-STEP'\n{step}END-OF-STEP\n");
        // The options of `shell: bash`; the default lacks only pipefail.
        script +=
            &format!("(set -a; . ./github-env; bash --noprofile --norc -eo pipefail step-{i})\n");
    }
    let output = succeeds(&mut environment(), STRICT, &script);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{output}");
    assert!(lines[1].starts_with("::add-mask::eyJ"), "{output}");
    assert_eq!([lines[0], lines[2]], ["reported"; 2]);
}

/// The lines of a job run in one shell.
#[test]
fn gitlab_ci() {
    let jobs = block("yaml", "  script:\n").text;
    let jobs: Vec<_> = jobs.split("\n\n").map(|job| scripts(job, "-")).collect();
    assert_eq!(jobs.len(), 2);
    for (commands, reports) in jobs.iter().zip([1, 2]) {
        let output = succeeds(&mut environment(), "bash -eo pipefail", &commands.concat());
        assert_eq!(output.stdout, "reported\n".repeat(reports));
    }
    let second = jobs[1].concat();
    page::run(
        &mut environment(),
        "--respond 404",
        "bash -eo pipefail",
        &second,
    )
    .exits(7);
}

#[test]
fn makefile() {
    let makefile = block("make", "").text;
    for (target, reports) in [("report", 1), ("report-of-two", 2)] {
        let shell = format!("sh -c \"make -s -f \\$0 {target}\"");
        let output = succeeds(&mut environment(), &shell, &makefile);
        assert_eq!(output.stdout, "reported\n".repeat(reports), "{target}");
        let output = page::run(&mut environment(), "--respond 404", &shell, &makefile);
        assert_eq!((output.code, &*output.stdout), (Some(2), ""), "{output}");
    }
}

/// A script stands in for `docker build` and reads the secret file as the line of the Dockerfile would.
#[test]
fn docker_build_secret() {
    let line = block("dockerfile", "id=cells-header").text;
    let line = line.split_once("id=cells-header \\\n").unwrap().1;
    assert!(line.contains("curl -sS -H @/run/secrets/cells-header"));
    let mut env = environment();
    let line = line.replace("/run/secrets/cells-header", "$file");
    let docker = format!(
        "#!/bin/sh -eu\n[ \"$1 $2\" = 'build --secret' ]\nfile=${{3#id=cells-header,src=}}\nstat -c %a \"$file\"\ncut -c-25 \"$file\"\n{line}"
    );
    executable(&env, "docker", &docker);
    let script = block("sh", "docker build").text;
    let output = succeeds(
        &mut env,
        STRICT,
        &format!("TMPDIR=$PWD\nexport TMPDIR\n{script}"),
    );
    assert_eq!(output.stdout, "600\nAuthorization: Bearer eyJ\n");
    assert!(env.path("template.xlsx").exists());
    let left = fs::read_dir(env.path("")).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.starts_with("tmp.")).collect();
    assert!(left.is_empty(), "the header is still there: {left:?}");
}

#[test]
fn kubernetes_secret_file() {
    let file = block("yaml", "kind: CronJob").text;
    let command = file
        .lines()
        .find_map(|line| line.trim().strip_prefix("command: "));
    let command: Vec<String> = serde_json::from_str(command.unwrap()).unwrap();
    reports_with_a_secret_file(&command.join(" "));
}

#[test]
fn systemd() {
    let unit = block("ini", "").text;
    let command = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/"));
    reports_with_a_secret_file(&command.unwrap().replace("/usr/local/bin/", "./"));
}

/// cron runs what follows the five time fields with `sh -c`.
#[test]
fn cron() {
    let table = block("crontab", "").text;
    let line = table.lines().last().unwrap();
    let command = line.splitn(6, ' ').last().unwrap().trim();
    reports_with_a_secret_file(&format!(
        "mkdir bin; cp report.sh bin; export HOME=$PWD\n{command}"
    ));
}

/// Runs `command` with the secret in a file behind a symbolic link, as Kubernetes mounts it, and in no variable.
fn reports_with_a_secret_file(command: &str) {
    let script = format!(
        "mkdir mount && mv secret.txt mount/..data && chmod 440 mount/..data && ln -s ..data mount/client-secret\n\
         export CELLS_CLIENT_SECRET_FILE=$PWD/mount/client-secret\n\
         unset CELLS_CLIENT_SECRET\n\
         {command}\n"
    );
    let output = succeeds(&mut environment(), STRICT, &script);
    assert_eq!(output.stdout, "reported\n", "{command}");
}

/// The shell lines that follow `key` in our YAML: on its line or, after `|`, indented below it.
fn scripts(yaml: &str, key: &str) -> Vec<String> {
    let mut scripts: Vec<String> = Vec::new();
    let mut block_indent: Option<usize> = None;
    for line in yaml.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        match block_indent {
            Some(outer) if indent > outer || text.is_empty() => {
                *scripts.last_mut().unwrap() += &format!("{text}\n");
                continue;
            }
            _ => block_indent = None,
        }
        // The key may follow the dash of a list item.
        let text = text
            .strip_prefix("- ")
            .filter(|_| key != "-")
            .unwrap_or(text);
        match text.strip_prefix(key).map(str::trim) {
            Some("|") => {
                scripts.push(String::new());
                block_indent = Some(indent);
            }
            Some(script) => scripts.push(format!("{script}\n")),
            None => {}
        }
    }
    scripts
}

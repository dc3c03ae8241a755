//! docs/recipes.md: the shell lines of every recipe, run in a sandbox by the shell and with the settings of the system
//! that the recipe is for. Whatever systems make of the rest of these files is not seen here.
#![cfg(all(unix, feature = "server"))]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::page::{self, Block, blocks, world};
use crate::support::{Output, TestEnv};

const RECIPES: &str = "docs/recipes.md";

/// Of the document: the first word in a block that tells it from the others.
fn block(language: &str, text: &str) -> Block {
    let mut found = blocks(RECIPES)
        .into_iter()
        .filter(|block| block.language == language && block.text.contains(text));
    match (found.next(), found.next()) {
        (Some(block), None) => block,
        _ => panic!("there is not one {language} block with {text:?} in {RECIPES}"),
    }
}

fn runs(env: &mut TestEnv, shell: &str, script: &str) -> Output {
    let output = page::run(env, "", shell, script);
    assert_eq!(output.code, Some(0), "{script}\n{output}");
    assert_eq!(output.stderr, "", "{script}\n{output}");
    output
}

/// The secret is in a file that a link leads to, as Kubernetes mounts it, and in no variable.
const IN_A_FILE: &str = "\
mkdir mount && mv secret.txt mount/..data && chmod 440 mount/..data && ln -s ..data mount/client-secret
export CELLS_CLIENT_SECRET_FILE=$PWD/mount/client-secret
unset CELLS_CLIENT_SECRET
";

#[test]
fn no_block_is_without_a_test() {
    let languages: Vec<_> = blocks(RECIPES)
        .into_iter()
        .map(|block| block.language)
        .collect();
    let expected = [
        "yaml",
        "yaml",
        "make",
        "dockerfile",
        "sh",
        "yaml",
        "ini",
        "crontab",
    ];
    assert_eq!(languages, expected);
}

/// Each step in a shell of its own, with what earlier ones wrote to `$GITHUB_ENV`.
#[test]
fn github_actions() {
    let mut script = "touch github-env\n".to_owned();
    let scripts = scripts(&block("yaml", "runs-on:").text, "run:");
    assert_eq!(scripts.len(), 3);
    for (i, step) in scripts.iter().enumerate() {
        script += &format!("cat >step-{i} <<'END-OF-STEP'\n{step}END-OF-STEP\n");
        // As `shell: bash` does, and without it all but pipefail.
        script +=
            &format!("(set -a; . ./github-env; bash --noprofile --norc -eo pipefail step-{i})\n");
    }
    let output = runs(&mut world(), "sh -eu", &script);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{output}");
    assert!(lines[1].starts_with("::add-mask::eyJ"), "{output}");
    assert_eq!([lines[0], lines[2]], ["reported"; 2]);
}

/// The lines of a job in one shell.
#[test]
fn gitlab_ci() {
    let jobs = block("yaml", "  script:\n").text;
    let jobs: Vec<_> = jobs.split("\n\n").map(|job| scripts(job, "-")).collect();
    assert_eq!(jobs.len(), 2);
    for (commands, reports) in jobs.iter().zip([1, 2]) {
        let output = runs(&mut world(), "bash -eo pipefail", &commands.concat());
        assert_eq!(output.stdout, "reported\n".repeat(reports));
    }
    let second = jobs[1].concat();
    page::run(&mut world(), "--respond 404", "bash -eo pipefail", &second).exits(7);
}

#[test]
fn makefile() {
    let makefile = block("make", "").text;
    for (target, reports) in [("report", 1), ("report-of-two", 2)] {
        let shell = format!("sh -c \"make -s -f \\$0 {target}\"");
        let output = runs(&mut world(), &shell, &makefile);
        assert_eq!(output.stdout, "reported\n".repeat(reports), "{target}");
        let output = page::run(&mut world(), "--respond 404", &shell, &makefile);
        assert_eq!((output.code, &*output.stdout), (Some(2), ""), "{output}");
    }
}

/// Docker's part is played by a script that reads the secret as the build's one line would.
#[test]
fn docker_build_secret() {
    let line = block("dockerfile", "").text;
    let line = line.split_once("id=cells-header \\\n").unwrap().1;
    assert!(line.contains("curl -sS -H @/run/secrets/cells-header"));
    let mut env = world();
    let docker = env.path("stand-ins").join("docker");
    let script = format!(
        "#!/bin/sh -eu\n[ \"$1 $2\" = 'build --secret' ]\nfile=${{3#id=cells-header,src=}}\nstat -c %a \"$file\"\ncut -c-25 \"$file\"\n{}",
        line.replace("/run/secrets/cells-header", "$file")
    );
    fs::write(&docker, script).unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let script = block("sh", "docker build").text;
    let output = runs(
        &mut env,
        "sh -eu",
        &format!("TMPDIR=$PWD\nexport TMPDIR\n{script}"),
    );
    assert_eq!(output.stdout, "600\nAuthorization: Bearer eyJ\n");
    assert!(env.path("template.xlsx").exists());
    let left = fs::read_dir(env.path("")).unwrap();
    let left = left.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("tmp.")
    });
    assert_eq!(left.count(), 0, "the header is deleted");
}

#[test]
fn kubernetes_secret_file() {
    let file = block("yaml", "kind: CronJob").text;
    let command = file
        .lines()
        .find_map(|line| line.trim().strip_prefix("command: "));
    let command: Vec<String> = serde_json::from_str(command.unwrap()).unwrap();
    reports_from_a_file(&command.join(" "));
}

#[test]
fn systemd() {
    let unit = block("ini", "").text;
    let command = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/"));
    reports_from_a_file(&command.unwrap().replace("/usr/local/bin/", "./"));
}

/// cron runs what stands behind the five times with `sh -c`.
#[test]
fn cron() {
    let table = block("crontab", "").text;
    let line = table.lines().last().unwrap();
    let command = line.splitn(6, ' ').last().unwrap().trim();
    reports_from_a_file(&format!(
        "mkdir bin; cp report.sh bin; export HOME=$PWD\n{command}"
    ));
}

fn reports_from_a_file(command: &str) {
    let output = runs(&mut world(), "sh -eu", &format!("{IN_A_FILE}{command}\n"));
    assert_eq!(output.stdout, "reported\n", "{command}");
}

/// What stands behind `key` in a YAML file of ours, on its line or, behind `|`, indented below it.
fn scripts(yaml: &str, key: &str) -> Vec<String> {
    let mut scripts: Vec<String> = Vec::new();
    let mut inside: Option<usize> = None;
    for line in yaml.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        match inside {
            Some(outer) if indent > outer || text.is_empty() => {
                *scripts.last_mut().unwrap() += &format!("{text}\n");
                continue;
            }
            _ => inside = None,
        }
        // `- run: …` begins a step with it.
        let text = text
            .strip_prefix("- ")
            .filter(|_| key != "-")
            .unwrap_or(text);
        match text.strip_prefix(key).map(str::trim) {
            Some("|") => {
                scripts.push(String::new());
                inside = Some(indent);
            }
            Some(script) => scripts.push(format!("{script}\n")),
            None => {}
        }
    }
    scripts
}

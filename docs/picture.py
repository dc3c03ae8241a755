#!/usr/bin/env python3
"""Records docs/picture.svg, the terminal session in the README: docs/picture.py

Types a session into an interactive shell in `cells-token sandbox`, with a keyring of its own, and records what the
terminal shows. Needs cells-token on PATH, gnome-keyring, dbus, and npx for svg-term-cli.
"""

import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time

COLUMNS, LINES = 88, 14
PROMPT = "\x1b[1;32m$\x1b[0m "


class Recording:
    """A shell on a terminal, and an asciicast of its output."""

    def __init__(self, env):
        self.start = time.monotonic()
        self.events = []
        self.output = ""
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execvpe("bash", ["bash", "--norc", "--noprofile"], env)
        termios.tcsetwinsize(self.terminal, (LINES, COLUMNS))

    def wait_for(self, pattern):
        while not re.search(pattern, self.output):
            if not select.select([self.terminal], [], [], 30)[0]:
                sys.exit(f"{pattern!r} never appeared on: {self.output!r}")
            text = os.read(self.terminal, 4096).decode()
            self.output += text
            self.events.append([time.monotonic() - self.start, "o", text])
        self.output = ""

    def type(self, text):
        """Types word by word, which keeps the picture small."""
        time.sleep(0.8)
        for word in re.findall(r"\S+\s*", text):
            os.write(self.terminal, word.encode())
            time.sleep(0.12)
        time.sleep(0.3)
        os.write(self.terminal, b"\n")


def session():
    env = dict(os.environ, PS1=PROMPT, HISTFILE="", BASH_SILENCE_DEPRECATION_WARNING="1")
    client_id, secret = env.pop("CELLS_CLIENT_ID"), env.pop("CELLS_CLIENT_SECRET")
    env.pop("CELLS_STORE", None)
    end = re.escape(PROMPT) + "$"
    recording = Recording(env)
    recording.wait_for(end)
    recording.type("cells-token login")
    recording.wait_for("Client ID: ")
    recording.type(client_id)
    recording.wait_for("ecret.*: ")
    recording.type(secret)
    recording.wait_for(end)
    for command in (
        "TOKEN=$(cells-token get) && export TOKEN",
        'echo "${TOKEN:0:48}… (${#TOKEN} characters)"',
        'cells-token get --profile work; echo "exit code $?"',
    ):
        recording.type(command)
        recording.wait_for(end)
    pause = recording.events[-1][0] + 5
    header = {"version": 2, "width": COLUMNS, "height": LINES}
    lines = [header, *recording.events, [pause, "o", " "]]
    print("\n".join(map(json.dumps, lines)))


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    keyring = 'printf picture | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@"'
    sandbox = ["cells-token", "sandbox", "--quiet", "--", sys.executable, __file__, "session"]
    with tempfile.TemporaryDirectory() as home:
        env = dict(os.environ, HOME=home, XDG_RUNTIME_DIR=home, TERM="xterm-256color")
        bus = ["dbus-run-session", "--", "sh", "-c", keyring, "sh"]
        cast = subprocess.run(bus + sandbox, env=env, check=True, stdout=subprocess.PIPE).stdout
    svg_term = ["npx", "--yes", "svg-term-cli@2.1.1", "--window", "--no-cursor"]
    size = ["--width", str(COLUMNS + 4), "--height", str(LINES)]
    svg = subprocess.run(svg_term + size, input=cast, check=True, stdout=subprocess.PIPE).stdout.decode()
    # Where animations are off or not supported, the last frame is shown.
    end = re.findall(r"translateX\(-(\d+)px\)", svg)[-1]
    still = "@media (prefers-reduced-motion:reduce){g{animation:none!important}}</style>"
    svg = svg.replace("</style>", still, 1)
    svg = svg.replace('<g style="animation-duration', f'<g transform="translate(-{end})" style="animation-duration', 1)
    with open("docs/picture.svg", "w") as file:
        file.write(svg)


if sys.argv[1:] == ["session"]:
    session()
else:
    main()

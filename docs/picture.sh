#!/usr/bin/env bash
# Makes docs/picture.svg, the session at the head of the README: docs/picture.sh
# It is recorded as it happens, in a sandbox. Needs cells-token and asciinema on PATH, and npx for svg-term-cli.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${1:-}" = session ]; then
    # What is seen: a person at a prompt, who types in words, so that the picture stays small.
    say() {
        local word
        sleep 0.9
        for word in $1; do
            printf '%s ' "$word"
            sleep 0.12
        done
        sleep 0.4
        printf '\n'
        # Folded at words, for reading.
        eval "$1" > >(fold -s -w 86) 2>&1 || true
        sleep 0.3
        printf '\033[1;32m$\033[0m '
    }
    printf '\033[1;32m$\033[0m '
    # shellcheck disable=SC2016 # to be expanded when it is run
    {
        say 'TOKEN=$(cells-token get) && export TOKEN'
        say 'echo "${TOKEN:0:48}… (${#TOKEN} characters)"'
        say 'cells-token get -o json | jq -c "{expires_in, from_cache}"'
        say 'CELLS_CLIENT_SECRET=mistyped cells-token get; echo "exit code $?"'
    }
    sleep 5
    # An end that is recorded.
    printf ' '
    exit
fi

cast=$(mktemp)
trap 'rm -f "$cast"' EXIT
# Wider than the terminal: characters may be drawn wider than they should, into the next frame.
columns=96 lines=14
export TERM=xterm-256color
cells-token sandbox -- \
    asciinema rec --quiet --overwrite --cols $((columns - 4)) --rows "$lines" \
    --command 'bash docs/picture.sh session' "$cast"
npx --yes svg-term-cli@2.1.1 --in "$cast" --out docs/picture.svg --window --no-cursor \
    --width "$columns" --height "$lines"

# Who draws no animations, or wants none, sees its end.
end=$(grep -o 'translateX(-[0-9]*px)' docs/picture.svg | tail -n 1)
end=${end//[!0-9]/}
still="@media (prefers-reduced-motion:reduce){g{animation:none!important}}"
sed -i "s|<g style=\"animation-duration|<g transform=\"translate(-$end)\" style=\"animation-duration|; s|</style>|$still</style>|" docs/picture.svg

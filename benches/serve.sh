#!/usr/bin/env bash
# Compares `serve` answering from its cache with nginx serving a file of the same size, and measures its memory:
#     cargo build --release && bash benches/serve.sh [target/release/cells-token]
# Needs nginx, wrk, curl and two idle cores. Goals: 0.35 times nginx's rate, a p99 of 5 ms with 64 connections, 25 MB with
# 1,024 connections.
set -euo pipefail
program=$(realpath "${1:-target/release/cells-token}")
seconds=${SECONDS_EACH:-5}
rounds=${ROUNDS:-3}

if [ "${2:-}" != inside ]; then
    # The upstream is the sandbox, whose tokens have the size of the vendor's.
    exec "$program" sandbox -- bash "${BASH_SOURCE[0]}" "$program" inside
fi

directory=$(mktemp -d)
chmod 755 "$directory" # nginx drops root
pids=()
finish() {
    kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$directory"
}
trap finish EXIT
cd "$directory"

start_serve() {
    "$program" serve --listen 127.0.0.1:0 2>serve.log &
    pids+=($!)
    serve=$!
    until grep -q listening serve.log; do sleep 0.05; done
    url=$(sed -n 's/.*listening on \([^,]*\),.*/\1/p' serve.log)/v4.0/cells/connect/token
}

start_nginx() {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -m 755 www
    curl -sS -f -d "$form" "$url" -o www/token.json
    chmod 644 www/token.json
    cat >nginx.conf <<EOF
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 1;
events { worker_connections 4096; }
http {
    access_log $directory/nginx.log; client_body_temp_path body; proxy_temp_path a; fastcgi_temp_path b; uwsgi_temp_path c; scgi_temp_path d;
    keepalive_requests 1000000000; sendfile on; tcp_nopush on; default_type application/json;
    server { listen 127.0.0.1:$port backlog=1024; location / { root $directory/www; } }
}
EOF
    /usr/sbin/nginx -p "$directory" -c nginx.conf &
    pids+=($!)
    until curl -s -o /dev/null "http://127.0.0.1:$port/token.json"; do sleep 0.05; done
}

# The token request. nginx serves a file, which needs GET.
write_script() {
    cat >post.lua <<EOF
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.body = "$form"
EOF
}

# measure NAME CONNECTIONS WRK-ARGUMENT…: prints a line and sets $rate.
measure() {
    local name=$1 connections=$2 report
    report=$(wrk -t1 -c"$connections" -d"${seconds}s" --latency "${@:3}")
    if grep -Eq 'Non-2xx|Socket errors' <<<"$report"; then
        printf '%s\n' "$report"
        exit 1
    fi
    rate=$(awk '/Requests\/sec/ { print $2 }' <<<"$report")
    printf '%-8s %4d connections: %9.0f/s, p99 %s\n' "$name" "$connections" "$rate" \
        "$(awk '$1 == "99%" { print $2 }' <<<"$report")"
}

memory() {
    awk '/VmRSS/ { now = $2 } /VmHWM/ { most = $2 } END { printf "%.1f MB (at most %.1f)", now / 1000, most / 1000 }' "/proc/$1/status"
}

form="grant_type=client_credentials&client_id=$CELLS_CLIENT_ID&client_secret=$CELLS_CLIENT_SECRET"
start_serve
curl -sS -f -d "$form" "$url" -o /dev/null
start_nginx
write_script
printf 'response: %d bytes; load average %s\n' "$(wc -c <www/token.json)" "$(cut -d' ' -f1-3 /proc/loadavg)"
for _ in $(seq "$rounds"); do
    measure nginx 64 "http://127.0.0.1:$port/token.json"
    of=$rate
    measure serve 64 -s post.lua "$url"
    awk -v a="$rate" -v b="$of" 'BEGIN { printf "         %.2f times nginx\n", a / b }'
done
printf 'memory of serve: %s\n' "$(memory "$serve")"
measure serve 1024 -s post.lua "$url"
printf 'memory of serve after 1,024 connections: %s\n' "$(memory "$serve")"

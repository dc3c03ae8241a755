#!/usr/bin/env bash
# How fast `serve` gives cached tokens, beside nginx that gives a file of the same size, and how much memory it holds:
#     cargo build --release && bash benches/serve.sh [target/release/cells-token]
# Wants nginx, wrk and curl, and two cores that do nothing else. The goals: 0.35 times nginx's rate, 99 of 100 answers within
# 5 ms at 64 connections, 25 MB with 1,024 connections.
set -euo pipefail
program=$(realpath "${1:-target/release/cells-token}")
seconds=${SECONDS_EACH:-5}
rounds=${ROUNDS:-3}

if [ "${2:-}" != inside ]; then
    # The service is a sandbox, whose tokens are of the vendor's size.
    exec "$program" sandbox -- bash "${BASH_SOURCE[0]}" "$program" inside
fi

folder=$(mktemp -d)
chmod 755 "$folder" # nginx started by root becomes somebody else
pids=()
finish() {
    kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

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
    access_log $folder/nginx.log; client_body_temp_path body; proxy_temp_path a; fastcgi_temp_path b; uwsgi_temp_path c; scgi_temp_path d;
    keepalive_requests 1000000000; sendfile on; tcp_nopush on; default_type application/json;
    server { listen 127.0.0.1:$port backlog=1024; location / { root $folder/www; } }
}
EOF
    /usr/sbin/nginx -p "$folder" -c nginx.conf &
    pids+=($!)
    until curl -s -o /dev/null "http://127.0.0.1:$port/token.json"; do sleep 0.05; done
}

# The same request for both; nginx has a file, which takes GET.
write_script() {
    cat >post.lua <<EOF
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.body = "$form"
EOF
}

# measure NAME CONNECTIONS WRK-ARGUMENT…: a line, and the rate in $rate.
measure() {
    local name=$1 connections=$2 said
    said=$(wrk -t1 -c"$connections" -d"${seconds}s" --latency "${@:3}")
    if grep -Eq 'Non-2xx|Socket errors' <<<"$said"; then
        printf '%s\n' "$said"
        exit 1
    fi
    rate=$(awk '/Requests\/sec/ { print $2 }' <<<"$said")
    printf '%-8s %4d connections: %9.0f/s, 99 of 100 within %s\n' "$name" "$connections" "$rate" \
        "$(awk '$1 == "99%" { print $2 }' <<<"$said")"
}

memory() {
    awk '/VmRSS/ { now = $2 } /VmHWM/ { most = $2 } END { printf "%.1f MB (at most %.1f)", now / 1000, most / 1000 }' "/proc/$1/status"
}

form="grant_type=client_credentials&client_id=$CELLS_CLIENT_ID&client_secret=$CELLS_CLIENT_SECRET"
start_serve
curl -sS -f -d "$form" "$url" -o /dev/null
start_nginx
write_script
printf 'an answer of %d bytes; load average %s\n' "$(wc -c <www/token.json)" "$(cut -d' ' -f1-3 /proc/loadavg)"
for _ in $(seq "$rounds"); do
    measure nginx 64 "http://127.0.0.1:$port/token.json"
    of=$rate
    measure serve 64 -s post.lua "$url"
    awk -v a="$rate" -v b="$of" 'BEGIN { printf "         %.2f times nginx\n", a / b }'
done
printf 'memory of serve: %s\n' "$(memory "$serve")"
measure serve 1024 -s post.lua "$url"
printf 'memory of serve after 1,024 connections: %s\n' "$(memory "$serve")"

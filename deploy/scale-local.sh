#!/usr/bin/env bash
# Starts and stops servers on this machine for a pool of l4lb that scales; docs/autoscaling.md.
#
#   scale-local.sh FOLDER FIRST-PORT SERVER [ARGUMENT...]
#
# FOLDER keeps a file for each server, with its process id. A server is called local-PORT and listens on
# 127.0.0.1; in its arguments {port} stands for its port, from FIRST-PORT on. l4lb says in the
# environment what there is to do, and reads from standard output what was done.
set -euo pipefail
shopt -s nullglob

folder=$1 first=$2
shift 2
server=("$@")
mkdir -p "$folder"

is_alive() { kill -0 "$(<"$folder/$1.pid")" 2>/dev/null; }
is_known() { [[ " $L4LB_NAMES " == *" local-$1 "* ]]; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The ports of all servers that were started here, the lowest first.
ports() {
    local file
    for file in "$folder"/*.pid; do basename "$file" .pid; done | sort -n
}

# Starts a server, and waits until it answers. A session of its own keeps it out of the process group
# that l4lb ends when this script takes too long; its output must not be the pipe that l4lb reads.
start() {
    local port=$1 tries
    setsid "${server[@]//\{port\}/$port}" </dev/null >"$folder/$port.log" 2>&1 &
    echo $! >"$folder/$port.pid"
    for ((tries = 0; tries < 100; tries++)); do
        is_alive "$port" || break
        if answers "$port"; then return; fi
        sleep 0.1
    done
    stop "$port"
    echo "the server on port $port does not answer:" >&2
    tail -n 3 "$folder/$port.log" >&2
    exit 1
}

stop() {
    kill "$(<"$folder/$1.pid")" 2>/dev/null || true
    rm -f "$folder/$1.pid"
}

# So many more. A server that has died comes back where it was; one that runs and that l4lb does not
# know is offered again: it was taken away a moment ago, or l4lb has been started anew.
more() {
    local missing=$1 port
    for port in $(ports); do
        if ((missing > 0)) && ! is_alive "$port"; then
            start "$port"
            is_known "$port" || echo "add local-$port=127.0.0.1:$port"
            ((missing--)) || true
        elif ((missing > 0)) && ! is_known "$port"; then
            echo "add local-$port=127.0.0.1:$port"
            ((missing--)) || true
        fi
    done
    for ((port = first; missing > 0; port++)); do
        if [[ -e $folder/$port.pid ]] || answers "$port"; then continue; fi
        start "$port"
        echo "add local-$port=127.0.0.1:$port"
        ((missing--)) || true
    done
}

# So many fewer, the newest first, if there are so many that were started here. They go on running: they
# may have sessions.
fewer() {
    local surplus=$1 port
    for port in $(ports | tac); do
        if ((surplus > 0)) && is_known "$port"; then
            echo "remove local-$port"
            ((surplus--)) || true
        fi
    done
}

case $L4LB_EVENT in
up) more $((L4LB_WANTED - L4LB_BACKENDS)) ;;
down) fewer $((L4LB_BACKENDS - L4LB_WANTED)) ;;
gone)
    # Told with sessions left when they take long: nobody is cut, so this waits for the last one.
    if ((L4LB_SESSIONS == 0)) && [[ -e $folder/${L4LB_BACKEND#local-}.pid ]]; then
        stop "${L4LB_BACKEND#local-}"
    fi
    ;;
esac

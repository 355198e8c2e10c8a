#!/usr/bin/env python3
"""What a line of the access log costs: CPU per connection with the log off and in its forms.

    benches/access-log/run.py [--rounds 24] [--out FILE.json] [NAME=]PATH-OF-L4LB...

All l4lb's run at once, idle but for one, and one-second loads go round them, each round beginning with
another one: a machine that others use too disturbs all of them alike. A ratio is taken within a round,
against the first build with its log off. CPU is what the scheduler accounted to all threads of the l4lb
(/proc/PID/task/*/schedstat). Core 0 is l4lb's, core 1 has wrk and nginx, which answers with 100 bytes; each
request has a connection of its own. Needs nginx and wrk.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

BACKENDS = [18081, 18082, 18083]
FIRST_PORT = 18100
FORMS = ["default", "haproxy", "json"]
SETTLE_S = 0.05  # longer than the writer rests: it has written what there was


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("builds", nargs="+")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, versions = measure(Path(folder), wishes)
    report = {
        "rounds": wishes.rounds,
        "load_average_at_the_end": os.getloadavg(),
        "kernel": os.uname().release,
        "builds": versions,
        "summary": summary(data),
        "raw": data,
    }
    if wishes.out:
        wishes.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({**report, "raw": "..."}, indent=1))


def measure(folder, wishes):
    children = [nginx(folder)]
    running, versions = {}, {}
    for build in wishes.builds:
        name, path = build.rpartition("=")[::2]
        versions[name or "l4lb"] = subprocess.check_output([path, "-V"], text=True).strip()
        for form in ["off", *wishes.forms.split(",")]:
            variant = f"{name} {form}".strip()
            port = FIRST_PORT + len(running)
            child = l4lb(path, port, form, folder / f"{port}.log")
            children.append(child)
            running[variant] = (child.pid, port)
    data = {variant: [] for variant in running}
    try:
        time.sleep(1.5)  # the first health checks
        for number in range(wishes.rounds + 1):
            order = list(running)
            first = number % len(order)
            for variant in order[first:] + order[:first]:
                figures = load(*running[variant])
                if number > 0:  # the first round warms up
                    data[variant].append(figures)
    finally:
        for child in children:
            child.send_signal(signal.SIGTERM)
        for child in children:
            child.wait()
    return data, versions


def nginx(folder):
    listens = "\n".join(
        f'server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "{"x" * 100}"; }} }}'
        for port in BACKENDS
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;\n"
        f"worker_rlimit_nofile 20000; events {{ worker_connections 8000; }}\n"
        f"http {{ access_log off; {listens} }}\n"
    )
    return pinned(1, ["nginx", "-c", config, "-e", "stderr"])


def l4lb(path, port, form, log):
    argv = [path, f"--listen=127.0.0.1:{port}", "--max-connections=4000"]
    argv += [f"--backend=127.0.0.1:{backend}" for backend in BACKENDS]
    if form != "off":
        argv += [f"--access-log={log}", f"--access-log-format={form}"]
    return pinned(0, argv)


def pinned(core, argv):
    argv = ["taskset", "-c", str(core), *map(str, argv)]
    return subprocess.Popen(argv, stderr=subprocess.DEVNULL)


def load(pid, port):
    before = cpu_ns(pid)
    argv = ["taskset", "-c", "1", "wrk", "-t1", "-c64", "-d1s", "-H", "Connection: close"]
    said = subprocess.check_output([*argv, f"http://127.0.0.1:{port}/"], text=True)
    time.sleep(SETTLE_S)
    connections = int(re.search(r"(\d+) requests in", said)[1])
    if "Non-2xx" in said or connections == 0:
        raise SystemExit(f"the load went wrong:\n{said}")
    return {"cpu_us": (cpu_ns(pid) - before) / 1000 / connections, "connections": connections}


def cpu_ns(pid):
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def summary(data):
    """Medians, and quartiles of the ratios within the rounds."""
    base = next(iter(data.values()))
    rows = {}
    for variant, rounds in data.items():
        ratios = sorted(it["cpu_us"] / was["cpu_us"] for it, was in zip(rounds, base))
        rows[variant] = {
            "cpu_us_median": round(statistics.median(it["cpu_us"] for it in rounds), 2),
            "ratio_median": round(statistics.median(ratios), 4),
            "ratio_quartiles": [round(ratios[len(ratios) * at // 4], 4) for at in (1, 3)],
        }
    return rows


if __name__ == "__main__":
    main()

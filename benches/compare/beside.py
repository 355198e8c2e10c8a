"""What clients feel of trouble beside them: attacks on the admin API, an access log that is stuck.

A program of its own: `beside.py L4LB [--rounds N] [--seconds S] [--out DIR]`. Each round runs every
trouble in turn, beginning with another one, each with a fresh l4lb, and writes the latency that clients have seen: of small
requests at a fixed rate for the admin API, of connections one after the other for the log.
"""

import argparse
import datetime
import json
import os
import re
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import backends
import balancers
import loads
import machine
import measure
import processes
import workloads

LISTEN_PORT = 18080
ADMIN_PORT = 18871
OTHER_PORT = 18872
TURN_DEADLINE_S = 2
ATTACKS_PER_S = 400
MAX_SESSIONS = 4000
DEEP = b"[" * 60_000


def head(line, *headers):
    host = f"Host: 127.0.0.1:{ADMIN_PORT}"
    return "\r\n".join([f"{line} HTTP/1.1", host, *headers, "", ""]).encode()


PATCH = "PATCH /v1/pools/default/backends/b1"
JSON = "Content-Type: application/json"
ATTACKS = [
    b"GET /v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    head(PATCH, "Content-Type: text/plain", "Content-Length: 2") + b"{}",
    head(PATCH, JSON, "Content-Length: 1073741824") + b" " * 65_536,
    head(PATCH, JSON, "Transfer-Encoding: chunked") + 2 * (b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    head(PATCH, JSON, f"Content-Length: {len(DEEP)}") + DEEP,
    head("GET /v1/" + "x" * 100_000),
    head("DELETE /v1/pools/../../etc/passwd"),
]


@contextmanager
def attackers():
    """One attack after the other at a fixed rate; how many were answered by a 4xx, and how else."""
    answers, done = {}, threading.Event()

    def attack(number):
        with socket.create_connection(("127.0.0.1", ADMIN_PORT), timeout=TURN_DEADLINE_S) as sock:
            try:
                sock.sendall(ATTACKS[number % len(ATTACKS)])
                status = sock.recv(12)[9:12].decode(errors="replace")
            except OSError as error:
                status = type(error).__name__
        answers[status] = answers.get(status, 0) + 1

    def go_on():
        start, number = time.monotonic(), 0
        while not done.wait(max(0, start + number / ATTACKS_PER_S - time.monotonic())):
            attack(number)
            number += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


@contextmanager
def peace():
    yield {}


def paced(seconds):
    return loads.paced_requests(
        LISTEN_PORT, workloads.SMALL_CONNECTIONS, workloads.SMALL_RATE, seconds
    )


def connections(seconds):
    argv = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency", "-H", "Connection: close"]
    output = processes.run([*argv, f"http://127.0.0.1:{LISTEN_PORT}/"], seconds + 15)
    if "Socket errors" in output or "Non-2xx" in output:
        raise processes.Failure(f"wrk reports errors: {output.strip()[-300:]}")
    figures = re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", output)
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    of = {share: float(value) * unit[name] for share, value, name in figures}
    done = int(re.search(r"(\d+) requests in", output)[1])
    return {"p50_ms": of["50"], "p99_ms": of["99"], "requests": done}


def scenarios(workdir):
    """Name, further arguments, the load, what is done beside it, and the backends.

    What a load is held against is named `... calm`: the same load and the same trouble for the machine,
    made to another process.
    """
    admin = ["--admin", f"127.0.0.1:{ADMIN_PORT}"]
    fifo = workdir / "fifo"
    os.mkfifo(fifo)
    log = "--access-log"
    return [
        ("requests", [], paced, peace, [backends.BULK_PORT]),
        ("attacks on another process: calm", [], paced, attackers, [backends.BULK_PORT]),
        ("attacks on the admin API", admin, paced, attackers, [backends.BULK_PORT]),
        ("no log: calm", [], connections, peace, backends.HTTP_PORTS),
        ("log to a file", [log, workdir / "access.log"], connections, peace, backends.HTTP_PORTS),
        ("log to a FIFO that nobody reads", [log, fifo], connections, peace, backends.HTTP_PORTS),
        ("log to a full disk", [log, "/dev/full"], connections, peace, backends.HTTP_PORTS),
    ]


def one(family, program, scenario, seconds):
    name, more, load, trouble, ports = scenario
    site = balancers.Site(LISTEN_PORT, ports, MAX_SESSIONS, family.workdir)
    for port in (LISTEN_PORT, ADMIN_PORT, OTHER_PORT):
        processes.require_free(port)
    argv = [*balancers.l4lb_command(program, site), *more]
    child = family.start("balancer", argv, processes.BALANCER_CORE)
    other = None
    try:
        processes.wait_for_port(child, LISTEN_PORT)
        if trouble is attackers and not more:
            other = family.start("other", other_argv(program), processes.BALANCER_CORE)
        if trouble is attackers:
            processes.wait_for_port(other or child, ADMIN_PORT)
        measure.wait_for_calm()
        with trouble() as answers:
            figures = load(seconds)
        memory = measure.user_memory_bytes(child.pids())
        return {**figures, "answers": dict(answers), "memory_mib": round(memory / 2**20, 1)}
    finally:
        family.end(child)
        if other:
            family.end(other)


def other_argv(program):
    addresses = ["--listen", f"127.0.0.1:{OTHER_PORT}", "--backend", "127.0.0.1:1"]
    return [program, *addresses, "--admin", f"127.0.0.1:{ADMIN_PORT}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("l4lb", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results")
    wishes = parser.parse_args()
    machine.require_two_cores()
    machine.install_missing()
    os.sched_setaffinity(0, {processes.LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="l4lb-beside-") as workdir:
        family = processes.Family(Path(workdir))
        try:
            backends.start_http(family, MAX_SESSIONS)
            backends.start_bulk(family)
            rounds = []
            for number in range(wishes.rounds):
                rounds.append({})
                all_of_them = scenarios_of(Path(workdir))
                shift = number % len(all_of_them)
                for scenario in all_of_them[shift:] + all_of_them[:shift]:
                    figures = one(family, wishes.l4lb.resolve(), scenario, wishes.seconds)
                    rounds[-1][scenario[0]] = figures
                    print(f"[{number + 1}] {scenario[0]:32} {figures}", file=sys.stderr)
        finally:
            family.end_all()
    write(wishes, rounds)


def scenarios_of(workdir):
    (workdir / "fifo").unlink(missing_ok=True)
    return scenarios(workdir)


def write(wishes, rounds):
    """The raw data, and a table of medians with the ratio to the calm scenario of the same load."""
    version = balancers.first_line([wishes.l4lb.resolve(), "-V"])
    stem = f"{datetime.date.today().isoformat()}-beside"
    document = {"machine": machine.describe(), "l4lb": version, "rounds": rounds}
    (wishes.out / f"{stem}.json").write_text(json.dumps(document, indent=1) + "\n")
    text = [f"# Clients beside trouble\n\n{version}, {len(rounds)} rounds of {wishes.seconds} s each.\n"]
    text.append("| medians | p50 ms | p99 ms | p99 to calm: median (lowest to highest) | memory MiB |")
    text.append("|---|---:|---:|---|---:|")
    calm, names = None, rounds[0]
    for name in names:
        if name.endswith("calm") or calm is None:
            calm = name
        of = lambda key: statistics.median(it[name][key] for it in rounds)
        ratios = sorted(it[name]["p99_ms"] / it[calm]["p99_ms"] for it in rounds)
        middle = statistics.median(ratios)
        ratio = "" if name == calm else f"{middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        text.append(f"| {name} | {of('p50_ms'):.2f} | {of('p99_ms'):.2f} | {ratio} | {of('memory_mib')} |")
    (wishes.out / f"{stem}.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()

"""The benchmark from end to end: arguments, the order of the rounds, and an orderly end.

All contenders run in turn within each round, workload by workload, each time freshly started and
each round in a different order, so that a noisy minute hits all of them alike.
"""

import datetime
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import arguments
import backends
import balancers
import machine
import measure
import processes
import report
import summary
import workloads

LISTEN_PORT = 18080
SPARE_SESSIONS = 500
ATTEMPTS = 3
DIRECT_WORKLOADS = {"mixed"}


def main():
    wishes = arguments.parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine.require_two_cores()
    machine.install_missing()
    contenders = arguments.contenders(wishes)
    chosen = [work for work in workloads.ALL + workloads.SECURE if work.name in wishes.workloads]
    effort = arguments.effort(wishes)
    max_sessions = max(effort.idle_sessions, effort.sessions) + SPARE_SESSIONS
    machine.lift_descriptor_limit(2 * max_sessions + 1000)
    facts = machine.describe()
    os.sched_setaffinity(0, {processes.LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="l4lb-compare-") as workdir:
        family = processes.Family(Path(workdir))
        try:
            backends.start_http(family, max_sessions)
            backends.start_bulk(family)
            certificate = backends.make_certificate(family)
            bench = Bench(
                family, contenders, chosen, effort, max_sessions, wishes.rounds, certificate
            )
            rounds = [one_round(bench, number) for number in range(wishes.rounds)]
        finally:
            family.end_all()
    return finish(wishes, facts, contenders, rounds, effort)


@dataclass(frozen=True)
class Bench:
    """What stays the same from round to round."""

    family: processes.Family
    contenders: list
    chosen: list
    effort: workloads.Effort
    max_sessions: int
    rounds: int
    certificate: Path


def one_round(bench, number):
    """The figures by workload and contender; each round lets another contender begin."""
    results = {}
    shift = number % len(bench.contenders)
    for work in bench.chosen:
        results[work.name] = by_name = {}
        for contender in bench.contenders[shift:] + bench.contenders[:shift]:
            by_name[contender.name] = one_measurement(bench, contender, work)
            say(bench, number, work.name, contender.name, by_name[contender.name])
        if work.name in DIRECT_WORKLOADS:
            running = workloads.Running(work.backend_ports[0], [], bench.family)
            by_name["direct"] = guarded(work, running, bench.effort)
            say(bench, number, work.name, "direct", by_name["direct"])
    return results


def one_measurement(bench, contender, work):
    family = bench.family
    certificate = bench.certificate if work.is_secure else None
    site = balancers.Site(
        LISTEN_PORT, work.backend_ports, bench.max_sessions, family.workdir, certificate
    )
    child = None
    try:
        processes.require_free(LISTEN_PORT)
        child = family.start("balancer", contender.command(site), processes.BALANCER_CORE)
        processes.wait_for_port(child, LISTEN_PORT)
        running = workloads.Running(LISTEN_PORT, child.pids(), family)
        figures = guarded(work, running, bench.effort)
        if "failed" in figures:
            figures["balancer_said"] = child.last_words()
        return figures
    except processes.Failure as failure:
        return {"failed": str(failure)}
    finally:
        if child:
            family.end(child)


def guarded(work, running, effort):
    """Repeats a disturbed measurement; a failed one is kept as such, and fails the run."""
    for attempt in range(1, ATTEMPTS + 1):
        measure.wait_for_calm()
        try:
            figures = work.measure(running, effort)
        except (processes.Failure, OSError) as failure:
            return {"failed": str(failure), "attempts": attempt}
        figures["attempts"] = attempt
        if not any(summary.doubts(figures)):
            break
    return figures


def finish(wishes, facts, contenders, rounds, effort):
    date = datetime.date.today().isoformat()
    document = {
        "date": date,
        "machine": facts,
        "arguments": {**vars(wishes), "out": str(wishes.out)},
        "contenders": {contender.name: contender.version for contender in contenders},
        "summary": summary.summarise(rounds, contenders, effort),
        "core_shares": summary.core_shares(rounds),
        "warnings": summary.warnings(rounds),
        "rounds": rounds,
    }
    table = report.write(wishes.out, f"{date}-compare", document)
    print(table.read_text())
    print(f"written: {table} and {table.with_suffix('.json').name}", file=sys.stderr)
    failures = sum(
        "failed" in figures
        for entry in rounds
        for by_name in entry.values()
        for figures in by_name.values()
    )
    if failures:
        print(f"FAILED: {failures} measurements, see the doubts above", file=sys.stderr)
    return 1 if failures else 0


def say(bench, number, work, name, figures):
    key, value = next(iter(figures.items()))
    value = value if isinstance(value, str) else f"{value:.2f}"
    print(f"[{number + 1}/{bench.rounds}] {work:12} {name:16} {key} {value}", file=sys.stderr)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (processes.Failure, OSError, subprocess.SubprocessError) as failure:
        sys.exit(f"FAILED: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)

"""The command line, and what it stands for: contenders and effort."""

import argparse
import sys
from pathlib import Path

import balancers
import machine
import workloads

DESCRIPTION = "Measures HAProxy, nginx and l4lb in turn on the same work. See README.md beside it."


def parse():
    plain = [work.name for work in workloads.ALL]
    names = plain + [work.name for work in workloads.SECURE]
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=DESCRIPTION)
    add = parser.add_argument
    add("--rounds", type=at_least_one, default=5, metavar="N")
    add("--seconds", type=at_least_one, default=3, metavar="S", help="length of a wrk load")
    add("--bulk-gb", type=float, default=4.0, metavar="GB", help="bytes of a bulk transfer")
    add("--sessions", type=at_least_one, default=9000, metavar="N", help="for `sessions`")
    add("--idle-sessions", type=at_least_one, default=4000, metavar="N", help="for `idle-memory`")
    add("--only", type=comma_list, default=[], metavar="NAMES", help="contenders, with commas")
    add("--workloads", type=comma_list, default=plain, metavar="NAMES", help=", ".join(names))
    add(
        "--l4lb",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="measure this build instead of building; repeat it to compare builds, the first of "
        "which is what the others are compared with",
    )
    add("--out", type=Path, default=machine.REPO / "benches/results", metavar="DIR")
    wishes = parser.parse_args()
    if unknown := set(wishes.workloads) - set(names):
        parser.error(f"unknown workloads: {', '.join(sorted(unknown))}; known: {', '.join(names)}")
    return wishes


def contenders(wishes):
    """Peers first, then each build of l4lb; nothing is built where no l4lb was asked for."""
    builds = [build.rpartition("=")[::2] for build in wishes.l4lb]
    names = [name or "l4lb" for name, _ in builds] or ["l4lb"]
    known = [*(peer.name for peer in balancers.peers()), *names]
    if len(set(known)) < len(known):
        sys.exit(f"two contenders have the same name: {', '.join(known)}")
    wanted = wishes.only or known
    if unknown := set(wanted) - set(known):
        sys.exit(f"unknown in --only: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    chosen = [peer for peer in balancers.peers() if peer.name in wanted]
    if not builds and "l4lb" in wanted:
        builds = [("l4lb", machine.build_l4lb())]
    chosen += [
        balancers.l4lb(name, Path(path).resolve())
        for name, (_, path) in zip(names, builds)
        if name in wanted
    ]
    return chosen


def effort(wishes):
    return workloads.Effort(
        seconds=wishes.seconds,
        bulk_bytes=int(wishes.bulk_gb * 10**9),
        idle_sessions=wishes.idle_sessions,
        sessions=wishes.sessions,
    )


def comma_list(text):
    return [name for name in text.split(",") if name]


def at_least_one(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value

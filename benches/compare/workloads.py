"""The workloads: what is done through a running balancer, and which figures come out.

Each is a function from a `Running` balancer to a dict of figures. The figures that the report
compares are named in report.py; the others stay in the raw data.
"""

from dataclasses import dataclass
from typing import Callable

import backends
import loads
import measure
import processes

SMALL_CONNECTIONS = 50
SMALL_RATE = 2000
MIXED_BULK_STREAMS = 2
MIXED_BULK_BYTES_PER_S = 6_000_000_000
MIXED_SPARE_S = 10
BULK_TRANSFERS = 4
SECURE_STREAMS = 4
STEADY_STREAMS = 8
STEADY_BYTES_PER_S = 800_000_000


@dataclass(frozen=True)
class Effort:
    """How much of everything: the sizes the command line sets."""

    seconds: int
    bulk_bytes: int
    idle_sessions: int
    sessions: int


@dataclass(frozen=True)
class Running:
    """A balancer that listens: its port, its processes, and the means to start more beside it."""

    port: int
    pids: list
    family: processes.Family


@dataclass(frozen=True)
class Workload:
    """A name for the command line, the backends it needs, and what to do."""

    name: str
    backend_ports: list
    measure: Callable
    is_secure: bool = False  # clients speak TLS, which ends at the balancer


def keep_alive(running, effort):
    return http(running, effort, True)


def connection_per_request(running, effort):
    return http(running, effort, False)


def http(running, effort, is_keep_alive, is_secure=False):
    measure.wait_until_quiet(running.pids)
    meter = measure.Meter(running.pids)
    requests = loads.http_requests(running.port, effort.seconds, is_keep_alive, is_secure)
    usage = meter.usage()
    return {
        "cpu_us": usage.cpu_ns / 1e3 / requests,
        "per_second": requests / usage.wall_s,
        "requests": requests,
        **usage.as_metrics(),
    }


def secure_keep_alive(running, effort):
    return http(running, effort, True, True)


def handshakes(running, effort):
    return http(running, effort, False, True)


def resumed(version):
    """One after the other: nearly all of them have to resume, or the figure is not what it says."""

    def resume(running, effort):
        measure.wait_until_quiet(running.pids)
        meter = measure.Meter(running.pids)
        done = loads.secure("resume", running.port, effort.seconds, version)
        usage = meter.usage()
        if done["resumed"] < done["connections"] * 0.95:
            raise processes.Failure(f"not resumed: {done}")
        return {"cpu_us": usage.cpu_ns / 1e3 / done["connections"], **done, **usage.as_metrics()}

    return resume


def secure_bulk(direction):
    def transfers(running, effort):
        measure.wait_until_quiet(running.pids)
        meter = measure.Meter(running.pids)
        done = loads.secure(direction, running.port, SECURE_STREAMS, effort.bulk_bytes // 2)
        return sum_of([(meter.usage(), done["bytes"], done["seconds"])])

    return transfers


def bulk(direction, streams):
    """Several transfers rather than one: each may settle into short queues or into long ones."""

    def transfers(running, effort):
        share = effort.bulk_bytes // BULK_TRANSFERS
        each = [transfer(running, direction, streams, share) for _ in range(BULK_TRANSFERS)]
        return {**sum_of(each), "each_cpu_ms_per_gb": [cpu_ms_per_gb(*one) for one in each]}

    return transfers


def steady(direction):
    """At a rate that all can carry, so that they do the same work at the same time."""

    def paced_transfer(running, effort):
        count = effort.bulk_bytes // 2
        moved = transfer(running, direction, STEADY_STREAMS, count, STEADY_BYTES_PER_S)
        return sum_of([moved])

    return paced_transfer


def transfer(running, direction, streams, count, rate=0):
    measure.wait_until_quiet(running.pids)
    meter = measure.Meter(running.pids)
    moved, seconds = loads.bulk_transfer(running.port, direction, streams, count, rate)
    return meter.usage(), moved, seconds


def sum_of(each):
    usage = measure.total([usage for usage, _, _ in each])
    moved = sum(moved for _, moved, _ in each)
    seconds = sum(seconds for _, _, seconds in each)
    return {
        "cpu_ms_per_gb": cpu_ms_per_gb(usage, moved, seconds),
        "gb_per_second": moved / 1e9 / seconds,
        **usage.as_metrics(),
        "balancer_core_share": round(usage.cpu_ns / 1e9 / seconds, 4),
    }


def cpu_ms_per_gb(usage, moved, _seconds):
    return round(usage.cpu_ns / 1e6 / (moved / 1e9), 2)


def idle_memory(running, effort, open_one=loads.open_idle):
    measure.wait_until_quiet(running.pids)
    before = measure.user_memory_bytes(running.pids)
    with loads.idle_sessions(running.port, effort.idle_sessions, open_one):
        measure.wait_until_quiet(running.pids)
        held = measure.user_memory_bytes(running.pids)
    return {
        "bytes_per_session": (held - before) / effort.idle_sessions,
        "base_mib": before / 2**20,
        "held_mib": held / 2**20,
        "sessions": effort.idle_sessions,
    }


def secure_idle_memory(running, effort):
    return idle_memory(running, effort, loads.open_idle_secure)


def many_sessions(running, effort):
    """The same process without and with the idle sessions beside, so that the ratio is its own."""
    without = keep_alive(running, effort)
    with loads.idle_sessions(running.port, effort.sessions):
        beside = keep_alive(running, effort)
    return {
        **beside,
        "cpu_us_without": without["cpu_us"],
        "slowdown": beside["cpu_us"] / without["cpu_us"],
        "sessions": effort.sessions,
    }


def small_beside_bulk(running, effort):
    """The downloads outlast the small requests, and are ended, by pid, once these are through."""
    meter = measure.Meter(running.pids)
    flood_bytes = MIXED_BULK_BYTES_PER_S * (effort.seconds + MIXED_SPARE_S)
    argv = loads.bulk_argv(running.port, "down", MIXED_BULK_STREAMS, flood_bytes)
    flood = running.family.start("mixed-bulk", argv, processes.LOAD_CORE)
    try:
        figures = loads.paced_requests(
            running.port, SMALL_CONNECTIONS, SMALL_RATE, effort.seconds
        )
        if flood.popen.poll() is not None:
            raise processes.Failure(f"the bulk flows ended early: {flood.last_words()}")
    finally:
        running.family.end(flood)
    return {**figures, **meter.usage().as_metrics()}


BULK = [backends.BULK_PORT]
ALL = [
    Workload("keep-alive", backends.HTTP_PORTS, keep_alive),
    Workload("connection", backends.HTTP_PORTS, connection_per_request),
    *(
        Workload(f"{direction}-{streams}", BULK, bulk(direction, streams))
        for direction in ("up", "down")
        for streams in (1, 8)
    ),
    Workload("up-steady", BULK, steady("up")),
    Workload("down-steady", BULK, steady("down")),
    Workload("idle-memory", backends.HTTP_PORTS, idle_memory),
    Workload("sessions", backends.HTTP_PORTS, many_sessions),
    Workload("mixed", BULK, small_beside_bulk),
]
SECURE = [
    Workload("tls-handshake", backends.HTTP_PORTS, handshakes, True),
    Workload("tls-resumed-1.3", backends.HTTP_PORTS, resumed("1.3"), True),
    Workload("tls-resumed-1.2", backends.HTTP_PORTS, resumed("1.2"), True),
    Workload("tls-keep-alive", backends.HTTP_PORTS, secure_keep_alive, True),
    Workload("tls-up", BULK, secure_bulk("up"), True),
    Workload("tls-down", BULK, secure_bulk("down"), True),
    Workload("tls-idle-memory", backends.HTTP_PORTS, secure_idle_memory, True),
]

"""From rounds to medians and ratios, and to doubts about single figures.

Nothing is measured and nothing is written here. A ratio is taken per round, where both sides had
the same weather; the median of these is the ratio.
"""

from dataclasses import dataclass
from statistics import median

import workloads

STOLEN_LIMIT = 0.02
FOREIGN_LIMIT = 0.10


@dataclass(frozen=True)
class Metric:
    """A row of the table. Where `is_compared`, lower is better and ratios are taken."""

    workload: str
    key: str
    label: str
    digits: int
    is_compared: bool = True


def metrics(effort):
    rows = [
        Metric("keep-alive", "cpu_us", "keep-alive: CPU us per request", 2),
        Metric("keep-alive", "per_second", "keep-alive: requests/s", 0, False),
        Metric("connection", "cpu_us", "connection per request: CPU us per connection", 2),
        Metric("connection", "per_second", "connection per request: connections/s", 0, False),
    ]
    for direction in ("up", "down"):
        for streams in (1, 8):
            name = f"{direction}-{streams}"
            what = f"bulk {direction}, {streams} stream{'s' if streams > 1 else ''}"
            rows.append(Metric(name, "cpu_ms_per_gb", f"{what}: CPU ms per GB", 0))
            rows.append(Metric(name, "gb_per_second", f"{what}: GB/s", 2, False))
    rate = workloads.STEADY_BYTES_PER_S / 1e9
    for direction in ("up", "down"):
        what = f"bulk {direction}, {workloads.STEADY_STREAMS} streams at {rate} GB/s: CPU ms per GB"
        rows.append(Metric(f"{direction}-steady", "cpu_ms_per_gb", what, 0))
    beside = f"keep-alive beside {effort.sessions} idle sessions"
    small = f"{workloads.SMALL_RATE} small requests/s beside bulk"
    return rows + [
        Metric("idle-memory", "bytes_per_session", "memory per idle session: bytes", 0),
        Metric("idle-memory", "base_mib", "memory at the start: MiB", 1),
        Metric("sessions", "cpu_us", f"{beside}: CPU us per request", 2),
        Metric("sessions", "slowdown", f"{beside}: times the CPU without them", 3),
        Metric("tls-handshake", "cpu_us", "TLS 1.3, full handshake, a request, end: CPU us", 1),
        Metric("tls-handshake", "per_second", "TLS 1.3, full handshake, a request, end: /s", 0, False),
        Metric("tls-resumed-1.3", "cpu_us", "TLS 1.3, resumed, a request, end: CPU us", 1),
        Metric("tls-resumed-1.2", "cpu_us", "TLS 1.2, resumed, a request, end: CPU us", 1),
        Metric("tls-keep-alive", "cpu_us", "TLS, keep-alive: CPU us per request", 2),
        Metric("tls-up", "cpu_ms_per_gb", "TLS, bulk up, 4 streams: CPU ms per GB", 0),
        Metric("tls-down", "cpu_ms_per_gb", "TLS, bulk down, 4 streams: CPU ms per GB", 0),
        Metric("tls-idle-memory", "bytes_per_session", "TLS, memory per idle session: bytes", 0),
        Metric("mixed", "p50_ms", f"{small}: p50 ms", 2),
        Metric("mixed", "p99_ms", f"{small}: p99 ms", 2),
    ]


def summarise(rounds, contenders, effort):
    """One dict per metric: medians by contender, and ratios of each l4lb to the best peer."""
    ours = [contender.name for contender in contenders if not contender.is_peer]
    peers = [contender.name for contender in contenders if contender.is_peer]
    return [
        row
        for metric in metrics(effort)
        if (row := summary_row(metric, rounds, ours, peers))["median"]
    ]


def summary_row(metric, rounds, ours, peers):
    series = {}
    for name in [*peers, *ours, "direct"]:
        values = [figure(entry, metric, name) for entry in rounds]
        if any(value is not None for value in values):
            series[name] = values
    medians = {name: median(filter_none(values)) for name, values in series.items()}
    row = {
        "workload": metric.workload,
        "key": metric.key,
        "label": metric.label,
        "digits": metric.digits,
        "median": medians,
        "min": {name: min(filter_none(values)) for name, values in series.items()},
        "max": {name: max(filter_none(values)) for name, values in series.items()},
        "ratios": [],
    }
    if metric.is_compared:
        best = min((name for name in peers if name in medians), key=medians.get, default=None)
        present = [name for name in ours if name in medians]
        pairs = [(name, best) for name in present if best]
        pairs += [(name, present[0]) for name in present[1:]]
        row["ratios"] = [ratio(series, name, other) for name, other in pairs]
    return row


def figure(entry, metric, name):
    return entry.get(metric.workload, {}).get(name, {}).get(metric.key)


def filter_none(values):
    return [value for value in values if value is not None]


def ratio(series, name, other):
    each = [
        round(own / others, 4) if own is not None and others else None
        for own, others in zip(series[name], series[other])
    ]
    known = filter_none(each)
    return {"of": name, "to": other, "each": each, "median": median(known) if known else None}


def warnings(rounds):
    """What makes a figure doubtful: a stolen core, a stranger on it, an idle balancer."""
    found = []
    for number, entry in enumerate(rounds, 1):
        for workload, by_name in entry.items():
            for name, figures in by_name.items():
                where = f"round {number}, {workload}, {name}"
                found += [f"{where}: {what}" for what in doubts(figures)]
    return found


def doubts(figures):
    if "failed" in figures:
        yield f"FAILED: {figures['failed']}"
    if figures.get("stolen_share", 0) > STOLEN_LIMIT:
        yield f"the host took {figures['stolen_share']:.0%} of the time"
    if figures.get("foreign_share", 0) > FOREIGN_LIMIT:
        yield f"{figures['foreign_share']:.0%} of the balancer's core went to something else"


def core_shares(rounds):
    """By workload and contender: how much of its core the balancer used, as a median."""
    shares = {}
    for entry in rounds:
        for workload, by_name in entry.items():
            for name, figures in by_name.items():
                if name != "direct" and "balancer_core_share" in figures:
                    series = shares.setdefault(workload, {}).setdefault(name, [])
                    series.append(figures["balancer_core_share"])
    return {
        workload: {name: median(series) for name, series in by_name.items()}
        for workload, by_name in shares.items()
    }

"""What a balancer used: CPU, its core's time, memory. Reads /proc, starts nothing.

CPU is the scheduler's own account in nanoseconds, summed over all threads of the balancer and of
its child processes; a thread that ends in between takes its share with it.
"""

import os
import time
from dataclasses import dataclass, fields
from pathlib import Path

import machine
import processes

CORES = (processes.BALANCER_CORE, processes.LOAD_CORE)
QUIET_WINDOW_S = 0.2
QUIET_CPU_NS = 2_000_000
QUIET_DEADLINE_S = 15
CALM_WINDOW_S = 0.3
CALM_BUSY_SHARE = 0.15
CALM_DEADLINE_S = 20
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """The difference between two looks at a balancer and at the cores."""

    cpu_ns: int
    wall_s: float
    balancer_core_busy_s: float
    load_core_busy_s: float
    stolen_s: float

    def as_metrics(self):
        """The figures that say whether a measurement deserves trust."""
        cpu_s = self.cpu_ns / 1e9
        return {
            "balancer_cpu_s": round(cpu_s, 4),
            "wall_s": round(self.wall_s, 4),
            "balancer_core_share": round(cpu_s / self.wall_s, 4),
            "foreign_share": round((self.balancer_core_busy_s - cpu_s) / self.wall_s, 4),
            "load_core_busy_share": round(self.load_core_busy_s / self.wall_s, 4),
            "stolen_share": round(self.stolen_s / self.wall_s, 4),
        }


def total(usages):
    return Usage(
        *(sum(getattr(usage, field.name) for usage in usages) for field in fields(Usage))
    )


class Meter:
    """Started with `Meter(pids)`, read with `usage()`."""

    def __init__(self, pids):
        self._pids = pids
        self._start = self._look()

    def usage(self):
        end = self._look()
        wall, cpu, balancer_core, load_core, stolen = (
            after - before for after, before in zip(end, self._start)
        )
        return Usage(cpu, wall, balancer_core, load_core, stolen)

    def _look(self):
        busy = {core: core_seconds(core) for core in CORES}
        return (
            time.monotonic(),
            cpu_ns(self._pids),
            busy[processes.BALANCER_CORE][0],
            busy[processes.LOAD_CORE][0],
            sum(stolen for _, stolen in busy.values()),
        )


def cpu_ns(pids):
    return sum(
        int((task / "schedstat").read_text().split()[0])
        for pid in pids
        for task in Path(f"/proc/{pid}/task").iterdir()
    )


def core_seconds(core):
    """Seconds a core was busy since boot, and seconds stolen from it.

    Where the kernel keeps interrupts apart from the tasks that they interrupt, they are left out.
    """
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, line.split()[1:9])
            interrupts = 0 if machine.keeps_interrupts_apart() else irq + softirq
            return (user + nice + system + interrupts) / TICKS_PER_S, steal / TICKS_PER_S
    raise processes.Failure(f"/proc/stat knows no core {core}")


def wait_for_calm():
    """Waits until both cores are nearly idle, within reason: the doubts tell later."""
    deadline = time.monotonic() + CALM_DEADLINE_S
    while time.monotonic() < deadline:
        before = [core_seconds(core)[0] for core in CORES]
        time.sleep(CALM_WINDOW_S)  # the window itself, nothing is awaited by it
        busy = [core_seconds(core)[0] - was for core, was in zip(CORES, before)]
        if max(busy) < CALM_BUSY_SHARE * CALM_WINDOW_S:
            return


def user_memory_bytes(pids):
    """Anonymous memory plus shared zones; a page that two of the processes share counts once."""
    return sum(_rollup_kib(pid, key) for pid in pids for key in ("Pss_Anon", "Pss_Shmem")) * 1024


def wait_until_quiet(pids):
    """Returns once the balancer has nothing more to do for what came before."""
    before = cpu_ns(pids)
    window_end = time.monotonic() + QUIET_WINDOW_S

    def quiet():
        nonlocal before, window_end
        if time.monotonic() < window_end:
            return False
        now = cpu_ns(pids)
        spent, before, window_end = now - before, now, time.monotonic() + QUIET_WINDOW_S
        return spent < QUIET_CPU_NS

    processes.wait_until("the balancer to become idle", quiet, QUIET_DEADLINE_S)


def _rollup_kib(pid, key):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise processes.Failure(f"smaps_rollup of {pid} has no {key}")

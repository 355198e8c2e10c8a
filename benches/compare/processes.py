"""Children: start them pinned to a core, wait for them with a deadline, end them by pid.

Everything the benchmark starts goes through one `Family`, so that one `end_all` ends it all.
No process is ever looked up by its name.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

BALANCER_CORE = 0
LOAD_CORE = 1
PORT_DEADLINE_S = 10
END_DEADLINE_S = 5
POLL_S = 0.01
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """A measurement that cannot be trusted: what happened, in words for the report."""


@dataclass
class Child:
    """A running process of ours and the file that holds what it printed."""

    name: str
    popen: subprocess.Popen
    log: Path

    def pids(self):
        """The process and all its descendants."""
        return [self.popen.pid, *descendants(self.popen.pid)]

    def last_words(self):
        return self.log.read_text(errors="replace").strip()[-2000:]


class Family:
    """All processes that the benchmark has started and not yet ended."""

    def __init__(self, workdir):
        self.workdir = workdir
        self._children = []

    def start(self, name, argv, core):
        log = self.workdir / f"{name}.log"
        with open(log, "wb") as output:
            popen = subprocess.Popen(
                [str(arg) for arg in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: _settle_in(core),
            )
        child = Child(name, popen, log)
        self._children.append(child)
        return child

    def end(self, child):
        """Asks with SIGTERM, and insists with SIGKILL after a deadline, descendants included."""
        if child in self._children:
            self._children.remove(child)
        born = {pid: _start_time(pid) for pid in child.pids()}
        child.popen.terminate()
        try:
            child.popen.wait(END_DEADLINE_S)
        except subprocess.TimeoutExpired:
            child.popen.kill()
            child.popen.wait()
        for pid, start_time in born.items():
            if start_time is not None and _start_time(pid) == start_time:
                os.kill(pid, signal.SIGKILL)

    def end_all(self):
        """Also after Ctrl-C: a second one must not leave half of them behind."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for child in list(self._children):
            self.end(child)


def run(argv, deadline_s):
    """Runs a bounded load on the load core and returns what it printed."""
    try:
        done = subprocess.run(
            [str(arg) for arg in argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            preexec_fn=lambda: _settle_in(LOAD_CORE),
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{Path(argv[0]).name} was not done after {deadline_s} s") from None
    if done.returncode != 0:
        raise Failure(f"{Path(argv[0]).name} exit {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def wait_until(what, condition, deadline_s):
    """Polls until the condition holds; a deadline passed is a failure that says what for."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"waited {deadline_s} s for {what}")
        time.sleep(POLL_S)


def wait_for_port(child, port):
    def listening():
        if child.popen.poll() is not None:
            raise Failure(f"{child.name} ended at its start: {child.last_words()}")
        return accepts(port)

    wait_until(f"{child.name} to listen on port {port}", listening, PORT_DEADLINE_S)


def require_free(port):
    if accepts(port):
        raise Failure(f"something already listens on port {port}")


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def descendants(pid):
    found = []
    for task in _tasks(pid):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            found += [child, *descendants(child)]
    return found


def _tasks(pid):
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _start_time(pid):
    """Tells a process from a later one that was given the same pid."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def _settle_in(core):
    """In the child, before exec: its core, and a SIGTERM should the benchmark itself die."""
    os.sched_setaffinity(0, {core})
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

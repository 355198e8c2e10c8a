"""The loads, each bounded: wrk, bulk streams, idle sessions, paced requests beside bulk.

A load returns plain figures, or raises `Failure` where a single error happened.
"""

import functools
import json
import re
import socket
import ssl
import struct
import sys
from contextlib import contextmanager
from pathlib import Path

import backends
import processes

HERE = Path(__file__).parent
CONNECTIONS = 64
BULK_DEADLINE_S = 120
IDLE_BATCH = 200
IDLE_DEADLINE_S = 30
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def http_requests(port, seconds, keep_alive, is_secure=False):
    """Runs wrk and returns the number of requests. It never resumes a TLS session."""
    header = [] if keep_alive else ["-H", "Connection: close"]
    url = f"{'https' if is_secure else 'http'}://127.0.0.1:{port}/"
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *header, url]
    output = processes.run(argv, seconds + 15)
    for sign in ("Socket errors", "Non-2xx"):
        if sign in output:
            raise processes.Failure(f"wrk reports errors: {output.strip()[-300:]}")
    done = re.search(r"(\d+) requests in", output)
    if not done or int(done[1]) == 0:
        raise processes.Failure(f"wrk made no request: {output.strip()[-300:]}")
    return int(done[1])


def bulk_transfer(port, direction, streams, count, rate=0):
    """Moves `count` bytes; the load program has verified each stream. Returns bytes, seconds."""
    argv = bulk_argv(port, direction, streams, count, rate)
    moved = json.loads(processes.run(argv, BULK_DEADLINE_S))
    return moved["bytes"], moved["seconds"]


def bulk_argv(port, direction, streams, count, rate=0):
    program = [sys.executable, HERE / "bulk.py", "load", "127.0.0.1"]
    return [*program, port, direction, streams, count, rate]


def secure(what, port, *numbers):
    """Runs a load over TLS, which prints what it has done."""
    program = [sys.executable, HERE / "secure.py", what, "127.0.0.1", port, *numbers]
    return json.loads(processes.run(program, BULK_DEADLINE_S))


def paced_requests(port, connections, rate, seconds):
    argv = [sys.executable, HERE / "paced.py", "127.0.0.1", port, connections, rate, seconds]
    return json.loads(processes.run(argv, seconds + 30))


@contextmanager
def idle_sessions(port, count, open_one=None):
    """Sessions open through the balancer to the HTTP server, which say nothing until they end.

    They are opened in batches, each awaited at the far side, so that no accept queue overflows, and
    ended by a reset, so that they leave no client ports behind in TIME_WAIT.
    """
    before = backends.http_connections()
    socks = []
    try:
        while len(socks) < count:
            batch = min(IDLE_BATCH, count - len(socks))
            socks += [(open_one or open_idle)(port) for _ in range(batch)]
            processes.wait_until(
                f"idle session {len(socks)} to reach the backend",
                lambda: backends.http_connections() >= before + len(socks),
                IDLE_DEADLINE_S,
            )
        yield
        ended = sum(1 for sock in socks if has_ended(sock))
        if ended:
            raise processes.Failure(f"{ended} of {count} idle sessions were ended under way")
    finally:
        for sock in socks:
            sock.close()
    processes.wait_until(
        "the backend to see the idle sessions end",
        lambda: backends.http_connections() <= before + IDLE_BATCH // 20,
        IDLE_DEADLINE_S,
    )


def open_idle(port):
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.setblocking(False)
    return sock


def open_idle_secure(port):
    sock = secure_context().wrap_socket(
        socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost"
    )
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.setblocking(False)
    return sock


@functools.cache
def secure_context():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def has_ended(sock):
    try:
        sock.recv(1)
        return True
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True

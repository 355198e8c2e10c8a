"""Small requests at a fixed rate, beside whatever else goes through the balancer.

A program of its own: `paced.py HOST PORT CONNECTIONS RATE SECONDS` sends each request when its time
has come, whether or not earlier ones were answered, and prints one line of JSON with the latencies.
A request whose connection is still waiting is sent late, and its latency counts from its due time.
"""

import collections
import json
import select
import socket
import sys
import time

import bulk

GRACE_S = 5


def pace(host, port, connections, rate, seconds):
    bulk.urgent()
    socks = [socket.create_connection((host, port), timeout=10) for _ in range(connections)]
    for sock in socks:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = {sock: collections.deque() for sock in socks}
    latencies = []
    total = int(rate * seconds)
    start = time.monotonic()
    sent = 0
    while len(latencies) < total:
        now = time.monotonic()
        if now > start + seconds + GRACE_S:
            sys.exit(f"{total - len(latencies)} of {total} requests were never answered")
        while sent < total and start + sent / rate <= now:
            ask(socks[sent % connections], waiting, start + sent / rate, now)
            sent += 1
        pause = start + sent / rate - time.monotonic() if sent < total else 0.1
        ready, _, _ = select.select(socks, [], [], max(0, pause))
        for sock in ready:
            take(sock, waiting[sock], latencies)
    latencies.sort()
    percentile = lambda share: round(latencies[int(share * (total - 1))] * 1e3, 4)
    print(json.dumps({"p50_ms": percentile(0.5), "p99_ms": percentile(0.99), "requests": total}))


def ask(sock, waiting, due, now):
    """Sends now when the connection is free; else the request queues behind the one under way."""
    queue = waiting[sock]
    queue.append(now if not queue else due)
    if len(queue) == 1:
        sock.sendall(bulk.HEADER.pack(bulk.SMALL, 0, 0))


def take(sock, queue, latencies):
    if len(sock.recv(len(bulk.SMALL_ANSWER), socket.MSG_WAITALL)) < len(bulk.SMALL_ANSWER):
        sys.exit("a connection ended before its answer was whole")
    latencies.append(time.monotonic() - queue.popleft())
    if queue:
        sock.sendall(bulk.HEADER.pack(bulk.SMALL, 0, 0))


if __name__ == "__main__":
    host, port, connections, rate, seconds = sys.argv[1:]
    pace(host, int(port), int(connections), float(rate), float(seconds))

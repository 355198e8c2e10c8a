"""Source and sink of bulk bytes, and the answering side of the paced small requests.

A program of its own: `bulk.py serve PORT` is the backend, `bulk.py load HOST PORT up|down STREAMS
BYTES RATE` is the client, which prints one line of JSON. BYTES and RATE (bytes a second, 0 for no
limit) are for all streams together. A stream starts with a header: the wish, the count of bytes,
their rate. Sources copy as a real sender does; sinks have the kernel drop what arrived (MSG_TRUNC),
so that the balancer and not the load is the narrow place. Both ends count.
"""

import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time

HEADER = struct.Struct("!cQQ")
DOWNLOAD, UPLOAD, SMALL = b"D", b"U", b"S"
SMALL_ANSWER = bytes(100)
CHUNK_BYTES = 256 * 1024
PACED_CHUNK_BYTES = 64 * 1024
STALL_S = 20


def serve(port):
    """One loop answers the small requests; each bulk stream gets a process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    urgent()
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                sock, _ = listener.accept()
                limit_stalls(sock)
                selector.register(sock, selectors.EVENT_READ)
            else:
                answer(selector, key.fileobj)


def answer(selector, sock):
    try:
        header = sock.recv(HEADER.size, socket.MSG_WAITALL)
        wish, count, rate = HEADER.unpack(header) if len(header) == HEADER.size else (b"", 0, 0)
        if wish == SMALL:
            sock.sendall(SMALL_ANSWER)
            return
    except OSError:
        wish = b""
    selector.unregister(sock)
    if wish in (DOWNLOAD, UPLOAD) and os.fork() == 0:
        for other in list(selector.get_map().values()):
            other.fileobj.close()
        stream(sock, wish, count, rate)
        os._exit(0)
    sock.close()


def stream(sock, wish, count, rate):
    if wish == DOWNLOAD:
        source(sock, count, rate)
        sock.shutdown(socket.SHUT_WR)
    else:
        sock.sendall(HEADER.pack(UPLOAD, sink(sock, count), rate))
    sock.close()


def source(sock, count, rate):
    """With a rate, each chunk has its due time, and what is late is caught up with."""
    chunk = PACED_CHUNK_BYTES if rate else CHUNK_BYTES
    view = memoryview(bytearray(os.urandom(chunk)))
    start, sent = time.monotonic(), 0
    while sent < count:
        early = start + sent / rate - time.monotonic() if rate else 0
        if early > 0:
            time.sleep(early)
        sent += sock.send(view[: min(count - sent, chunk)])


def sink(sock, count):
    """Reads until the end, but no further than `count`: an upload needs no half-close to end."""
    buffer, total = bytearray(4 * CHUNK_BYTES), 0
    while total < count and (got := sock.recv_into(buffer, 0, socket.MSG_TRUNC)):
        total += got
    return total


def load(host, port, direction, streams, count, rate):
    """Moves `count` bytes over so many streams at once, and checks that each byte arrived."""
    arrived = [None] * streams
    share, share_rate = count // streams, rate // streams
    move = download if direction == "down" else upload

    def run(index):
        try:
            with socket.create_connection((host, port), timeout=10) as sock:
                sock.settimeout(None)
                limit_stalls(sock)
                arrived[index] = move(sock, share, share_rate)
        except OSError as error:
            arrived[index] = str(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(streams)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    if arrived != [share] * streams:
        sys.exit(f"wanted {share} bytes in each of {streams} streams, got {arrived}")
    print(json.dumps({"bytes": share * streams, "seconds": seconds}))


def download(sock, count, rate):
    sock.sendall(HEADER.pack(DOWNLOAD, count, rate))
    return sink(sock, count)


def upload(sock, count, rate):
    sock.sendall(HEADER.pack(UPLOAD, count, rate))
    source(sock, count, rate)
    receipt = sock.recv(HEADER.size, socket.MSG_WAITALL)
    return HEADER.unpack(receipt)[1] if len(receipt) == HEADER.size else "no receipt"


def limit_stalls(sock):
    """A transfer that stands still ends with an error instead of hanging."""
    limit = struct.pack("ll", STALL_S, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def urgent():
    """Small requests shall wait for the balancer, not for this core's bulk streams."""
    try:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(1))
    except PermissionError:
        pass


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        host, port, direction, *numbers = sys.argv[2:]
        load(host, int(port), direction, *map(int, numbers))

"""Loads over TLS, a program of its own that prints one line of JSON.

`secure.py resume HOST PORT SECONDS VERSION` makes one connection after the other, each of which resumes
the session of the one before, asks for a page and ends. `secure.py up|down HOST PORT STREAMS BYTES` moves
bytes as bulk.py does, whose server stands behind the balancer. No certificate is verified: the client's
work is not what is measured.
"""

import json
import os
import socket
import ssl
import sys
import threading
import time

import bulk

CHUNK_BYTES = 256 * 1024
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(version=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    return made


def connect(host, port, tls, session=None):
    sock = socket.create_connection((host, port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(sock, server_hostname="localhost", session=session)


def resume(host, port, seconds, version):
    tls, session = context(version), None
    connections = resumed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with connect(host, port, tls, session) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while sock.recv(4096):
                pass
            connections += 1
            resumed += sock.session_reused
            session = sock.session
    return {"connections": connections, "resumed": resumed}


def move(direction, host, port, streams, count):
    arrived = [None] * streams
    share = count // streams
    one = download if direction == "down" else upload

    def run(index):
        try:
            with connect(host, port, context()) as sock:
                sock.settimeout(bulk.STALL_S)
                arrived[index] = one(sock, share)
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
    return {"bytes": share * streams, "seconds": seconds}


def download(sock, count):
    sock.sendall(bulk.HEADER.pack(bulk.DOWNLOAD, count, 0))
    buffer, total = bytearray(CHUNK_BYTES), 0
    while total < count and (got := sock.recv_into(buffer)):
        total += got
    return total


def upload(sock, count):
    sock.sendall(bulk.HEADER.pack(bulk.UPLOAD, count, 0))
    view, sent = memoryview(os.urandom(CHUNK_BYTES)), 0
    while sent < count:
        sent += sock.send(view[: min(count - sent, CHUNK_BYTES)])
    receipt = b""
    while len(receipt) < bulk.HEADER.size and (got := sock.recv(bulk.HEADER.size)):
        receipt += got
    return bulk.HEADER.unpack(receipt)[1] if len(receipt) == bulk.HEADER.size else "no receipt"


if __name__ == "__main__":
    what, host, port, *numbers = sys.argv[1:]
    if what == "resume":
        done = resume(host, int(port), int(numbers[0]), numbers[1])
    else:
        done = move(what, host, int(port), *map(int, numbers))
    print(json.dumps(done))

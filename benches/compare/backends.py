"""What stands behind the balancers: an HTTP server on three ports, and the bulk server.

The HTTP server also tells how many connections it holds, which is how the benchmark knows that a
session has arrived at the far side.
"""

import socket
import sys
from pathlib import Path

import balancers
import processes

STATUS_PORT = 19100
HTTP_PORTS = [19101, 19102, 19103]
BULK_PORT = 19110
SMALL_BODY = "l4lb " * 20


def start_http(family, max_sessions):
    config = f"""
{balancers.nginx_preamble(family.workdir, "http", max_sessions + 1000)}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_header_timeout 1h;
    server {{
        {balancers.lines(8, [f"listen 127.0.0.1:{port} backlog=4096;" for port in HTTP_PORTS])}
        location / {{ return 200 "{SMALL_BODY}"; }}
    }}
    server {{
        listen 127.0.0.1:{STATUS_PORT};
        location / {{ stub_status; }}
    }}
}}
"""
    for port in (STATUS_PORT, *HTTP_PORTS):
        processes.require_free(port)
    path = balancers.written(family.workdir / "http.conf", config)
    child = family.start("http", ["nginx", "-c", path, "-e", "stderr"], processes.LOAD_CORE)
    processes.wait_for_port(child, STATUS_PORT)
    return child


def start_bulk(family):
    processes.require_free(BULK_PORT)
    program = Path(__file__).parent / "bulk.py"
    argv = [sys.executable, program, "serve", BULK_PORT]
    child = family.start("bulk", argv, processes.LOAD_CORE)
    processes.wait_for_port(child, BULK_PORT)
    return child


def make_certificate(family):
    """Self-signed, with the key that most sites have: P-256."""
    certificate = family.workdir / "site.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", certificate.with_suffix(".key"), "-out", certificate]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    processes.run(["openssl", "req", "-x509", "-days", "2", *key, *files, *name], 20)
    return certificate


def http_connections():
    """Connections that the HTTP server holds at this moment, without the one that asks."""
    with socket.create_connection(("127.0.0.1", STATUS_PORT), timeout=5) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
    return int(answer.split(b"Active connections:")[1].split()[0]) - 1

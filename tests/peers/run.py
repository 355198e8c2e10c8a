#!/usr/bin/env python3
"""Programs of others before and behind l4lb with TLS: what each of them has shown.

    tests/peers/run.py PATH-OF-L4LB [--out FILE.md]

Starts servers and l4lb's on free ports of this machine, has clients use them, and prints a table with a row for
each: what was asked of whom, and what came of it. Ends with 1 where something did not hold. Needs curl, openssl,
redis-server with redis-cli, PostgreSQL with a user `postgres` where this one is root, and the Python package
`websockets`; what is not there is said to be missing. The tests of the gate are in tests/it: they need less.
"""

import argparse
import asyncio
import glob
import hashlib
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 20
BIG_BYTES = 32 * 1024 * 1024
NO_PROXY = {**os.environ, "no_proxy": "*"}


class Scene:
    """A folder with certificates, and processes that end with it."""

    def __init__(self, l4lb):
        self.l4lb = l4lb
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="l4lb-peers-"))
        self.home.chmod(0o755)
        self.running = []
        self.rows = []

    def path(self, name):
        return str(self.home / name)

    def certify(self):
        """An authority, and a certificate of it for localhost."""
        new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split()
        quiet = {"check": True, "stderr": subprocess.DEVNULL}
        ca = ["-subj", "/CN=root", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem")]
        subprocess.run(new + ca, **quiet)
        own = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        own += ["-addext", "basicConstraints=critical,CA:FALSE"]
        own += ["-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key")]
        own += ["-keyout", self.path("own.key"), "-out", self.path("own.pem")]
        subprocess.run(new + own, **quiet)
        for name in ["own.pem", "own.key"]:
            (self.home / name).chmod(0o644)

    def start(self, port, *command, **how):
        how.setdefault("stdout", subprocess.DEVNULL)
        how.setdefault("stderr", open(self.path(f"log-{port}"), "wb"))
        process = subprocess.Popen([str(it) for it in command], **how)
        self.running.append(process)
        until(lambda: can_connect(port), f"{command[0]} on port {port}")
        return process

    def balance(self, backend, *, tls=True, http=False, to_tls=False):
        """Starts an l4lb in front of a backend's port: the port it has itself."""
        port = free_port()
        lines = ["[[listener]]", 'name = "web"', f'listen = "127.0.0.1:{port}"', 'pool = "app"']
        if tls:
            files = f'{{ cert = "{self.path("own.pem")}", key = "{self.path("own.key")}" }}'
            lines.append(f"tls = {{ certificates = [{files}] }}")
        if http:
            lines += ['protocol = "http"', "[listener.http]", 'forwarded = "x-forwarded"']
            lines += ['per = "request"', "security_headers = true"]
        scheme = "https://localhost" if to_tls else "127.0.0.1"
        lines += ["[pool.app]", f'backends = ["{scheme}:{backend}"]']
        if to_tls:
            lines.append(f'tls = {{ ca = "{self.path("ca.pem")}" }}')
        file = self.home / f"l4lb-{port}.toml"
        file.write_text("\n".join(lines) + "\n")
        self.start(port, self.l4lb, "--config", file)
        return port

    def show(self, who, what, held, seen):
        self.rows.append((who, what, bool(held), seen))
        print(f"{'ok  ' if held else 'FAIL'} {who}: {what}: {seen}", flush=True)

    def end(self):
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def can_connect(port):
    with socket.socket() as it:
        return it.connect_ex(("127.0.0.1", port)) == 0


def until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain: {what}")
        time.sleep(0.02)


def run(*command, **how):
    how.setdefault("timeout", 120)
    words = [str(it) for it in command]
    return subprocess.run(words, capture_output=True, env=NO_PROXY, **how)


def version(*command):
    try:
        said = run(*command)
    except FileNotFoundError:
        return None
    return (said.stdout + said.stderr).decode(errors="replace").strip().splitlines()[0].split("  ")[0][:80]


def digest(data):
    return hashlib.sha256(data).hexdigest()


# --- Python's http.server, with curl -----------------------------------------------------------------

SECURE_SITE = """
import http.server, ssl, sys, functools
home, port, cert, key = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=home)
handler.func.protocol_version = "HTTP/1.1"
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def curl(scene):
    site = scene.home / "site"
    site.mkdir()
    big = os.urandom(1024) * (BIG_BYTES // 1024)
    (site / "big").write_bytes(big)
    (site / "small").write_text("hello\n")
    plain, secure = free_port(), free_port()
    words = ["-m", "http.server", "-p", "HTTP/1.1", "-b", "127.0.0.1", "-d", site, plain]
    scene.start(plain, sys.executable, *words)
    own = [scene.path("own.pem"), scene.path("own.key")]
    scene.start(secure, sys.executable, "-c", SECURE_SITE, site, secure, *own)
    for name, backend, to_tls in [("http", plain, False), ("https", secure, True)]:
        port = scene.balance(backend, http=True, to_tls=to_tls)
        for number, words in [("1.2", ["--tlsv1.2", "--tls-max", "1.2"]), ("1.3", ["--tlsv1.3"])]:
            url = f"https://localhost:{port}"
            told = "%{stderr}%{num_connects} "
            common = ["curl", "-sS", "--cacert", scene.path("ca.pem"), *words, "-w", told]
            said = run(*common, f"{url}/small", f"{url}/big", f"{url}/small")
            whole = digest(said.stdout) == digest(b"hello\n" + big + b"hello\n")
            connects = said.stderr.decode().split()
            held = said.returncode == 0 and whole and connects == ["1", "0", "0"]
            seen = f"{len(said.stdout)} bytes, the right ones: {whole}; connections: {connects}"
            scene.show("curl", f"TLS {number}, http.server by {name}", held, seen)


# --- openssl s_client ---------------------------------------------------------------------------------

def openssl(scene):
    backend = free_port()
    site = scene.home / "ssl-site"
    site.mkdir()
    words = ["-m", "http.server", "-b", "127.0.0.1", "-d", site, backend]
    scene.start(backend, sys.executable, *words)
    port = scene.balance(backend)
    common = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost"]
    common += ["-CAfile", scene.path("ca.pem"), "-verify_return_error"]
    request = b"GET / HTTP/1.0\r\n\r\n"
    for name in ["-tls1_2", "-tls1_3"]:
        session = scene.path(f"session{name}")
        for way, word in [("-sess_out", "New"), ("-sess_in", "Reused")]:
            said = run(*common, name, "-ign_eof", way, session, input=request)
            text = said.stdout.decode(errors="replace")
            kind = re.search(r"^(New|Reused), (\S+), Cipher is (\S+)", text, re.M)
            held = kind and kind[1] == word and "200 OK" in text
            held = held and "Verify return code: 0 (ok)" in text
            scene.show("openssl s_client", f"{name} {way}", held, kind and kind[0])
    said = run(*common, "-tls1_2", "-reconnect", "-no_ign_eof", input=b"Q\n")
    kinds = re.findall(r"^(New|Reused), ", said.stdout.decode(errors="replace"), re.M)
    scene.show("openssl s_client", "-tls1_2 -reconnect", kinds == ["New"] + ["Reused"] * 5, " ".join(kinds))
    # At this level the client itself has nothing against the version.
    said = run(*common, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", input=b"Q\n")
    alert = re.search(r"alert (protocol version|handshake failure)", said.stderr.decode(errors="replace"))
    scene.show("openssl s_client", "-tls1_1", said.returncode != 0 and alert, alert and alert[0])


# --- WebSocket ----------------------------------------------------------------------------------------

ECHO = """
import asyncio, ssl, sys, websockets
async def echo(it):
    async for message in it:
        await it.send(message)
async def main(port, cert, key):
    context = None
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
    async with websockets.serve(echo, "127.0.0.1", int(port), ssl=context, max_size=None):
        await asyncio.get_running_loop().create_future()
asyncio.run(main(*sys.argv[1:]))
"""


def websocket(scene):
    try:
        import websockets
    except ImportError:
        return scene.show("websockets", "", True, "missing")
    context = ssl.create_default_context(cafile=scene.path("ca.pem"))

    async def talk(port):
        sizes = [0, 1, 125, 126, 65_535, 65_536, 5_000_000]
        url = f"wss://localhost:{port}/"
        async with websockets.connect(url, ssl=context, max_size=None, proxy=None) as it:
            for size in sizes:
                message = os.urandom(size)
                await it.send(message)
                assert await it.recv() == message, size
            await it.send("text")
            assert await it.recv() == "text"
            await asyncio.wait_for(await it.ping(), PATIENCE_S)
        return f"{len(sizes)} messages of up to {sizes[-1]} bytes, a text, a ping; closed with {it.close_code}"

    for name, to_tls in [("ws", False), ("wss", True)]:
        backend = free_port()
        own = [scene.path("own.pem"), scene.path("own.key")] if to_tls else ["", ""]
        scene.start(backend, sys.executable, "-c", ECHO, backend, *own)
        port = scene.balance(backend, http=True, to_tls=to_tls)
        try:
            seen, held = asyncio.run(talk(port)), True
        except Exception as error:  # whatever it is, it is what the row says
            seen, held = repr(error), False
        scene.show("websockets", f"wss, echo by {name}", held, seen)


# --- Redis --------------------------------------------------------------------------------------------

def redis(scene):
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        return scene.show("redis-cli --tls", "", True, "missing")
    plain, secure = free_port(), free_port()
    common = ["redis-server", "--save", "", "--bind", "127.0.0.1", "--dir", scene.home]
    scene.start(plain, *common, "--port", plain)
    tls = ["--tls-cert-file", scene.path("own.pem"), "--tls-key-file", scene.path("own.key")]
    tls += ["--tls-ca-cert-file", scene.path("ca.pem"), "--tls-auth-clients", "no"]
    scene.start(secure, *common, "--port", 0, "--tls-port", secure, *tls)
    for name, backend, to_tls in [("plain", plain, False), ("TLS", secure, True)]:
        port = scene.balance(backend, to_tls=to_tls)
        cli = ["redis-cli", "-h", "localhost", "-p", port, "--tls", "--cacert", scene.path("ca.pem")]
        cli += ["--sni", "localhost"]
        value = os.urandom(600_000).hex().encode()
        replies = run(*cli, "-x", "SET", "big", input=value).stdout.strip()
        back = run(*cli, "GET", "big").stdout.strip()
        many = b"".join(b"INCR n\n" for _ in range(5000))
        last = run(*cli, input=many).stdout.split()
        held = replies == b"OK" and back == value and last[-1:] == [b"5000"] and len(last) == 5000
        seen = f"{len(back)} bytes set and got, {len(last)} commands on one connection"
        scene.show("redis-cli --tls", f"Redis by {name}", held, seen)


# --- PostgreSQL ---------------------------------------------------------------------------------------

def postgres(scene):
    """psql begins TLS within its own protocol, which no balancer can end. So it speaks to an l4lb that
    speaks TLS with the next one, where it ends: both directions of it."""
    tools = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not tools or not shutil.which("psql"):
        return scene.show("psql", "", True, "missing")
    data, backend = scene.home / "postgres", free_port()
    data.mkdir()
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(data, "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    made = run(*as_user, f"{tools[-1]}/initdb", "-A", "trust", "-U", "postgres", "-D", data, cwd="/")
    if made.returncode:
        return scene.show("psql", "initdb", False, made.stderr.decode()[-200:])
    words = ["-D", data, "-p", backend, "-c", "listen_addresses=127.0.0.1", "-k", data]
    scene.start(backend, *as_user, f"{tools[-1]}/postgres", *words, cwd="/")
    inner = scene.balance(backend)
    port = scene.balance(inner, tls=False, to_tls=True)
    query = "SELECT count(*), sum(n), length(string_agg(md5(n::text), '')) FROM generate_series(1, 200000) n"
    common = ["psql", f"host=127.0.0.1 port={port} user=postgres sslmode=disable", "-At", "-c"]
    # The server may still be getting ready.
    until(lambda: run(*common, "SELECT 1").returncode == 0, "an answer of PostgreSQL")
    said = run(*common, query)
    row = said.stdout.decode().strip()
    held = row == "200000|20000100000|6400000"
    scene.show("psql", "through TLS from one l4lb to the next", held, row or said.stderr.decode())
    said = run(*common, "SELECT md5(n::text) FROM generate_series(1, 300000) n")
    wanted = "".join(hashlib.md5(str(n).encode()).hexdigest() + "\n" for n in range(1, 300_001))
    held = digest(said.stdout) == digest(wanted.encode())
    scene.show("psql", "300,000 rows", held, f"{len(said.stdout)} bytes, the right ones: {held}")


def versions(l4lb):
    try:
        import websockets
        sockets = websockets.__version__
    except ImportError:
        sockets = None
    tools = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    return {
        "l4lb": version(l4lb, "--version"),
        "kernel": platform.release(),
        "curl": version("curl", "--version"),
        "openssl": version("openssl", "version"),
        "Python": platform.python_version(),
        "Python's ssl": ssl.OPENSSL_VERSION,
        "websockets": sockets,
        "redis-server": version("redis-server", "--version"),
        "PostgreSQL": version(f"{tools[-1]}/postgres", "--version") if tools else None,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("l4lb")
    parser.add_argument("--out")
    options = parser.parse_args()
    scene = Scene(os.path.abspath(options.l4lb))
    try:
        scene.certify()
        for peers in [curl, openssl, websocket, redis, postgres]:
            peers(scene)
    finally:
        scene.end()
    if options.out:
        lines = ["# Peers of TLS", "", "Written by [run.py](run.py).", "", "| | |", "|---|---|"]
        lines += [f"| {name} | {it or 'missing'} |" for name, it in versions(options.l4lb).items()]
        lines += ["", "| who | what | held | seen |", "|---|---|---|---|"]
        for who, what, held, seen in scene.rows:
            seen = str(seen).replace("|", "\\|")
            lines.append(f"| {who} | {what} | {'yes' if held else 'NO'} | {seen} |")
        pathlib.Path(options.out).write_text("\n".join(lines) + "\n")
    sys.exit(0 if all(held for _, _, held, _ in scene.rows) else 1)


if __name__ == "__main__":
    main()

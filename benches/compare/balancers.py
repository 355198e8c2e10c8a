"""The contenders: how each balancer is configured and started, and what version it is.

All get the same task: one listener, round robin, one thread, room for the same number of sessions.
Everything else stays as each of them comes, except where a line below says why.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
HAPROXY_PIPES = 200


@dataclass(frozen=True)
class Site:
    """Where a balancer listens, what stands behind it, and how much it must hold."""

    listen_port: int
    backend_ports: list
    max_sessions: int
    workdir: Path
    certificate: Path | None = None  # with its key beside it: TLS ends at the balancer


@dataclass(frozen=True)
class Contender:
    """A balancer under test. `command` writes its configuration and returns its argv."""

    name: str
    kind: str
    command: Callable
    version: str

    @property
    def is_peer(self):
        return self.kind != "l4lb"


def peers():
    haproxy = first_line(["haproxy", "-v"])
    return [
        Contender("haproxy", "haproxy", lambda site: haproxy_command(site, []), haproxy),
        Contender(
            "haproxy-splice",
            "haproxy",
            lambda site: haproxy_command(site, ["splice-request", "splice-response"]),
            haproxy,
        ),
        Contender("nginx", "nginx", nginx_command, first_line(["nginx", "-v"])),
    ]


def l4lb(name, path):
    return Contender(name, "l4lb", lambda site: l4lb_command(path, site), first_line([path, "-V"]))


def l4lb_command(path, site):
    if site.certificate:
        return l4lb_secure_command(path, site)
    argv = [path, "--listen", f"127.0.0.1:{site.listen_port}"]
    for port in site.backend_ports:
        argv += ["--backend", f"127.0.0.1:{port}"]
    return [*argv, "--max-connections", site.max_sessions]


def l4lb_secure_command(path, site):
    """TLS has no flags: it is configured by a file."""
    cert, key = site.certificate, site.certificate.with_suffix(".key")
    config = f"""
max_connections = {site.max_sessions}
[[listener]]
name = "web"
listen = "127.0.0.1:{site.listen_port}"
pool = "app"
tls = {{ certificates = [{{ cert = "{cert}", key = "{key}" }}] }}
[pool.app]
backends = [{", ".join(f'"127.0.0.1:{port}"' for port in site.backend_ports)}]
"""
    return [path, "--config", written(site.workdir / "l4lb.toml", config)]


def haproxy_command(site, more_options):
    """Its default is a pipe for every fourth session: descriptors are too short for that here."""
    options = ["splice-auto", "tcp-smart-connect", *more_options]
    tls = ""
    if site.certificate:
        pair = site.certificate.read_text() + site.certificate.with_suffix(".key").read_text()
        tls = f" ssl crt {written(site.workdir / 'pair.pem', pair)}"
    config = f"""
global
    nbthread 1
    maxconn {site.max_sessions}
    maxpipes {HAPROXY_PIPES}
defaults
    mode tcp
    balance roundrobin
    timeout connect 3s
    timeout client 1h
    timeout server 1h
    {lines(4, [f"option {option}" for option in options])}
listen web
    bind 127.0.0.1:{site.listen_port}{tls}
    {lines(4, [f"server b{port} 127.0.0.1:{port} check" for port in site.backend_ports])}
"""
    return ["haproxy", "-db", "-q", "-f", written(site.workdir / "haproxy.cfg", config)]


def nginx_command(site):
    """The backlog is raised to the others' size: nginx's 511 would drop SYNs, not cost CPU.
    TLS 1.3 is not among the defaults of its older versions."""
    ssl, tls = "", ""
    if site.certificate:
        ssl = " ssl"
        key = site.certificate.with_suffix(".key")
        tls = f"""ssl_certificate {site.certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;"""
    config = f"""
{nginx_preamble(site.workdir, "balancer", 2 * site.max_sessions + 100)}
stream {{
    upstream backends {{
        {lines(8, [f"server 127.0.0.1:{port};" for port in site.backend_ports])}
    }}
    server {{
        listen 127.0.0.1:{site.listen_port}{ssl} backlog=4096;
        {tls}
        proxy_pass backends;
        proxy_connect_timeout 3s;
        proxy_timeout 1h;
    }}
}}
"""
    return ["nginx", "-c", written(site.workdir / "balancer.conf", config), "-e", "stderr"]


def nginx_preamble(workdir, name, connections):
    module = f"load_module {NGINX_MODULE};" if NGINX_MODULE.exists() else ""
    return f"""
{module}
daemon off;
worker_processes 1;
worker_rlimit_nofile {connections + 100};
pid {workdir}/{name}.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
"""


def lines(indent, items):
    return ("\n" + " " * indent).join(items)


def written(path, text):
    path.write_text(text)
    return path


def first_line(argv):
    done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True, timeout=10)
    return next(iter((done.stdout + done.stderr).strip().splitlines()), "says no version")

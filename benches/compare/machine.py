"""The machine: install what is missing, lift the descriptor limit, build l4lb, say what this is."""

import functools
import gzip
import os
import platform
import resource
import shutil
import subprocess
from pathlib import Path

import balancers
import processes

REPO = Path(__file__).resolve().parents[2]
PACKAGES = {"haproxy": "haproxy", "nginx": "nginx", "wrk": "wrk"}
SYSCTLS = [
    "net/ipv4/tcp_congestion_control",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_wmem",
    "net/ipv4/tcp_tw_reuse",
    "net/core/somaxconn",
]


def install_missing():
    # Debian keeps nginx in /usr/sbin, which the PATH of a plain user leaves out.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [package for tool, package in PACKAGES.items() if not shutil.which(tool)]
    if not nginx_has_stream():
        missing.append("libnginx-mod-stream")
    if not missing:
        return
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    subprocess.run([*sudo, "apt-get", "update"], check=True)
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    subprocess.run([*sudo, *quiet, *install], check=True)


def nginx_has_stream():
    if balancers.NGINX_MODULE.exists():
        return True
    if not shutil.which("nginx"):
        return False
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True).stderr.split()
    return "--with-stream" in built


def lift_descriptor_limit(needed):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < needed:
        raise processes.Failure(
            f"this needs {needed} descriptors a process, the hard limit is {hard}: "
            f"lower --sessions or raise the limit"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(needed, 20000)), hard))


def require_two_cores():
    if not {processes.BALANCER_CORE, processes.LOAD_CORE} <= os.sched_getaffinity(0):
        raise processes.Failure("two cores, 0 and 1, are needed: balancer and load must not share")


def build_l4lb():
    subprocess.run(["cargo", "build", "--release", "--bin", "l4lb"], cwd=REPO, check=True)
    return REPO / "target/release/l4lb"


@functools.cache
def keeps_interrupts_apart():
    """CONFIG_IRQ_TIME_ACCOUNTING, as far as the kernel's configuration can be found."""
    text = read(f"/boot/config-{platform.release()}")
    if Path("/proc/config.gz").exists():
        text = gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
    return "CONFIG_IRQ_TIME_ACCOUNTING=y" in text


def describe():
    sysctls = {name.replace("/", "."): read(f"/proc/sys/{name}") for name in SYSCTLS}
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "system": os_name(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "keeps_interrupts_apart": keeps_interrupts_apart(),
        "load_before": os.getloadavg()[0],
        "wrk": balancers.first_line(["wrk", "-v"]),
        "sysctl": sysctls,
    }


def cpu_model():
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def os_name():
    for line in read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return platform.system()


def read(path):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""

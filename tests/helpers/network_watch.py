"""The network traffic of a command, seen from inside a network of its own, which is empty."""

import fcntl
import json
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path


def can_be_cut_off():
    """Whether this user may start a process without a network."""
    command = ["unshare", "--map-root-user", "--net", "true"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def sockets_in_use():
    """Ports that are listened on or connected to, of all processes without a network of their own."""
    found = set()
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/self/net/{kind}").read_text().splitlines()[1:]:
            found.add(f"{kind} {line.split()[1]}")
    return found


def attempts():
    """How often something wanted to leave this machine, where there is no way out."""
    names, values = (line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines()[:2])
    v6 = dict(line.split() for line in Path("/proc/self/net/snmp6").read_text().splitlines())
    return int(values[names.index("OutNoRoutes")]) + int(v6["Ip6OutNoRoutes"])


def watch(command):
    """Run a command in this process' network, which is empty, and print what it did there, as JSON."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        # The loopback device comes switched off: what listens there would fail, not be seen.
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))
    seen, done = set(), threading.Event()

    def look():
        while not done.wait(0.02):
            seen.update(sockets_in_use())

    watcher = threading.Thread(target=look)
    watcher.start()
    ended = subprocess.run(command, capture_output=True, text=True)
    done.set()
    watcher.join()
    words = (ended.stdout + ended.stderr)[-3000:]
    print(json.dumps({"status": ended.returncode, "words": words, "sockets": sorted(seen), "attempts": attempts()}))


def watched(*command):
    """Run a command without a network; return its exit status, its last words, its sockets and its attempts to call."""
    prefix = ["unshare", "--map-root-user", "--net", sys.executable, __file__]
    done = subprocess.run([*prefix, *map(str, command)], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


if __name__ == "__main__":
    watch(sys.argv[1:])

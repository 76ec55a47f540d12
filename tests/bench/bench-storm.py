#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeping up with a storm costs: thousands of links are made, set up and given an address, then
deleted, while the library's source follows. Prints its CPU time beside that of `ip` with the kernel's
work for it, how long after the last command the table is complete, and what was lost on the way.

IFROSTER_BENCH_LINKS says how many links. A figure is of one run; nothing fails because it is large.
"""

import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

# pylint: disable=wrong-import-position
import convergence  # noqa: E402
import follower  # noqa: E402
import namespace  # noqa: E402

LINKS = int(os.environ.get("IFROSTER_BENCH_LINKS", "4000").split()[-1])
SKIP = 77


class World:
    """What Follower wants of a test."""

    directory = "/run/bench"

    def __init__(self):
        self.processes = []
        self.convergence = convergence.Convergence()
        os.mkdir(self.directory)


def batch(lines):
    """Returns the CPU seconds of ip, the kernel's work for it included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True,
                   stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]


def measure(f, title, lines):
    cpu = f.cpu()
    spent = batch(lines)
    start = time.monotonic()
    counters = f.sync()
    late = time.monotonic() - start
    print(f"{title:<34} {f.cpu() - cpu:8.3f} {spent:8.3f} {late:10.3f} "
          f"{len(f.replay.links):7} {resident(f.pid):8} "
          f"{sum(n for name, n in counters.items() if name.startswith('Resyncs')) - 1:8}")
    f.events.clear()


def main():
    try:
        namespace.enter()
    except namespace.NotPermitted as error:
        print(f"skipped: {error}")
        sys.exit(SKIP)
    namespace.fresh()
    for name in ("accept_dad", "router_solicitations"):
        with open(f"/proc/sys/net/ipv6/conf/default/{name}", "w", encoding="ascii") as file:
            file.write("0")
    f = follower.Follower(World())
    numbers = range(0, LINKS, 2)
    print(f"{'':<34} {'CPU s':>8} {'ip s':>8} {'complete s':>10} {'links':>7} {'RSS KiB':>8} "
          f"{'resyncs':>8}")
    measure(f, f"{LINKS} links made",
            [f"link add v{n} type veth peer name v{n + 1}" for n in numbers])
    measure(f, "each set up", [f"link set v{n} up" for n in range(LINKS)])
    measure(f, "each given an address",
            [f"address add 10.{n >> 8}.{n & 255}.1/24 dev v{n}" for n in range(LINKS)])
    measure(f, "all deleted", [f"link del v{n}" for n in numbers])
    f.end()


main()

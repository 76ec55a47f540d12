#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what many Varlink subscribers cost, and what Describe does with many links. Like bench.py,
in the same environment; prints the same kind of tables.
"""

import os
import statistics
import subprocess
import sys
import time

import bench
import namespace
from varlinkclient import Client

SUBSCRIBERS = (1, 100, 1000)


def raised_schedstat(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def subscribe(world, daemon, report):
    for n in SUBSCRIBERS:
        f = bench.run("bench-subscribe", f"{bench.DIRECTORY}/varlink", daemon.pid,
                      bench.link_index("v1"), n, bench.scaled(400 if n < 1000 else 200))
        report.add(bench.links(world.n), n, bench.usec(f["cpu"]), bench.usec(f["cpu"] / n),
                   bench.msec(f["first_p50"]), bench.msec(f["last_p50"]), bench.msec(f["last_p99"]))


def describe(world, daemon, report):
    request = b'{"method":"org.ifroster.Describe"}\0'
    times, size = [], 0
    with Client(f"{bench.DIRECTORY}/varlink") as client:
        cpu = raised_schedstat(daemon.pid)
        for _ in range(bench.scaled(20)):
            start = time.monotonic_ns()
            client.send_raw(request)
            size = len(client.receive_text())
            times.append(time.monotonic_ns() - start)
        cpu = (raised_schedstat(daemon.pid) - cpu) / len(times)
    start = time.monotonic_ns()
    subprocess.run(["ip", "-json", "-details", "address"], stdout=subprocess.DEVNULL, check=True)
    peer = time.monotonic_ns() - start
    report.add(bench.links(world.n), bench.msec(statistics.median(times)), bench.msec(cpu),
               f"{size:,}", f"{size / world.n:.0f}", bench.msec(peer))


def main():
    try:
        namespace.enter()
    except namespace.NotPermitted as error:
        print(error)
        sys.exit(bench.SKIP)
    subscribers = bench.Report("Varlink: one change (MTU) told to many subscribers",
                               ["links", "subscribers", "daemon's CPU", "for each", "first has it",
                                "last has it", "p99"],
                               "the event is written once: CPU for each subscriber is little more than "
                               "that of one sendmsg()")
    described = bench.Report("Varlink: Describe",
                             ["links", "time", "daemon's CPU", "bytes", "a link", "ip -json -details"],
                             "none; ip reads less of it, from the kernel")
    for n in [int(n) for n in os.environ.get("IFROSTER_BENCH_LINKS", "10 4000").split()]:
        world = bench.World(n)
        try:
            daemon = world.daemon()
            subscribe(world, daemon, subscribers)
            describe(world, daemon, described)
        finally:
            world.close()
    for report in (subscribers, described):
        report.show("--markdown" in sys.argv[1:])


main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what questions to the library cost a client, beside what others offer for them: the C
library, the caches of libnl-route-3, and Python's socket module. Like bench.py, in the same environment;
prints the same kind of tables.

    bench-client.py [--markdown] WHAT...     lookups, instructions

BENCH_LIBRARY is the path of the library for Python.
"""

import os
import re
import shutil
import subprocess
import sys

import bench
import namespace

LOOKUPS = [("name to index", "zone_to_index", "if_nametoindex"),
           ("index to name", "index_to_zone", "if_indextoname")]
PAIRS = LOOKUPS + [("all links and addresses", "walk", "getifaddrs")]
TABLE = f"{bench.DIRECTORY}/table"
COUNTED = 10000
ATTEMPTS = 3


def ratio(other, mine):
    return f"{other / mine:,.{1 if other / mine < 10 else 0}f}"


def caches(world):
    """The figures of libnl's caches, or None when it was not there at build time."""
    if not os.path.exists(bench.program("bench-nl")):
        return None
    return bench.run("bench-nl", "v", world.n, bench.scaled(400))


def in_python(world):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench-names.py")
    return bench.run_command(sys.executable, script, os.environ["BENCH_LIBRARY"], TABLE, "v", world.n,
                             bench.scaled(30))


def add_caches(report, world, f, nl):
    for what, mine, theirs in (("name to index", "zone_to_index", "name_to_index"),
                               ("index to name", "index_to_zone", "index_to_name"),
                               ("all links and addresses", "walk", "walk")):
        report.add(bench.links(world.n), what, bench.short(nl[theirs]), bench.short(f[mine]),
                   ratio(nl[theirs], f[mine]), bench.short(nl["fill"]))


def lookups(worlds):
    compared = bench.Report("A lookup in the shared table beside the C library's, CPU time a call",
                            ["links", "question", "C library", "libifroster", "times faster"],
                            "lookups 100 times faster and flat: at 4,000 links at most 2 times what they "
                            "are at 10; the walk 200 times faster at 1,000 links")
    spread = bench.Report("The distribution of one lookup, real time",
                          ["links", "question", "C library p50", "p99", "libifroster p50", "p99"],
                          "none")
    cached = bench.Report("The same beside libnl-route-3's caches, which know nothing of changes",
                          ["links", "question", "libnl", "libifroster", "times faster",
                           "filling libnl's"], "none")
    scripted = bench.Report("A name looked up in Python",
                            ["links", "socket.if_nametoindex", "libifroster by ctypes", "times faster"],
                            "none")
    for world in worlds:
        world.daemon()
        f = bench.run("bench-client", TABLE, "v", world.n, bench.scaled(400))
        for what, mine, other in PAIRS:
            compared.add(bench.links(world.n), what, bench.short(f[other]), bench.short(f[mine]),
                         ratio(f[other], f[mine]))
        for what, mine, other in LOOKUPS:
            spread.add(bench.links(world.n), what,
                       *(bench.short(f[f"{who}_{p}"]) for who in (other, mine)
                         for p in ("p50", "p99")))
        nl = caches(world)
        if nl:
            add_caches(cached, world, f, nl)
        p = in_python(world)
        scripted.add(bench.links(world.n), bench.short(p["socket"]), bench.short(p["ctypes"]),
                     ratio(p["socket"], p["ctypes"]))
    if len(cached.rows) == 1:
        print("skipped: libnl-route-3 was not found when this was built")
        return [compared, spread, scripted]
    return [compared, spread, cached, scripted]


def count(world, question, n):
    """Instructions of a program that asks this n times. On a busy machine the daemon may be stopped in
    the middle of a batch for so long that a question fails."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               bench.program("bench-client"), TABLE, "v", str(world.n), "times", question, str(n)]
    for _ in range(ATTEMPTS):
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if result.returncode == 0:
            return int(re.search(r"Collected *: *(\d+)", result.stderr).group(1))
    raise RuntimeError(result.stderr)


def instructions(worlds):
    report = bench.Report("Instructions of one call, outside the kernel (callgrind)",
                          ["links", "name to index", "index to name", "all links and addresses"],
                          "none")
    if not shutil.which("valgrind"):
        print("skipped: there is no valgrind, which counts them")
        return []
    for world in worlds:
        world.daemon()
        cells = []
        for question, n in (("zone_to_index", COUNTED), ("index_to_zone", COUNTED), ("walk", 20)):
            difference = count(world, question, 2 * n) - count(world, question, n)
            cells.append(f"{difference / n:,.0f}")
        report.add(bench.links(world.n), *cells)
    return [report]


BENCHMARKS = {"lookups": lookups, "instructions": instructions}


def main():
    markdown = "--markdown" in sys.argv[1:]
    names = [name for name in sys.argv[1:] if name != "--markdown"]
    if not names or any(name not in BENCHMARKS for name in names):
        sys.exit(__doc__)
    try:
        namespace.enter()
    except namespace.NotPermitted as error:
        print(f"skipped: {error}")
        sys.exit(bench.SKIP)
    shown = 0
    for name in names:
        for report in BENCHMARKS[name](bench.each_world()):
            report.show(markdown)
            shown += 1
    sys.exit(0 if shown else bench.SKIP)


main()

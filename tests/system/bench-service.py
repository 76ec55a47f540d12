#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench-service.py BUILD ROOT: the installed service on a real systemd, beside what else is there.

The start of the unit beside units that only fork and execute, with the same sandbox and without; the
same questions to systemd-networkd, and the way from a change in the kernel to a signal beside that of
systemd-networkd and NetworkManager, in one boot. ROOT as for test-service.py; IFROSTER_BENCH_SCALE=0.1
takes a tenth of the rounds. BENCH_SERVICE is the built client.
"""

import importlib.util
import json
import os
import pathlib
import re
import shutil
import statistics
import sys
import tempfile

import root as roots
from machine import CannotBoot, Machine, check_can_boot

HERE = pathlib.Path(__file__).resolve().parent
SKIP = 77
SERVICE = "ifrosterd.service"
PROGRAM = "/usr/lib/ifroster-bench"
LINKS = 10
NETWORKD = ["org.freedesktop.network1", "/org/freedesktop/network1",
            "org.freedesktop.network1.Manager"]
IFROSTER = ["org.ifroster1", "/org/ifroster1", "org.ifroster1.Manager"]


def load(name):
    """A module of a name that Python would not import."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scaled(n):
    return max(2, int(n * float(os.environ.get("IFROSTER_BENCH_SCALE", "1"))) // 2 * 2)


def table(title, rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print(f"\n{title}\n")
    for row in rows:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))))
    sys.stdout.flush()


def usec(nsec):
    return f"{nsec / 1000:,.1f} µs"


def start_time(machine, unit):
    """Nanoseconds from when systemd began to start a unit until it counted as started."""
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "restart", unit)
    times = machine.show(unit, "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    return 1000 * (int(times["ActiveEnterTimestampMonotonic"])
                   - int(times["InactiveExitTimestampMonotonic"]))


def bench_start(machine):
    text = machine.read(machine.show(SERVICE, "FragmentPath"))
    boxed = re.sub(r"^(?:Type|ExecReload|BusName|WatchdogSec|Restart\w*|Wants|After|Also)=.*\n", "",
                   text, flags=re.MULTILINE)
    boxed = re.sub(r"^ExecStart=.*", "ExecStart=/usr/bin/sleep infinity", boxed, flags=re.MULTILINE)
    boxed = boxed.replace("[Service]\n", "[Service]\nType=exec\n")
    machine.write("/run/systemd/system/boxed.service", boxed)
    machine.write("/run/systemd/system/bare.service",
                  "[Service]\nType=exec\nExecStart=/usr/bin/sleep infinity\n")
    machine.run("systemctl", "daemon-reload")
    times = {"bare.service": [], "boxed.service": [], SERVICE: []}
    # In turns, so that whatever disturbs the one disturbs the others.
    for _round in range(scaled(20)):
        for unit, list_ in times.items():
            list_.append(start_time(machine, unit))
    middle = {unit: statistics.median(list_) for unit, list_ in times.items()}
    machine.run("systemctl", "stop", "bare.service", "boxed.service")
    names = {"bare.service": "sleep, fork and exec alone", "boxed.service": "sleep in our sandbox",
             SERVICE: "ifrosterd, to READY=1"}
    table("Start of a unit", [["unit", "median", "ratio to bare"]]
          + [[names[unit], usec(middle[unit]), f"{middle[unit] / middle['bare.service']:.2f}"]
             for unit in times])


def bench_call(machine, index):
    calls = str(scaled(500))
    rounds = {"ifrosterd": [], "systemd-networkd": []}
    for _round in range(5):
        for name, service in (("ifrosterd", IFROSTER), ("systemd-networkd", NETWORKD)):
            rounds[name].append(json.loads(machine.run(PROGRAM, "call", *service, "v1", str(index),
                                                       calls)))
    rows = [["method", *rounds, "ratio"]]
    for method in rounds["ifrosterd"][0]:
        mine, theirs = (statistics.median(f[method] for f in list_) for list_ in rounds.values())
        rows.append([method, usec(mine), usec(theirs), f"{mine / theirs:.2f}"])
    table(f"D-Bus calls in one boot, {LINKS} links and loopback", rows)


def bench_signal(machine, index):
    paths = {"ifrosterd": "/org/ifroster1", "systemd-networkd": "/org/freedesktop/network1"}
    if machine.has("NetworkManager"):
        paths["NetworkManager"] = "/org/freedesktop/NetworkManager"
        machine.run("systemctl", "start", "NetworkManager.service")
    changes = str(scaled(100))
    figures = json.loads(machine.run(PROGRAM, "signal", str(index), changes, *paths.values(),
                                     timeout=600))
    rows = [["service", "median", "p99", "not said"]]
    for name, path in paths.items():
        f = figures[path]
        rows.append([name, usec(f["p50"]), usec(f["p99"]), f"{f['missed']} of {changes}"])
    table("From an address in the kernel to the first signal, all of them listening", rows)


def main():
    build, root = sys.argv[1:]
    try:
        check_can_boot()
        place = {"host": roots.host, "trixie": roots.trixie}[root]()
    except CannotBoot as reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIP)
    tree = tempfile.mkdtemp(prefix="tree.")
    try:
        load("test-service").make_tree(build, tree)
        shutil.copy(os.environ["BENCH_SERVICE"], tree + PROGRAM)
        with Machine(place, "dbus-daemon", tree) as machine:
            machine.wait_for(machine.has_owner, "the name on the bus")
            machine.write("/proc/sys/net/ipv6/conf/default/accept_dad", "0")
            for i in range(1, LINKS, 2):
                machine.ip(f"link add v{i} up type veth peer name v{i + 1}")
                machine.ip(f"link set v{i + 1} up")
            bench_start(machine)
            machine.write("/etc/systemd/network/10-all.network",
                          "[Match]\nName=*\n[Link]\nUnmanaged=yes\n")
            machine.run("systemctl", "start", "systemd-networkd.service")
            index = machine.bus_call("GetLinkByName", "s", "v1")[0]
            machine.wait_for(lambda: machine.result("busctl", "call", *NETWORKD, "DescribeLink", "i",
                                                    str(index)).returncode == 0, "networkd")
            machine.wait_for(machine.has_owner, "the name on the bus")
            bench_call(machine, index)
            bench_signal(machine, index)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


if __name__ == "__main__":
    main()

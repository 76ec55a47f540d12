#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the daemon beside programs that do the same work with nothing in it.

    bench.py [--markdown] WHAT...     call, wake, go, varlink, signal, cpu, start, memory, idle

Each is measured at 10, 1,000 and 4,000 links, in a network namespace made for it, in one run with what
it is compared with; a figure is the median of many. IFROSTER_BENCH_LINKS="10 1000" takes other numbers
of links, IFROSTER_BENCH_SCALE=0.1 a tenth of the rounds, IFROSTER_BENCH_IDLE=10 watches an idle daemon
for 10 s instead of 60. IFROSTERD and BENCH_DIRECTORY say where the programs are.

Prints tables. A goal that is missed is told, and is no failure: how fast a machine is at a moment is
nothing that a test could assert.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

# pylint: disable=wrong-import-position
import namespace  # noqa: E402
import processes  # noqa: E402

DIRECTORY = "/run/bench"
NAME = "org.ifroster1"
SKIP = 77

QUIET_SECONDS = 1.0
SETTLE_SECONDS = 120
RTMGRP_LINK_AND_ADDRESSES = 0x1 | 0x10 | 0x100


def scaled(n):
    """An even number of rounds, never less than two."""
    return max(2, int(n * float(os.environ.get("IFROSTER_BENCH_SCALE", "1"))) // 2 * 2)


# The world ------------------------------------------------------------------------------------

def batch(lines):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True,
                   stdout=subprocess.DEVNULL)


def make_links(n):
    """Pairs of virtual Ethernet links v1, v2, ..., each up with an IPv4 address, the IPv6 link-local
    address that the kernel gives it, and the memberships that come with these."""
    # Duplicate address detection and router solicitations are timers that would run for seconds.
    for name in ("accept_dad", "router_solicitations"):
        with open(f"/proc/sys/net/ipv6/conf/default/{name}", "w", encoding="ascii") as file:
            file.write("0")
    lines = ["link set lo up"]
    for i in range(1, n, 2):
        lines += [f"link add v{i} up type veth peer name v{i + 1}", f"link set v{i + 1} up"]
    lines += [f"address add 10.{i >> 8}.{i & 255}.1/24 dev v{i}" for i in range(1, n + 1)]
    batch(lines)
    wait_quiet()


def wait_quiet():
    """Until the kernel has announced nothing for a while."""
    end = time.monotonic() + SETTLE_SECONDS
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as listener:
        listener.bind((0, RTMGRP_LINK_AND_ADDRESSES))
        listener.settimeout(QUIET_SECONDS)
        while time.monotonic() < end:
            try:
                listener.recv(65536)
            except TimeoutError:
                return
            except OSError:  # ENOBUFS: far from quiet
                continue
    raise RuntimeError(f"the links did not settle in {SETTLE_SECONDS} s")


class World:
    """A network namespace with links, a bus, and what is started there."""

    def __init__(self, n):
        namespace.fresh()
        os.mkdir(DIRECTORY)
        self.n = n
        self.started = []
        make_links(n)
        self.bus = self.keep(processes.Bus(DIRECTORY))

    def keep(self, process):
        self.started.append(process)
        return process

    def daemon_arguments(self):
        return [f"--varlink={DIRECTORY}/varlink", f"--table={DIRECTORY}/table"]

    def daemon(self):
        """A daemon that is ready and on the bus, where nothing happens any more."""
        daemon = self.keep(processes.Daemon(DIRECTORY,
                                            [f"--bus={self.bus.address}", *self.daemon_arguments()]))
        daemon.wait_ready(60)
        end = time.monotonic() + 10
        while NAME not in self.names():
            if time.monotonic() > end:
                raise RuntimeError("the daemon did not come to the bus")
            time.sleep(0.05)
        wait_quiet()
        return daemon

    def names(self):
        return subprocess.run(["busctl", f"--address={self.bus.address}", "list", "--no-legend"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout.split()

    def peer(self, name, *arguments):
        """A peer that has said that it is ready."""
        os.environ["IFROSTERD"], mine = program("bench-peer"), os.environ["IFROSTERD"]
        try:
            peer = self.keep(processes.Daemon(DIRECTORY, [name, *arguments], f"peer-{name}"))
        finally:
            os.environ["IFROSTERD"] = mine
        peer.wait_ready()
        return peer

    def close(self):
        for process in reversed(self.started):
            if not process.stopped:
                process.kill()
        namespace.leave()


def program(name):
    return os.path.join(os.environ["BENCH_DIRECTORY"], name)


def run_command(*command):
    """Runs a program that prints JSON and returns what it printed."""
    result = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout)


def run(name, *arguments):
    """The same for one of the small programs."""
    return run_command(program(name), *arguments)


def link_index(name):
    return socket.if_nametoindex(name)


# Tables ---------------------------------------------------------------------------------------

class Report:
    """A table that is printed when it is complete, with the goal below it."""

    def __init__(self, title, columns, goal):
        self.title = title
        self.goal = goal
        self.rows = [list(columns)]

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def show(self, markdown):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        print(f"\n{'### ' if markdown else ''}{self.title}\n")
        for number, row in enumerate(self.rows):
            cells = [row[i].ljust(widths[i]) if i == 0 else row[i].rjust(widths[i])
                     for i in range(len(row))]
            print(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells))
            if markdown and number == 0:
                print("|" + "|".join("-" * (w + 1) + (":" if i else "-")
                                     for i, w in enumerate(widths)) + "|")
        print(f"\nGoal: {self.goal}", flush=True)


def usec(nsec):
    return f"{nsec / 1000:.1f} µs"


def short(nsec):
    """In the unit that suits it."""
    for limit, unit in ((1e3, "ns"), (1e6, "µs"), (1e9, "ms")):
        if nsec < limit:
            return f"{nsec / limit * 1000:.1f} {unit}"
    return f"{nsec / 1e9:.2f} s"


def msec(nsec):
    return f"{nsec / 1e6:.2f} ms"


def kib(n):
    return f"{n:,} KiB"


def links(n):
    return f"{n:,}"


# What is measured -----------------------------------------------------------------------------

def bench_call(worlds):
    report = Report("D-Bus: GetLinkByName beside Peer.Ping to the same daemon",
                    ["links", "Ping", "p99", "GetLinkByName", "p99", "ratio"],
                    "GetLinkByName takes at most 1.2 times as long as Ping")
    for world in worlds:
        world.daemon()
        f = run("bench-bus", "call", world.bus.address, NAME, "v", world.n, scaled(4000))
        report.add(links(world.n), usec(f["ping_p50"]), usec(f["ping_p99"]), usec(f["get_p50"]),
                   usec(f["get_p99"]), f"{f['get_p50'] / f['ping_p50']:.2f}")
    return [report]


def client_figures(world):
    world.daemon()
    return run("bench-client", f"{DIRECTORY}/table", "v", world.n, scaled(400))


GO_QUESTIONS = ["Interfaces", "InterfaceByIndex", "InterfaceByName", "InterfaceAddrs",
                "InterfacesAndAddrs", "InterfacesAndMulticastAddrs"]
# These ask once more for each link, and take minutes.
GO_SQUARE = GO_QUESTIONS[4:]


def bench_wake(worlds):
    report = Report("From the change in the kernel to a waiting client that runs",
                    ["links", "bare netlink", "p99", "ifroster_wait()", "p99", "descriptor", "p99"],
                    "none; a netlink socket of its own is what a client cannot better")
    for world in worlds:
        world.daemon()
        f = run("bench-wake", f"{DIRECTORY}/table", link_index("v3"), scaled(400))
        report.add(links(world.n), *(usec(f[f"{way}_{p}"]) for way in
                                     ("netlink", "futex", "descriptor") for p in ("p50", "p99")))
    return [report]


def go_build():
    """The compiled test, or None with the reason printed."""
    if not os.environ.get("BENCH_GO"):
        print("skipped: there is no Go tool chain")
        return None
    binary = f"{DIRECTORY}/go-net.test"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go-net")
    environment = dict(os.environ, GOCACHE=f"{DIRECTORY}/go-cache", GOPROXY="off", GOFLAGS="-mod=mod",
                       HOME=DIRECTORY, GOTOOLCHAIN="local")
    subprocess.run([os.environ["BENCH_GO"], "test", "-c", "-o", binary, "."], cwd=source, check=True,
                   env=environment)
    return binary


def go_figures(binary, n):
    """Nanoseconds a call by the name of the benchmark."""
    figures = {}
    for question in GO_QUESTIONS:
        slow = question in GO_SQUARE and n >= 1000
        if slow and n > 1000:
            continue
        result = subprocess.run([binary, f"-test.bench=^Benchmark{question}$", "-test.run=^$",
                                 f"-test.benchtime={'1x' if slow else '300ms'}", "-test.count=3",
                                 "-test.timeout=0"], stdout=subprocess.PIPE, text=True, check=True)
        times = [float(line.split()[2]) for line in result.stdout.splitlines()
                 if line.startswith("Benchmark")]
        figures[question] = statistics.median(times)
    return figures


def bench_go(worlds):
    report = Report("The six benchmarks of Go's net package, there and through the library",
                    ["links", "question", "Go net", "libifroster", "times faster"],
                    "each faster at 10 links, 100 times at 1,000")
    for world in worlds:
        binary = go_build()
        if not binary:
            sys.exit(SKIP)
        theirs = go_figures(binary, world.n)
        mine = client_figures(world)
        for question in GO_QUESTIONS:
            if question in theirs:
                report.add(links(world.n), question, short(theirs[question]), short(mine[question]),
                           f"{theirs[question] / mine[question]:,.0f}")
    return [report]


def bench_varlink(worlds):
    report = Report("Varlink: GetLink beside an echo of as many bytes",
                    ["links", "bytes", "echo", "p99", "GetLink", "p99", "ratio"],
                    "GetLink takes at most 1.5 times as long as the echo")
    request = '{"method":"org.ifroster.GetLink","parameters":{"Name":"v3"}}'
    for world in worlds:
        world.daemon()
        path, echo = f"{DIRECTORY}/varlink", f"{DIRECTORY}/echo"
        size = run("bench-varlink", "size", path, request)
        world.peer("echo", echo, str(size))
        f = run("bench-varlink", "call", path, echo, request, scaled(4000))
        report.add(links(world.n), size, usec(f["echo_p50"]), usec(f["echo_p99"]),
                   usec(f["daemon_p50"]), usec(f["daemon_p99"]),
                   f"{f['daemon_p50'] / f['echo_p50']:.2f}")
    return [report]


def bench_signal(worlds):
    """The daemon and its peer in turns, never both: each would take time from the other."""
    changes = scaled(200)
    reports = []
    rows = []
    for world in worlds:
        index = link_index("v3")
        for change in ("mtu", "address"):
            figures = {"daemon": [], "peer": []}
            for _ in range(max(1, scaled(6) // 2)):
                for who in figures:
                    process = (world.daemon() if who == "daemon"
                               else world.peer("signal", world.bus.address))
                    figures[who].append(run("bench-bus", "signal", world.bus.address, index, change,
                                            changes))
                    process.kill()
            rows.append((world.n, change, figures))
    report = Report("From the change in the kernel to a D-Bus signal at a client",
                    ["links", "change", "empty path", "p99", "ifrosterd", "p99", "ratio"],
                    "at most 2 times the empty path: a netlink reader that sends one constant signal")
    for n, change, figures in rows:
        middle = {who: {p: statistics.median(f[p] for f in list_) for p in ("p50", "p99")}
                  for who, list_ in figures.items()}
        report.add(links(n), change, usec(middle["peer"]["p50"]), usec(middle["peer"]["p99"]),
                   usec(middle["daemon"]["p50"]), usec(middle["daemon"]["p99"]),
                   f"{middle['daemon']['p50'] / middle['peer']['p50']:.2f}")
    reports.append(report)
    return reports


def cpu_nsec(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def cpu_for_changes(world, pid, change):
    """Nanoseconds of CPU time that this process takes for one change."""
    list_ = []
    for _ in range(3):
        before = cpu_nsec(pid)
        f = run("bench-bus", "signal", world.bus.address, link_index("v3"), change, scaled(400))
        # Also those of the warming up are changes.
        list_.append((cpu_nsec(pid) - before) / (f["changes"] + 50))
    return statistics.median(list_)


def bench_cpu(worlds):
    report = Report("CPU time for one change, published on D-Bus",
                    ["links", "change", "empty path", "to 10 links", "ifrosterd", "to 10 links"],
                    "flat: at 4,000 links at most 1.5 times what it is at 10")
    first = {}
    for world in worlds:
        for change in ("mtu", "address"):
            figures = []
            for start in (lambda: world.peer("signal", world.bus.address), world.daemon):
                process = start()
                figures.append(cpu_for_changes(world, process.pid, change))
                process.kill()
            base = first.setdefault(change, figures)
            report.add(links(world.n), change, usec(figures[0]), f"{figures[0] / base[0]:.2f}",
                       usec(figures[1]), f"{figures[1] / base[1]:.2f}")
    return [report]


def ratio(a, b):
    """The kernel may count in ticks what takes less than one."""
    return f"{a / b:.2f}" if b > 0 else "-"


def bench_start(worlds):
    report = Report("From the start of the daemon to READY=1",
                    ["links", "dump program", "ifrosterd", "ratio", "dump program, CPU", "ifrosterd, CPU",
                     "ratio", "dumps alone"],
                    "at most 2 times a program that reads the same tables and does nothing with them")
    for world in worlds:
        rounds = scaled(20 if world.n < 4000 else 10)
        arguments = ["--bus=none", *world.daemon_arguments()]
        f = run("bench-start", DIRECTORY, rounds, os.environ["IFROSTERD"], *arguments, "--",
                program("bench-peer"), "dump")
        alone = statistics.median(run("bench-peer", "dump")["nsec"] for _ in range(rounds))
        report.add(links(world.n), msec(f["second"]), msec(f["first"]),
                   f"{f['first'] / f['second']:.2f}", msec(f["second_cpu"]), msec(f["first_cpu"]),
                   ratio(f["first_cpu"], f["second_cpu"]), msec(alone))
    return [report]


def memory(pid):
    figures = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if rest.strip().endswith("kB"):
                figures[name] = int(rest.split()[0])
    return figures


def bench_memory(worlds):
    report = Report("Memory of the daemon",
                    ["links", "Rss", "Pss", "private", "libraries and code (Rss)", "Rss a link"],
                    "4 MiB at 10 links, at most 1 KiB more a link")
    first = None
    for world in worlds:
        daemon = world.daemon()
        # Somebody has asked everything once.
        run("bench-bus", "call", world.bus.address, NAME, "v", world.n, 100)
        f = memory(daemon.pid)
        private = f["Private_Clean"] + f["Private_Dirty"]
        first = first or (world.n, f["Rss"])
        more = (f"{(f['Rss'] - first[1]) / (world.n - first[0]):.2f} KiB" if world.n > first[0]
                else "")
        report.add(links(world.n), kib(f["Rss"]), kib(f["Pss"]), kib(private), kib(mapped(daemon.pid)),
                   more)
    return [report]


def mapped(pid):
    """The part of Rss that is pages of program files."""
    total, counts = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if "-" in fields[0] and not fields[0].endswith(":"):
                path = fields[5] if len(fields) > 5 else ""
                counts = path.startswith("/") and not path.startswith(DIRECTORY)
            elif counts and fields[0] == "Rss:":
                total += int(fields[1])
    return total


def switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


def bench_idle(worlds):
    seconds = float(os.environ.get("IFROSTER_BENCH_IDLE", "60"))
    report = Report(f"Wake-ups of an idle daemon in {seconds:.0f} s",
                    ["links", "context switches", "CPU time"], "none")
    for world in worlds:
        daemon = world.daemon()
        before = switches(daemon.pid), cpu_nsec(daemon.pid)
        time.sleep(seconds)
        report.add(links(world.n), switches(daemon.pid) - before[0],
                   usec(cpu_nsec(daemon.pid) - before[1]))
    return [report]


BENCHMARKS = {"call": bench_call, "wake": bench_wake, "go": bench_go,
              "varlink": bench_varlink, "signal": bench_signal, "cpu": bench_cpu,
              "start": bench_start, "memory": bench_memory, "idle": bench_idle}


def each_world():
    for n in map(int, os.environ.get("IFROSTER_BENCH_LINKS", "10 1000 4000").split()):
        world = World(n)
        try:
            yield world
        finally:
            world.close()


def main():
    arguments = sys.argv[1:]
    markdown = "--markdown" in arguments
    names = [name for name in arguments if name != "--markdown"]
    if not names or any(name not in BENCHMARKS for name in names):
        sys.exit(__doc__)
    try:
        namespace.enter()
    except namespace.NotPermitted as error:
        print(f"skipped: {error}")
        sys.exit(SKIP)
    for name in names:
        for report in BENCHMARKS[name](each_world()):
            report.show(markdown)


if __name__ == "__main__":
    main()

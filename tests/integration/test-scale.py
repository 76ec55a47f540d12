#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links by the thousand, and their end in one moment: each is one end of a cable whose other end is in
another network namespace, and that namespace is deleted. Once with the library's source alone, and once
with the daemon and a subscriber that reads all the time.

IFROSTER_TEST_ROUNDS says how many links. Prints of each storm how long after its end the table was
complete, and what it cost in CPU time and memory so far.
"""

import os
import select
import subprocess
import threading
import time

import fixture
import follower
import load
import oracle
import replay
from varlinkclient import Client, Closed, Subscriber

LINKS = int(os.environ.get("IFROSTER_TEST_ROUNDS", "150"))
PATIENCE = 60 + LINKS / 20
# From here on the numbers mean something, and are held to a limit.
MANY = 1000
CONVERGED_SECONDS = 5
# What a storm may take beside what was there before it, until the end of which nothing is asked: the
# table's rows, and events that wait for a reader.
GROWTH_KIB = 8 * 1024
GROWTH_KIB_PER_LINK = 16


class Served:
    """The daemon as a client sees it, with the members of follower.Follower that are used here."""

    def __init__(self, t):
        self._test = t
        self._daemon = t.start_daemon()
        self.pid = self._daemon.pid
        self._client = Client()
        self._subscriber = Subscriber().until_ready()
        self._published = 0.0
        self._failure = None
        self._news = threading.Condition()
        self._subscriber.take()
        self.replay = self._subscriber.replay
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                if not self._subscriber.buffered():
                    select.select([self._subscriber], [], [])
                with self._news:
                    self._published = time.monotonic()
                    self._subscriber.step()
                    self._news.notify()
        except (AssertionError, Closed, OSError) as error:
            with self._news:
                self._failure = error
                self._news.notify()

    def _sync(self):
        generation = self._client.call("Sync")["Generation"]
        with self._news:
            arrived = self._news.wait_for(
                lambda: self._failure or self._subscriber.generation >= generation, PATIENCE)
            assert arrived and not self._failure, f"the subscriber: {self._failure}"

    cpu = follower.Follower.cpu
    settle = follower.Follower.settle

    def differences(self):
        self._sync()
        truth = oracle.kernel()
        with self._news:
            told = self._subscriber.replay.state()
        table = replay.Replay.from_describe(self._client.call("Describe", deadline=PATIENCE))
        return (table.state().difference(truth, ("table", "kernel"))
                + told.difference(truth, ("subscriber", "kernel")))

    def take_events(self):
        with self._news:
            return self._subscriber.take()

    def pump(self, seconds):
        """Its reader does not need to be told."""
        time.sleep(seconds)

    def sync(self):
        self._sync()
        return self._client.call("GetCounters")["Counters"]


def kibibytes(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return [int(line.split()[1]) for line in file if line.startswith(name + ":")][0]


def in_other(command):
    """Changes that only concern the other namespace are made by a process of it."""
    subprocess.run(["nsenter", "--net=/run/netns/other", *command], check=True)


def cables(t):
    """The links, down and without addresses, and their other ends, which are up."""
    settings = "for s in all default; do echo 1 > /proc/sys/net/ipv6/conf/$s/disable_ipv6; done"
    t.ip("netns add other")
    in_other(["sh", "-c", settings])
    for name in ("accept_dad", "router_solicitations"):
        t.sysctl(f"net/ipv6/conf/default/{name}", 0)
    return [f"link add v{n} type veth peer name p{n} netns other" for n in range(LINKS)]


def count_lines(name):
    with open(f"/proc/thread-self/net/{name}", encoding="ascii") as file:
        return len(file.readlines())


def all_up():
    """With its carrier a link gets an address. The kernel does no more than a hundred carriers a second
    when many come at once."""
    return count_lines("if_inet6") == LINKS


def all_gone(t):
    """The kernel takes the links off its list first, then announces their end, all under one lock;
    a question for a link waits for that."""
    headings = 2
    return count_lines("dev") == headings + 1 and t.ip("link show lo").returncode == 0


def expect(who, allowed):
    """Nothing else may have come or gone, and nothing twice."""
    seen = set()
    for event in who.take_events():
        if event["Object"] not in ("link", "address", "group", "route") or event["Event"] == "changed":
            continue
        assert event["Event"] == allowed, event
        key = (event["Object"], event["Index"], event.get("AddressString"),
               event.get("PrefixLength"))
        assert key not in seen, event
        seen.add(key)
    return seen


class Storm:
    """Measures what happens between two moments at which everything is in the table."""

    def __init__(self, t, who, title):
        self.t, self.who, self.title = t, who, title
        # A peak of before, such as of a question for everything, is not the storm's.
        with open(f"/proc/{who.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        self.resident = kibibytes(who.pid, "VmRSS")
        self.cpu, self.begin = who.cpu(), time.monotonic()

    def end(self, is_over):
        while not is_over():
            assert time.monotonic() < self.begin + PATIENCE, f"not over after {PATIENCE} s"
            self.who.pump(0.002)
        self.t.load_ended()
        seconds = time.monotonic() - self.begin
        counters = self.who.sync()
        cpu, peak = self.who.cpu() - self.cpu, kibibytes(self.who.pid, "VmHWM")
        self.who.settle(PATIENCE)
        late = self.t.convergence.last()
        resyncs = {name: n for name, n in counters.items()
                   if name.startswith("Resyncs") and name != "ResyncsStart" and n > 0}
        self.t.measured.append(
            f"{LINKS} links {self.title}: in {seconds:.2f} s, complete {1000 * late:.1f} ms later, "
            f"CPU {cpu:.3f} s, {counters['Messages']} messages so far, resident {self.resident} KiB "
            f"before and {peak} KiB at the peak, resyncs {resyncs or 'none'}")
        growth = peak - self.resident
        # A sanitizer keeps what is freed.
        assert "SANITIZED" in os.environ or growth <= GROWTH_KIB + GROWTH_KIB_PER_LINK * LINKS, \
            f"{growth} KiB in one storm"
        assert LINKS < MANY or late < CONVERGED_SECONDS, f"complete after {late} s"


def whole_life(t, who):
    made = cables(t)
    addresses = [f"address add 10.{n >> 8}.{n & 255}.1/24 dev v{n}" for n in range(LINKS)]
    for title, lines in (("made", made),
                         ("set up", [f"link set v{n} up" for n in range(LINKS)]),
                         ("given an address", addresses)):
        if title == "set up":
            others = load.Batch(t, [f"link set p{n} up" for n in range(LINKS)])
            in_other(others.command)
        storm = Storm(t, who, title)
        running = load.Batch(t, lines).start()
        storm.end(lambda: running.poll() is not None and (title != "set up" or all_up()))
        told = expect(who, "added")
        assert title != "made" or sum(key[0] == "link" for key in told) == LINKS, len(told)
    assert len(who.replay.links) == LINKS + 1, len(who.replay.links)
    assert len(who.replay.addresses) >= 2 * LINKS, len(who.replay.addresses)

    storm = Storm(t, who, "ended with their namespace")
    t.ip("netns del other")
    storm.end(lambda: all_gone(t))
    told = expect(who, "removed")
    assert sum(key[0] == "link" for key in told) == LINKS, len(told)
    assert len(who.replay.links) == 1, who.replay.links.keys()


def test_source(t):
    f = follower.Follower(t)
    f.settle()
    f.take_events()
    whole_life(t, f)


def test_daemon_with_a_subscriber(t):
    whole_life(t, Served(t))


fixture.main(__name__)

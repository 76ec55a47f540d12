#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ifroster watch and wait: arrivals, renames, addresses, departures, time limits; each with a daemon
and without one."""

import json
import os
import signal
import subprocess
import time

import fixture

SOCKET = "/run/ifroster/org.ifroster"
NO, UNREACHABLE = 1, 3


def both(function):
    """Makes the two subtests of a function: the library alone, and the daemon's Varlink interface."""
    name = function.__name__

    def without_daemon(t):
        function(t)

    def with_daemon(t):
        t.start_daemon()
        function(t)

    for made, suffix in ((without_daemon, "without_daemon"), (with_daemon, "with_daemon")):
        made.__name__ = f"test_{name}_{suffix}"
        globals()[made.__name__] = made
    return function


class Watch:
    """A running `ifroster watch` whose lines are taken in order."""

    def __init__(self, t, *arguments, name="watch"):
        self.t = t
        self.process = t.follow("watch", *arguments, name=name)
        self.position = 0

    def expect(self, test, what):
        def find():
            lines = self.process.lines()
            for position in range(self.position, len(lines)):
                if test(lines[position]):
                    self.position = position + 1
                    return lines[position]
            return None
        return self.t.wait_for(find, what=f"{what} in {self.process.name}")

    def expect_event(self, **fields):
        def is_it(line):
            event = json.loads(line)
            return all(event.get(name) == value for name, value in fields.items())
        return json.loads(self.expect(is_it, f"the event {fields}"))

    def expect_line(self, symbol, target, link, *words):
        def is_it(line):
            cells = line.split("\t")
            return cells[1:4] == [symbol, target, link] and all(word in cells[4] for word in words)
        return self.expect(is_it, f"the line {symbol} {target} {link} {words}")

    def ready(self):
        """The headings come when what exists has been read."""
        return self.expect(lambda line: line.startswith("TIME"), "the headings")

    def events(self):
        return [json.loads(line) for line in self.process.lines()]


@both
def lines(t):
    t.ip("link add v0 type veth peer name v1")
    watch = Watch(t)
    watch.ready()
    assert len(watch.process.lines()) == 1, watch.process.lines()
    t.ip("link set v0 mtu 1400")
    watch.expect_line("~", "link", "v0", "MTU 1500 -> 1400")
    t.ip("link set v0 name w0")
    watch.expect_line("~", "link", "w0", "Name v0 -> w0")
    t.ip("address add 192.0.2.1/24 dev w0")
    watch.expect_line("+", "address", "w0", "192.0.2.1/24", "usable")
    t.ip("address change 192.0.2.1/24 dev w0 valid_lft 4000 preferred_lft 3000")
    watch.expect_line("~", "address", "w0", "192.0.2.1/24", "ValidLifetimeUSec 1h 6min")
    t.ip("address delete 192.0.2.1/24 dev w0")
    watch.expect_line("-", "address", "w0", "192.0.2.1/24")
    t.ip("link delete v1")
    watch.expect_line("-", "link", "w0")
    t.ip("link add b0 type bridge")
    watch.expect_line("+", "link", "b0", "bridge", "mtu 1500")
    assert all(line.count("\t") == 4 for line in watch.process.lines()), watch.process.out()


@both
def records(t):
    """Events replayed from nothing are the table."""
    t.ip("link set lo up")
    t.ip("link add v0 type veth peer name v1")
    t.ip("address add 192.0.2.1/24 dev v0")
    watch = Watch(t, "--json=short")
    watch.expect_event(Event="existing", Object="address", AddressString="192.0.2.1", Name="v0")
    t.ip("address add 2001:db8::1/64 dev v1 nodad")
    watch.expect_event(Event="added", Object="address", AddressString="2001:db8::1", Name="v1")
    t.ip("address delete 192.0.2.1/24 dev v0")
    watch.expect_event(Event="removed", Object="address", AddressString="192.0.2.1")
    t.ip("link set v0 name w0")
    watch.expect_event(Event="changed", Object="link", Name="w0")

    told = {}
    for event in watch.events():
        if event["Object"] == "link":
            if event["Event"] == "removed":
                del told[event["Index"]]
            else:
                told.setdefault(event["Index"], {}).update(
                    {k: v for k, v in event.items() if k not in ("Event", "Object")})
    listed = {record["Index"]: record for record in t.cli_json("list")}
    assert told.keys() == listed.keys()
    for index, record in listed.items():
        mine = {k: v for k, v in told[index].items() if v is not None and k != "Incarnation"}
        theirs = {k: v for k, v in record.items() if k not in ("Addresses", "Groups", "Incarnation")}
        assert mine == theirs, (mine, theirs)


@both
def filters(t):
    """One link is followed through its new name; one that comes later is waited for."""
    t.ip("link add v0 type veth peer name v1")
    t.ip("link property add dev v0 altname wan0")
    by_name = Watch(t, "v0", "--json=short", name="by-name")
    by_altname = Watch(t, "wan0", "--json=short", name="by-altname")
    by_index = Watch(t, str(t.index("v0")), "later", "--json=short", name="by-index")
    everything = Watch(t, "--json=short", name="everything")
    watches = (by_name, by_altname, by_index)
    for watch in watches:
        watch.expect_event(Event="existing", Object="link", Name="v0")
    everything.expect_event(Event="existing", Object="link", Name="v1")
    t.ip("link set v0 name w0")
    t.ip("address add 192.0.2.2/24 dev v1")
    t.ip("address add 192.0.2.1/24 dev w0")
    for watch in watches:
        watch.expect_event(Event="changed", Object="link", Name="w0")
        watch.expect_event(Event="added", Object="address", AddressString="192.0.2.1")
        assert not [event for event in watch.events() if event["Name"] == "v1"], watch.events()
    everything.expect_event(Event="added", Object="address", AddressString="192.0.2.2")
    index = t.index("w0")
    t.ip("link delete w0")
    for watch in watches:
        watch.expect_event(Event="removed", Object="link", Name="w0")
    # The same index, and the name again: one is what was asked for, the other is not.
    t.ip(f"link add other index {index} type veth peer name later")
    t.ip("link add v0 type veth peer name v1")
    by_name.expect_event(Event="added", Object="link", Name="v0")
    by_index.expect_event(Event="added", Object="link", Name="later")
    assert not [event for event in by_name.events() if event["Name"] == "other"]


@both
def waiting(t):
    t.ip("link set lo up")
    for arguments in (["lo", "--for=present"], ["lo", "--for=carrier"], ["1", "--for=present"]):
        assert t.cli("wait", *arguments, "--timeout=0") == ""
    record = t.cli_json("wait", "lo", "--for=present")[0]
    assert record["Name"] == "lo" and "Event" not in record, record

    # A name comes before an index, also where the index is told first.
    t.ip("link add x0 index 100 type veth peer name 100 index 200")
    assert t.cli_json("wait", "100", "--for=present")[0]["Index"] == 200

    start = time.monotonic()
    result = t.cli_result("wait", "v0", "--for=present", "--timeout=0.3", status=NO)
    assert 0.3 <= time.monotonic() - start < 10 and "v0" in result.stderr, result.stderr

    waits = {condition: t.follow("wait", "v0", f"--for={condition}", name=f"wait-{condition}")
             for condition in ("present", "carrier", "address", "routable")}
    renamed = t.follow("wait", "w1", "--for=present", name="wait-rename")
    altname = t.follow("wait", "wan0", "--for=present", name="wait-altname")

    def running():
        return [name for name, wait in waits.items() if wait.status() is None]

    t.sysctl("net/ipv6/conf/default/addr_gen_mode", 1)
    t.ip("link add v0 type veth peer name v1")
    assert waits.pop("present").wait() == 0
    assert running() == ["carrier", "address", "routable"]
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    assert waits.pop("carrier").wait() == 0
    assert running() == ["address", "routable"]
    t.ip("address add 169.254.3.4/16 scope link dev v0")
    assert waits.pop("address").wait() == 0
    assert running() == ["routable"]
    t.ip("address add 192.0.2.1/24 dev v0")
    assert waits.pop("routable").wait() == 0
    t.ip("link set v1 down")
    assert renamed.status() is None and altname.status() is None
    t.ip("link set v1 name w1")
    assert renamed.wait() == 0
    t.ip("link property add dev v0 altname wan0")
    assert altname.wait() == 0


@both
def reader_goes(t):
    """A watch whose reader has gone ends, also when nothing happens."""
    with subprocess.Popen([os.environ["IFROSTER"], "watch"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=t.environment) as process:
        assert process.stdout.readline().startswith(b"TIME")
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_daemon_goes(t):
    """A break is said, never patched up in silence."""
    daemon = t.start_daemon()
    watch = Watch(t, f"--connect={SOCKET}")
    watch.ready()
    daemon.kill()
    assert watch.process.wait() == UNREACHABLE
    assert "closed the connection" in watch.process.err(), watch.process.err()


def test_daemon_stops(t):
    daemon = t.start_daemon()
    wait = t.follow("wait", "nosuch", "--for=present", f"--connect={SOCKET}", name="wait")
    t.wait_for(lambda: int(t.cli_json("show", "--daemon")[0]["Counters"]["VarlinkConnections"]) > 1,
               what="the connection of the wait")
    assert daemon.stop() == 0
    assert wait.wait() == UNREACHABLE, wait.err()


def test_interrupt(t):
    watch = Watch(t)
    watch.ready()
    watch.process.signal(signal.SIGINT)
    assert watch.process.wait() == -signal.SIGINT
    assert watch.process.err() == ""


fixture.main(__name__)

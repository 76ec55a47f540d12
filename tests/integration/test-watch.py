#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ifroster watch and wait: arrivals, renames, addresses, departures, time limits; each with a daemon
and without one."""

import json
import os
import signal
import socket
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


def merged(events):
    """The rows after these events, as the documentation says: merged into each other. Told apart by what
    identifies them, without incarnations, whose last value is kept."""
    rows = {}
    for event in events:
        if event["Event"] == "resynced":
            continue
        key = tuple(str(event.get(name)) for name in (
            "Object", "Index", "Family", "Address", "PrefixLength", "Peer", "Gateway", "Metric",
            "Protocol", "Table", "TOS")[:2 if event["Object"] == "link" else None])
        if event["Event"] == "removed":
            del rows[key]
            continue
        assert (key in rows) == (event["Event"] == "changed"), event
        rows.setdefault(key, {}).update(event)
    links = {row["Index"]: row["Incarnation"] for row in rows.values() if row["Object"] == "link"}
    return {key: {name: value for name, value in row.items() if value is not None and name != "Event"}
            | {"Incarnation": links[row["Index"]]} for key, row in rows.items()}


def existing(t, *arguments):
    """What a new watch tells first, after the daemon has heard all."""
    watch = Watch(t, "--json=short", *arguments, name=f"existing{len(t.processes)}")
    t.cli("wait", "lo", "--for=present", f"--connect={SOCKET}")
    t.wait_for(lambda: len(watch.process.lines()) >= len(t.cli_json("list")), what="existing rows")
    size = -1
    while size != len(watch.process.lines()):
        size = len(watch.process.lines())
        t.cli("show", "--daemon")
    watch.process.stop()
    return watch.events()


def prepare(t):
    t.sysctl("net/ipv6/conf/default/addr_gen_mode", 1)
    t.ip("link set lo up")
    t.ip("link add x0 type veth peer name x1")
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("address add 192.0.2.2/24 dev v0")


def change_unheard(t):
    """While no daemon is there. The links' incarnations are other ones afterwards."""
    t.ip("link delete x0")
    t.ip("link set v1 name w1")
    t.ip("link set v1 mtu 1400", check=False)
    t.ip("link set w1 mtu 1400")
    t.ip("address delete 192.0.2.2/24 dev v0")
    t.ip("address add 192.0.2.3/24 dev v0")
    t.ip("link add y0 type veth peer name y1")


def test_daemon_restarts(t):
    """Programs get the difference and nothing else, and the changes that come later."""
    prepare(t)
    daemon = t.start_daemon()
    watch = Watch(t, "--json=short", f"--connect={SOCKET}")
    watch.expect_event(Event="existing", AddressString="192.0.2.2")
    t.ip("link set v0 mtu 1300")
    watch.expect_event(Event="changed", Name="v0", MTU=1300)
    t.wait_for(lambda: merged(watch.events()) == merged(existing(t)), what="the first table")
    told = len(watch.events())
    daemon.kill()
    t.wait_for(watch.process.err, what="a note")
    change_unheard(t)
    t.start_daemon(name="second")
    watch.expect_event(Event="resynced", Reason="source")
    watch.expect_event(Event="added", AddressString="192.0.2.3")
    t.ip("link set v0 mtu 1350")
    watch.expect_event(Event="changed", Name="v0", MTU=1350)
    t.wait_for(lambda: merged(watch.events()) == merged(existing(t)), what="the same table")

    events = watch.events()[told:]
    assert all(event["Event"] != "existing" for event in events), events
    resynced = [event["Event"] for event in events].index("resynced")
    assert all(event["Event"] == "removed" for event in events[:resynced]), events
    assert {event["Name"] for event in events[:resynced] if event["Object"] == "link"} == {"x0", "x1"}
    rows = [event for event in events if event["Event"] != "resynced"]
    assert [event["AddressString"] for event in rows if event["Object"] == "address"] == \
        ["192.0.2.2", "192.0.2.3"], rows
    renamed, = [event for event in rows if event["Name"] == "w1" and event["Object"] == "link"]
    assert renamed["Event"] == "changed" and renamed["MTU"] == 1400
    assert set(renamed) == {"Event", "Object", "Index", "Incarnation", "Name", "MTU"}, renamed
    assert watch.process.err() == "ifroster: the daemon closed the connection; connecting again\n"


def test_lines_over_a_restart(t):
    """People get one line for each difference; a link that is followed is followed on."""
    prepare(t)
    daemon = t.start_daemon()
    everything = Watch(t, f"--connect={SOCKET}", name="everything")
    followed = Watch(t, "v1", "later", f"--connect={SOCKET}", name="followed")
    everything.ready()
    followed.ready()
    assert daemon.stop() == 0
    change_unheard(t)
    t.start_daemon(name="second")
    for watch in (everything, followed):
        watch.expect_line("!", "table", "-")
        watch.expect_line("~", "link", "w1", "Name v1 -> w1", "MTU 1500 -> 1400")
    t.ip("link add later type veth peer name reta")
    t.ip("link set w1 mtu 1401")
    t.ip("link set later mtu 1402")
    for watch in (everything, followed):
        watch.expect_line("+", "link", "later")
        watch.expect_line("~", "link", "w1", "MTU 1400 -> 1401")
        watch.expect_line("~", "link", "later", "MTU 1500 -> 1402")
    about = {line.split("\t")[3] for line in followed.process.lines()[1:]}
    assert about == {"-", "w1", "later"}, followed.process.lines()
    # Nothing is said of rows whose link has another incarnation and is otherwise as it was.
    assert not [line for line in everything.process.lines() if "192.0.2.1" in line]
    assert not [line for line in everything.process.lines() if line.split("\t")[3] == "lo"]
    assert sum("192.0.2.2" in line for line in everything.process.lines()) == 1


def test_daemon_goes_for_good(t):
    """Without --connect the kernel is followed from then on, and later a daemon's table again."""
    prepare(t)
    daemon = t.start_daemon()
    watch = Watch(t, "--json=short")
    watch.expect_event(Event="existing", AddressString="192.0.2.2")
    daemon.kill()
    watch.expect_event(Event="resynced")
    t.ip("link set v0 mtu 1300")
    watch.expect_event(Event="changed", Name="v0", MTU=1300)
    t.start_daemon(name="second")
    t.ip("link set v0 mtu 1350")
    watch.expect_event(Event="changed", Name="v0", MTU=1350)
    assert "going on without it" in watch.process.err()


def test_reader_goes_during_a_break(t):
    daemon = t.start_daemon()
    with subprocess.Popen([os.environ["IFROSTER"], "watch", f"--connect={SOCKET}"], env=t.environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"TIME")
        assert daemon.stop() == 0
        assert b"connecting again" in process.stderr.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_wait_over_a_restart(t):
    daemon = t.start_daemon()
    arguments = ("--for=present", f"--connect={SOCKET}")
    waits = [t.follow("wait", "late", *arguments, name="wait"),
             t.follow("wait", "never", *arguments, "--timeout=4", name="limited")]
    t.wait_for(lambda: int(t.cli_json("show", "--daemon")[0]["Counters"]["VarlinkSubscriptions"]) == 2,
               what="the subscriptions")
    assert daemon.stop() == 0
    t.wait_for(lambda: all(wait.err() for wait in waits), what="notes")
    assert waits[1].wait() == NO, waits[1].err()
    t.ip("link add late type veth peer name reta")
    assert waits[0].status() is None
    t.start_daemon(name="second")
    assert waits[0].wait() == 0, waits[0].err()


def test_no_daemon_behind_the_socket(t):
    """What never told all that exists is not waited for."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{t.directory}/liar")
        listener.listen()
        watch = t.follow("watch", f"--connect={t.directory}/liar", name="liar")
        listener.accept()[0].close()
        assert watch.wait() == UNREACHABLE
        assert "closed the connection\n" in watch.err(), watch.err()


def test_interrupt(t):
    watch = Watch(t)
    watch.ready()
    watch.process.signal(signal.SIGINT)
    assert watch.process.wait() == -signal.SIGINT
    assert watch.process.err() == ""


fixture.main(__name__)

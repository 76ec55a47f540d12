#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lives of links and addresses. Every step is looked at twice: what was told by Changed, and what
a question answers; settle() then holds both against the kernel."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import fixture
import replay
from fixture import CallError, link_path

INET, INET6 = socket.AF_INET, socket.AF_INET6
ROUNDS = 3


def links(t):
    return {name: index for index, name, _ in t.bus.call("ListLinks")}


def texts(t, index, family):
    return [row["AddressString"] for row in t.bus.call("ListAddresses", "ii", index, family)]


def fails(t, name, method, signature, *arguments):
    try:
        answer = t.bus.call(method, signature, *arguments)
    except CallError as error:
        assert error.name == name, f"{method}{arguments}: {error}, not {name}"
    else:
        raise AssertionError(f"{method}{arguments}: {answer}, not {name}")


def json_of(t, *arguments):
    return [json.loads(line) for line in t.cli("--json=short", *arguments).splitlines()]


def must_be_gone(t, index, name):
    fails(t, "NoSuchLink", "GetLinkByName", "s", name)
    fails(t, "NoSuchLink", "GetLinkByIndex", "i", index)
    fails(t, "NoSuchLink", "ListAddresses", "ii", index, 0)
    assert name not in links(t)


# Links come and go ----------------------------------------------------------------------------

def test_point_to_point(t):
    """The address of a point-to-point link is its own end, never the other one."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise fixture.Skip("/dev/net/tun cannot be opened")
    t.start()
    for round_ in range(ROUNDS):
        name, local, remote = f"pp{round_}", f"169.254.0.{2 * round_ + 1}", f"169.254.0.{2 * round_ + 2}"
        t.need_kind(f"tuntap add mode tun name {name}")
        index = t.index(name)
        t.ip(f"address add {local} peer {remote} dev {name}")
        t.ip(f"-6 address add 2001:db8::{round_ + 1} peer 2001:db8:1::{round_ + 1} dev {name} nodad")
        t.ip(f"link set {name} up")
        t.sync()

        added = t.expect_event(Event="added", Object="link", Name=name)
        assert added["Index"] == index and "point-to-point" in added["FlagsString"], added
        told = t.expect_event(Event="added", Object="address", AddressString=local)
        assert told["PeerString"] == remote and told["PrefixLength"] == 32, told
        told = t.expect_event(Event="added", Object="address", AddressString=f"2001:db8::{round_ + 1}")
        assert told["PeerString"] == f"2001:db8:1::{round_ + 1}", told

        assert texts(t, index, INET) == [local]
        assert f"2001:db8::{round_ + 1}" in texts(t, index, INET6)
        row = t.bus.call("ListAddresses", "ii", index, INET)[0]
        assert row["Address"] == socket.inet_aton(local) and row["Peer"] == socket.inet_aton(remote)
        assert t.bus.call("LookupAddress", "s", local) == ("unicast", [(index, name)])
        assert t.bus.call("LookupAddress", "s", remote) == ("none", [])
        assert t.bus.call("FindLink", "s", local) == (index, name, "address")
        assert t.bus.call("GetLinkForAddress", "s", remote) == (index, name, "peer")
        t.settle()

        t.ip(f"link delete {name}")
        must_be_gone(t, index, name)
        t.sync()
        t.expect_event(Event="removed", Object="address", AddressString=local)
        t.expect_event(Event="removed", Object="link", Index=index)
        t.settle()


def come_and_go(t, create, names):
    t.start()
    incarnations = set()
    for _ in range(ROUNDS):
        before = links(t)
        t.need_kind(create)
        # At once: the kernel has acknowledged it.
        after = links(t)
        assert set(after) - set(before) == set(names), (before, after)
        told = {}
        t.sync()
        for name in sorted(names, key=after.get):
            told[name] = t.expect_event(Event="added", Object="link", Name=name)
            assert told[name]["Index"] == after[name] == t.index(name)
            assert told[name]["Incarnation"] not in incarnations
            incarnations.add(told[name]["Incarnation"])
            assert t.bus.get_link(after[name], "Incarnation") == told[name]["Incarnation"]
        t.settle()

        t.ip(f"link delete {names[0]}")
        assert links(t) == before
        for name in names:
            must_be_gone(t, after[name], name)
        gone = {event["Name"]: event for event in t.take_events()
                if (event["Event"], event["Object"]) == ("removed", "link")}
        assert {name: event["Incarnation"] for name, event in gone.items()} \
            == {name: told[name]["Incarnation"] for name in names}, gone
        t.settle()


def test_a_pair_comes_and_goes(t):
    come_and_go(t, "link add v0 type veth peer name v1", ["v0", "v1"])


def test_a_bridge_comes_and_goes(t):
    come_and_go(t, "link add b0 type bridge", ["b0"])


# Names ----------------------------------------------------------------------------------------

def test_rename(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("link set v0 up")
    t.start()
    t.settle()
    index, incarnation = t.index("v0"), t.bus.get_link(t.index("v0"), "Incarnation")
    for round_ in range(ROUNDS):
        old, new = ("v0", "w0") if round_ % 2 == 0 else ("w0", "v0")
        t.take_events()
        t.ip(f"link set {old} name {new}")
        assert t.bus.call("GetLinkByName", "s", new) == (index, link_path(index))
        fails(t, "NoSuchLink", "GetLinkByName", "s", old)
        assert t.bus.call("LookupAddress", "s", "192.0.2.1") == ("unicast", [(index, new)])
        events = t.take_events()
        assert [(event["Event"], event["Object"], event["Name"]) for event in events
                if event["Object"] == "link"] == [("changed", "link", new)], events
        assert events[0]["Incarnation"] == incarnation and not any(
            event["Event"] in ("added", "removed") for event in events), events
        t.settle()
    # Two links change their names with each other, by way of a third name.
    t.ip("link set w0 name x")
    t.ip("link set v1 name w0")
    t.ip("link set x name v1")
    assert t.bus.call("GetLinkByName", "s", "v1")[0] == index
    assert t.bus.get_link(index, "Incarnation") == incarnation
    t.settle()


def test_alternative_names(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.start()
    index = t.index("v0")
    long = "a" * 127
    for name in ("wan", "0x7", "4711", "v-é", long):
        t.ip(["link", "property", "add", "dev", "v0", "altname", name])
        assert t.bus.call("GetLinkByName", "s", name) == (index, link_path(index)), name
        assert t.bus.call("ResolveZone", "s", name) == (index, "v0", "alternative-name"), name
        t.sync()
        told = t.expect_event(Event="changed", Object="link", Index=index)
        assert name in told["AlternativeNames"], told
        t.settle()
    assert t.bus.get_link(index, "AlternativeNames") == ["wan", "0x7", "4711", "v-é", long]
    # Of this name another link cannot be; when it is free it can, and the name is found there.
    t.ip("link property del dev v0 altname wan")
    fails(t, "NoSuchLink", "GetLinkByName", "s", "wan")
    t.ip("link set v1 name wan")
    assert t.bus.call("GetLinkByName", "s", "wan")[0] == t.index("wan") != index
    for name in ("0x7", "4711", "v-é", long):
        t.ip(["link", "property", "del", "dev", "v0", "altname", name])
        fails(t, "InvalidZone" if name == "0x7" else "NoSuchLink", "ResolveZone", "s", name)
    assert t.bus.get_link(index, "AlternativeNames") == []
    t.settle()


ODD_NAMES = [b"a'b", b'a"b', b"a\\b", b"\xff\xfe", b"a\x01b", b"a\x1b[31m", b"<b>&amp;", b"-rf",
             b"0x2", b"a\x7f", "ü€".encode(), b"\xc3", b"a=b,c;d", b"{}[]", b"$(x)`y`", b"\xe2\x80\xae"]


def test_odd_names_everywhere(t):
    """A name is bytes. It comes unharmed over D-Bus, in JSON and out of the command, as a name and as
    an alternative name, and cannot break out of any of them."""
    t.start()
    t.ip("link add v0 type veth peer name v1")
    index, path = t.index("v0"), link_path(t.index("v0"))
    current = b"v0"
    for name in ODD_NAMES:
        t.ip([b"link", b"set", b"dev", current, b"name", name])
        t.ip([b"link", b"property", b"add", b"dev", name, b"altname", b"%s" + name])
        current = name
        event = [event for event in t.take_events() if event["Index"] == index][-1]
        shown = event["Name"]
        assert (event["Event"], event["Object"]) == ("changed", "link"), event
        assert replay.raw(event, "Name") == name, event
        assert not re.search(r"[\x00-\x1f\x7f]", shown), shown
        assert t.bus.get_link(index, "Name") == shown and t.bus.get_link(index, "NameBytes") == name
        assert (index, shown, path) in t.bus.call("ListLinks")
        assert t.bus.call("GetLinkByName", "s", shown) == (index, path)
        assert t.bus.call("GetLinkByIndex", "i", index) == (shown, path)
        assert b"%s" + name in t.bus.get_link(index, "AlternativeNamesBytes")
        described = json.loads(t.bus.call("DescribeLink", "i", index))
        assert replay.raw(described, "Name") == name, described
        assert b"%s" + name in replay.raw_list(described, "AlternativeNames"), described
        (record,) = json_of(t, "show", "--", shown)
        assert replay.raw(record, "Name") == name and record["Index"] == index, record
        (record,) = json_of(t, "show", "--", os.fsdecode(name))
        assert record["Index"] == index, record
        for output in (t.cli("list"), t.cli("show", "--", shown), t.cli("addresses"), t.cli("groups")):
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", output), output
            output.encode()  # fails for a byte that is not UTF-8
        t.settle()


# Masters --------------------------------------------------------------------------------------

def test_bridge_takes_and_gives_back(t):
    t.ip("link add v0 type veth peer name v1")
    t.need_kind("link add b0 type bridge")
    for name in ("v0", "v1", "b0"):
        t.ip(f"link set {name} up")
    t.start()
    t.settle()
    index, bridge = t.index("v0"), t.index("b0")
    incarnation = t.bus.get_link(index, "Incarnation")
    for _ in range(ROUNDS):
        t.take_events()
        t.ip("link set v0 master b0")
        assert t.bus.get_link(index, "MasterInterfaceIndex") == bridge
        assert t.bus.get_link(index, "OperationalState") == "enslaved"
        t.sync()
        t.expect_event(Event="changed", Object="link", Index=index, MasterInterfaceIndex=bridge)
        t.settle()
        t.take_events()
        # Announced with a message of the bridge's family that looks like the link's end.
        t.ip("link set v0 nomaster")
        assert t.bus.get_link(index, "MasterInterfaceIndex") == 0
        assert t.bus.get_link(index, "OperationalState") != "enslaved"
        t.sync()
        t.expect_event(Event="changed", Object="link", Index=index, MasterInterfaceIndex=0)
        t.settle()
        assert not any(event["Object"] == "link" and event["Event"] in ("added", "removed")
                       for event in t.events), t.events
    assert t.bus.get_link(index, "Incarnation") == incarnation
    # The bridge goes, its port stays.
    t.ip("link set v0 master b0")
    t.ip("link delete b0")
    assert t.bus.get_link(index, "MasterInterfaceIndex") == 0
    t.settle()


# Addresses ------------------------------------------------------------------------------------

def test_addresses_come_change_and_go(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.start()
    t.settle()
    index = t.index("v0")
    for _ in range(ROUNDS):
        for family, address, length in ((INET, "192.0.2.1", 24), (INET6, "2001:db8::1", 64)):
            nodad = " nodad" if family == INET6 else ""
            t.take_events()
            t.ip(f"address add {address}/{length} dev v0{nodad}")
            # The kernel acknowledges an IPv6 address without duplicate address detection before it
            # announces it: only Sync looks for itself.
            if family == INET6:
                t.sync()
            assert address in texts(t, index, family)
            t.sync()
            told = t.expect_event(Event="added", Object="address", AddressString=address)
            assert told["PrefixLength"] == length and told["Index"] == index, told
            assert told["State"] == "usable", told

            t.ip(f"address change {address}/{length} dev v0 valid_lft 3000 preferred_lft 2000{nodad}")
            t.sync()
            (row,) = [row for row in t.bus.call("ListAddresses", "ii", index, family)
                      if row["AddressString"] == address]
            t.sync()
            told = t.expect_event(Event="changed", Object="address", AddressString=address)
            assert told["ValidLifetimeUSec"] == row["ValidLifetimeUSec"], (told, row)
            end = time.clock_gettime(time.CLOCK_BOOTTIME) + 3000
            assert abs(row["ValidLifetimeUSec"] / 1e6 - end) < 30, row
            assert abs(row["PreferredLifetimeUSec"] / 1e6 - end + 1000) < 30, row
            t.settle()

            t.ip(f"address del {address}/{length} dev v0")
            assert address not in texts(t, index, family)
            t.sync()
            t.expect_event(Event="removed", Object="address", AddressString=address)
            t.settle()


def test_lifetimes_run_out(t):
    """First preferred, then valid: told when the kernel does it, without anybody asking."""
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.start()
    t.settle()
    index = t.index("v0")
    t.take_events()
    t.ip("address add 192.0.2.1/24 dev v0 valid_lft 3 preferred_lft 1")
    t.ip("address add 2001:db8::1/64 dev v0 nodad valid_lft 3 preferred_lft 1")
    addresses = {"192.0.2.1", "2001:db8::1"}

    def told(event, **fields):
        t.pump()
        return {item["AddressString"] for item in t.events
                if item["Object"] == "address" and item["Event"] == event
                and all(item.get(name) == value for name, value in fields.items())} & addresses

    t.wait_for(lambda: told("changed", State="deprecated") == addresses, what="deprecated addresses")
    states = {row["AddressString"]: row["State"]
              for row in t.bus.call("ListAddresses", "ii", index, 0)}
    assert {states.get(address, "deprecated") for address in addresses} == {"deprecated"}, states
    t.wait_for(lambda: told("removed") == addresses, what="the end of addresses")
    assert not addresses & set(texts(t, index, 0))
    assert t.bus.call("LookupAddress", "s", "192.0.2.1") == ("none", [])
    t.settle()


# Behind the kernel ----------------------------------------------------------------------------

def test_being_behind_is_no_reason_to_deny(t):
    """More changes than the daemon reads before one answer, or than the socket holds, and a link comes
    last. Asked before it has got so far, the daemon finds out or says that it is not ready, but
    never that there is no such link; of a link that does not exist it says so at once."""
    # No link is down: of those the kernel is asked anyway.
    t.ip("link add v0 type veth peer name v1")
    for name in ("lo", "v0", "v1"):
        t.ip(f"link set {name} up")
    t.start()
    t.settle()
    for round_ in range(ROUNDS):
        t.daemon.signal(signal.SIGSTOP)
        batch = "".join(f"link set v0 txqueuelen {1000 + number % 7}\n" for number in range(50000))
        batch += f"link add x{round_} type veth peer name y{round_}\n"
        for name in (f"x{round_}", f"y{round_}"):
            batch += f"link set {name} up\n"
        subprocess.run(["ip", "-batch", "-"], input=batch.encode(), check=True)
        index = t.index(f"x{round_}")
        questions = (
            ("GetLinkByName", "s", f"x{round_}"), ("GetLinkByIndex", "i", index),
            ("ResolveZone", "s", str(index)), ("FindLink", "s", f"y{round_}"),
            ("ParseAddress", "s", f"fe80::1%x{round_}"), ("ListAddresses", "ii", index, 0))
        serials = [(question, t.bus.send(*question)) for question in questions]
        nothing = t.bus.send("GetLinkByName", "s", "nosuch")
        t.daemon.signal(signal.SIGCONT)
        for question, serial in serials:
            try:
                t.bus.receive_reply(serial)
            except CallError as error:
                assert error.name == "NotReady", f"{question}: {error}"
                t.sync()
                t.bus.call(*question)
        try:
            raise AssertionError(t.bus.receive_reply(nothing))
        except CallError as error:
            assert error.name == "NoSuchLink", error
        t.settle()


# All of it ------------------------------------------------------------------------------------

def test_replay_from_nothing(t):
    """From a namespace with nothing but lo, the signals alone make the table, and unmake it."""
    t.start()
    assert set(links(t)) == {"lo"} and not t.replay.addresses
    resyncs = t.bus.get("Resyncs")
    t.ip("link set lo up")
    for number in range(10):
        t.ip(f"link add p{number} type veth peer name q{number}")
        t.ip(f"link set p{number} up alias number-{number}")
        t.ip(f"link set q{number} up mtu {1300 + number}")
        t.ip(f"address add 198.51.100.{number}/25 broadcast + dev p{number}")
        t.ip(f"address add 2001:db8:{number}::1/64 dev q{number}")
    t.need_kind("link add b0 type bridge")
    t.ip("link set b0 up")
    for number in range(0, 10, 2):
        t.ip(f"link set q{number} master b0")
    t.ip("address add 192.0.2.1/24 dev b0")
    t.ip("route add default via 192.0.2.254 metric 7")
    t.ip("-6 route add default dev p1 metric 9")
    t.settle()
    assert len(t.replay.links) == 22 and len(t.replay.routes) == 2

    def everything(table):
        return (table.links, table.addresses, table.groups, table.routes)

    # Field by field, not only what the kernel's own tools show.
    for told, asked in zip(everything(t.replay), everything(t.describe())):
        assert told.keys() == asked.keys(), told.keys() ^ asked.keys()
        for key, record in asked.items():
            for name, value in record.items():
                # JSON has bytes as an array of numbers.
                if isinstance(value, list):
                    told[key][name] = list(told[key][name])
                assert told[key].get(name) == value, (key, name, told[key].get(name), value)

    for number in range(10):
        t.ip(f"link delete q{number}")
    t.ip("link delete b0")
    t.ip("link set lo down")
    t.settle()
    assert set(t.replay.links) == {1} and not t.replay.routes
    assert t.bus.get("Resyncs") == resyncs


fixture.main(__name__)

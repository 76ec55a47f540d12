#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Manager's methods, properties and signals, and what becomes of questions that make no sense."""

import json
import os
import socket

import jeepney

import busclient
import fixture
from busclient import MANAGER, PROPERTIES
from fixture import CallError, link_path

INET, INET6 = socket.AF_INET, socket.AF_INET6


def fails(t, name, method, signature="", *arguments, **options):
    """The call fails with this error of ours, and with a text."""
    try:
        answer = t.bus.call(method, signature, *arguments, **options)
    except CallError as error:
        assert error.full_name in (name, f"org.ifroster1.Error.{name}"), \
            f"{method}{arguments}: {error}, not {name}"
        assert error.message, f"{method}{arguments}: an error without a text"
        return error.message
    raise AssertionError(f"{method}{arguments}: {answer}, not {name}")


def test_links(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("link property add dev v0 altname other")
    t.start()
    v0, v1 = t.index("v0"), t.index("v1")
    assert t.bus.call("ListLinks") == [(index, name, link_path(index)) for index, name in
                                       sorted([(1, "lo"), (v0, "v0"), (v1, "v1")])]
    assert t.bus.call("GetLinkByName", "s", "v0") == (v0, link_path(v0))
    assert t.bus.call("GetLinkByName", "s", "other") == (v0, link_path(v0))
    assert t.bus.call("GetLinkByIndex", "i", v1) == ("v1", link_path(v1))
    assert json.loads(t.bus.call("DescribeLink", "i", v0))["AlternativeNames"] == ["other"]
    everything = json.loads(t.bus.call("Describe"))
    assert [link["Index"] for link in everything["Links"]] == sorted([1, v0, v1])
    assert everything["Generation"] == t.bus.get("Generation")
    assert "v2" in fails(t, "NoSuchLink", "GetLinkByName", "s", "v2")
    for name in ("V0", "v0 ", " v0", "2", "v", "v00"):
        fails(t, "NoSuchLink", "GetLinkByName", "s", name)
    fails(t, "InvalidName", "GetLinkByName", "s", "")
    for method in ("GetLinkByIndex", "DescribeLink"):
        fails(t, "NoSuchLink", method, "i", 4711)
        for index in (0, -1, -2**31):
            fails(t, "InvalidIndex", method, "i", index)


def test_addresses_and_groups(t):
    t.ip("link set lo up")
    t.ip("link add v0 type veth peer name v1")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("address add 192.0.2.2/24 dev v0")
    t.ip("address add 2001:db8::1/64 dev v0 nodad")
    t.ip("link set v0 up")
    t.start()
    v0 = t.index("v0")

    def texts(index, family):
        return [row["AddressString"] for row in t.bus.call("ListAddresses", "ii", index, family)]

    assert texts(v0, INET) == ["192.0.2.1", "192.0.2.2"]
    assert texts(1, 0) == ["127.0.0.1", "::1"]
    assert texts(0, INET) == ["127.0.0.1", "192.0.2.1", "192.0.2.2"]
    assert "2001:db8::1" in texts(0, INET6)
    row = t.bus.call("ListAddresses", "ii", v0, INET)[0]
    assert row["Address"] == bytes([192, 0, 2, 1]) and row["InterfaceIndex"] == v0
    assert "Peer" not in row and "Zone" not in row
    with socket.socket(INET, socket.SOCK_DGRAM) as member:
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                          socket.inet_aton("239.1.2.3") + socket.inet_aton("192.0.2.1"))
        groups = {row["AddressString"]: row for row in t.bus.call("ListGroups", "ii", v0, INET)}
        assert groups["239.1.2.3"]["Users"] == 1 and "224.0.0.1" in groups, groups
    for method in ("ListAddresses", "ListGroups"):
        fails(t, "NoSuchLink", method, "ii", 4711, 0)
        fails(t, "InvalidIndex", method, "ii", -1, 0)
        for family in (-1, 1, 3, 7, 2**31 - 1):
            fails(t, "InvalidAddress", method, "ii", 0, family)


def test_zones(t):
    for name in ("v0", "7", "2x", "007", "0x1"):
        t.ip(f"link add {name} type veth")
    t.ip("link property add dev v0 altname 99 altname x%y")
    t.start()
    index = {name: t.index(name) for name in ("v0", "7", "007", "0x1")}
    for text, name, matched in (
            ("v0", "v0", "name"), ("7", "7", "name"), ("99", "v0", "alternative-name"),
            ("x%y", "v0", "alternative-name"), ("007", "007", "name"), ("0x1", "0x1", "name"),
            (str(index["v0"]), "v0", "index")):
        assert t.bus.call("ResolveZone", "s", text) == (index[name], name, matched), text
        if text != "x%y":
            parsed = t.bus.call("ParseAddress", "s", f"fe80::1%{text}")
            assert parsed[2:4] == (index[name], f"fe80::1%{name}"), parsed
    for text, error in {"": "InvalidZone", "02": "InvalidZone", "+2": "InvalidZone",
                        "-1": "InvalidZone", " 2": "InvalidZone", "0x2": "InvalidZone",
                        "4294967295": "InvalidZone", "4294967297": "InvalidZone",
                        "V0": "NoSuchLink", "1234": "NoSuchLink", "nosuch": "NoSuchLink",
                        "25eth0": "NoSuchLink", "v0%v0": "NoSuchLink"}.items():
        fails(t, error, "ResolveZone", "s", text)
        fails(t, error, "ParseAddress", "s", f"fe80::1%{text}")


def test_address_texts(t):
    t.ip("link add v0 type veth peer name v1")
    t.start()
    v0 = t.index("v0")
    for text, *wanted in (
            ("192.0.2.1", INET, 0, "192.0.2.1", "documentation", "global"),
            ("127.0.0.1", INET, 0, "127.0.0.1", "loopback", "link-local"),
            ("2001:DB8:0:0::1", INET6, 0, "2001:db8::1", "documentation", "global"),
            ("FE80::1%v0", INET6, v0, "fe80::1%v0", "link-local", "link-local"),
            ("fe80::1%0", INET6, 0, "fe80::1", "link-local", "link-local"),
            ("fe80::1", INET6, 0, "fe80::1", "link-local", "link-local"),
            ("ff02::1%v0", INET6, v0, "ff02::1%v0", "multicast", "link-local"),
            ("::1%lo", INET6, 1, "::1", "loopback", "link-local")):
        family, packed, index, canonical, class_, scope = t.bus.call("ParseAddress", "s", text)
        assert [family, index, canonical, class_, scope] == wanted, text
        assert packed == socket.inet_pton(family, text.partition("%")[0]), text
        # ::1 has one link anyway: the zone is dropped.
        if canonical != "::1":
            assert t.bus.call("FormatAddress", "iayi", family, packed, index) == canonical
    for text, error in {"": "InvalidAddress", "192.0.2": "InvalidAddress", "192.0.2.01": "InvalidAddress",
                        " 192.0.2.1": "InvalidAddress", "[::1]": "InvalidAddress",
                        "%v0": "InvalidAddress", "::1/64": "InvalidAddress", "v0": "InvalidAddress",
                        "192.0.2.1%v0": "ZoneNotAllowed", "2001:db8::1%v0": "ZoneNotAllowed",
                        "ff05::1%v0": "ZoneNotAllowed", "::%v0": "ZoneNotAllowed",
                        "::ffff:192.0.2.1%v0": "ZoneNotAllowed"}.items():
        fails(t, error, "ParseAddress", "s", text)
    for family, length, index, error in (
            (INET, 16, 0, "InvalidAddress"), (INET6, 4, 0, "InvalidAddress"),
            (INET, 0, 0, "InvalidAddress"), (0, 0, 0, "InvalidAddress"),
            (99, 4, 0, "InvalidAddress"), (INET6, 17, 0, "InvalidAddress"),
            (INET, 4, v0, "ZoneNotAllowed"), (INET6, 16, v0, "ZoneNotAllowed")):
        fails(t, error, "FormatAddress", "iayi", family, b"\x20" * length, index)
    linklocal = socket.inet_pton(INET6, "fe80::1")
    fails(t, "NoSuchLink", "FormatAddress", "iayi", INET6, linklocal, 4711)
    fails(t, "InvalidIndex", "FormatAddress", "iayi", INET6, linklocal, -1)


def test_answers_about_addresses(t):
    t.ip("link set lo up")
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("address add 2001:db8::1/64 dev v0 nodad")
    t.ip("route add default via 192.0.2.254")
    t.ip("neighbor add proxy 192.0.2.77 dev v0")
    t.start()
    v0 = t.index("v0")
    call = t.bus.call
    assert call("LookupAddress", "s", "192.0.2.1") == ("unicast", [(v0, "v0")])
    assert call("LookupAddress", "s", "192.0.2.255") == ("broadcast", [(v0, "v0")])
    assert call("LookupAddress", "s", "127.8.9.1") == ("unicast", [(1, "lo")])
    assert call("LookupAddress", "s", "198.51.100.1") == ("none", [])
    assert call("GetLinkForAddress", "s", "192.0.2.1") == (v0, "v0", "own")
    assert call("GetLinkForAddress", "s", "192.0.2.2") == (v0, "v0", "on-link")
    assert call("GetLinkForAddress", "s", "198.51.100.1") == (v0, "v0", "route")
    fails(t, "NoRoute", "GetLinkForAddress", "s", "2001:db9::1")
    assert call("FindLink", "s", "192.0.2.1") == (v0, "v0", "address")
    assert call("FindLink", "s", str(v0)) == (v0, "v0", "index")
    assert call("FindLink", "s", "v0") == (v0, "v0", "name")
    for mode in ("kernel", "model", ""):
        source, index, name, rule, candidates = call("SelectSource", "ss", "2001:db8::2", mode)
        assert (source, index, name) == ("2001:db8::1", v0, "v0"), (mode, source)
        assert rule and bool(candidates) == (mode == "model"), (mode, rule, candidates)
        fails(t, "NoRoute", "SelectSource", "ss", "2001:db9::1", mode)
    assert [c["AddressString"] for c in candidates if c["Chosen"]] in ([], ["2001:db8::1"])
    fails(t, "InvalidName", "SelectSource", "ss", "192.0.2.1", "guess")
    fails(t, "InvalidAddress", "SelectSource", "ss", "0.0.0.0", "model")
    assert call("GetPrimaryAddress", "i", INET) == ("192.0.2.1", v0)
    assert call("GetPrimaryAddress", "i", INET6) == ("2001:db8::1", v0)
    fails(t, "InvalidAddress", "GetPrimaryAddress", "i", 0)
    for view in ("kernel", "derived"):
        told = {(e["AddressString"], e["Type"]) for e in call("ListLocal", "s", view)}
        assert {("192.0.2.1", "unicast"), ("192.0.2.255", "broadcast")} <= told, (view, told)
    fails(t, "InvalidName", "ListLocal", "s", "none")
    assert [p["AddressString"] for p in call("ListProxies", "i", v0)] == ["192.0.2.77"]
    assert call("ListProxies", "i", 1) == []
    fails(t, "NoSuchLink", "ListProxies", "i", 4711)
    assert [r["GatewayString"] for r in call("ListDefaultRoutes")] == ["192.0.2.254"]
    t.ip("link delete v0")
    fails(t, "NoAddress", "GetPrimaryAddress", "i", INET)


def test_answers_are_fresh(t):
    """What the kernel acknowledged before the question is in the answer, without waiting."""
    t.start()
    for number in range(20):
        t.ip(f"link add f{number} type veth peer name g{number}")
        index, _ = t.bus.call("GetLinkByName", "s", f"f{number}")
        t.ip(f"link set f{number} name h{number}")
        assert t.bus.call("GetLinkByIndex", "i", index)[0] == f"h{number}"
        fails(t, "NoSuchLink", "GetLinkByName", "s", f"f{number}")
        # Not announced, because the link is down.
        t.ip(f"link property add dev h{number} altname alt{number}")
        assert t.bus.call("GetLinkByName", "s", f"alt{number}")[0] == index
        assert t.bus.call("ResolveZone", "s", f"alt{number}")[0] == index
        t.ip(f"link delete h{number}")
        fails(t, "NoSuchLink", "GetLinkByIndex", "i", index)


def test_sync_finds_what_is_not_announced(t):
    t.ip("link add v0 type veth peer name v1")
    t.start()
    t.ip("link property add dev v0 altname quiet")
    generation = t.bus.call("Sync")
    assert generation == t.bus.get("Generation")
    assert t.bus.get_link(t.index("v0"), "AlternativeNames") == ["quiet"]
    t.expect_event(Event="changed", Object="link", Name="v0", AlternativeNames=["quiet"])
    assert t.bus.call("Sync") >= generation


def test_own_properties(t):
    t.start()
    told = t.bus.get_all()
    assert told["NamespaceId"] == os.stat("/proc/self/ns/net").st_ino
    assert told["State"] == "ready" and told["Resyncs"] == 0 and told["Version"]
    assert told["OperationalState"] == "off" and told["CarrierState"] == "off", told
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.sync()
    assert t.bus.get("OperationalState") == "no-carrier"
    t.ip("link set v1 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.sync()
    assert t.bus.get("OperationalState") == "routable"
    assert t.bus.get("IPv4AddressState") == "routable"
    told = {}
    for item in t.signals:
        if (item.interface, item.member) == (PROPERTIES, "PropertiesChanged") \
                and item.body[0] == MANAGER:
            told.update(item.body[1])
    assert told["OperationalState"] == "routable" and told["CarrierState"] == "carrier", told
    assert "Generation" not in told
    t.ip("link add b0 type bridge")
    t.ip("link set v0 master b0")
    t.ip("link set v1 master b0")
    t.sync()
    assert t.bus.get("CarrierState") == "carrier", "enslaved is no state of the whole machine"
    t.ip("link delete v0")
    t.ip("link delete b0")
    t.sync()
    assert t.bus.get("OperationalState") == "off"


def test_counters(t):
    t.start()
    before = t.bus.call("GetCounters")
    t.ip("link add v0 type veth peer name v1")
    t.sync()
    after = t.bus.call("GetCounters")
    assert after.keys() == before.keys() and all(after[name] >= before[name] for name in after)
    assert after["Messages"] > before["Messages"] and after["Events"] > before["Events"]


def test_a_question_that_the_table_answers_asks_nobody(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.ip("link set lo up")
    t.start()
    t.settle()
    before = t.bus.call("GetCounters")
    for _ in range(10):
        t.bus.call("GetLinkByName", "s", "v0")
        t.bus.call("ListLinks")
        t.bus.call("ListAddresses", "ii", 0, 0)
        t.bus.call("ResolveZone", "s", "v0")
        t.bus.call("ParseAddress", "s", "fe80::1%v0")
        t.bus.call("Describe")
        t.bus.get_link_all(1)
        fails(t, "NoSuchLink", "GetLinkByName", "s", "nosuch")
    after = t.bus.call("GetCounters")
    for name in ("Dumps", "Asks", "Rereads"):
        assert after[name] == before[name], name


def test_bad_input(t):
    t.start()
    for length in (128, 257, 65536, 1 << 20):
        fails(t, "InvalidName", "GetLinkByName", "s", "x" * (length * 4))
        fails(t, "InvalidAddress", "ParseAddress", "s", "1" * length)
        fails(t, "InvalidZone", "ResolveZone", "s", "x" * (length * 4))
        fails(t, "InvalidZone", "ParseAddress", "s", "fe80::1%" + "x" * (length * 4))
        fails(t, "InvalidAddress", "FormatAddress", "iayi", INET6, b"x" * length, 0)
    for text in ("\x01\x02", "%s%n%s", "a\nb", "é", "\U0001f600" * 20, "../../x", "\\x00"):
        fails(t, "NoSuchLink", "GetLinkByName", "s", text)
        fails(t, "InvalidAddress", "ParseAddress", "s", text)
    wrong = "org.freedesktop.DBus.Error.InvalidArgs"
    fails(t, wrong, "GetLinkByName", "i", 1)
    fails(t, wrong, "GetLinkByName")
    fails(t, wrong, "ListAddresses", "iii", 0, 0, 0)
    fails(t, wrong, "FormatAddress", "iss", 1, "x", "y")
    fails(t, "org.freedesktop.DBus.Error.UnknownMethod", "NoSuchMethod")
    fails(t, "org.freedesktop.DBus.Error.UnknownObject", "ListLinks", path="/org/ifroster1/nothing")
    fails(t, "org.freedesktop.DBus.Error.PropertyReadOnly", "Set", "ssv", MANAGER, "State",
          ("s", "ready"), interface=PROPERTIES)
    assert t.bus.get("State") == "ready"


def test_embedded_nul(t):
    """Is not a string of D-Bus: the bus itself closes such a connection, and nobody else notices. Text
    that ends at NUL for C must not be taken for what stands before."""
    t.start()
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(t.private_bus.socket)
        raw.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        assert raw.recv(4096).startswith(b"OK ")
        raw.sendall(b"BEGIN\r\n")
        bus = jeepney.DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "org.freedesktop.DBus")
        raw.sendall(jeepney.new_method_call(bus, "Hello").serialise(1))
        assert raw.recv(4096)
        daemon = jeepney.DBusAddress(busclient.ROOT, busclient.NAME, MANAGER)
        call = jeepney.new_method_call(daemon, "GetLinkByName", "s", ("lo\0x",))
        raw.sendall(call.serialise(2))
        received = b""
        try:
            while piece := raw.recv(4096):
                received += piece
        except ConnectionResetError:
            pass
        assert link_path(1).encode() not in received, received
    assert t.bus.call("GetLinkByName", "s", "lo") == (1, link_path(1))


def test_many_syncs_at_once(t):
    """Each is answered; one client can have a bounded number of them waiting."""
    t.ip("link add v0 type veth peer name v1")
    t.start()
    for serial in [t.bus.send("Sync") for _ in range(100)]:
        try:
            assert t.bus.receive_reply(serial) > 0
        except CallError as error:
            assert error.name == "LimitExceeded", error


fixture.main(__name__)

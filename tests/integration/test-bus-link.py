#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Link objects on the bus: their properties, and the signals that generic clients understand."""

import json
import signal

import busclient
import fixture
from busclient import LINK, OBJECT_MANAGER, PROPERTIES
from fixture import CallError, link_path

ADDED = (OBJECT_MANAGER, "InterfacesAdded")
REMOVED = (OBJECT_MANAGER, "InterfacesRemoved")
CHANGED = (PROPERTIES, "PropertiesChanged")


def signals(t, kind, path=None):
    """Bodies of the signals so far of an interface and member, after a Sync."""
    t.sync()
    return [item.body for item in t.signals
            if (item.interface, item.member) == kind and path in (None, item.path)]


def copy_of(t, objects):
    """What a client knows that read `objects` and then followed the standard signals: path ->
    properties, with None for a property that it would have to ask for again."""
    t.sync()
    known = {path: dict(interfaces[LINK]) for path, interfaces in objects.items()}
    for item in t.signals:
        kind = (item.interface, item.member)
        if kind == ADDED:
            path, interfaces = item.body
            assert path not in known, f"{path} is added twice"
            known[path] = dict(interfaces[LINK])
        elif kind == REMOVED:
            path, names = item.body
            assert LINK in names, names
            del known[path]
        elif kind == CHANGED and item.path != busclient.ROOT:
            interface, changed, invalidated = item.body
            assert interface == LINK
            known[item.path].update(changed)
            known[item.path].update(dict.fromkeys(invalidated))
    return known


def assert_same(t, known):
    now = {path: interfaces[LINK] for path, interfaces in t.bus.managed_objects().items()}
    assert known.keys() == now.keys(), known.keys() ^ now.keys()
    for path, properties in now.items():
        for name, value in properties.items():
            told = known[path][name]
            if told is None and name in ("Addresses", "Groups"):
                continue
            assert told == value, f"{path} {name}: told {told}, is {value}"


def test_properties_are_those_of_the_kernel(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 mtu 1400 alias something")
    t.ip("link property add dev v0 altname first altname second")
    t.ip("link add b0 type bridge")
    t.ip("link set v0 master b0 up")
    t.start()
    index = t.index("v0")
    told = t.bus.get_link_all(index)
    assert told["Index"] == index and told["Name"] == "v0" and told["NameBytes"] == b"v0"
    assert told["MTU"] == 1400 and told["Alias"] == "something" and told["Kind"] == "veth"
    assert told["AlternativeNames"] == ["first", "second"]
    assert told["AlternativeNamesBytes"] == [b"first", b"second"]
    assert told["MasterInterfaceIndex"] == t.index("b0")
    assert told["ParentInterfaceIndex"] == t.index("v1") and told["ParentNamespaceNSID"] == -1
    assert told["HardwareAddressString"] == ":".join(f"{b:02x}" for b in told["HardwareAddress"])
    for name, value in told.items():
        assert t.bus.get_link(index, name) == value, name


def test_absent_values_have_stand_ins(t):
    t.start()
    told = t.bus.get_link_all(1)
    for name, value in {"Kind": "", "Alias": "", "AliasBytes": b"", "AlternativeNames": [],
                        "MasterInterfaceIndex": 0, "ParentInterfaceIndex": 0,
                        "ParentNamespaceNSID": -1, "PermanentHardwareAddress": b"",
                        "IPv6LinkLocalAddress": b""}.items():
        assert told[name] == value, (name, told[name])


def test_odd_names_do_not_hurt(t):
    name, altname, alias = b"a\xff\xfeb\\", b"al\xfft\\", b"\xc3\xa9 \x80"
    t.ip([b"link", b"add", name, b"type", b"veth", b"peer", b"name", "ü"])
    t.start()
    t.ip([b"link", b"property", b"add", b"dev", name, b"altname", altname])
    t.ip([b"link", b"set", name, b"alias", alias])
    t.sync()
    index, path = t.bus.call("GetLinkByName", "s", r"a\xff\xfeb\x5c")
    told = t.bus.get_link_all(index)
    assert told["Name"] == r"a\xff\xfeb\x5c" and told["NameBytes"] == name, told
    assert told["AlternativeNames"] == [r"al\xfft\x5c"], told
    assert told["AlternativeNamesBytes"] == [altname], told
    assert told["Alias"] == r"é \x80" and told["AliasBytes"] == alias, told
    assert t.bus.call("GetLinkByName", "s", "ü")[0] == t.bus.call("ResolveZone", "s", "ü")[0]
    assert (index, told["Name"], path) in t.bus.call("ListLinks")
    t.settle()
    # Back to a plain name: the raw twin goes from the events.
    t.ip([b"link", b"set", name, b"name", b"plain"])
    t.settle()
    assert t.bus.get_link(index, "NameBytes") == b"plain"


def test_changes_are_told_by_property(t):
    t.ip("link add v0 type veth peer name v1")
    t.start()
    path = link_path(t.index("v0"))
    t.ip("link set v0 mtu 1280")
    bodies = signals(t, CHANGED, path)
    assert bodies == [(LINK, {"MTU": 1280}, [])], bodies
    t.signals.clear()

    t.ip("link set v0 name w0")
    changed = {}
    for _, properties, _ in signals(t, CHANGED, path):
        changed.update(properties)
    assert changed == {"Name": "w0", "NameBytes": b"w0"}, changed
    t.signals.clear()

    t.ip("address add 192.0.2.1/24 dev w0")
    bodies = signals(t, CHANGED, path)
    assert all(interface == LINK for interface, _, _ in bodies)
    assert any("Addresses" in invalidated for _, _, invalidated in bodies), bodies
    assert all("Addresses" not in changed for _, changed, _ in bodies), bodies
    told = t.bus.get_link(t.index("w0"), "Addresses")
    assert [address["AddressString"] for address in told] == ["192.0.2.1"], told
    assert t.bus.get_link(t.index("w0"), "AddressState") == "routable"


def test_coming_and_going(t):
    t.start()
    objects = t.bus.managed_objects()
    t.ip("link add v0 type veth peer name v1")
    index = t.index("v0")
    added = dict(signals(t, ADDED))
    assert set(added) == {link_path(index), link_path(t.index("v1"))}, set(added)
    assert set(added[link_path(index)]) == set(objects[link_path(1)]), added
    assert added[link_path(index)][LINK] == t.bus.get_link_all(index)
    first = t.bus.get_link(index, "Incarnation")

    t.ip("link delete v0")
    removed = dict(signals(t, REMOVED))
    assert set(removed) == set(added)
    assert set(removed[link_path(index)]) == set(objects[link_path(1)])
    try:
        t.bus.get_link_all(index)
        raise AssertionError("properties of a link that has gone")
    except CallError as error:
        assert error.full_name == "org.freedesktop.DBus.Error.UnknownObject", error

    # The same index again is another link.
    t.ip(f"link add again index {index} type veth peer name v1")
    t.sync()
    assert t.bus.get_link(index, "Name") == "again"
    assert t.bus.get_link(index, "Incarnation") > first
    assert_same(t, copy_of(t, objects))


def test_following_the_standard_signals_is_enough(t):
    t.start()
    t.pump()
    t.signals.clear()
    objects = t.bus.managed_objects()
    for round_ in range(3):
        t.ip("link add v0 type veth peer name v1")
        t.ip("link add b0 type bridge")
        t.ip("link set v0 up")
        t.ip("link set v1 up")
        t.ip("link set b0 up")
        t.ip("link set v0 master b0")
        t.ip(f"address add 192.0.2.{round_}/24 dev b0")
        t.ip("link property add dev v1 altname other")
        t.ip("link set v0 nomaster")
        t.ip("link set v0 down")
        t.ip("link set v0 name w0")
        t.settle()
        assert_same(t, copy_of(t, objects))
        t.ip("link delete b0")
        if round_ < 2:
            t.ip("link delete w0")
    t.settle()
    assert_same(t, copy_of(t, objects))


def test_only_real_links_are_objects(t):
    t.start()
    for last in ("_30", "_310", "_3", "_31/x", "_301", "31", "_3_31", "_32147483648", "_3" + "9" * 60):
        try:
            t.bus.get_all(path=f"/org/ifroster1/link/{last}", interface=LINK)
            raise AssertionError(f"{last} is an object")
        except CallError as error:
            assert error.full_name == "org.freedesktop.DBus.Error.UnknownObject", error


def test_methods_of_a_link(t):
    t.ip("link set lo up")
    t.start()
    before = t.bus.call("GetStatistics", path=link_path(1), interface=LINK)
    assert before["RxPackets"] == before["TxPackets"], before
    t.ip("address add 192.0.2.1/32 dev lo")
    described = json.loads(t.bus.call("Describe", path=link_path(1), interface=LINK))
    assert described == json.loads(t.bus.call("DescribeLink", "i", 1))
    assert "192.0.2.1" in [address["AddressString"] for address in described["Addresses"]]


def test_properties_are_fresh(t):
    """A property that is read after the kernel acknowledged a change has the change, also when the
    daemon finds the question before it finds the change."""
    t.ip("link add v0 type veth peer name v1")
    t.start()
    index = t.index("v0")
    for mtu in range(1300, 1310):
        t.daemon.signal(signal.SIGSTOP)
        # Something to do on the bus first.
        for _ in range(5):
            t.bus.send("Ping", path=link_path(1), interface="org.freedesktop.DBus.Peer")
        t.ip(f"link set v0 mtu {mtu}")
        reply = t.bus.send("Get", "ss", LINK, "MTU", path=link_path(index), interface=PROPERTIES)
        t.daemon.signal(signal.SIGCONT)
        assert t.bus.receive_reply(reply) == mtu


fixture.main(__name__)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The methods of org.ifroster over Varlink. What they take and give is held against the text of the
interface by a reader of its own (varlinkclient.py); what they mean, against D-Bus and the kernel.
"""

import json
import os
import re
import socket
import struct

import fixture
import oracle
import replay
import varlinkclient
from fixture import CallError
from varlinkclient import ROSTER, Client, VarlinkError

INET, INET6 = socket.AF_INET, socket.AF_INET6
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")


def refusal(function, *arguments, **named):
    """The short name of the error that a call of either kind ends with; None when it does not."""
    try:
        function(*arguments, **named)
    except VarlinkError as error:
        return error.short
    except CallError as error:
        return error.name
    return None


def rows(name):
    """The rows of a table in tests/data, as lists of bytes."""
    escapes = {b"n": b"\n", b"t": b"\t", b"\\": b"\\"}

    def unescape(match):
        what = match.group(1)
        return bytes([int(what[1:], 16)]) if what[:1] == b"x" else escapes[what]

    with open(os.path.join(DATA, name), "rb") as file:
        for line in file.read().split(b"\n"):
            if line and not line.startswith(b"#"):
                yield [re.sub(rb"\\(x[0-9a-f]{2}|.)", unescape, field)
                       for field in line.split(b"\t")]


def add_altname(index, name):
    """Like `ip link property add`, which refuses names that the kernel takes."""
    def attribute(kind, data):
        return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)

    body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + attribute(
        52 | 0x8000, attribute(53, name + b"\0")) # IFLA_PROP_LIST, IFLA_ALT_IFNAME
    header = struct.pack("=IHHII", 16 + len(body), 108, 0x605, 1, 0) # RTM_NEWLINKPROP
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(header + body)
        error = struct.unpack_from("=i", netlink.recv(65536), 16)[0]
    assert error == 0, f"altname {name}: {os.strerror(-error)}"


def everything(t):
    """Links with something of each kind."""
    t.ip("link set lo up")
    t.ip("link add v0 type veth peer name v1")
    t.ip("link property add dev v0 altname other")
    t.ip(["link", "set", "v0", "alias", b"an \xff alias"])
    t.ip(["link", "property", "add", "dev", "v0", "altname", b"odd\xfe"])
    t.ip(["link", "add", "name", b"o\x01\xff", "type", "bridge"])
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("address add 198.51.100.1 peer 198.51.100.2/32 dev v0 label v0:x")
    t.ip("address add 2001:db8::1/64 dev v0 nodad valid_lft 5000 preferred_lft 4000")
    t.ip("route add default via 192.0.2.254 metric 7")
    t.ip("route add unreachable default metric 4000")
    t.ip("neighbor add proxy 192.0.2.77 dev v0")


def test_every_method_as_declared(t):
    everything(t)
    t.start()
    v0 = t.index("v0")
    calls = {
        "Describe": [{}],
        "DescribeLink": [{"Index": v0}],
        "FindLink": [{"Text": "192.0.2.1"}, {"Text": "v0"}, {"Text": str(v0)}, {"Text": "other"}],
        "FormatAddress": [{"Family": INET, "Address": [192, 0, 2, 1]},
                          {"Family": INET, "Address": [192, 0, 2, 1], "Index": 0},
                          {"Family": INET, "Address": [192, 0, 2, 1], "Index": None},
                          {"Family": INET6, "Address": [0xfe, 0x80] + [0] * 14, "Index": v0}],
        "GetCounters": [{}],
        "GetLink": [{"Index": v0}, {"Name": "v0"}, {"Name": "other"}, {"Index": v0, "Name": "v0"},
                    {"Index": v0, "Name": None}],
        "GetLinkByIndex": [{"Index": v0}],
        "GetLinkByName": [{"Name": "v0"}, {"Name": "other"}, {"Name": "o\\x01\\xff"}],
        "GetLinkForAddress": [{"Address": a} for a in ("192.0.2.1", "192.0.2.9", "203.0.113.1",
                                                       "198.51.100.2", "fe80::1%v0")],
        "GetPrimaryAddress": [{"Family": INET}, {"Family": INET6}],
        "GetState": [{}],
        "GetStatistics": [{"Index": 1}, {"Index": v0}],
        "ListAddresses": [{}, {"InterfaceIndex": v0}, {"Family": INET6},
                          {"InterfaceIndex": 0, "Family": 0}, {"InterfaceIndex": None}],
        "ListDefaultRoutes": [{}],
        "ListGroups": [{}, {"InterfaceIndex": v0, "Family": INET}],
        "ListLinks": [{}],
        "ListLocal": [{}, {"View": "kernel"}, {"View": "derived"}, {"View": None}],
        "ListProxies": [{}, {"InterfaceIndex": v0}],
        "LookupAddress": [{"Address": a} for a in ("192.0.2.1", "192.0.2.255", "224.0.0.1",
                                                   "203.0.113.1")],
        "ParseAddress": [{"Text": "192.0.2.1"}, {"Text": "fe80::1%v0"},
                         {"Text": "fe80::1%o\\x01\\xff"}],
        "ResolveZone": [{"Zone": "v0"}, {"Zone": "other"}, {"Zone": str(v0)},
                        {"Zone": "o\\x01\\xff"}],
        "SelectSource": [{"Destination": "192.0.2.9"}, {"Destination": "2001:db8::9", "Mode": "model"},
                         {"Destination": "2001:db8::9", "Mode": "kernel"},
                         {"Destination": "fe80::9%v0", "Mode": None}],
        "Sync": [{}],
    }
    assert calls.keys() | {"Subscribe"} == ROSTER.methods.keys()
    with Client() as client:
        for method, variants in calls.items():
            for parameters in variants:
                reply = client.call(method, **parameters)
                assert reply or not ROSTER.methods[method][1][1], method
        assert client.call("GetLinkByName", Name="o\\x01\\xff")["NameBytes"] == [0x6f, 1, 0xff]
        assert [o.get("NameBytes") for o in client.call("ListLinks")["Links"]
                if "\\" in o["Name"]] == [[0x6f, 1, 0xff]]
        assert client.call("GetLink", Name="v0")["Link"]["AliasBytes"] == list(b"an \xff alias")
        assert [r["Metric"] for r in client.call("ListDefaultRoutes")["DefaultRoutes"]] == [7, 4000]


def test_answers_are_those_of_the_bus(t):
    everything(t)
    t.start()
    t.settle()
    v0 = t.index("v0")
    with Client() as client:
        def same(left, right):
            assert left == right, f"\n{left}\n{right}"

        same(client.call("Describe"), json.loads(t.bus.call("Describe")))
        same(client.call("GetLink", Index=v0)["Link"], json.loads(t.bus.call("DescribeLink", "i", v0)))
        same([(l["Index"], l["Name"]) for l in client.call("ListLinks")["Links"]],
             [(index, name) for index, name, _ in t.bus.call("ListLinks")])
        for method, member in (("ListAddresses", "Addresses"), ("ListGroups", "Groups")):
            for index, family in ((0, 0), (v0, INET), (1, INET6)):
                told = client.call(method, InterfaceIndex=index, Family=family)[member]
                same(told, [{key: list(value) if isinstance(value, bytes) else value
                             for key, value in row.items()}
                            for row in t.bus.call(method, "ii", index, family)])
        same(client.call("GetStatistics", Index=v0)["Statistics"].keys(),
             t.bus.call("GetStatistics", path=fixture.link_path(v0),
                        interface="org.ifroster1.Link").keys())
        state = client.call("GetState")
        told = t.bus.get_all()
        same(state, {name: told[name] for name in state})
        difference = replay.Replay.from_describe(client.call("Describe")).state().difference(
            oracle.kernel(), ("varlink", "kernel"))
        assert not difference, difference


PARITY = [  # D-Bus method, its signature and arguments, the same parameters over Varlink
    ("GetLinkByName", "s", ["nosuch"], {"Name": "nosuch"}),
    ("GetLinkByName", "s", [""], {"Name": ""}),
    ("GetLinkByName", "s", ["x" * 128], {"Name": "x" * 128}),
    ("GetLinkByName", "s", ["V0"], {"Name": "V0"}),
    ("GetLinkByIndex", "i", [4711], {"Index": 4711}),
    ("GetLinkByIndex", "i", [0], {"Index": 0}),
    ("GetLinkByIndex", "i", [-1], {"Index": -1}),
    ("GetLinkByIndex", "i", [-2**31], {"Index": -2**31}),
    ("GetLinkByIndex", "i", [2**31 - 1], {"Index": 2**31 - 1}),
    ("DescribeLink", "i", [0], {"Index": 0}),
    ("DescribeLink", "i", [4711], {"Index": 4711}),
    ("ListAddresses", "ii", [4711, 0], {"InterfaceIndex": 4711}),
    ("ListAddresses", "ii", [-1, 0], {"InterfaceIndex": -1}),
    ("ListAddresses", "ii", [0, 7], {"Family": 7}),
    ("ListAddresses", "ii", [0, -1], {"Family": -1}),
    ("ListGroups", "ii", [4711, 0], {"InterfaceIndex": 4711}),
    ("ListGroups", "ii", [0, 2**31 - 1], {"Family": 2**31 - 1}),
    ("ListProxies", "i", [4711], {"InterfaceIndex": 4711}),
    ("ListProxies", "i", [-1], {"InterfaceIndex": -1}),
    ("ListLocal", "s", ["none"], {"View": "none"}),
    ("ResolveZone", "s", [""], {"Zone": ""}),
    ("ResolveZone", "s", ["0"], {"Zone": "0"}),
    ("ResolveZone", "s", ["02"], {"Zone": "02"}),
    ("ResolveZone", "s", ["x" * 2000], {"Zone": "x" * 2000}),
    ("ResolveZone", "s", ["nosuch"], {"Zone": "nosuch"}),
    ("FindLink", "s", ["nosuch"], {"Text": "nosuch"}),
    ("FindLink", "s", ["203.0.113.1"], {"Text": "203.0.113.1"}),
    ("FindLink", "s", ["4711"], {"Text": "4711"}),
    ("FindLink", "s", [""], {"Text": ""}),
    ("FindLink", "s", ["192.0.2.3"], {"Text": "192.0.2.3"}),
    ("FormatAddress", "iayi", [INET, b"\x20" * 16, 0], {"Family": INET, "Address": [32] * 16}),
    ("FormatAddress", "iayi", [99, b"\x20" * 4, 0], {"Family": 99, "Address": [32] * 4}),
    ("FormatAddress", "iayi", [INET6, b"\x20" * 17, 0], {"Family": INET6, "Address": [32] * 17}),
    ("FormatAddress", "iayi", [INET6, b"\xfe\x80" + bytes(14), 4711],
     {"Family": INET6, "Address": [0xfe, 0x80] + [0] * 14, "Index": 4711}),
    ("FormatAddress", "iayi", [INET6, b"\xfe\x80" + bytes(14), -1],
     {"Family": INET6, "Address": [0xfe, 0x80] + [0] * 14, "Index": -1}),
    ("FormatAddress", "iayi", [INET, b"\x20" * 4, 1],
     {"Family": INET, "Address": [32] * 4, "Index": 1}),
    ("LookupAddress", "s", ["192.0.2"], {"Address": "192.0.2"}),
    ("LookupAddress", "s", ["fe80::1%x"], {"Address": "fe80::1%x"}),
    ("GetLinkForAddress", "s", ["2001:db9::1"], {"Address": "2001:db9::1"}),
    ("GetLinkForAddress", "s", ["fe80::1"], {"Address": "fe80::1"}),
    ("GetLinkForAddress", "s", ["192.0.2.3"], {"Address": "192.0.2.3"}),
    ("SelectSource", "ss", ["2001:db9::1", ""], {"Destination": "2001:db9::1"}),
    ("SelectSource", "ss", ["2001:db9::1", "model"], {"Destination": "2001:db9::1", "Mode": "model"}),
    ("SelectSource", "ss", ["192.0.2.1", "guess"], {"Destination": "192.0.2.1", "Mode": "guess"}),
    ("SelectSource", "ss", ["0.0.0.0", "model"], {"Destination": "0.0.0.0", "Mode": "model"}),
    ("GetPrimaryAddress", "i", [0], {"Family": 0}),
    ("GetPrimaryAddress", "i", [INET6], {"Family": INET6}),
    ("ParseAddress", "s", [""], {"Text": ""}),
    ("ParseAddress", "s", ["1" * 60000], {"Text": "1" * 60000}),
]


def test_the_same_errors_as_on_the_bus(t):
    # The same address twice, so that something is ambiguous.
    for name in ("v0", "v1"):
        t.ip(f"link add {name} type bridge")
        t.ip(f"address add 192.0.2.3/32 dev {name}")
    t.start()
    seen = set()
    with Client() as client:
        for method, signature, arguments, parameters in PARITY:
            on_bus = refusal(t.bus.call, method, signature, *arguments)
            here = refusal(client.call, method, **parameters)
            assert on_bus == here, f"{method} {str(parameters)[:100]}: bus {on_bus}, varlink {here}"
            seen.add(here)
        assert {"NoSuchLink", "InvalidName", "InvalidIndex", "InvalidAddress", "InvalidZone",
                "ZoneNotAllowed", "ZoneRequired", "Ambiguous", "NoRoute", "NoAddress"} <= seen, seen


def test_errors_say_what_they_are_about(t):
    t.start_daemon()
    with Client() as client:
        for method, parameters, subject in (
                ("GetLinkByName", {"Name": "nosuch"}, "nosuch"),
                ("GetLinkByIndex", {"Index": 4711}, "4711"),
                ("ListAddresses", {"InterfaceIndex": 4711}, "4711"),
                ("ListProxies", {"InterfaceIndex": 4711}, "4711"),
                ("ResolveZone", {"Zone": "a\nb"}, "a\nb"),
                ("ParseAddress", {"Text": "192.0.2"}, "192.0.2"),
                ("ListLocal", {"View": "none"}, "none")):
            try:
                client.call(method, **parameters)
                raise AssertionError(f"{method} {parameters} was answered")
            except VarlinkError as error:
                assert error.parameters["Subject"] == subject, error
                assert "\n" not in error.parameters["Message"], error


def test_zone_texts(t):
    """The table of texts that the library is tested with, over both interfaces."""
    for index, name, loopback, *others in rows("zone-links.tsv"):
        if loopback == b"loopback":
            continue
        t.ip(["link", "add", "index", index, "name", name, "type", "bridge"])
        for other in others:
            add_altname(int(index), other)
    t.start()
    checked = 0
    with Client() as client:
        for text, result, with_link, index, canonical, class_ in rows("zone-texts.tsv"):
            try:
                text = text.decode()
            except UnicodeDecodeError:
                continue # cannot be said in JSON
            if "\0" in text:
                continue # a violation of the protocol, see test-varlink-attack.py
            error = refusal(client.call, "ParseAddress", Text=text)
            assert (error or "ok") == result.decode(), f"{text!r}: {error}, not {result}"
            assert refusal(t.bus.call, "ParseAddress", "s", text) == error, text
            if not error:
                told = client.call("ParseAddress", Text=text)
                assert (told["Index"], told["Canonical"], told["Class"]) == (
                    int(index), canonical.decode(), class_.decode()), (text, told)
                assert ("Name" in told) == (told["Index"] != 0), told
            error = refusal(client.call, "GetLinkForAddress", Address=text)
            assert (error if error != "NoRoute" else None) == \
                (with_link.decode() if with_link != b"ok" else None), (text, error)
            assert refusal(t.bus.call, "GetLinkForAddress", "s", text) == error, text
            checked += 1
    assert checked > 100, checked


def test_get_link_by_both(t):
    t.ip("link add v0 type veth peer name v1")
    t.start_daemon()
    with Client() as client:
        v0 = client.call("GetLinkByName", Name="v0")["Index"]
        assert client.call("GetLink", Index=v0, Name="v0")["Link"]["Index"] == v0
        for parameters in ({}, {"Index": None}, {"Index": v0, "Name": "v1"}, {"Index": None, "Name": None}):
            assert refusal(client.call, "GetLink", **parameters) == "InvalidParameter", parameters
        assert refusal(client.call, "GetLink", Index=v0, Name="x") == "NoSuchLink"


def test_parameters_must_be_as_declared(t):
    """For each parameter of each method: missing, unknown, and of every other type."""
    t.start_daemon()
    values = {"int": 1, "string": "x", "bool": True, "float": 1.5, "object": {}, "[]": [1],
              "null": None, "big": 2**63 - 1, "low": -2**63}
    with Client() as client:
        for method, (given, _) in ROSTER.methods.items():
            flags = {"more": True} if method == "Subscribe" else {}

            def ask(parameters):
                client.send(method, parameters, **flags)
                try:
                    client.receive()
                except VarlinkError as error:
                    return error
                return None

            error = ask({"Unknown": 1})
            assert error.parameters["parameter"] == "Unknown", (method, error)
            valid = {name: {"int": 1, "string": "x", "[]": [1]}[kind[0]]
                     for name, kind in given[1].items() if kind[0] != "?"}
            for name, kind in given[1].items():
                for value in values.values():
                    if ROSTER.check(kind, value) == []:
                        continue
                    error = ask({**valid, name: value})
                    assert error and error.short == "InvalidParameter" and \
                        error.parameters["parameter"] == name, (method, name, value, error)
                if kind[0] != "?":
                    error = ask({key: value for key, value in valid.items() if key != name})
                    assert error.parameters["parameter"] == name, (method, name, error)


def test_service_describes_itself(t):
    t.start_daemon()
    service = varlinkclient.Client()
    service.send_raw(b'{"method":"org.varlink.service.GetInfo"}\0')
    info = service.receive_message()["parameters"]
    assert sorted(info["interfaces"]) == ["org.ifroster", "org.varlink.service"], info
    assert info["product"] == "ifrosterd" and info["version"], info
    for name in info["interfaces"]:
        service.send_raw(json.dumps({"method": "org.varlink.service.GetInterfaceDescription",
                                     "parameters": {"interface": name}}).encode() + b"\0")
        text = service.receive_message()["parameters"]["description"]
        assert varlinkclient.Interface(text).name == name
        if name == "org.ifroster":
            assert text == ROSTER.text, "the daemon's text is not that of the file"
    service.close()


def test_answers_are_fresh(t):
    t.start_daemon()
    with Client() as client:
        for number in range(20):
            t.ip(f"link add f{number} type veth peer name g{number}")
            index = client.call("GetLinkByName", Name=f"f{number}")["Index"]
            t.ip(f"link set f{number} name h{number}")
            assert client.call("GetLinkByIndex", Index=index)["Name"] == f"h{number}"
            # Not announced, because the link is down.
            t.ip(f"link property add dev h{number} altname alt{number}")
            assert client.call("ResolveZone", Zone=f"alt{number}")["Index"] == index
            t.ip(f"link delete h{number}")
            assert refusal(client.call, "GetLinkByIndex", Index=index) == "NoSuchLink"


def test_pipelining(t):
    """Calls sent ahead are answered in their order, also behind one that takes its time."""
    t.ip("link add v0 type veth peer name v1")
    t.start_daemon()
    with Client() as client:
        for number in range(100):
            client.send("Sync")
            client.send("GetLinkByIndex", {"Index": 1 + number % 3})
            client.send("GetLinkByName", {"Name": "nosuch"})
        for number in range(100):
            assert client.receive()["Generation"] > 0
            assert client.receive()["Index"] == 1 + number % 3
            assert refusal(client.receive) == "NoSuchLink"
        client.send("GetLinkByIndex", {"Index": 1}, oneway=True)
        client.send("GetLinkByIndex", {"Index": 2})
        assert client.receive()["Index"] == 2


def test_sync_holds_what_was_done_before(t):
    t.ip("link add v0 type veth peer name v1")
    t.start_daemon()
    with Client() as client:
        for number in range(5):
            t.ip(f"link property add dev v0 altname quiet{number}")
            generation = client.call("Sync")["Generation"]
            described = client.call("Describe")
            assert described["Generation"] >= generation
            link = [l for l in described["Links"] if l["Name"] == "v0"][0]
            assert f"quiet{number}" in link["AlternativeNames"]
    # Those who went away while they waited are forgotten.
    for _ in range(50):
        client = Client()
        client.send("Sync")
        client.close()
    with Client() as client:
        client.call("Sync")


fixture.main(__name__)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The questions about addresses over D-Bus, against `ip`, /proc/net and the kernel's own route lookup."""

import ipaddress
import signal
import socket
import struct
import subprocess

import fixture
import oracle
from fixture import CallError

INET, INET6 = socket.AF_INET, socket.AF_INET6
V0 = ("192.0.2.1/24", "192.0.2.9/24", "198.18.0.1/32", "2001:db8:1::1/64", "fe80::a/64")


def fails(t, name, method, signature, *arguments):
    """The call fails with this error, which says why; the daemon is none the worse."""
    try:
        answer = t.bus.call(method, signature, *arguments)
    except CallError as error:
        assert error.name == name, f"{method}{arguments}: {error}, not {name}"
        assert error.message, f"{method}{arguments}: an error without a text"
        return
    raise AssertionError(f"{method}{arguments}: {answer}, not {name}")


def pair(t, a, b):
    """A pair of links that are up and make no addresses of their own."""
    t.ip(f"link add {a} type veth peer name {b}")
    for name in (a, b):
        t.sysctl(f"net/ipv6/conf/{name}/accept_dad", 0)
        t.ip(f"link set {name} addrgenmode none up")


def world(t):
    """v0 and v1 with addresses, and routes of every kind."""
    t.ip("link set lo up")
    pair(t, "v0", "p0")
    pair(t, "v1", "p1")
    for address in V0:
        t.ip(f"address add {address} dev v0{' nodad' if ':' in address else ''}")
    t.ip("address add 10.1.1.1 peer 10.1.1.2/30 dev v1")
    t.ip("address add 2001:db8:2::1/64 dev v1 nodad")
    t.ip("address add fe80::b/64 dev v1 nodad")
    t.ip("route add default via 192.0.2.254")
    t.ip("-6 route add default via fe80::99 dev v1")
    t.ip("route add 10.9.0.0/16 via 10.1.1.2")
    t.ip("route add unreachable 10.8.0.0/16")
    t.ip("route add local 10.77.0.0/16 dev lo")


def kernel_route(destination, link=None):
    """What `ip route get` says, None without a route."""
    arguments = ["route", "get", destination] + (["oif", link] if link else [])
    try:
        return oracle.ip_json(*arguments)[0]
    except subprocess.CalledProcessError:
        return None


def known_users():
    """{(index, address): users} of /proc/net/igmp and igmp6, read here once more."""
    users, index = {}, None
    with open("/proc/net/igmp", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            words = line.split()
            if not line.startswith("\t"):
                index = int(words[0])
            else:
                packed = struct.pack("=I", int(words[0], 16))
                users[index, str(ipaddress.IPv4Address(packed))] = int(words[1])
    with open("/proc/net/igmp6", encoding="ascii") as file:
        for words in map(str.split, file):
            users[int(words[0]), str(ipaddress.IPv6Address(bytes.fromhex(words[2])))] = int(words[3])
    return users


def kernel_locals():
    """{(address, prefix length, type, link)} of the local table as ip lists it, without groups."""
    found = set()
    for option in ("-4", "-6"):
        for row in oracle.ip_json(option, "route", "show", "table", "local"):
            if row.get("type") == "multicast":
                continue
            network = ipaddress.ip_network(row["dst"])
            kind = {"local": "unicast"}.get(row["type"], row["type"])
            found.add((str(network.network_address), network.prefixlen, kind, row["dev"]))
    return found


def told_locals(t):
    return {(row["AddressString"], row["PrefixLength"], row["Type"], row["Name"])
            for row in t.bus.call("ListLocal", "s", "kernel") if row["Type"] != "multicast"}


def unfinished():
    """IPv6 addresses with which the kernel is not done: it acknowledges them a moment before."""
    found = {(row["local"], 128, "unicast", link["ifname"])
             for link in oracle.ip_json("-6", "address", "show") for row in link.get("addr_info", [])
             if row and not (row.get("tentative") and link["ifname"] == "slow0")}
    return found - kernel_locals()


def compare_locals(t):
    """The daemon's local table is the kernel's, once the kernel is done."""
    def same():
        t.sync()
        return told_locals(t) == kernel_locals() and not unfinished()
    try:
        t.wait_for(same, what="the local table")
    except AssertionError:
        raise AssertionError(f"daemon: {sorted(told_locals(t) - kernel_locals())}, "
                             f"kernel: {sorted(kernel_locals() - told_locals(t))}") from None


# Is it mine ---------------------------------------------------------------------------------------

def test_lookup_address(t):
    world(t)
    t.start()
    compare_locals(t)
    one, v0, v1 = 1, t.index("v0"), t.index("v1")
    for text, kind, links in (
            ("192.0.2.1", "unicast", [v0]), ("::ffff:192.0.2.1", "unicast", [v0]),
            ("192.0.2.255", "broadcast", [v0]), ("192.0.2.0", "none", []),
            ("198.18.0.1", "unicast", [v0]), ("10.1.1.1", "unicast", [v1]),
            ("10.1.1.2", "none", []), ("10.1.1.3", "broadcast", [v1]),
            ("127.0.0.1", "unicast", [one]), ("127.200.1.2", "unicast", [one]),
            ("127.255.255.255", "broadcast", [one]), ("10.77.1.2", "unicast", [one]),
            ("2001:db8:1::1", "unicast", [v0]), ("2001:db8:1::2", "none", []),
            ("::1", "unicast", [one]), ("fe80::a", "unicast", [v0]),
            ("fe80::a%v0", "unicast", [v0]), ("fe80::a%v1", "none", []),
            ("224.0.0.1", "multicast", sorted(index for index, group in known_users()
                                              if group == "224.0.0.1")),
            ("ff02::1%v0", "multicast", [v0]), ("239.9.9.9", "none", []),
            ("8.8.8.8", "none", []), ("0.0.0.0", "none", []), ("::", "none", [])):
        told_kind, told_links = t.bus.call("LookupAddress", "s", text)
        assert (told_kind, [index for index, _ in told_links]) == (kind, links), \
            (text, told_kind, told_links)
        if kind in ("unicast", "broadcast") and "%" not in text and "ffff" not in text:
            # To an address of its own ip says so.
            said = kernel_route(text)
            assert said and said.get("type") == {"unicast": "local"}.get(kind, kind), (text, said)
    kind, links = t.bus.call("LookupAddress", "s", "255.255.255.255")
    assert kind == "broadcast" and {"v0", "v1"} <= {name for _, name in links}
    for text, error in (("", "InvalidAddress"), ("192.0.2", "InvalidAddress"),
                        ("192.0.2.256", "InvalidAddress"), ("v0", "InvalidAddress"),
                        ("2001:db8::/64", "InvalidAddress"), ("fe80::a%", "InvalidZone"),
                        ("fe80::a%nosuch", "NoSuchLink"), ("192.0.2.1%v0", "ZoneNotAllowed"),
                        ("2001:db8:1::1%v0", "ZoneNotAllowed")):
        fails(t, error, "LookupAddress", "s", text)


def test_an_address_on_several_links(t):
    world(t)
    t.ip("address add 2001:db8:1::1/64 dev v1 nodad")
    t.ip("address add fe80::a/64 dev v1 nodad")
    t.ip("address add 192.0.2.1/24 dev v1")
    t.start()
    compare_locals(t)
    both = sorted([(t.index("v0"), "v0"), (t.index("v1"), "v1")])
    for text in ("192.0.2.1", "2001:db8:1::1", "fe80::a"):
        assert t.bus.call("LookupAddress", "s", text) == ("unicast", both), text
        fails(t, "Ambiguous", "GetLinkForAddress", "s", text)
        fails(t, "Ambiguous", "FindLink", "s", text)
    assert t.bus.call("LookupAddress", "s", "fe80::a%v1") == ("unicast", [(t.index("v1"), "v1")])
    assert t.bus.call("GetLinkForAddress", "s", "fe80::a%v1") == (t.index("v1"), "v1", "own")


def test_local_table_stays_current(t):
    """Prefixes, broadcast and anycast come and go, announced or not."""
    world(t)
    t.start()
    compare_locals(t)
    t.ip("route add local 10.78.0.0/16 dev v0")
    compare_locals(t)
    assert t.bus.call("LookupAddress", "s", "10.78.3.3") == ("unicast", [(t.index("v0"), "v0")])
    t.ip("route delete local 10.78.0.0/16 dev v0")
    compare_locals(t)

    t.ip("address add 192.0.2.66/25 broadcast 192.0.2.77 dev v0")
    compare_locals(t)
    assert t.bus.call("LookupAddress", "s", "192.0.2.77")[0] == "broadcast"

    # As a router it answers for the first address of every network. It has no such address, so it is
    # no group and no own address either.
    assert t.bus.call("LookupAddress", "s", "2001:db8:1::")[0] == "none"
    t.sysctl("net/ipv6/conf/all/forwarding", 1)
    compare_locals(t)
    assert t.bus.call("LookupAddress", "s", "2001:db8:1::") == ("anycast", [(t.index("v0"), "v0")])
    assert t.bus.call("GetLinkForAddress", "s", "2001:db8:1::") == (t.index("v0"), "v0", "own")
    rows = [row for row in t.bus.call("ListLocal", "s", "kernel")
            if row["AddressString"] == "2001:db8:1::"]
    assert [row["Reasons"] for row in rows] == [["anycast"]], rows
    t.sysctl("net/ipv6/conf/all/forwarding", 0)
    compare_locals(t)

    # Down: the broadcast addresses of the link go, and its own addresses stay, without a word.
    t.ip("link set v0 down")
    compare_locals(t)
    assert t.bus.call("LookupAddress", "s", "192.0.2.255")[0] == "none"
    assert t.bus.call("LookupAddress", "s", "192.0.2.1")[0] == "unicast"
    t.ip("link set v0 up")
    compare_locals(t)


def test_prefixes_go_with_the_last_address(t):
    """Nobody announces them to be gone. Also where an address is back before anybody looks."""
    world(t)
    t.start()
    assert t.bus.call("LookupAddress", "s", "10.77.1.1")[0] == "unicast"
    t.ip("address flush dev lo")
    compare_locals(t)
    assert t.bus.call("LookupAddress", "s", "10.77.1.1") == ("none", [])
    t.ip("address add 127.0.0.1/8 dev lo")
    t.ip("route add local 10.77.0.0/16 dev lo")
    compare_locals(t)
    t.daemon.signal(signal.SIGSTOP)
    t.ip("address delete 127.0.0.1/8 dev lo")
    t.ip("address add 127.0.0.1/8 dev lo")
    t.daemon.signal(signal.SIGCONT)
    compare_locals(t)
    assert t.bus.call("LookupAddress", "s", "10.77.1.1") == ("none", [])


def test_tentative_addresses_are_nobodys(t):
    world(t)
    pair(t, "slow0", "slow1")
    t.sysctl("net/ipv6/conf/slow0/accept_dad", 1)
    t.sysctl("net/ipv6/conf/slow0/dad_transmits", 10000)
    t.start()
    t.ip("address add 2001:db8:1::7/64 dev slow0")
    compare_locals(t)
    assert any(row["AddressString"] == "2001:db8:1::7" and row["State"] == "tentative"
               for row in t.bus.call("ListAddresses", "ii", t.index("slow0"), INET6))
    assert t.bus.call("LookupAddress", "s", "2001:db8:1::7") == ("none", [])
    assert t.bus.call("SelectSource", "ss", "2001:db8:1::5", "model")[0] == "2001:db8:1::1"
    candidates = t.bus.call("SelectSource", "ss", "2001:db8:1::5", "model")[4]
    assert {"tentative"} == {c["Rule"] for c in candidates if c["AddressString"] == "2001:db8:1::7"}


# Local table as a list ----------------------------------------------------------------------------

def test_groups_in_the_local_table(t):
    """The kernel's view has memberships with the number of those who joined, from /proc/net."""
    world(t)
    t.start()
    compare_locals(t)
    v0 = t.index("v0")
    sockets = []
    for _ in range(2):
        member = socket.socket(INET, socket.SOCK_DGRAM)
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                          struct.pack("=4s4si", socket.inet_aton("239.1.1.1"), bytes(4), v0))
        member6 = socket.socket(INET6, socket.SOCK_DGRAM)
        # A solicited-node group of an address that the link has, and one of an address it has not
        for group in ("ff02::1:ff00:1", "ff02::1:ff12:3456", "ff05::1234"):
            member6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                               socket.inet_pton(INET6, group) + struct.pack("=i", v0))
        sockets += [member, member6]
    t.sync()
    rows = {(row["InterfaceIndex"], row["AddressString"]): row
            for row in t.bus.call("ListLocal", "s", "kernel") if row["Type"] == "multicast"}
    assert {key: row["References"] for key, row in rows.items()} == known_users()
    assert rows[v0, "239.1.1.1"]["References"] == 2
    assert rows[v0, "ff02::1:ff00:1"]["References"] == 3, rows
    for text, reason in (("224.0.0.1", "all-nodes"), ("ff02::1", "all-nodes"),
                         ("ff01::1", "all-nodes"), ("239.1.1.1", "joined"),
                         ("ff02::1:ff00:1", "solicited-node"), ("ff02::1:ff12:3456", "joined"),
                         ("ff05::1234", "joined")):
        assert rows[v0, text]["Reasons"] == [reason], rows[v0, text]
    assert t.bus.call("LookupAddress", "s", "ff05::1234") == ("multicast", [(v0, "v0")])
    for member in sockets:
        member.close()
    t.sync()
    assert t.bus.call("LookupAddress", "s", "ff05::1234") == ("none", [])


def derived(address, prefix_length):
    """{address: (type, references)} that Plan 9 gives one IPv4 address; computed here once more."""
    network = ipaddress.ip_network((address, prefix_length), strict=False)
    first = int(ipaddress.ip_address(address)) >> 24
    classful = ipaddress.ip_network((address, 8 if first < 128 else 16 if first < 192 else 24),
                                    strict=False)
    rows = {address: ["unicast", 1]}
    if prefix_length < 32:
        for other in (network.broadcast_address, network.network_address,
                      classful.broadcast_address, classful.network_address, "255.255.255.255"):
            rows.setdefault(str(other), ["broadcast", 0])[1] += 1
    return {text: tuple(row) for text, row in rows.items()}


def test_derived_view(t):
    pair(t, "v0", "p0")
    addresses = [("10.2.2.5", 24), ("192.168.1.10", 24), ("172.16.5.4", 12), ("10.3.3.3", 32)]
    for address, prefix_length in addresses:
        t.ip(f"address add {address}/{prefix_length} dev v0")
    t.ip("address add 2001:db8::12:3456/64 dev v0 nodad")
    t.start()
    compare_locals(t)
    rows = [row for row in t.bus.call("ListLocal", "s", "derived") if row["Name"] == "v0"]
    for address, prefix_length in addresses:
        told = {row["AddressString"]: (row["Type"], row["References"])
                for row in rows if row["OwnerString"] == address}
        assert told == derived(address, prefix_length), (address, told)
    told = {(row["AddressString"], row["Type"], tuple(row["Reasons"]))
            for row in t.bus.call("ListLocal", "s", "derived")
            if row["OwnerString"] == "2001:db8::12:3456"}
    assert told == {("2001:db8::12:3456", "unicast", ("unicast",)),
                    ("ff02::1", "multicast", ("all-nodes",)),
                    ("ff02::1:ff12:3456", "multicast", ("solicited-node",))}, told
    two = [row for row in rows if row["OwnerString"] == "192.168.1.10"
           and row["AddressString"] == "192.168.1.255"]
    assert [sorted(row["Reasons"]) for row in two] == [["classful-broadcast", "subnet-broadcast"]]
    fails(t, "InvalidName", "ListLocal", "s", "plan9")


# Which link -----------------------------------------------------------------------------------------

def test_link_for_address(t):
    world(t)
    t.start()
    compare_locals(t)
    v0, v1 = t.index("v0"), t.index("v1")
    for text, index, reason in (
            ("192.0.2.1", v0, "own"), ("192.0.2.7", v0, "on-link"), ("10.1.1.1", v1, "own"),
            ("10.1.1.2", v1, "peer"), ("10.1.1.0", v1, "on-link"), ("8.8.8.8", v0, "route"),
            ("10.9.3.3", v1, "route"), ("::ffff:10.1.1.2", v1, "peer"), ("127.1.2.3", 1, "own"),
            ("10.77.9.9", 1, "own"), ("2001:db8:1::5", v0, "on-link"),
            ("2001:4860::1", v1, "route"), ("fe80::77%v1", v1, "on-link"),
            ("ff02::fb%v0", v0, "on-link"), ("fe80::b", v1, "own")):
        assert t.bus.call("GetLinkForAddress", "s", text) == \
            (index, {v0: "v0", v1: "v1", 1: "lo"}[index], reason), text
        plain = text.partition("%")[0].removeprefix("::ffff:")
        said = kernel_route(plain, text.partition("%")[2] or None)
        if reason != "own" and not plain.startswith(("fe80", "ff02")):
            assert said["dev"] == {v0: "v0", v1: "v1"}[index], (text, said)
    for text in ("fe80::77", "ff02::fb", "ff01::1"):
        fails(t, "Ambiguous", "GetLinkForAddress", "s", text)
    for text, error in (("10.8.1.1", "NoRoute"), ("0.0.0.0", "InvalidAddress"),
                        ("::", "InvalidAddress"), ("fe80::1%v9", "NoSuchLink"),
                        ("fe80::1%4711", "NoSuchLink"), ("nonsense", "InvalidAddress")):
        fails(t, error, "GetLinkForAddress", "s", text)
    t.ip("link delete v1")
    fails(t, "NoRoute", "GetLinkForAddress", "s", "2001:4860::1")
    fails(t, "NoSuchLink", "GetLinkForAddress", "s", "fe80::77%v1")
    fails(t, "NoSuchLink", "GetLinkForAddress", "s", f"fe80::77%{v1}")


def test_find_link(t):
    world(t)
    t.ip("link property add dev v0 altname wan0 altname 2001:db8::77")
    t.ip("link add 77 type veth peer name p77")
    t.start()
    v0, v1 = t.index("v0"), t.index("v1")
    for text, index, matched in (
            ("v0", v0, "name"), ("wan0", v0, "alternative-name"), (str(v1), v1, "index"),
            ("77", t.index("77"), "name"), ("2001:db8::77", v0, "alternative-name"),
            ("192.0.2.1", v0, "address"), ("10.1.1.2", v1, "address"),
            ("2001:db8:2::1", v1, "address"), ("fe80::1%v1", v1, "address")):
        assert t.bus.call("FindLink", "s", text)[::2] == (index, matched), text
    for text, error in (("", "InvalidName"), ("4711", "NoSuchLink"), ("0", "InvalidIndex"),
                        ("-1", "InvalidIndex"), ("007", "InvalidIndex"), ("0x1", "InvalidIndex"),
                        ("4294967297", "InvalidIndex"), ("nosuch", "NoSuchLink"),
                        ("8.8.8.8", "NoSuchLink"), ("fe80::1", "Ambiguous"),
                        ("fe80::1::1", "InvalidAddress"), ("fe80::1%nosuch", "NoSuchLink"),
                        ("2001:db8::1%v0", "ZoneNotAllowed")):
        fails(t, error, "FindLink", "s", text)


# Source addresses -----------------------------------------------------------------------------------

def test_source_is_the_kernels(t):
    """Both modes name the source that `ip route get` does."""
    world(t)
    t.ip("address add 2001:db8:1::dead/64 dev v0 preferred_lft 0 nodad")
    t.ip("address add fd00::1/64 dev v1 nodad")
    t.ip("route add 10.5.0.0/16 via 10.1.1.2 src 198.18.0.1")
    t.start()
    compare_locals(t)
    for destination in ("8.8.8.8", "192.0.2.7", "192.0.2.1", "192.0.2.255", "10.1.1.2", "10.9.1.1",
                        "10.5.1.1", "10.77.3.3", "127.9.9.9", "2001:4860::1", "2001:db8:1::9",
                        "2001:db8:2::9", "fd00::9", "fd77::9", "2001:db8:1::1", "::1",
                        "fe80::77%v0", "fe80::77%v1", "ff02::1%v0", "239.1.1.1",
                        "255.255.255.255", "::ffff:8.8.8.8"):
        plain, _, zone = destination.removeprefix("::ffff:").partition("%")
        said = kernel_route(plain, zone or None)
        for mode in ("kernel", "model"):
            source, index, name, rule, candidates = t.bus.call("SelectSource", "ss", destination,
                                                               mode)
            assert source.partition("%")[0] == said["prefsrc"], (destination, mode, source, said)
            assert index == t.index(name) and rule, (destination, mode, index, name)
            if mode == "kernel":
                assert name == said["dev"] and not candidates and rule == "kernel", (destination, name)
            else:
                assert candidates[0]["Chosen"] and all(c["Rule"] for c in candidates)
                assert candidates[0]["AddressString"] == source.partition("%")[0]
                assert not any(c["Chosen"] for c in candidates[1:])
    # A group goes out on the first link that does multicast, and that one has no address.
    assert "prefsrc" not in kernel_route("ff05::2")
    for mode in ("kernel", "model"):
        fails(t, "NoAddress", "SelectSource", "ss", "ff05::2", mode)
    assert t.bus.call("SelectSource", "ss", "10.5.1.1", "model")[3] == "preferred-source"
    assert t.bus.call("SelectSource", "ss", "fe80::77%v0", "model")[0] == "fe80::a%v0"
    rules = {c["AddressString"]: c["Rule"]
             for c in t.bus.call("SelectSource", "ss", "2001:db8:1::9", "model")[4]}
    assert rules["2001:db8:1::dead"] == "deprecated" and rules["fe80::a"] == "scope", rules
    assert rules["fd00::1"] == "outgoing-interface", rules


def test_source_without_an_answer(t):
    world(t)
    t.start()
    compare_locals(t)
    for mode in ("kernel", "model", ""):
        for destination, error in (("10.8.1.1", "NoRoute"), ("0.0.0.0", "InvalidAddress"),
                                   ("::", "InvalidAddress"), ("fe80::77", "Ambiguous"),
                                   ("ff02::1", "Ambiguous"), ("fe80::77%nosuch", "NoSuchLink"),
                                   ("192.0.2.1%v0", "ZoneNotAllowed"), ("v0", "InvalidAddress"),
                                   ("", "InvalidAddress")):
            fails(t, error, "SelectSource", "ss", destination, mode)
    fails(t, "InvalidName", "SelectSource", "ss", "8.8.8.8", "Model")
    t.ip("route delete default")
    t.ip("-6 route delete default")
    for mode in ("kernel", "model"):
        fails(t, "NoRoute", "SelectSource", "ss", "8.8.8.8", mode)
        fails(t, "NoRoute", "SelectSource", "ss", "2001:4860::1", mode)
    # A route without any address that could be a source
    t.ip("address flush dev v0")
    t.ip("address flush dev v1")
    t.ip("address flush dev lo")
    t.ip("route add 203.0.113.0/24 dev v0")
    t.sync()
    for mode in ("kernel", "model"):
        fails(t, "NoAddress", "SelectSource", "ss", "203.0.113.1", mode)
    t.ip("link delete v0")
    for mode in ("kernel", "model"):
        fails(t, "NoSuchLink", "SelectSource", "ss", "fe80::77%v0", mode)
        fails(t, "NoRoute", "SelectSource", "ss", "203.0.113.1", mode)
    assert t.bus.get("State") == "ready"


def test_links_that_vanish_between(t):
    """A link goes while questions about it are on their way: an answer or a named error, never more."""
    world(t)
    t.start()
    for number in range(20):
        t.ip(f"link add x{number} type veth peer name y{number}")
        t.ip(f"link set x{number} addrgenmode none up")
        t.ip(f"address add fe80::5/64 dev x{number} nodad")
        texts = [f"fe80::7%x{number}", f"fe80::5%x{number}", "fe80::7"] * 4
        questions = [t.bus.send(method, "s", text) for text in texts
                     for method in ("GetLinkForAddress", "LookupAddress", "FindLink")]
        questions += [t.bus.send("SelectSource", "ss", text, mode) for text in texts
                      for mode in ("kernel", "model")]
        t.ip(f"link delete x{number}")
        for serial in questions:
            try:
                t.bus.receive_reply(serial)
            except CallError as error:
                assert error.name in ("NoSuchLink", "NoRoute", "NoAddress", "Ambiguous"), error
    t.settle()


def test_no_source_is_multicast_or_unspecified(t):
    """The kernel lets both be configured."""
    pair(t, "v0", "p0")
    t.ip("address add 2001:db8::1/64 dev v0 nodad")
    t.ip("address add 0.0.0.0/0 dev v0")
    t.ip("address add 224.0.0.5/24 dev v0")
    t.ip("-6 route add default dev v0")
    t.start()
    compare_locals(t)
    assert t.bus.call("SelectSource", "ss", "2001:4860::1", "model")[0] == "2001:db8::1"
    fails(t, "NoAddress", "GetPrimaryAddress", "i", INET)
    assert t.bus.call("LookupAddress", "s", "0.0.0.0") == ("none", [])


# Lists ----------------------------------------------------------------------------------------------

def test_primary_address(t):
    t.ip("link set lo up")
    pair(t, "v0", "p0")
    pair(t, "v1", "p1")
    t.start()
    v0, v1 = t.index("v0"), t.index("v1")
    for family in (INET, INET6):
        fails(t, "NoAddress", "GetPrimaryAddress", "i", family)
    for family in (0, 1, -1, 7):
        fails(t, "InvalidAddress", "GetPrimaryAddress", "i", family)

    def expect(family, *answer):
        compare_locals(t)
        assert t.bus.call("GetPrimaryAddress", "i", family) == answer, answer

    t.ip("address add fe80::1/64 dev v0 nodad")
    expect(INET6, "fe80::1%v0", v0)
    t.ip("address add 2001:db8::9/64 dev v1 nodad")
    expect(INET6, "2001:db8::9", v1)
    t.ip("address add 2001:db8::8/64 dev v0 nodad preferred_lft 0")
    expect(INET6, "2001:db8::9", v1)
    t.ip("address change 2001:db8::8/64 dev v0 preferred_lft forever")
    expect(INET6, "2001:db8::8", v0)
    t.ip("address add 169.254.3.3/16 dev v0")
    expect(INET, "169.254.3.3", v0)
    t.ip("address add 10.0.0.1/24 dev v1")
    expect(INET, "10.0.0.1", v1)
    t.ip("address add 10.0.0.2/24 dev v1")
    expect(INET, "10.0.0.1", v1)
    t.ip("link set v1 down")
    expect(INET, "169.254.3.3", v0)


def kernel_proxies(t):
    return sorted((t.index(row["dev"]), row["dst"])
                  for option in ("-4", "-6")
                  for row in oracle.ip_json(option, "neighbor", "show", "proxy"))


def test_proxies(t):
    world(t)
    t.start()
    v0, v1 = t.index("v0"), t.index("v1")

    def told(index):
        return sorted((row["InterfaceIndex"], row["AddressString"])
                      for row in t.bus.call("ListProxies", "i", index))

    assert told(0) == kernel_proxies(t) == []
    for text in ("192.0.2.77 dev v0", "2001:db8:1::77 dev v0", "192.0.2.77 dev v1"):
        t.ip(f"neighbor add proxy {text}")
    assert told(0) == kernel_proxies(t) == [(v0, "192.0.2.77"), (v0, "2001:db8:1::77"),
                                            (v1, "192.0.2.77")]
    assert told(v1) == [(v1, "192.0.2.77")] and told(1) == []
    # For a neighbour's address it listens on the group, without having the address.
    assert t.bus.call("LookupAddress", "s", "2001:db8:1::77") == ("none", [])
    row = [row for row in t.bus.call("ListLocal", "s", "kernel")
           if row["AddressString"] == "ff02::1:ff00:77"]
    assert [r["Reasons"] for r in row] in ([["joined"]], []), row
    t.ip("neighbor delete proxy 192.0.2.77 dev v0")
    assert told(0) == kernel_proxies(t)
    for index, error in ((4711, "NoSuchLink"), (-1, "InvalidIndex")):
        fails(t, error, "ListProxies", "i", index)


def test_default_routes(t):
    world(t)
    t.ip("route add default via 10.1.1.2 metric 50")
    t.ip("-6 route add default via fe80::98 dev v0 metric 10")
    t.start()

    def told():
        return [(row["Family"], row["InterfaceIndex"], row.get("GatewayString"), row["Metric"])
                for row in t.bus.call("ListDefaultRoutes")]

    def kernels():
        return [(int(family), t.index(row["dev"]), row.get("gateway"), row.get("metric", 0))
                for family, option in ((INET, "-4"), (INET6, "-6"))
                for row in sorted(oracle.ip_json(option, "route", "show", "default"),
                                  key=lambda row: row.get("metric", 0))]

    assert told() == kernels() and len(told()) == 4, (told(), kernels())
    t.ip("route delete default via 192.0.2.254")
    assert told() == kernels() and len(told()) == 3
    # Its routes go with the link, the IPv4 ones without a word.
    t.ip("link set v1 down")
    t.sync()
    assert told() == kernels() and len(told()) == 1, (told(), kernels())


fixture.main(__name__)

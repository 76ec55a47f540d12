#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes that the kernel makes without a word, or announces before it makes them.

Each is made again and again, and the table must have it when asked next: the first question comes as
fast as it can, while the kernel may still be at it. IFROSTER_TEST_ROUNDS says how often.
"""

import os
import socket
import struct

import fixture
import follower

MANY_ROUTES = 20000
ROUNDS = int(os.environ.get("IFROSTER_TEST_ROUNDS", "15"))


def pair(t, a="v0", b="v1"):
    t.ip(f"link add {a} type veth peer name {b}")
    for name in (a, b):
        # Nothing shall happen by itself later: no duplicate address detection.
        t.sysctl(f"net/ipv6/conf/{name}/accept_dad", 0)
        t.sysctl(f"net/ipv6/conf/{name}/router_solicitations", 0)
        t.ip(f"link set {name} up")


def carrier(t, name):
    """Waits until the kernel is done with a carrier that came or went."""
    def settled():
        link = t.ip(f"-oneline link show {name}").stdout.decode()
        return "state UP" in link or "state DOWN" in link or "LOWERLAYERDOWN" in link
    t.wait_for_kernel(settled, what=f"carrier of {name}")


def test_link_down_takes_routes(t):
    pair(t)
    f = follower.Follower(t)
    for number in range(ROUNDS):
        t.ip("address add 192.0.2.1/24 dev v0")
        t.ip("address add 2001:db8::1/64 dev v0")
        t.ip("route add default via 192.0.2.254 dev v0")
        t.ip("route add default via 192.0.2.253 dev v0 metric 7")
        t.ip("-6 route add default via 2001:db8::fe dev v0")
        t.sysctl("net/ipv6/route/skip_notify_on_dev_down", number % 2)
        f.sync()
        assert len(f.replay.routes) == 3, f.replay.routes
        t.ip("link set v0 down")
        f.sync()
        assert not f.replay.routes, f.replay.routes
        t.ip("address flush dev v0")
        t.ip("link set v0 up")
    f.settle()


def batch(t, lines, *arguments):
    """Runs many ip commands by one process."""
    path = os.path.join(t.directory, "batch")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    t.ip([*arguments, "-batch", path])


def test_link_down_announced_before_routes_are_gone(t):
    """The kernel announces the link first and then takes its time to remove many routes, which can be
    listed meanwhile."""
    pair(t)
    f = follower.Follower(t)
    routes = [f"route add 10.{i // 256}.{i % 256}.0/24 via 192.0.2.254 dev v0 table 10"
              for i in range(MANY_ROUTES)]
    for number in range(3):
        t.ip("address add 192.0.2.1/24 dev v0")
        batch(t, routes)
        t.ip("route add default via 192.0.2.254 dev v0")
        f.sync()
        assert len(f.replay.routes) == 1, f.replay.routes
        t.ip("link set v0 down" if number % 2 else "address del 192.0.2.1/24 dev v0")
        f.sync()
        assert not f.replay.routes, f.replay.routes
        t.ip("address flush dev v0")
        t.ip("link set v0 up")


def test_last_address_takes_routes(t):
    pair(t)
    f = follower.Follower(t)
    for _ in range(ROUNDS):
        t.ip("address add 192.0.2.1/24 dev v0")
        t.ip("route add default via 192.0.2.254 dev v0")
        f.sync()
        assert len(f.replay.routes) == 1, f.replay.routes
        t.ip("address del 192.0.2.1/24 dev v0")
        f.sync()
        assert not f.replay.routes, f.replay.routes
    f.settle()


def test_preferred_source_takes_route(t):
    pair(t)
    t.ip("address add 192.0.2.1/24 dev v0")
    f = follower.Follower(t)
    for _ in range(ROUNDS):
        t.ip("address add 198.51.100.1/32 dev v1")
        t.ip("route add default via 192.0.2.254 dev v0 src 198.51.100.1")
        f.sync()
        assert len(f.replay.routes) == 1, f.replay.routes
        t.ip("address del 198.51.100.1/32 dev v1")
        f.sync()
        assert not f.replay.routes, f.replay.routes
    f.settle()


def test_deleted_link_takes_what_it_has(t):
    f = follower.Follower(t)
    for _ in range(ROUNDS):
        pair(t)
        t.ip("address add 192.0.2.1/24 dev v0")
        t.ip("route add default via 192.0.2.254 dev v0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            join4(sock, "239.1.2.3", t.index("v0"))
            f.sync()
            assert len(f.replay.routes) == 1, f.replay.routes
            t.ip("link del v0")
            f.expect_equal()
        assert len(f.replay.links) == 1, f.replay.links


def test_nexthop_takes_routes(t):
    pair(t)
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("address add 2001:db8::1/64 dev v0")
    f = follower.Follower(t)
    for number in range(ROUNDS):
        t.ip("nexthop add id 7 via 192.0.2.254 dev v0")
        t.ip("nexthop add id 8 via 2001:db8::fe dev v0")
        t.ip("route add default nhid 7")
        t.ip("-6 route add default nhid 8")
        f.sync()
        assert len(f.replay.routes) == 2, f.replay.routes
        if number % 3 == 0:
            t.ip("link set v1 down")
            carrier(t, "v0")
            f.settle()
            t.ip("link set v1 up")
            carrier(t, "v0")
            t.ip("nexthop flush", check=False)
        else:
            t.ip("nexthop del id 7")
            t.ip("nexthop del id 8")
            f.sync()
            assert not f.replay.routes, f.replay.routes
    f.settle()


def test_texts_of_a_link_that_is_down(t):
    t.ip("link add v0 type veth peer name v1")
    f = follower.Follower(t)
    for number in range(ROUNDS):
        t.ip(f"link property add dev v0 altname alternative{number}")
        t.ip(f"link set v0 alias alias{number}")
        t.ip(f"link set v0 group {number + 1}")
        f.expect_equal()
        t.ip(f"link property del dev v0 altname alternative{number}")
    f.expect_equal()


def test_peer_comes_back(t):
    """The end that stays is not announced when the other one returns."""
    f = follower.Follower(t)
    t.ip("netns add other")
    try:
        for _ in range(ROUNDS):
            t.ip("link add v0 type veth peer name v1")
            index = t.index("v0")
            # Of links that are down, more than that is read when somebody asks.
            t.ip("link set v0 up")
            t.ip("link set v1 netns other")
            f.sync()
            assert f.replay.links[index].get("ParentNamespaceNSID", -1) >= 0, f.replay.links[index]
            t.ip(f"-n other link set v1 netns {os.getpid()}")
            f.sync()
            assert f.replay.links[index].get("ParentNamespaceNSID", -1) == -1, f.replay.links[index]
            assert f.replay.links[index]["ParentInterfaceIndex"] == t.index("v1")
            t.ip("link del v0")
        f.settle()
    finally:
        t.ip("netns del other")


def test_tentative_link_local(t):
    """It is announced when duplicate address detection is over; its group is joined at once."""
    t.ip("link add v0 type veth peer name v1")
    t.sysctl("net/ipv6/conf/v0/dad_transmits", 5)
    t.ip("link set v1 up")
    f = follower.Follower(t)
    for _ in range(min(ROUNDS, 10)):
        t.ip("link set v0 up")
        t.wait_for_kernel(lambda: b"tentative" in t.ip("address show dev v0").stdout,
                          what="a tentative address")
        f.settle()
        states = [row["State"] for row in f.replay.addresses.values()
                  if row["InterfaceIndex"] == t.index("v0")]
        assert states == ["tentative"], states
        t.ip("link set v0 down")
        f.settle()


def join4(sock, group, index):
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    struct.pack("4s4si", socket.inet_aton(group), bytes(4), index))


def leave4(sock, group, index):
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP,
                    struct.pack("4s4si", socket.inet_aton(group), bytes(4), index))


def join6(sock, group, index):
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                    struct.pack("16si", socket.inet_pton(socket.AF_INET6, group), index))


def leave6(sock, group, index):
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP,
                    struct.pack("16si", socket.inet_pton(socket.AF_INET6, group), index))


def groups(t, f):
    pair(t)
    index = t.index("v0")
    carrier(t, "v0")
    f.settle()
    for number in range(ROUNDS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four, \
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
            join4(four, "239.1.2.3", index)
            join6(six, "ff05::1:3", index)
            t.load_ended()
            f.sync()
            assert (index, "239.1.2.3") in f.replay.groups, f.replay.groups.keys()
            assert (index, "ff05::1:3") in f.replay.groups, f.replay.groups.keys()
            if number % 3 == 0:
                t.ip("link set v0 down")
                f.settle()
                t.ip("link set v0 up")
            leave4(four, "239.1.2.3", index)
            leave6(six, "ff05::1:3", index)
            t.load_ended()
            f.sync()
            assert (index, "239.1.2.3") not in f.replay.groups
            assert (index, "ff05::1:3") not in f.replay.groups
    f.settle()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four:
        join4(four, "239.1.2.3", index)
        f.expect_equal()
        t.ip("link del v0")
        f.expect_equal()


def test_groups(t):
    groups(t, follower.Follower(t))


def test_groups_of_an_older_kernel(t):
    groups(t, follower.Follower(t, "--groups-from-proc"))


def test_groups_without_questions(t):
    """Where they are not announced, what is announced makes them be read soon."""
    f = follower.Follower(t, "--groups-from-proc")
    pair(t)
    index = t.index("v0")
    f.listen(lambda: (index, "ff02::1") in f.replay.groups, 5)


fixture.main(__name__)

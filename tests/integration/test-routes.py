#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Default routes beside a full table of others, which must cost nothing. IFROSTER_TEST_ROUTES says how
many those are, IFROSTER_TEST_ROUNDS how often the default routes change."""

import os

import fixture
import follower
import load

ROUTES = int(os.environ.get("IFROSTER_TEST_ROUTES", "20000"))
ROUNDS = int(os.environ.get("IFROSTER_TEST_ROUNDS", "10"))


def links(t):
    for number, name in enumerate(("v0", "w0")):
        t.ip(f"link add {name} type veth peer name {name}p")
        for end in (name, name + "p"):
            t.sysctl(f"net/ipv6/conf/{end}/accept_dad", 0)
            t.sysctl(f"net/ipv6/conf/{end}/router_solicitations", 0)
            t.ip(f"link set {end} up")
        t.ip(f"address add 192.0.{number}.1/24 dev {name}")
        t.ip(f"address add 2001:db8:{number}::1/64 dev {name} nodad")


def others(verb):
    return [f"route {verb} 10.{n >> 12 & 255}.{n >> 4 & 255}.{(n & 15) << 4}/28 via 192.0.0.254"
            for n in range(ROUTES)]


def flush(t):
    """All default routes of all links."""
    t.ip("-4 route flush exact 0.0.0.0/0", check=False)
    t.ip("-6 route flush exact ::/0", check=False)


def test_other_routes_cost_nothing(t):
    links(t)
    f = follower.Follower(t)
    f.settle()
    messages = f.sync()["Messages"]
    cpu = f.cpu()
    load.Batch(t, others("add")).run()
    load.Batch(t, others("del")).run()
    # Not one of them got as far as the program.
    spent = f.cpu() - cpu
    assert spent < 0.002, f"{spent} s for {2 * ROUTES} messages"
    assert f.sync()["Messages"] == messages, f.counters


def test_default_routes_among_others(t):
    links(t)
    load.Batch(t, others("add")).run()
    f = follower.Follower(t)
    f.settle()
    for number in range(ROUNDS):
        load.Batch(t, [
            "route add default via 192.0.0.254 dev v0",
            f"route add default via 192.0.0.253 dev v0 metric {number + 1}",
            "route append default via 192.0.1.254 dev w0",
            f"route replace default via 192.0.1.253 dev w0 metric {number + 1}",
            "route add default via 2001:db8::fe dev v0 metric 5",
            "route append default via 2001:db8:1::fe dev w0 metric 5",
            "route replace default via 2001:db8::fd dev v0 metric 6"]).run()
        f.settle()
        assert len(f.replay.routes) > 3, f.replay.routes.keys()
        t.ip("route replace default via 192.0.0.252 dev v0")
        f.settle()
        t.ip("-6 route del default via 2001:db8:1::fe dev w0", check=False)
        f.settle()
        t.ip("route del default")
        f.settle()
        if number % 2 == 0:
            t.ip("link set w0 down")
            # The carrier of the other end goes a little later.
            f.settle()
            t.ip("link set w0 up")
            t.ip("address add 2001:db8:1::1/64 dev w0 nodad", check=False)
        flush(t)
        f.settle()
        assert not f.replay.routes, f.replay.routes.keys()


def test_types_of_service(t):
    """The kernel tells default routes apart that differ in nothing else, and so must their records."""
    links(t)
    f = follower.Follower(t)
    f.settle()
    for tos in ("0x10", "0x08"):
        t.ip(f"route add default via 192.0.0.254 dev v0 tos {tos}")
    t.ip("route add default via 192.0.0.254 dev v0")
    f.settle()
    assert len(f.replay.routes) == 3, f.replay.routes.keys()
    t.ip("route del default via 192.0.0.254 dev v0 tos 0x10")
    f.settle()
    assert sorted(key[-1] for key in f.replay.routes) == [0, 8], f.replay.routes.keys()


def test_several_next_hops(t):
    links(t)
    f = follower.Follower(t)
    f.settle()
    for number in range(ROUNDS):
        t.ip("-4 route add default nexthop via 192.0.0.254 dev v0 nexthop via 192.0.1.254 dev w0")
        t.ip("-6 route add default nexthop via 2001:db8::fe dev v0 "
             "nexthop via 2001:db8:1::fe dev w0")
        f.settle()
        assert len(f.replay.routes) == 4, f.replay.routes.keys()
        t.ip("-6 route del default via 2001:db8::fe dev v0")
        f.settle()
        if number % 2:
            t.ip("link set w0 down")
            # The carrier of the other end goes a little later.
            f.settle()
            t.ip("link set w0 up")
            t.ip("address add 2001:db8:1::1/64 dev w0 nodad", check=False)
        flush(t)
        f.settle()


def test_idle(t):
    """Nothing happens, and the program does nothing."""
    links(t)
    f = follower.Follower(t)
    f.settle()

    def switches():
        with open(f"/proc/{f.pid}/status", encoding="ascii") as file:
            return [line.split()[1] for line in file if line.startswith("voluntary_ctxt_switches")]

    f.sync()
    # It still has to go to sleep after the answer.
    t.pump(0.2)
    before = switches(), f.cpu()
    t.pump(1.0)
    assert (switches(), f.cpu()) == before


fixture.main(__name__)

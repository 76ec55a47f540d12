#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links that come, go, change places and move, many times over: the published events must be those of
real changes and nothing else. IFROSTER_TEST_ROUNDS says how often."""

import os

import fixture
import follower
import load

ROUNDS = int(os.environ.get("IFROSTER_TEST_ROUNDS", "15"))


def link_events(f, kind):
    return [event for event in f.take_events() if event["Object"] == "link" and event["Event"] == kind]


def quiet(t, *names):
    """Nothing of these links shall change by itself."""
    for name in names:
        t.sysctl(f"net/ipv6/conf/{name}/accept_dad", 0)
        t.sysctl(f"net/ipv6/conf/{name}/router_solicitations", 0)


def test_same_index_and_name(t):
    """A new link each time: the number that tells them apart never comes again."""
    f = follower.Follower(t)
    kinds = ("bridge", "veth peer name p0 index 78")
    lines = []
    for number in range(ROUNDS * 10):
        lines += [f"link add v0 index 77 type {kinds[number % 2]}", "link del v0"]
    load.Batch(t, lines).run()
    f.settle()
    # The replay refuses a number that was used before.
    added = [event for event in f.take_events()
             if event["Object"] == "link" and event["Event"] == "added"]
    assert len({event["Incarnation"] for event in added}) == len(added)


def test_each_life_is_seen_when_asked_between(t):
    f = follower.Follower(t)
    for number in range(ROUNDS):
        t.ip(f"link add v0 index 77 type {'bridge' if number % 2 else 'veth peer name p0 index 78'}")
        added = link_events(f, "added")
        assert 77 in [event["Index"] for event in added], added
        t.ip("link del v0")
        removed = link_events(f, "removed")
        assert 77 in [event["Index"] for event in removed], removed
    f.settle()


def test_names_swap(t):
    for name in ("a0", "b0"):
        t.ip(f"link add {name} type veth peer name {name}p")
        quiet(t, name, name + "p")
        t.ip(f"link set {name} up")
        t.ip(f"link set {name}p up")
    f = follower.Follower(t)
    f.settle()
    f.take_events()
    swap = ["link set a0 name tmp", "link set b0 name a0", "link set tmp name b0"]
    for number in range(ROUNDS):
        load.Batch(t, swap * (number % 4 + 1)).run()
        f.settle()
    for event in f.take_events():
        assert event["Event"] == "changed", event


def test_ports_of_a_bridge(t):
    """A port that leaves its bridge is announced as if the link had gone."""
    t.ip("link add br0 type bridge")
    ports = [f"p{n}" for n in range(10)]
    for port in ports:
        t.ip(f"link add {port} type veth peer name {port}x")
        quiet(t, port, port + "x")
        t.ip(f"link set {port}x up")
        t.ip(f"link set {port} up")
    quiet(t, "br0")
    t.ip("link set br0 up")
    f = follower.Follower(t)
    f.settle()
    f.take_events()
    lines = [f"link set {port} master br0" for port in ports]
    lines += [f"link set {port} nomaster" for port in ports]
    load.Batch(t, lines * max(1, ROUNDS // 5)).run()
    f.settle()
    assert link_events(f, "removed") == []
    load.Batch(t, lines[:10]).run()
    f.settle()
    masters = {row.get("MasterInterfaceIndex") for row in f.replay.links.values()
               if row["Name"] in ports}
    assert masters == {t.index("br0")}, masters
    f.take_events()
    t.ip("link del br0")
    removed = [event["Name"] for event in link_events(f, "removed")]
    assert removed == ["br0"], removed
    f.settle()


def test_down_during_duplicate_address_detection(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v1 up")
    f = follower.Follower(t)
    lines = []
    for _ in range(ROUNDS):
        lines += ["link set v0 up", "address add 2001:db8::1/64 dev v0", "link set v0 down"]
    load.Batch(t, lines).run()
    f.settle()
    t.ip("link set v0 up")
    f.settle()


def test_duplicate_address(t):
    """The same address at both ends of a cable."""
    t.ip("link add v0 type veth peer name v1")
    for name in ("v0", "v1"):
        t.ip(f"link set {name} up")
    f = follower.Follower(t)
    t.ip("address add 2001:db8::1/64 dev v1 nodad")
    t.ip("address add 2001:db8::1/64 dev v0")

    def failed():
        return b"dadfailed" in t.ip("address show dev v0").stdout
    t.wait_for_kernel(failed, what="failed duplicate address detection")
    f.settle()
    states = {row["InterfaceIndex"]: row["State"] for row in f.replay.addresses.values()
              if row["AddressString"] == "2001:db8::1"}
    assert states == {t.index("v0"): "duplicate", t.index("v1"): "usable"}, states


def test_ipv6_switched_off_and_on(t):
    t.ip("link add v0 type veth peer name v1")
    quiet(t, "v0", "v1")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    f = follower.Follower(t)
    for number in range(ROUNDS):
        t.sysctl("net/ipv6/conf/v0/keep_addr_on_down", number % 2)
        t.ip("address add 2001:db8::7/64 dev v0 nodad", check=False)
        t.sysctl("net/ipv6/conf/v0/disable_ipv6", 1)
        f.settle()
        t.sysctl("net/ipv6/conf/v0/disable_ipv6", 0)
        t.ip("link set v0 down")
        f.settle()
        t.ip("link set v0 up")
    f.settle()


def test_moves_between_namespaces(t):
    t.ip("netns add other")
    try:
        f = follower.Follower(t)
        for number in range(ROUNDS):
            t.ip("link add v0 type veth peer name v1")
            before = t.index("v0")
            t.ip("address add 192.0.2.1/24 dev v0")
            t.ip("link set v0 netns other")
            f.settle()
            if number % 3 == 0:
                # Its peer stays here and is told by a namespace's number.
                t.ip("-n other link set v0 down")
                f.settle()
            t.ip(f"-n other link set v0 netns {os.getpid()}")
            f.settle()
            assert t.index("v0") == before
            t.ip("link del v0")
            f.settle()
        t.ip("link add v0 type veth peer name v1")
        t.ip("link set v1 netns other")
        f.settle()
    finally:
        t.ip("netns del other")
    # With the namespace goes the end in it, and with that the other one.
    t.wait_for_kernel(lambda: t.ip("link show v0", check=False).returncode != 0, what="the end of v0")
    f.settle()


def test_many_links(t):
    """They come and go by hundreds; the table keeps up and ends equal."""
    n = ROUNDS * 20
    f = follower.Follower(t)
    lines = []
    for number in range(n):
        lines += [f"link add v{number} type veth peer name w{number}",
                  f"address add 10.{number // 250}.{number % 250}.1/24 dev v{number}",
                  f"link set v{number} up"]
    load.Batch(t, lines).run()
    f.settle(30)
    assert len(f.replay.links) == 2 * n + 1, len(f.replay.links)
    load.Batch(t, [f"link del v{number}" for number in range(n)]).run()
    f.settle()
    assert len(f.replay.links) == 1, f.replay.links.keys()
    assert not f.resyncs, f.resyncs


fixture.main(__name__)

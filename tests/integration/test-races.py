#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is read while it changes, and what is lost: dumps that race with changes, receive buffers that
run over while nobody reads, starts in the middle of a storm. In the end the table must be the kernel's,
and what was published on the way must fit together. IFROSTER_TEST_ROUNDS says how often."""

import os

import fixture
import follower
import load

ROUNDS = int(os.environ.get("IFROSTER_TEST_ROUNDS", "4"))
# Programs that start in each round
STARTS = 5
# Room for two or three messages
TINY = "--receive-buffer=4096"


def one_link(t, name="v0"):
    t.ip(f"link add {name} type veth peer name {name}p")
    t.sysctl(f"net/ipv6/conf/{name}/disable_ipv6", 0)
    for end in (name, name + "p"):
        t.sysctl(f"net/ipv6/conf/{end}/accept_dad", 0)
        t.sysctl(f"net/ipv6/conf/{end}/router_solicitations", 0)
        t.ip(f"link set {end} up")


def check_no_flaps(events, kept):
    """Nothing that was there all the time may have come or gone."""
    for event in events:
        if event["Object"] == "address" and event["Event"] != "changed":
            assert event["AddressString"] not in kept, event
        assert event["Object"] != "link" or event["Event"] == "changed", event


def race(t, family, several):
    """Addresses come and go while everything is dumped: by programs that start in the middle of it, and
    by one that is told to read everything again, which it only does every other second."""
    one_link(t)
    kept = [f"10.200.{n}.1" if family == 4 else f"2001:db8:ffff:{n:x}::1" for n in range(several)]
    load.Batch(t, [f"address add {a}/{24 if family == 4 else 64} dev v0" for a in kept]).run()
    f = follower.Follower(t)
    f.settle()
    f.take_events()
    for number in range(ROUNDS):
        running = load.Batch(t, load.toggles("v0", 401 + number, family)).start()
        f.audit()
        started = []
        while len(started) < STARTS or running.poll() is None:
            started.append(follower.Follower(t))
            if len(started) > STARTS:
                assert started.pop(0).end() in follower.CLEAN_ENDS
        t.load_ended()
        for other in started:
            other.expect_equal()
            assert other.end() in follower.CLEAN_ENDS
        f.expect_equal()
        check_no_flaps(f.take_events(), kept)


def test_dumps_race_with_ipv4(t):
    race(t, 4, 1)


def test_dumps_race_with_ipv6(t):
    race(t, 6, 1)


def test_long_dumps_race_with_ipv4(t):
    race(t, 4, 200)


def test_long_dumps_race_with_ipv6(t):
    race(t, 6, 200)


def test_overrun(t):
    one_link(t)
    kept = [f"10.200.{n}.1" for n in range(20)]
    load.Batch(t, [f"address add {a}/24 dev v0" for a in kept]).run()
    f = follower.Follower(t, TINY)
    f.settle()
    f.take_events()
    for number in range(ROUNDS):
        lines = load.toggles("v0", 601 + number)
        lines += [f"link set v0 txqueuelen {1000 + n % 7}" for n in range(100 + number)]
        f.stop_for(load.Batch(t, lines).run)
        f.sync()
        assert f.counters["ResyncsOverrun"] > number, f.counters
        assert f.counters["DroppedMessages"] > 0, f.counters
        f.expect_equal()
        check_no_flaps(f.take_events(), kept)
    assert "overrun" in f.resyncs, f.resyncs


def test_overrun_while_reading(t):
    """It reads all the time and still loses."""
    one_link(t)
    f = follower.Follower(t, TINY)
    f.settle()
    for number in range(ROUNDS):
        load.Batch(t, load.toggles("v0", 1001 + number)).run()
        f.expect_equal()
    # One that is quick enough loses only where one call says more than there is room for.
    many = load.Batch(t, [f"address add 2001:db8::{n:x}/64 dev v0 nodad" for n in range(1, 101)])
    flap = ["link set v0 down", "link set v0 up"]
    for _ in range(100):
        if f.sync()["ResyncsOverrun"] > 0:
            break
        many.run()
        load.Batch(t, flap).run()
        f.settle()
    assert f.counters["ResyncsOverrun"] > 0, f.counters


def test_change_while_deaf(t):
    """After an overrun the socket takes nothing until it was empty, and says so only once: what happens
    in between must not be missed."""
    one_link(t)
    f = follower.Follower(t, TINY)
    f.settle()
    overflow = load.Batch(t, load.toggles("v0", 30))
    for number in range(ROUNDS * 2):
        def lose():
            overflow.run()
            t.ip(f"address add 10.10.{number // 256}.{number % 256}/32 dev v0")
        f.stop_for(lose)
        f.expect_equal()


def test_reused_index_while_deaf(t):
    """A link of another kind with the index and the name of one that is gone, and nobody heard. (Were
    the kind the same too, nothing would tell it from the old one with a new hardware address.)"""
    f = follower.Follower(t, TINY)
    t.ip("link add v0 index 77 type veth peer name v1 index 78")
    f.settle()
    f.take_events()
    for number in range(ROUNDS):
        before = f.replay.links[77]["Incarnation"]
        kinds = ("bridge", "veth peer name v1 index 78")
        # The buffer is full before the first of them goes.
        lines = load.toggles("lo", 20)
        for turn in range(5):
            lines += ["link del v0", f"link add v0 index 77 type {kinds[(turn + number) % 2]}"]
        f.stop_for(load.Batch(t, lines).run)
        f.sync()
        assert f.replay.links[77]["Incarnation"] != before, f.replay.links[77]
        f.settle()


def test_starts_in_a_storm(t):
    one_link(t)
    for number in range(ROUNDS * 12):
        running = load.Batch(t, load.toggles("v0", 201 + number % 50)).start()
        f = follower.Follower(t)
        running.wait()
        t.load_ended()
        f.expect_equal()
        assert f.end() == 0


def test_unannounced_loss(t):
    """A link that is renamed and swapped all the time, in a buffer of a few messages."""
    one_link(t, "a0")
    one_link(t, "b0")
    f = follower.Follower(t, TINY)
    f.settle()
    f.take_events()
    swap = ["link set a0 name tmp", "link set b0 name a0", "link set tmp name b0"]
    for number in range(ROUNDS):
        f.stop_for(load.Batch(t, swap * (11 + number % 2)).run)
        f.expect_equal()
        for event in f.take_events():
            assert event["Object"] != "link" or event["Event"] == "changed", event


fixture.main(__name__)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon as a whole, once: it starts, follows, answers and stops. Shows how the fixture is used."""

import fixture


def test_start_and_stop(t):
    daemon = t.start()
    assert t.bus.get("State") == "ready"
    assert t.differences() == []
    assert daemon.stop() == 0
    t.bus.pump()
    assert "STOPPING=1" in daemon.poll_notifications()


def test_link_comes_changes_and_goes(t):
    t.start()
    t.ip("link add v0 type veth peer name v1")
    index = t.expect_event(Event="added", Object="link", Name="v0")["Index"]
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.expect_event(Event="added", Object="address", Index=index, AddressString="192.0.2.1")
    t.settle()
    t.ip("link set v0 name w0")
    t.expect_event(Event="changed", Object="link", Index=index, Name="w0")
    t.ip("link delete w0")
    t.expect_event(Event="removed", Object="link", Index=index)
    t.settle()


def test_command_knows_what_the_daemon_knows(t):
    t.ip("link add v0 type veth peer name v1")
    t.start()
    told = {(record["Index"], record["Name"]) for record in t.cli_json("list")}
    assert told == {(link["Index"], link["Name"]) for link in t.replay.links.values()}, told


fixture.main(__name__)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bus that is absent, goes, comes back, or is shared with another daemon: the table does not care,
and the daemon is there again by itself."""

import os
import signal
import socket

import busclient
import fixture
import processes


def bus_address(t):
    return f"unix:path={t.directory}/bus.socket"


def replace_bus(t, how):
    how(t.private_bus)
    return t.start_bus()


def client(address):
    return busclient.Client(address)


def timers(daemon):
    """How many timers of the daemon are armed: what its timerfds say."""
    armed = 0
    directory = f"/proc/{daemon.pid}/fdinfo"
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
        armed += "it_value" in lines and lines["it_value"].strip() != "(0, 0)"
    return armed


def test_no_bus_at_start(t):
    daemon = t.start_daemon(f"--bus={bus_address(t)}")
    t.ip("link add v0 type veth peer name v1")
    t.start_bus()
    t.connect()
    assert t.bus.call("GetLinkByName", "s", "v0")[0] == t.index("v0")
    t.settle()
    assert daemon.status() is None


def test_directory_of_the_bus_comes_later(t):
    address = f"unix:path={t.directory}/later/bus.socket"
    t.start_daemon(f"--bus={address}")
    os.mkdir(f"{t.directory}/later")
    bus = processes.Bus(f"{t.directory}/later")
    t.processes.append(bus)
    other = client(address)
    t.wait_for(other.has_owner, what="the daemon on the bus")
    assert other.get("State") == "ready"
    other.close()


def test_bus_is_killed_and_comes_back(t):
    t.start()
    for round_ in range(3):
        replace_bus(t, processes.Bus.kill)
        t.ip(f"link add v{round_} type veth peer name w{round_}")
        t.connect()
        assert t.bus.call("GetLinkByName", "s", f"v{round_}")
        t.ip(f"link set v{round_} up")
        t.settle()
    assert t.daemon.status() is None


def test_bus_ends_in_order_and_comes_back(t):
    t.start()
    replace_bus(t, processes.Bus.stop)
    t.connect()
    t.ip("link add v0 type veth peer name v1")
    t.expect_event(Event="added", Object="link", Name="v0")
    t.settle()


def test_changes_while_the_bus_goes(t):
    t.start()
    for number in range(30):
        t.ip(f"link add v{number} type veth peer name w{number}")
        if number == 10:
            t.private_bus.kill()
        if number == 20:
            t.start_bus()
    t.connect()
    t.settle()
    assert len(t.bus.call("ListLinks")) == 61


def test_connected_daemon_has_no_timer(t):
    daemon = t.start()
    t.settle()
    t.wait_for(lambda: timers(daemon) == 0, what="an idle daemon without a timer")
    replace_bus(t, processes.Bus.kill)
    t.connect()
    t.settle()
    t.wait_for(lambda: timers(daemon) == 0, what="a daemon without a timer after it came back")


def test_something_else_listens_there(t):
    """A socket that accepts and says nothing, then one that closes: neither is a bus."""
    path = f"{t.directory}/bus.socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(10)
        listener.bind(path)
        listener.listen()
        daemon = t.start_daemon(f"--bus={bus_address(t)}", "--log-level=debug")
        # It gives up waiting and tries again by itself.
        silent = [listener.accept()[0] for _ in range(3)]
        listener.accept()[0].close()
        talking, _ = listener.accept()
        talking.sendall(b"ERROR nonsense\r\n" * 100)
        talking.close()
        for connection in silent:
            connection.close()
    os.unlink(path)
    t.start_bus()
    t.connect()
    t.settle()
    assert daemon.status() is None


def batch(t, lines):
    with open(f"{t.directory}/batch", "w", encoding="ascii") as file:
        file.write("\n".join(lines))
    t.ip(f"-batch {t.directory}/batch")


def nothing_is_unread():
    """No netlink socket of this namespace has bytes waiting."""
    with open("/proc/net/netlink", encoding="ascii") as file:
        header, *rows = [line.split() for line in file]
    return all(row[header.index("Rmem")] == "0" for row in rows)


def test_bus_that_hangs(t):
    """A bus that takes nothing holds up neither the table nor the end of the daemon."""
    links = 300
    t.start()
    t.private_bus.signal(signal.SIGSTOP)
    batch(t, [f"link add v{number} type veth peer name w{number}" for number in range(links)])
    t.private_bus.signal(signal.SIGCONT)
    t.settle()
    t.private_bus.signal(signal.SIGSTOP)
    batch(t, [f"link set v{number} mtu 1400 alias {'x' * 250}" for number in range(links)])
    t.wait_for(nothing_is_unread, what="the daemon reading all notifications")
    assert t.daemon.stop() == 0
    t.private_bus.signal(signal.SIGCONT)


def test_large_batch_comes_in_parts(t):
    """What happened while the daemon could not look is one batch, and more than one signal holds."""
    t.start()
    links = 1500
    t.daemon.signal(signal.SIGSTOP)
    batch(t, [f"link add v{number} type veth peer name w{number}" for number in range(links)])
    t.daemon.signal(signal.SIGCONT)
    t.wait_for(lambda: len(t.replay.links) == 2 * links + 1, what="the last event")
    t.settle()
    parts = [item.body for item in t.signals if item.member == "Changed"]
    added = [(generation, len(events)) for generation, events in parts if events]
    generations = [generation for generation, _ in added]
    assert len(set(generations)) < len(generations), added
    assert max(length for _, length in added) < 2 * links, added
    assert sum(length for _, length in added) >= 2 * links, added


def test_second_daemon_waits_for_the_name(t):
    t.start()
    second = t.start_daemon("--varlink=none", "--table=none", name="second")
    t.wait_for(lambda: "somebody else on the bus" in second.err(), what="the second's complaint")
    assert t.bus.get("State") == "ready"
    assert t.daemon.stop() == 0
    t.connect()
    t.ip("link add v0 type veth peer name v1")
    t.expect_event(Event="added", Object="link", Name="v0")
    t.settle()
    assert second.stop() == 0


def test_daemons_side_by_side(t):
    t.start()
    buses, others = [], []
    for name in ("one", "two"):
        t.ip(f"netns add {name}")
        t.ip(f"-n {name} link add {name} type veth peer name peer")
        bus = processes.Bus(t.directory, name)
        t.processes.append(bus)
        t.start_daemon(f"--bus={bus.address}", f"--netns={name}",
                       f"--varlink=/run/ifroster/{name}", f"--table=/run/ifroster/{name}.table",
                       name=f"daemon-{name}")
        others.append(client(bus.address))
        t.wait_for(others[-1].has_owner, what=f"daemon {name} on its bus")
        buses.append(bus)
    told = [{link[1] for link in other.call("ListLinks")} for other in [t.bus, *others]]
    assert told == [{"lo"}, {"lo", "one", "peer"}, {"lo", "two", "peer"}], told
    assert len({other.get("NamespaceId") for other in [t.bus, *others]}) == 3
    t.ip("-n one link set one up")
    assert others[0].get_link(others[0].call("GetLinkByName", "s", "one")[0], "Flags") & 1
    for other in others:
        other.close()


fixture.main(__name__)

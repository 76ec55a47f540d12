#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of the bus that ask and do not read: the bus then takes no more answers from the daemon, which
keeps the calls and not the answers."""

import json
import os
import socket
import threading

import fixture
import processes

LINKS = 200
CLIENTS = 4
CALLS = 60
MEMORY = 16 * 1024 * 1024
HELD_PER_CLIENT = 256

# The usual bus stops reading from a connection when 127 MB of what it said were not read yet. This one
# does so much earlier, and lets a client wait for more answers than there is room for in the daemon.
LIMITS = """
  <limit name="max_incoming_bytes">2000000</limit>
  <limit name="max_replies_per_connection">1000</limit>
</busconfig>"""


def peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return [int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM")][0]


def start(t):
    t.sysctl("net/ipv6/conf/default/addr_gen_mode", 1)
    with open(f"{t.directory}/batch", "w", encoding="ascii") as file:
        for number in range(LINKS // 2):
            file.write(f"link add a{number} type veth peer name b{number}\n")
    t.ip(["-batch", f"{t.directory}/batch"])
    usual = processes.BUS_CONFIGURATION
    processes.BUS_CONFIGURATION = usual.replace("</busconfig>", LIMITS)
    try:
        return t.start()
    finally:
        processes.BUS_CONFIGURATION = usual


class Client:
    """Sends calls as fast as they are taken, and reads when it is told to."""

    def __init__(self, t, member, count, interface="org.ifroster1.Manager", flags=0,
                 path="/org/ifroster1", arguments=()):
        import jeepney
        from jeepney.io.blocking import open_dbus_connection
        self.types = jeepney.MessageType
        self.errors = jeepney.HeaderFields.error_name
        self.connection = open_dbus_connection(t.private_bus.address)
        target = jeepney.DBusAddress(path, bus_name="org.ifroster1", interface=interface)
        data = b""
        for number in range(count):
            call = jeepney.new_method_call(target, member, "s" * len(arguments), arguments)
            call.header.flags = jeepney.MessageFlag(flags)
            data += call.serialise(serial=number + 100)
        self.thread = threading.Thread(target=self.connection.sock.sendall, args=(data,), daemon=True)
        self.thread.start()

    def replies(self, count):
        """Of so many answers: how many are no errors, and the names of the errors."""
        good, errors = 0, []
        while good + len(errors) < count:
            message = self.connection.receive(timeout=fixture.DEADLINE)
            if message.header.message_type == self.types.method_return:
                good += 1
            elif message.header.message_type == self.types.error:
                errors.append(message.header.fields[self.errors])
        return good, errors

    def close(self):
        self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.connection.close()


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wait_idle(t, daemon):
    """Until it does nothing for a while."""
    seen = [-1] * 10

    def idle():
        seen.append(cpu(daemon.pid))
        t.pump(0.1)
        return seen[-10] == seen[-1]
    t.wait_for(idle, deadline=60, what="the daemon to rest")


def check_memory(t, member, interface="org.ifroster1.Manager"):
    daemon = start(t)
    size = len(json.dumps(json.loads(t.bus.call("Describe"))))
    t.bus.managed_objects()
    before = peak(daemon.pid)
    clients = [Client(t, member, CALLS, interface) for _ in range(CLIENTS)]
    wait_idle(t, daemon)
    grown = peak(daemon.pid) - before
    assert CLIENTS * CALLS * size > 2 * MEMORY
    assert "SANITIZED" in os.environ or grown < MEMORY, grown
    # Nothing is lost: who reads gets all answers, and then the others do.
    for client in clients:
        assert client.replies(CALLS) == (CALLS, [])
        client.close()
    assert len(t.bus.call("ListLinks")) == LINKS + 1


def test_answers_that_nobody_reads(t):
    check_memory(t, "Describe")


def test_objects_that_nobody_reads(t):
    check_memory(t, "GetManagedObjects", "org.freedesktop.DBus.ObjectManager")


def test_too_many_calls(t):
    """One client's calls do not take the place of another's."""
    daemon = start(t)
    greedy = Client(t, "Describe", HELD_PER_CLIENT + 200)
    wait_idle(t, daemon)
    other = Client(t, "ListLinks", 1)
    good, errors = greedy.replies(HELD_PER_CLIENT + 200)
    assert set(errors) == {"org.ifroster1.Error.LimitExceeded"}, set(errors)
    assert HELD_PER_CLIENT <= good < HELD_PER_CLIENT + 200, good
    assert other.replies(1) == (1, [])
    for client in (greedy, other):
        client.close()


def test_large_calls(t):
    """What waits is bounded in bytes, too, wherever in a call they are."""
    daemon = start(t)
    greedy = Client(t, "Describe", HELD_PER_CLIENT)
    wait_idle(t, daemon)
    others = [
        (Client(t, "ParseAddress", 1, arguments=("x" * 3000,)), "InvalidAddress"),
        (Client(t, "ParseAddress", 1, arguments=("x" * 5000,)), "LimitExceeded"),
        (Client(t, "SelectSource", 1, arguments=("x" * 3000, "x" * 3000)), "LimitExceeded"),
        (Client(t, "Describe", 1, path="/org/ifroster1/" + "x" * 5000), "LimitExceeded"),
    ]
    wait_idle(t, daemon)
    assert greedy.replies(HELD_PER_CLIENT) == (HELD_PER_CLIENT, [])
    greedy.close()
    for client, error in others:
        answer = client.replies(1)
        assert answer == (0, [f"org.ifroster1.Error.{error}"]), (answer, error)
        client.close()


def test_client_leaves(t):
    """What it asked for is forgotten with it."""
    daemon = start(t)
    greedy = Client(t, "Describe", HELD_PER_CLIENT)
    wait_idle(t, daemon)
    greedy.close()
    assert len(t.bus.call("ListLinks")) == LINKS + 1
    assert daemon.stop() == 0


def test_no_answer_wanted(t):
    """Then there is no question, and it costs nothing."""
    daemon = start(t)
    before = cpu(daemon.pid)
    quiet = Client(t, "Describe", 2000, flags=1)
    quiet.thread.join()
    t.bus.call("Sync")
    assert "SANITIZED" in os.environ or cpu(daemon.pid) - before < 50, cpu(daemon.pid) - before
    quiet.close()


fixture.main(__name__)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shared table of a living daemon: read by the library, by a reader that knows only its
documentation, by a thousand clients at once, over deaths and restarts of the daemon."""

import json
import os
import random
import signal
import stat
import struct
import subprocess
import time

import fixture
import oracle
import processes
import table_reader

TABLE = f"{fixture.RUNTIME_DIRECTORY}/table"
RESTARTS = int(os.environ.get("IFROSTER_TEST_RESTARTS", "20"))
CLIENTS = 1000
CLIENTS_A_PROCESS = 100


def start_client(*arguments):
    """A table-client with pipes: its input ends when the test is done with it."""
    return subprocess.Popen([os.environ["TABLE_CLIENT"], TABLE, *arguments], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_client(client):
    out, err = client.communicate(timeout=60)
    assert client.returncode == 0 and not processes.SANITIZER.search(err), (client.returncode, err)
    return out


def start_daemon(t, name="ifrosterd"):
    return t.start_daemon("--bus=none", "--varlink=none", name=name)


def read_until(client, wanted):
    """Reads lines up to this one; the subtest's own limit ends a wait in vain."""
    while (line := client.stdout.readline()) != f"{wanted}\n":
        assert line, client.stderr.read()


def without(value, *names):
    """A copy in which no object has members of these names."""
    if isinstance(value, list):
        return [without(item, *names) for item in value]
    if isinstance(value, dict):
        return {key: without(item, *names) for key, item in value.items() if key not in names}
    return value


def change_something(t, rng, state):
    """One random change; state is the set of pairs that are there."""
    kind = rng.randrange(8)
    if kind == 0 and len(state) < 20:
        number = max(state, default=0) + 1
        t.ip(f"link add a{number} type veth peer name b{number}")
        state.add(number)
        return
    if not state:
        return
    link = f"{rng.choice('ab')}{rng.choice(sorted(state))}"
    if kind == 1:
        number = rng.choice(sorted(state))
        t.ip(f"link del a{number}")
        state.discard(number)
    elif kind in (2, 3):
        t.ip(f"link set {link} {rng.choice(['up', 'down'])}")
    elif kind == 4:
        t.ip(f"addr add 10.{rng.randrange(250)}.{rng.randrange(250)}.1/24 dev {link}", check=False)
    elif kind == 5:
        t.ip(f"addr add 2001:db8:{rng.randrange(9999)}::1/64 dev {link} nodad", check=False)
    elif kind == 6:
        t.ip(f"link property add dev {link} altname other-name-{rng.randrange(10**6)}")
    else:
        t.ip(f"link set {link} alias text{rng.randrange(100)} mtu {1400 + rng.randrange(100)}")


def test_file_and_directory(t):
    os.rmdir(fixture.RUNTIME_DIRECTORY)
    os.umask(0o077)
    try:
        daemon = start_daemon(t)
    finally:
        os.umask(0o022)
    assert stat.S_IMODE(os.stat(fixture.RUNTIME_DIRECTORY).st_mode) == 0o755
    assert stat.S_IMODE(os.stat(TABLE).st_mode) == 0o444
    assert sorted(os.listdir(fixture.RUNTIME_DIRECTORY)) == ["table", "table.lock"]
    table = table_reader.Table(TABLE)
    assert table.links()[1]["Name"] == "lo"
    assert daemon.stop() == 0
    assert os.listdir(fixture.RUNTIME_DIRECTORY) == []
    assert table.superseded
    assert not table.is_alive()


def test_none(t):
    t.start_daemon("--bus=none", f"--varlink={t.directory}/socket", "--table=none")
    assert os.listdir(fixture.RUNTIME_DIRECTORY) == []


def test_a_second_daemon_leaves_the_first_alone(t):
    start_daemon(t)
    before = os.stat(TABLE).st_ino
    second = t.start_daemon("--bus=none", "--varlink=none", name="second", ready=False)
    assert second.wait() == 1
    assert "another daemon" in second.err()
    assert os.stat(TABLE).st_ino == before
    assert table_reader.Table(TABLE).links()[1]["Name"] == "lo"


def test_what_a_killed_daemon_left_is_no_obstacle(t):
    daemon = start_daemon(t)
    table = table_reader.Table(TABLE)
    assert not table.writer_died
    daemon.kill()
    assert table.writer_died and not table.superseded
    try:
        table_reader.Table(TABLE)
        raise AssertionError("a dead daemon's table was taken for a living one's")
    except table_reader.NotATable:
        pass
    start_daemon(t)
    assert table_reader.Table(TABLE).links()[1]["Name"] == "lo"


def test_not_a_file(t):
    os.mkdir(TABLE)
    daemon = t.start_daemon("--bus=none", "--varlink=none", ready=False)
    assert daemon.wait() == 1
    assert "cannot publish the table" in daemon.err()


def test_a_reader_from_the_documentation(t):
    start_daemon(t)
    rng, state = random.Random(5), set()
    t.ip("link set lo up")
    for _ in range(60):
        change_something(t, rng, state)
    end_client(start_client("compare"))
    table = table_reader.Table(TABLE)

    def differences():
        truth = oracle.kernel()
        links = {index: link["name"].decode() for index, link in truth.links.items()}
        if {index: link["Name"] for index, link in table.links().items()} != links:
            return "links"
        addresses = sorted((row[0], row[1], row[2]) for row in
                           ((index, address["local"], address["prefixlen"])
                            for link in oracle.ip_json("address", "show")
                            for index in [link["ifindex"]] for address in link["addr_info"]
                            if "local" in address))
        if table.addresses() != addresses:
            return f"addresses: {table.addresses()} {addresses}"
        for index, address, _ in addresses:
            if index not in table.links_with(address):
                return f"links with {address}"
        for index, link in truth.links.items():
            for name in [link["name"], *link["altnames"]]:
                if table.index(name.decode()) != index:
                    return f"index of {name}"
        if table.groups() != sorted(truth.groups):
            return "groups"
        return None

    last = []

    def agrees():
        last[:] = [differences()]
        return last[0] is None

    try:
        t.wait_for(agrees, what="reader and kernel to agree")
    except AssertionError:
        raise AssertionError(last[0]) from None
    assert table.index("no-such-link") is None


def test_own_reading_and_shared_table_agree(t):
    start_daemon(t)
    rng, state = random.Random(17), set()
    t.ip("link set lo up")
    for _ in range(12):
        for _ in range(rng.randrange(12)):
            change_something(t, rng, state)

        def agree():
            # Duplicate address detection and carrier go on by themselves between the two.
            lines = [json.loads(line) for line in end_client(start_client("compare")).splitlines()]
            lines = without(lines, "Generation", "Incarnation", "PreferredLifetimeUSec",
                            "ValidLifetimeUSec")
            half = len(lines) // 2
            return half == 6 and lines[:half] == lines[half:]

        t.wait_for(agree, what="both answers to be the same")


def test_sync_hears_what_nobody_announces(t):
    """An alternative name of a link that is down, which the kernel does not announce."""
    start_daemon(t)
    t.ip("link add a1 type veth peer name b1")
    for number in range(10):
        t.ip(f"link property add dev a1 altname silent{number}")
        lines = end_client(start_client("compare")).splitlines()
        link = [link for link in json.loads(lines[0])["Links"] if link["Name"] == "a1"][0]
        assert f"silent{number}" in link["AlternativeNames"], link


def test_restarts_during_lookups(t):
    """Every question is answered, and rightly, whatever becomes of the daemon."""
    daemon = start_daemon(t)
    t.ip("link set lo up")
    client = start_client("churn")
    read_until(client, "shared")
    rng = random.Random(3)
    for number in range(RESTARTS):
        if number % 4 == 3:
            daemon.stop()
        else:
            daemon.kill()
        if wait := rng.random() < 0.5:
            read_until(client, "own")
        daemon = start_daemon(t)
        if wait:
            read_until(client, "shared")
    said = json.loads(end_client(client).splitlines()[-1])
    assert said["Shared"] > 0 and said["Own"] > 0, said
    assert said["Switches"] > RESTARTS // 4, said
    # A stopped machine, not the design, makes for more than the promised 100 ms.
    assert said["LongestUSec"] < 1_000_000, said


def test_a_file_that_is_cut_during_lookups(t):
    """Every question is answered also then; the daemon, which writes there, may not survive it."""
    daemon = start_daemon(t)
    client = start_client("churn")
    for _ in range(4):
        read_until(client, "shared")
        os.truncate(TABLE, 0)
        read_until(client, "own")
        daemon.kill()
        daemon = start_daemon(t)
    read_until(client, "shared")
    said = json.loads(end_client(client).splitlines()[-1])
    assert said["Switches"] == 9, said


def test_what_is_left_of_a_table(t):
    """Whatever a daemon left behind that ended in the middle of something does not stop the next one."""
    daemon = start_daemon(t)
    with open(TABLE, "rb") as file:
        table = file.read()
    daemon.kill()
    remains = [table[:length] for length in (0, 1, 7, 8, 100, len(table) // 2)]
    remains += [bytes(length) for length in (5, 8, 4096, len(table))]
    for content in remains:
        for path in (TABLE, f"{TABLE}.new0", f"{TABLE}.new1"):
            if os.path.exists(path):
                os.unlink(path)
            with open(path, "xb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o444)
        daemon = start_daemon(t)
        with open(TABLE, "rb") as file:
            assert file.read(8) == table[:8], content[:16]
        daemon.kill()
        assert os.path.exists(f"{TABLE}.lock")
        for path in (f"{TABLE}.new0", f"{TABLE}.new1"):
            if os.path.exists(path):
                os.unlink(path)


def test_a_thousand_clients(t):
    start_daemon(t)
    clients = [start_client("waiters", str(CLIENTS_A_PROCESS))
               for _ in range(CLIENTS // CLIENTS_A_PROCESS)]
    for client in clients:
        assert client.stdout.readline() == "waiting\n", client.stderr.read()
    t.ip("link add a1 type veth peer name b1")
    for client in clients:
        assert f"woken {CLIENTS_A_PROCESS}" in end_client(client)


def test_events_over_a_restart(t):
    """A follower hears of everything, by whichever way."""
    daemon = start_daemon(t)
    client = start_client("follow")
    names, resynced = set(), 0

    def read_until(event, name):
        nonlocal resynced
        while True:
            said = json.loads(client.stdout.readline())
            resynced += said["Event"] == "resynced"
            if said.get("Object") == "link" and (said["Event"], said["Name"]) == (event, name):
                names.add(name)
                return

    read_until("existing", "lo")
    t.ip("link add a1 type veth peer name b1")
    read_until("added", "a1")
    daemon.kill()
    t.ip("link add a2 type veth peer name b2")
    read_until("added", "a2")
    daemon = start_daemon(t)
    t.ip("link add a3 type veth peer name b3")
    read_until("added", "a3")
    t.ip("link del a1")
    read_until("removed", "a1")
    assert resynced >= 1
    client.stdin.close()
    client.stdin = None
    end_client(client)


def poke_header(offset, form, value):
    """Writes as the daemon does, so that whoever watches the file is told."""
    with open(TABLE, "r+b", buffering=0) as file:
        file.seek(offset)
        file.write(struct.pack(form, value))


def peek_header(offset, form):
    with open(TABLE, "rb") as file:
        file.seek(offset)
        return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def process_state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0]


def has_sockets(pid):
    """Whether it reads netlink itself."""
    directory = f"/proc/{pid}/fd"
    return any(os.readlink(f"{directory}/{fd}").startswith("socket:")
               for fd in os.listdir(directory))


def test_a_follower_of_a_daemon_that_is_stopped_in_a_batch(t):
    """It does nothing but wait, and still hears of changes. The daemon is stopped when it is idle, and
    what a batch begins with is written in its place: announced, and then the sequence is odd."""
    daemon = start_daemon(t)
    client = start_client("follow")
    wake, sequence = (48, "=I"), (32, "=Q")

    def read_until_link(event, name):
        while True:
            said = json.loads(client.stdout.readline())
            if said.get("Object") == "link" and (said["Event"], said["Name"]) == (event, name):
                return

    read_until_link("existing", "lo")
    for number in range(3):
        daemon.signal(signal.SIGSTOP)
        t.wait_for(lambda: process_state(daemon.pid) == "T", what="the daemon to stop")
        before = peek_header(*wake), peek_header(*sequence)
        assert before[0] % 2 == 0 and before[1] % 2 == 0, before
        poke_header(*wake, before[0] + 1)
        poke_header(*sequence, before[1] + 1)
        t.ip(f"link add a{number} type veth peer name b{number}")
        began = time.monotonic()
        read_until_link("added", f"a{number}")
        # A stopped machine, not the design, makes for more than the promised 100 ms.
        assert time.monotonic() - began < 1
        poke_header(*sequence, before[1])
        poke_header(*wake, before[0])
        daemon.signal(signal.SIGCONT)
        t.ip(f"link del a{number}")
        read_until_link("removed", f"a{number}")
        t.wait_for(lambda: not has_sockets(client.pid), what="the client to come back")
    client.stdin.close()
    client.stdin = None
    end_client(client)


def test_many_links_while_mapped(t):
    """The file is replaced by larger ones under its readers."""
    start_daemon(t)
    client = start_client("churn")
    read_until(client, "shared")
    batch = "".join(f"link add a{n} type veth peer name b{n}\n" for n in range(200))
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
    said = json.loads(end_client(client).splitlines()[-1])
    # Growing is no reason to leave the table.
    assert said["Own"] == 0 and said["Switches"] == 1, said
    assert len(json.loads(end_client(start_client("compare")).splitlines()[0])["Links"]) == 401
    assert os.listdir(fixture.RUNTIME_DIRECTORY).count("table") == 1
    assert sorted(os.listdir(fixture.RUNTIME_DIRECTORY)) == ["table", "table.lock"]


fixture.SUBTEST_SECONDS = max(fixture.SUBTEST_SECONDS, RESTARTS)
fixture.main(__name__)

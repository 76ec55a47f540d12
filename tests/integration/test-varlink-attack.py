#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of Varlink that are broken or mean no good. Each gets an error or is closed; meanwhile another
client is answered: its round trips beside the quiet ones are printed.
"""

import json
import os
import random
import resource
import select
import signal
import socket
import statistics
import time

import fixture
import namespace
from varlinkclient import Client, Closed, Subscriber, VarlinkError

PATH = "/run/ifroster/org.ifroster"
SECONDS = 2.0
# More than any answer takes, much less than anything that waits for an attacker.
STALL_SECONDS = 1.0

GET = "org.ifroster.GetLinkByIndex"
CLOSED = object()


def request(parameters='{"Index":1}', method=GET, rest=""):
    return f'{{"method":"{method}","parameters":{parameters}{rest}}}'.encode() + b"\0"


# What is sent, and what must come of it: an error, an answer (None), or the end.
BAD = [
    (b"\0", CLOSED),
    (b"\0\0\0", CLOSED),
    (b"not JSON\0", CLOSED),
    (b"GET / HTTP/1.1\r\n\r\n\0", CLOSED),
    (b"l\1\0\1\0\0\0\0\1\0\0\0", CLOSED),  # D-Bus
    (b"[]\0", CLOSED),
    (b"17\0", CLOSED),
    (b'"x"\0', CLOSED),
    (b"null\0", CLOSED),
    (b"{\0", CLOSED),
    (b"{}{}\0", CLOSED),
    (b"\xef\xbb\xbf{}\0", CLOSED),
    (b'{"method":"a.b","method":"a.b"}\0', CLOSED),
    (b'{"method":"\xff\xfe"}\0', CLOSED),
    (b'{"method":"\xed\xa0\x80"}\0', CLOSED),
    (b'{"method":"\\ud800"}\0', CLOSED),
    (request('{"Index":NaN}'), CLOSED),
    (request('{"Index":1e999}'), CLOSED),
    (request('{"Index":9223372036854775808}'), CLOSED),
    (request('{"Index":-9223372036854775809}'), CLOSED),
    (request('{"Index":' + "9" * 5000 + "}"), CLOSED),
    (request('{"Name":"a\\u0000b"}', "org.ifroster.GetLinkByName"), CLOSED),
    (request("[" * 100000 + "]" * 10000), CLOSED),
    (b'{"a":' * 100 + b"1" + b"}" * 100 + b"\0", CLOSED),
    (request(rest=',"more":true,"oneway":true'), CLOSED),
    (b"{}\0", "InvalidParameter"),
    (b'{"method":null}\0', "InvalidParameter"),
    (b'{"method":17}\0', "InvalidParameter"),
    (b'{"method":""}\0', "InvalidParameter"),
    (b'{"method":"GetLink"}\0', "InvalidParameter"),
    (request(method="org.ifroster."), "MethodNotFound"),
    (request(method=".GetLink"), "InterfaceNotFound"),
    (request(method="org.ifroster.getlink"), "MethodNotFound"),
    (request(method="org.ifroster.NoSuch"), "MethodNotFound"),
    (request(method="io.systemd.Network.GetStates"), "InterfaceNotFound"),
    (request(method="x" * 60000 + ".Y"), "InterfaceNotFound"),
    (request("[]"), "InvalidParameter"),
    (request('"x"'), "InvalidParameter"),
    (request(rest=',"extra":1'), "InvalidParameter"),
    (request(rest=',"more":1'), "InvalidParameter"),
    (request(rest=',"oneway":"yes"'), "InvalidParameter"),
    (request(rest=',"upgrade":true'), "InvalidParameter"),
    (request("null"), "InvalidParameter"),
    (request('{"Index":1.0}'), "InvalidParameter"),
    (request('{"Index":1e0}'), "InvalidParameter"),
    (request('{"Index":true}'), "InvalidParameter"),
    (request('{"Index":[1]}'), "InvalidParameter"),
    (request('{"index":1}'), "InvalidParameter"),
    (request('{"Index":1,"":1}'), "InvalidParameter"),
    (request('{"Index":9223372036854775807}'), "InvalidIndex"),
    (request('{"Index":-9223372036854775808}'), "InvalidIndex"),
    (request('{"Index":4294967297}'), "InvalidIndex"),
    (request('{"Index":2147483648}'), "InvalidIndex"),
    (request('{"Index":-0}'), "InvalidIndex"),
    (request(f'{{"Name":"{"n" * 100000}"}}', "org.ifroster.GetLinkByName"), "InvalidName"),
    (request('{"Family":2,"Address":[256,0,0,1]}', "org.ifroster.FormatAddress"), "InvalidAddress"),
    (request('{"Family":2,"Address":[-1,0,0,1]}', "org.ifroster.FormatAddress"), "InvalidAddress"),
    (request('{"Family":2,"Address":[' + "1," * 50000 + '1]}', "org.ifroster.FormatAddress"),
     "InvalidAddress"),
    (request('{"Family":4294967298,"Address":[1,0,0,1]}', "org.ifroster.FormatAddress"),
     "InvalidAddress"),
    (request('{"Family":8589934594}', "org.ifroster.ListAddresses"), "InvalidAddress"),
    (request('{"InterfaceIndex":4294967297}', "org.ifroster.ListAddresses"), "InvalidIndex"),
    (request('{"Objects":[' + '"link",' * 10000 + '"link"]}', "org.ifroster.Subscribe"),
     "ExpectedMore"),
    (b" \n\t" + request(), None),
    (b'{"method":"org.ifroster.ListLinks"}\0', None),
    (b'{"parameters":{},"method":"org.ifroster.ListLinks","more":false,"oneway":null}\0', None),
    (request('{"Index":1}', rest=',"more":true'), None),
    (request('{"Index":1}', rest=',"upgrade":false'), None),
]


def outcome(client):
    try:
        message = client.receive_message()
    except Closed:
        return CLOSED
    if "error" not in message:
        return None
    interface, _, short = message["error"].rpartition(".")
    if interface == "org.ifroster":
        found = client.interface.check(client.interface.errors[short], message["parameters"])
        assert not found, found
    return short


def test_bad_requests(t):
    t.start_daemon()
    with Client() as other:
        for data, wanted in BAD:
            with Client() as client:
                client.send_raw(data)
                got = outcome(client)
                assert got == wanted, f"{data[:200]}: {got}, not {wanted}"
                if wanted is not CLOSED:
                    # The connection goes on, behind a request in the smallest pieces.
                    for byte in request():
                        client.send_raw(bytes([byte]))
                    assert outcome(client) is None, data[:200]
            assert other.call("GetLinkByIndex", Index=1)["Name"] == "lo"
        counters = other.call("GetCounters")["Counters"]
        assert counters["VarlinkViolations"] == sum(wanted is CLOSED for _, wanted in BAD), counters


def test_limits_are_named(t):
    """Every limit that one connection can reach ends in LimitExceeded with the name of the limit."""
    t.start_daemon()

    def limit(data):
        with Client() as client:
            try:
                client.send_raw(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # closed while there was more to send
            while True:
                message = client.receive_message()
                if "error" in message:
                    assert message["error"] == "org.ifroster.LimitExceeded", message
                    assert message["parameters"]["Message"], message
                    return message["parameters"]["Subject"]

    assert limit(b"x" * (200 * 1024)) == "request-bytes"
    sync = b'{"method":"org.ifroster.Subscribe","more":true}\0'
    assert limit(sync + request() * 300) == "calls-in-flight"


def test_random_bytes(t):
    """Requests with a few bytes replaced, cut and repeated. Whatever comes back is a message."""
    t.start_daemon()
    seed = int(os.environ.get("IFROSTER_TEST_SEED", time.time_ns() % 2**32))
    print(f"# IFROSTER_TEST_SEED={seed}")
    generator = random.Random(seed)
    good = [data for data, _ in BAD if len(data) < 500]
    with Client() as other:
        for _ in range(1500):
            data = bytearray(generator.choice(good) * generator.randint(1, 3))
            for _ in range(generator.randint(1, 4)):
                position = generator.randrange(len(data))
                change = generator.randrange(3)
                if change == 0:
                    data[position] = generator.choice(b'\0{}[]",:\\0195ex\xff \x80')
                elif change == 1:
                    del data[position:position + generator.randint(1, 8)]
                else:
                    data[position:position] = data[position:position + generator.randint(1, 8)]
                data = data or bytearray(b"\0")
            with Client() as client:
                client.send_raw(bytes(data))
                client.socket.shutdown(socket.SHUT_WR)
                try:
                    while True:
                        message = client.receive_message()
                        assert message.keys() <= {"parameters", "error", "continues"}, message
                        # A subscription has no end.
                        if "continues" in message:
                            break
                except Closed:
                    pass
        assert other.call("GetLinkByIndex", Index=1)["Name"] == "lo"


# Attacks --------------------------------------------------------------------------------------

def connect():
    attacker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    attacker.connect(PATH)
    return attacker


def drain(sockets, timeout=0.0):
    for ready in select.select(sockets, [], [], timeout)[0]:
        try:
            ready.recv(1 << 20)
        except OSError:
            pass


def garbage():
    while True:
        with connect() as attacker:
            attacker.sendall(random.choice(BAD)[0])
            attacker.recv(65536)


def half_messages():
    """As many as a user may have, each in the middle of a request."""
    sockets = []
    for _ in range(1500):
        sockets.append(connect())
        sockets[-1].sendall(request()[:-1])
    while True:
        for attacker in sockets:
            try:
                attacker.send(b" ", socket.MSG_DONTWAIT)
            except OSError:
                pass


def never_reads():
    """Asks for everything, again and again, and leaves the answers."""
    sockets = [connect() for _ in range(100)]
    data = b'{"method":"org.ifroster.Describe"}\0' * 100
    while True:
        for attacker in sockets:
            try:
                attacker.send(data, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            except OSError:
                return
        time.sleep(0.001)


def asks_for_everything():
    """Reads, and asks for everything again at once."""
    sockets = [connect() for _ in range(32)]
    data = b'{"method":"org.ifroster.Describe"}\0'
    for attacker in sockets:
        attacker.sendall(data * 20)
    while True:
        for ready in select.select(sockets, [], [])[0]:
            if ready.recv(1 << 20).endswith(b"\0"):
                ready.sendall(data)


def lists_without_end():
    sockets = [connect() for _ in range(32)]
    data = b"".join(b'{"method":"org.ifroster.%s"}\0' % name for name in
                    (b"ListLinks", b"ListAddresses", b"ListLocal", b"ListDefaultRoutes"))
    for attacker in sockets:
        attacker.sendall(data * 5)
    while True:
        for ready in select.select(sockets, [], [])[0]:
            if ready.recv(1 << 20).endswith(b"\0"):
                ready.sendall(data)


def subscribes_and_leaves():
    data = b'{"method":"org.ifroster.Subscribe","more":true}\0'
    while True:
        sockets = [connect() for _ in range(50)]
        for attacker in sockets:
            attacker.sendall(data)
        drain(sockets)
        for attacker in sockets:
            attacker.close()


def subscribers_that_do_not_read():
    data = b'{"method":"org.ifroster.Subscribe","more":true}\0'
    sockets = [connect() for _ in range(1000)]
    for attacker in sockets:
        attacker.sendall(data)
    signal.pause()


def pipelines():
    """Small requests as fast as they are taken, from a few connections."""
    sockets = [connect() for _ in range(8)]
    for attacker in sockets:
        attacker.setblocking(False)
    data = request() * 200
    while True:
        readable, writable, _ = select.select(sockets, sockets, [])
        for attacker in readable:
            attacker.recv(1 << 20)
        for attacker in writable:
            try:
                attacker.send(data)
            except BlockingIOError:
                pass


def ten_thousand_connections():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets = []
    while len(sockets) < min(10000, hard - 100):
        try:
            sockets.append(connect())
        except OSError:
            break
    while True:
        # The refused ones come again.
        attacker = sockets.pop(0)
        attacker.close()
        sockets.append(connect())


def files_are_passed():
    """Descriptors along with bytes are not kept."""
    with open("/dev/null", "rb") as null:
        while True:
            with connect() as attacker:
                socket.send_fds(attacker, [request()], [null.fileno()] * 200)
                attacker.recv(65536)


ATTACKS = [garbage, half_messages, never_reads, asks_for_everything, lists_without_end,
           subscribes_and_leaves, subscribers_that_do_not_read, pipelines,
           ten_thousand_connections, files_are_passed]


class Attack:
    """A function in a process of its own."""

    def __init__(self, function):
        self.pid = os.fork()
        if self.pid == 0:
            namespace.die_with_parent()
            signal.alarm(0)
            try:
                function()
            except (OSError, KeyboardInterrupt):
                pass
            finally:
                os._exit(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def round_trips(client, seconds):
    """In milliseconds, sorted."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        client.call("GetLinkByIndex", Index=1)
        times.append((time.monotonic() - start) * 1000)
        time.sleep(0.001)
    return sorted(times)


def say(what, times):
    print(f"# {what:30} median {statistics.median(times):7.3f} ms  "
          f"99 % {times[len(times) * 99 // 100]:8.3f} ms  longest {times[-1]:8.3f} ms", flush=True)


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def resident(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
        return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]


def test_others_notice_nothing(t):
    for i in range(100):
        t.ip(f"link add m{i} type bridge")
    t.ip("link add v0 type veth peer name v1")
    daemon = t.start_daemon()
    with Client() as client, Subscriber(links=["v0"], objects=["link"]) as watcher:
        watcher.until_ready()
        client.call("Sync")
        before = descriptors(daemon)
        say("quiet", round_trips(client, SECONDS / 2))
        for number, function in enumerate(ATTACKS):
            with Attack(function):
                times = round_trips(client, SECONDS)
                # Changes still arrive, too.
                t.ip(f"link set v0 mtu {1300 + number}")
                start = time.monotonic()
                watcher.expect(Event="changed", MTU=1300 + number)
                late = time.monotonic() - start
            say(function.__name__.replace("_", " "), times)
            assert times[-1] < STALL_SECONDS * 1000, f"{function.__name__}: {times[-1]} ms"
            assert late < STALL_SECONDS, f"{function.__name__}: a change came after {late} s"
            t.wait_for(lambda: descriptors(daemon) <= before, what="the end of its connections")
        say("quiet again", round_trips(client, SECONDS / 2))
        print(f"# {resident(daemon)} KiB resident; "
              f"{json.dumps({k: v for k, v in client.call('GetCounters')['Counters'].items() if k.startswith('Varlink')})}")
        with Client() as late:
            assert late.call("GetLinkByIndex", Index=1)["Name"] == "lo"


def test_one_user_does_not_take_the_place_of_others(t):
    """At the limit of connections of one user, another one is served."""
    t.start_daemon()
    try:
        os.setegid(65534)
        os.seteuid(65534)
        os.seteuid(0)
        os.setegid(0)
    except OSError as error:
        raise fixture.Skip(f"there is only one user here: {error}") from error
    attack = Attack(ten_thousand_connections)
    with attack, Client() as client:
        def full():
            return client.call("GetCounters")["Counters"]["VarlinkRefused"] > 0
        t.wait_for(full)
        os.seteuid(65534)
        try:
            with Client() as other:
                assert other.call("GetLinkByIndex", Index=1)["Name"] == "lo"
        finally:
            os.seteuid(0)
        # The error says why.
        with Client() as refused:
            try:
                refused.call("GetState")
            except VarlinkError as error:
                assert error.parameters["Subject"] == "connections-per-uid", error
            except (Closed, BrokenPipeError):
                pass


def test_few_descriptors(t):
    """A daemon that may open few files says so to those for whom there is none, and does not spin."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        # The daemon raises its soft limit to the hard one: both are low.
        daemon = t.start_daemon()
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (64, 64))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Client() as client:
        others = [connect() for _ in range(100)]
        client.call("GetState")
        def cpu():
            with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
                return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
        start = cpu()
        say("no descriptor left", round_trips(client, SECONDS))
        used = (cpu() - start) / os.sysconf("SC_CLK_TCK")
        assert used < SECONDS / 2, f"{used} s of CPU in {SECONDS} s"
        for other in others:
            other.close()
        with Client() as late:
            assert late.call("GetLinkByIndex", Index=1)["Name"] == "lo"


def test_soft_limit_of_files_is_raised(t):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        daemon = t.start_daemon()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[0] == hard


fixture.main(__name__)

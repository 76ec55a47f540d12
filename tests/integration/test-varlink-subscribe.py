#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscribe: what is there, "ready", then each change once; filters; readers that are slow.

IFROSTER_TEST_SUBSCRIBERS says how many subscribe while the links change as fast as they can.
"""

import os
import resource
import subprocess
import time

import fixture
import namespace
import oracle
from varlinkclient import Client, Closed, Subscriber, VarlinkError

SUBSCRIBERS = int(os.environ.get("IFROSTER_TEST_SUBSCRIBERS", "100"))
# Without the groups, which the kernel joins and leaves in its own time.
ROWS = ["link", "address", "route"]


def raise_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def many_links(t, n):
    """Links with addresses: more than one reply's worth."""
    batch(t, "".join(f"link add m{i} type bridge\nlink set m{i} up\n"
                     f"address add 198.18.{i % 250}.1/24 dev m{i}\n" for i in range(n)))


def batch(t, text):
    path = f"{t.directory}/batch"
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    t.ip(f"-batch {path}")


def nothing_more(client, *subscribers):
    """After a Sync, which comes behind all that was published before it, there is nothing to read.
    A change of another link is seen by none of them."""
    client.call("Sync")
    for subscriber in subscribers:
        subscriber.socket.setblocking(False)
        try:
            data = subscriber.socket.recv(65536)
            raise AssertionError(f"{data[:300]}")
        except BlockingIOError:
            pass
        finally:
            subscriber.socket.setblocking(True)


def test_existing_ready_changes(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.start_daemon()
    with Client() as client, Subscriber() as subscriber:
        subscriber.until_ready()
        described = client.call("Describe")
        assert subscriber.generation == described["Generation"]
        assert {e["Name"] for e in subscriber.take() if e["Object"] == "link"} == {"lo", "v0", "v1"}
        t.ip("link set v0 up")
        t.ip("link set v1 up")
        t.ip("link set v0 name w0")
        t.ip("route add default via 192.0.2.254")
        t.ip("link set w0 alias something")
        t.ip("link set w0 alias ''")
        t.ip("link delete w0")
        t.ip("route add unreachable default metric 9")
        t.ip("link add v0 type veth peer name v1")
        subscriber.until(client.call("Sync")["Generation"])
        difference = subscriber.replay.state().difference(oracle.kernel(), ("replay", "kernel"))
        assert not difference, difference
        told = [(e["Event"], e["Object"]) for e in subscriber.take()]
        for wanted in (("changed", "link"), ("added", "route"), ("removed", "route"),
                       ("removed", "address"), ("removed", "link"), ("added", "link")):
            assert wanted in told, (wanted, told)


def test_one_link_with_many_addresses(t):
    """The replies stay small, and are one state."""
    t.ip("link add v0 type bridge")
    batch(t, "".join(f"address add 198.18.{i // 250}.{i % 250 + 1}/16 dev v0\n" for i in range(1000)))
    t.ip("link set v0 up")
    t.start_daemon()
    with Subscriber() as subscriber:
        subscriber.until_ready()
        assert subscriber.replies >= 1000 // 64 and len(subscriber.replay.addresses) >= 1000
    with Subscriber(links=["v0"]) as subscriber:
        subscriber.until_ready()
        assert subscriber.replies >= 1000 // 64 and len(subscriber.replay.links) == 1


def test_resynced(t):
    t.ip("link add v0 type veth peer name v1")
    daemon = t.start_daemon()
    subscribers = [Subscriber(), Subscriber(links=["v0"]), Subscriber(objects=["route"]),
                   Subscriber(links=["nosuch"])]
    for subscriber in subscribers:
        subscriber.until_ready().take()
    # Not announced: found by the reading alone.
    t.ip("link property add dev v0 altname quiet")
    daemon.signal(1)
    with Client() as client:
        for subscriber in subscribers:
            while not any(e["Event"] == "resynced" for e in subscriber.events):
                subscriber.step()
            last = subscriber.events[-1]
            assert last["Event"] == "resynced" and last["Reason"] == "audit", last
            assert last["Generation"] == subscriber.generation
        assert subscribers[0].replay.links[t.index("v0")]["AlternativeNames"] == ["quiet"]
        assert subscribers[1].replay.links[t.index("v0")]["AlternativeNames"] == ["quiet"]
        assert [e["Event"] for e in subscribers[2].events] == ["resynced"]
        client.call("Sync")


def test_filter_by_name(t):
    for name in ("v0", "v1", "v2"):
        t.ip(f"link add {name} type bridge")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.start_daemon()
    with Client() as client, Subscriber(["v0"], ROWS) as s:
        s.until_ready()
        assert [(e["Object"], e["Name"]) for e in s.take()] == [("link", "v0"), ("address", "v0")]
        t.ip("link set v1 mtu 1400")
        t.ip("address add 192.0.2.2/24 dev v1")
        nothing_more(client, s)
        # It is followed through a rename,
        t.ip("link set v0 name w0")
        s.expect(Event="changed", Object="link", Name="w0")
        t.ip("link set w0 mtu 1400")
        s.expect(Event="changed", Object="link", Name="w0", MTU=1400)
        # another link that takes the name over is news, with all that it has,
        t.ip("link set v1 name v0")
        events = s.expect(Event="added", Object="link", Name="v0")
        assert [(e["Event"], e.get("AddressString")) for e in events[1:]] == [("added", "192.0.2.2")]
        t.ip("address del 192.0.2.2/24 dev v0")
        s.expect(Event="removed", Object="address", Name="v0")
        # and one that is made later too.
        t.ip("link delete v0")
        s.expect(Event="removed", Object="link", Name="v0")
        t.ip("link add v0 type bridge")
        s.expect(Event="added", Object="link", Name="v0")
        t.ip("link delete w0")
        while s.step()[-1]["Event"] != "removed" or len(s.replay.links) != 1:
            pass
        t.ip("link set v2 mtu 1400")
        nothing_more(client, s)


def test_filter_by_other_names(t):
    t.ip("link add v0 type bridge")
    t.ip("link set v0 up")
    t.ip(["link", "add", "name", b"o\xff", "type", "bridge"])
    t.start_daemon()
    with Client() as client, Subscriber(["late"], ROWS) as late, \
            Subscriber(["o\\xff"], ROWS) as odd, Subscriber(["other", "v0"], ROWS) as both:
        for s in (late, odd, both):
            s.until_ready()
        assert late.take() == []
        assert [e["NameBytes"] for e in odd.take()] == [[0x6f, 0xff]]
        both.take()
        t.ip("link property add dev v0 altname late")
        late.expect(Event="added", Object="link", Name="v0", AlternativeNames=["late"])
        both.expect(Event="changed", Object="link", Name="v0", AlternativeNames=["late"])
        # Whoever is followed stays followed without the name.
        t.ip("link property del dev v0 altname late")
        late.expect(Event="changed", Object="link", Name="v0", AlternativeNames=None)
        t.ip("link set v0 mtu 1400")
        late.expect(Event="changed", MTU=1400)
        both.step()
        both.step()
        nothing_more(client, late, both, odd)


def test_raw_names_of_renames(t):
    """The bytes of a name are told beside an escaped one, and taken back once; else nothing is said."""
    t.ip("link add v0 type bridge")
    t.start_daemon()
    with Subscriber(objects=["link"]) as s:
        s.until_ready()
        old = "v0"
        for new, raw in (("v1", "absent"), (b"o\xff", [0x6f, 0xff]), (b"o\xfe", [0x6f, 0xfe]),
                         ("v2", None), ("v3", "absent")):
            t.ip(["link", "set", old, "name", new])
            event = s.expect(Event="changed")[0]
            assert event.get("NameBytes", "absent") == raw, event
            old = new


def test_filter_by_index(t):
    t.ip("link add v0 index 77 type bridge")
    t.ip("link add 78 index 80 type bridge")
    t.ip("link add v1 index 78 type bridge")
    t.start_daemon()
    with Client() as client, Subscriber(["77"], ROWS) as by_index, \
            Subscriber(["v0"], ROWS) as by_name, Subscriber(["78"], ROWS) as number:
        by_index.until_ready()
        by_name.until_ready()
        number.until_ready()
        assert [e["Index"] for e in by_index.take()] == [77]
        # As in a zone, a name comes first.
        assert [e["Index"] for e in number.take()] == [80]
        incarnation = by_name.take()[0]["Incarnation"]
        t.ip("link set v0 name w0")
        for s in (by_index, by_name):
            s.expect(Event="changed", Name="w0", Incarnation=incarnation)
        t.ip("link delete w0")
        for s in (by_index, by_name):
            s.expect(Event="removed", Object="link", Index=77, Incarnation=incarnation)
        # The index is used again: by another link, which the name does not mean.
        t.ip("link add x0 index 77 type bridge")
        added = by_index.expect(Event="added", Object="link", Index=77, Name="x0")
        assert added[0]["Incarnation"] != incarnation
        t.ip("link set x0 mtu 1400")
        by_index.expect(Event="changed", MTU=1400)
        # "78" is nobody's name any more, but nothing about index 78 has changed.
        t.ip("link delete 78")
        number.expect(Event="removed", Index=80)
        nothing_more(client, by_name, number)
        t.ip("link set v1 mtu 1400")
        number.expect(Event="added", Object="link", Index=78, MTU=1400)


def test_filter_by_object(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.start_daemon()
    kinds = ["link", "address", "group", "route"]
    chosen = [[kind] for kind in kinds] + [["address", "route"], kinds]
    with Client() as client:
        client.call("Sync")
        subscribers = [Subscriber(objects=objects).until_ready() for objects in chosen]
        subscribers.append(Subscriber(links=["v0"], objects=["address"]).until_ready())
        chosen.append(["address"])
        for s, objects in zip(subscribers, chosen):
            told = {e["Object"] for e in s.take()}
            assert told == set(objects) - {"route"}, (objects, told)
        t.ip("route add default via 192.0.2.254")
        t.ip("address add 192.0.2.2/24 dev v0")
        t.ip("address add 192.0.2.3/24 dev v1")
        t.ip("link set v0 mtu 1400")
        t.ip("link delete v0")
        generation = client.call("Sync")["Generation"]
        with Subscriber() as whole:
            whole.until_ready()
            assert whole.generation >= generation
        for s, objects in zip(subscribers, chosen):
            # Everything is on its way: a Sync on the same connection cannot be asked, so look.
            seen = set()
            while s.buffered() or not seen >= set(objects):
                seen |= {e["Object"] for e in s.step()}
            assert seen == set(objects), (objects, seen)
        addresses = {e["AddressString"] for e in subscribers[-1].take()}
        assert "192.0.2.2" in addresses and "192.0.2.3" not in addresses, addresses
        nothing_more(client, subscribers[0])


def test_refusals(t):
    t.start_daemon()

    def refused(parameters, **flags):
        with Client() as client:
            client.send("Subscribe", parameters, **flags)
            try:
                return client.receive()
            except VarlinkError as error:
                return error.short, error.parameters

    assert refused({})[0] == "ExpectedMore"
    for parameters, name in (({"Objects": ["links"]}, "Objects"), ({"Objects": [""]}, "Objects"),
                             ({"Links": [""]}, "Links"), ({"Links": ["x" * 128]}, "Links"),
                             ({"Links": "v0"}, "Links"), ({"Objects": [None]}, "Objects")):
        assert refused(parameters, more=True) == ("InvalidParameter", {"parameter": name}), parameters
    error, parameters = refused({"Links": [str(i) for i in range(65)]}, more=True)
    assert error == "LimitExceeded" and parameters["Subject"] == "Links", parameters
    with Subscriber(links=[str(i) for i in range(1, 65)]) as subscriber:
        subscriber.until_ready()
    with Subscriber(links=[], objects=[]) as subscriber:
        subscriber.until_ready()
        assert {e["Object"] for e in subscriber.events} >= {"link"}


class Storm:
    """Links that come, change and go without end, in programs of their own."""

    SCRIPT = """
        i=0
        while :; do i=$((i + 1))
            ip -batch - <<END
link add s$1x$i type veth peer name p$1x$i
address add 192.0.2.$1/24 dev s$1x$i
link set s$1x$i up
link set p$1x$i up
link set s$1x$i mtu 1400
link set s$1x$i alias storm
link property add dev s$1x$i altname alt$1x$i
route add default via 192.0.2.254 dev s$1x$i metric $1$1$i
link set p$1x$i down
link set p$1x$i name q$1x$i
address del 192.0.2.$1/24 dev s$1x$i
link set s$1x$i mtu 1300
END
            test $i -gt 8 && ip link delete s$1x$((i - 8))
        done"""

    def __init__(self, n=2):
        self._programs = [subprocess.Popen(["sh", "-c", self.SCRIPT, "sh", str(i)],
                                           stderr=subprocess.DEVNULL, start_new_session=True,
                                           preexec_fn=namespace.die_with_parent)
                          for i in range(1, n + 1)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self._programs:
            os.killpg(program.pid, 9)
            program.wait()


def quiet(t, client):
    """What is described when the kernel has nothing to do by itself any more."""
    def look():
        client.call("Sync")
        described = client.call("Describe")
        busy = any(a["State"] == "tentative" for l in described["Links"] for a in l["Addresses"])
        return None if busy else described

    return t.wait_for(look, 30, "the end of duplicate address detection")


def assert_same(left, right, what):
    for part in ("links", "addresses", "groups", "routes"):
        mine, theirs = getattr(left, part), getattr(right, part)
        assert mine.keys() == theirs.keys(), (what, part, mine.keys() ^ theirs.keys())
        for key, row in theirs.items():
            assert mine[key] == row, f"{what}: {key}: {mine[key]} instead of {row}"


def test_subscribing_in_a_storm(t):
    """Whenever somebody subscribes, what it is told adds up to the table: nothing is lost or told twice
    between the rows that exist and the first change. One who was there before is the measure: replayed
    from event to event it must become what the daemon describes; each of the others must begin with
    its state in that generation, and then be told the same batches."""
    raise_files()
    many_links(t, 60 if SUBSCRIBERS <= 100 else 15)
    t.start_daemon()
    subscribers = []
    with Client() as client, Subscriber() as first:
        first.until_ready()
        measure, start = first.replay, first.generation
        with Storm(2 if SUBSCRIBERS <= 100 else 1):
            for number in range(SUBSCRIBERS):
                subscribers.append(Subscriber())
                # Some read at once, some later.
                subscribers[-1 if number % 3 == 0 else max(-20, -len(subscribers))].until_ready()
                if number % 10 == 0:
                    client.call("GetLinkByIndex", Index=1)
        described = quiet(t, client)
        end = described["Generation"]
        first.replay, batches = None, {}
        while first.generation < end:
            first.take()
            first.step()
            batches[first.generation] = (first.text, first.take())

        for subscriber in subscribers:
            subscriber.until_ready()
        for subscriber in sorted(subscribers, key=lambda s: s.generation):
            while measure.generation < subscriber.generation:
                measure.apply(measure.generation + 1, batches[measure.generation + 1][1])
            assert_same(subscriber.replay, measure, f"ready at {subscriber.generation}")
            for generation in range(subscriber.generation + 1, end + 1):
                text = subscriber.receive_text()
                assert text == batches[generation][0], f"{text} instead of {batches[generation]}"
            subscriber.close()
        while measure.generation < end:
            measure.apply(measure.generation + 1, batches[measure.generation + 1][1])
        assert_same(measure, fixture.replay.Replay.from_describe(described), "the end")
        begun = {subscriber.generation for subscriber in subscribers}
        print(f"# {SUBSCRIBERS} subscriptions began in {len(begun)} of {end - start} generations, "
              f"{sum(len(events) for _, events in batches.values())} events")
        assert len(begun) > min(SUBSCRIBERS, 20) // 4, begun


def noise(n_links, number):
    """The text of a batch of changes with long events; another number makes other ones."""
    return b"".join(b"link set m%d alias %s%d\n" % (link, b"\xff" * 240, number)
                    for link in range(n_links))


def test_slow_readers(t):
    """Who does not read is ended with an error, whether it stopped at the beginning or later; others
    are told everything meanwhile."""
    many_links(t, 200)
    t.start_daemon()
    with Client() as client, Subscriber() as reader, Subscriber() as late:
        reader.until_ready()
        late.until_ready()
        # Reads nothing at all: most of what exists is not even sent to it.
        never = Subscriber()
        t.wait_for(lambda: client.call("GetCounters")["Counters"]["VarlinkSubscriptions"] == 3)
        for number in range(60):
            batch(t, noise(200, number))
            generation = client.call("Sync")["Generation"]
            reader.until(generation)
            if client.call("GetCounters")["Counters"]["VarlinkSubscriptions"] == 1:
                break
        counters = client.call("GetCounters")["Counters"]
        assert counters["VarlinkSubscriptions"] == 1, counters

        def difference():
            reader.until(client.call("Sync")["Generation"])
            return reader.replay.state().difference(oracle.kernel(), ("replay", "kernel"))
        # The kernel may still be looking for duplicates of the links' own addresses.
        t.wait_for(lambda: not difference(), what="the replay to be the kernel's state")
        for slow in (never, late):
            try:
                for _ in range(100000):
                    slow.step()
            except VarlinkError as error:
                assert error.short == "LimitExceeded", error
                print(f"# ended after {slow.replies} replies: {error}")
        # The connection of the one that was ended while it was told what exists may go on.
        try:
            never.call("GetState")
        except Closed:
            pass
        never.close()


def test_clients_that_vanish(t):
    """In the middle of what exists, behind it, with half a request behind the call."""
    many_links(t, 100)
    t.start_daemon()
    with Client() as client:
        for number in range(200):
            s = Subscriber(links=["m1"] if number % 5 == 0 else None)
            if number % 3 == 0:
                s.until_ready()
            if number % 7 == 0:
                s.send_raw(b'{"method":')
            s.close()
        batch(t, noise(5, 1))
        client.call("Sync")
        t.wait_for(lambda: client.call("GetCounters")["Counters"]["VarlinkSubscriptions"] == 0)


def test_the_end_of_the_daemon(t):
    t.ip("link add v0 type veth peer name v1")
    for how in ("stop", "kill"):
        daemon = t.start_daemon(name=f"ifrosterd-{how}")
        subscribers = [Subscriber(), Subscriber(links=["v0"])]
        for s in subscribers:
            s.until_ready()
        waiting = Client()
        getattr(daemon, how)()
        for s in (*subscribers, waiting):
            try:
                s.receive_message()
                raise AssertionError("a message instead of the end")
            except Closed:
                pass
    daemon = t.start_daemon(name="again")
    with Subscriber() as s:
        s.until_ready()


fixture.main(__name__)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`ifroster sort` beside the resolver of the C library, which sorts the addresses of a name by the same
RFC. The name is in a hosts file of the test's own. Where the two are known to differ, docs/lookups.md
says why, and there are no such addresses here."""

import random
import subprocess
import sys

import fixture

ASK = """
import socket
seen = []
for *_, address in socket.getaddrinfo("many.test", 1, type=socket.SOCK_STREAM):
    if address[0] not in seen:
        seen.append(address[0])
print("\\n".join(seen))
"""

# Networks with an address of this machine in them or behind a route, and some that nothing reaches
DESTINATIONS = ["127.0.0.1", "::1", "192.0.2.9", "198.51.100.7", "203.0.113.7", "2001:db8:1::9",
                "2001:db8:7::7", "2001:db9::1"]


def resolver(t, addresses):
    hosts = f"{t.directory}/hosts"
    with open(hosts, "w", encoding="ascii") as file:
        file.writelines(f"{address} many.test\n" for address in addresses)
    result = subprocess.run([sys.executable, "-c", ASK], stdout=subprocess.PIPE, text=True, check=True)
    return result.stdout.split()


def groups(rows):
    """Sets of addresses in order; within a set only the given order decides."""
    found = [set()]
    for row in rows:
        found[-1].add(row["AddressString"])
        if row.get("Rule") != "given-order":
            found.append(set())
    return [group for group in found if group]


def test_like_the_resolver(t):
    for name, text in (("hosts", ""), ("nsswitch.conf", "hosts: files\n"),
                       ("host.conf", "multi on\n"), ("gai.conf", "")):
        path = f"{t.directory}/{name}"
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        result = subprocess.run(["mount", "--bind", path, f"/etc/{name}"], check=False,
                                stderr=subprocess.PIPE, text=True)
        if result.returncode != 0 and name != "gai.conf":
            raise fixture.Skip(f"no own /etc/{name}: {result.stderr.strip()}")
    t.sysctl("net/ipv6/conf/default/addr_gen_mode", 1)
    t.ip("link set lo up")
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    changes = ["address add 192.0.2.1/24 dev v0", "address add 2001:db8:1::1/64 dev v0 nodad",
               "route add 198.51.100.0/24 via 192.0.2.254",
               "-6 route add 2001:db8:7::/48 via 2001:db8:1::fe",
               "route add default via 192.0.2.254", "-6 route add default via 2001:db8:1::fe",
               "address delete 192.0.2.1/24 dev v0"]
    rng = random.Random(1)
    compared = 0
    for change in ["link set v0 mtu 1500", *changes]:
        t.ip(change)
        for _ in range(6):
            chosen = rng.sample(DESTINATIONS, rng.randint(2, len(DESTINATIONS)))
            given = resolver(t, chosen)
            if set(given) != set(chosen):
                raise fixture.Skip(f"the resolver gives {given} for {chosen}")
            # Its order is a fixed point, and is come by from any other.
            ours = [row["AddressString"] for row in t.cli_json("sort", *given)]
            assert ours == given, (change, ours, given)
            rows = t.cli_json("sort", *rng.sample(given, len(given)))
            start = 0
            for group in groups(rows):
                assert group == set(given[start:start + len(group)]), (change, rows, given)
                start += len(group)
            compared += 1
    print(f"# {compared} lists of addresses", flush=True)


fixture.main(__name__)

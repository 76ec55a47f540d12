#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages of others than the kernel, and a program that may do nothing."""

import os
import shutil
import socket
import struct

import fixture
import follower
import load

ROUNDS = int(os.environ.get("IFROSTER_TEST_ROUNDS", "500"))
RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR = 16, 17, 20
NLMSG_DONE = 3
GROUP_LINK, GROUP_IPV4_ROUTE = 1, 7


def link_message(kind, index, name=b"forged"):
    attribute = struct.pack("HH", 4 + len(name) + 1, 3) + name + b"\0"
    attribute += b"\0" * (-len(attribute) % 4) + struct.pack("HHI", 8, 4, 1500)
    body = struct.pack("BxHiII", 0, 1, index, 1, 0xffffffff) + attribute
    return struct.pack("IHHII", 16 + len(body), kind, 0, 1, 0) + body


def ports(pid):
    """The netlink port numbers of a process: each of its sockets by inode."""
    inodes = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{entry}")
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    with open("/proc/net/netlink", encoding="ascii") as file:
        for line in list(file)[1:]:
            fields = line.split()
            if fields[-1] in inodes and fields[1] == "0":
                found.append(int(fields[2]))
    return found


def test_forged_messages(t):
    t.ip("link add v0 type veth peer name v1")
    f = follower.Follower(t)
    f.settle()
    f.take_events()
    index = t.index("v0")
    targets = ports(f.pid)
    assert len(targets) == 4, targets
    destinations = [(port, 0) for port in targets]
    destinations += [(0, 1 << (group - 1)) for group in (GROUP_LINK, GROUP_IPV4_ROUTE)]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sent = 0
        for number in range(ROUNDS):
            message = [link_message(RTM_DELLINK, index), link_message(RTM_NEWLINK, 100 + number),
                       struct.pack("IHHIIi", 20, NLMSG_DONE, 2, 1, 0, 0)][number % 3]
            for destination in destinations:
                try:
                    sock.sendto(message, socket.MSG_DONTWAIT, destination)
                    sent += 1
                except BlockingIOError:
                    # A queue that is only read when something is asked is full.
                    pass
            if number % 50 == 49:
                f.expect_equal()
    assert f.take_events() == []
    # The filter for routes keeps some of them out.
    assert f.counters["ForgedMessages"] > sent / 2, (sent, f.counters)
    # Nothing of it is left where it would keep the program awake, also when nobody asks.
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        for destination in destinations:
            try:
                sock.sendto(link_message(RTM_DELLINK, index), socket.MSG_DONTWAIT, destination)
            except BlockingIOError:
                pass
    before = f.cpu()
    t.pump(0.5)
    assert f.cpu() - before < 0.05, f.cpu() - before
    f.expect_equal()


def test_without_any_privilege(t):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise fixture.Skip("needs root and setpriv to give everything up")
    program = os.environ["IFROSTER_FOLLOW"]
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
               "--inh-caps=-all", "--bounding-set=-all", "--ambient-caps=-all"]
    # Where a user that is nobody cannot get at the build, a copy is run.
    copy = os.path.join(t.directory, "follow")
    shutil.copy(program, copy)
    os.chmod(copy, 0o755)
    os.chmod(t.directory, 0o755)
    os.environ["IFROSTER_FOLLOW"] = copy
    try:
        f = follower.Follower(t, "--receive-buffer=4096", command=command)
    finally:
        os.environ["IFROSTER_FOLLOW"] = program
    with open(f"/proc/{f.pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["Uid"].split() == ["65534"] * 4, status["Uid"]
    assert int(status["CapEff"], 16) == 0, status["CapEff"]
    t.ip("link add v0 type veth peer name v1")
    t.sysctl("net/ipv6/conf/v0/accept_dad", 0)
    t.sysctl("net/ipv6/conf/v1/accept_dad", 0)
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("route add default via 192.0.2.254 dev v0")
    f.settle()
    for _ in range(5):
        f.stop_for(load.Batch(t, load.toggles("v0", 601)).run)
        f.expect_equal()
    assert f.sync()["ResyncsOverrun"] > 0, f.counters
    t.ip("link del v0")
    f.expect_equal()


fixture.main(__name__)

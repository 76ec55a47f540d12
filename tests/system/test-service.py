#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-service.py BUILD ROOT BUS: the installed service on a real systemd.

ROOT is host (this machine's own files) or trixie (a Debian 13 root), BUS is dbus-daemon or dbus-broker.
IFROSTER_PROBE is the built probe. All subtests share one boot, and each begins with a running service;
--list names them, and names on the command line choose some.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "install"))

# pylint: disable=wrong-import-position
import tap  # noqa: E402
import root as roots  # noqa: E402
from machine import TESTS, NOBODY, CannotBoot, Machine, check_can_boot  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
SERVICE = "ifrosterd.service"
SOCKET = "ifrosterd-varlink.socket"
SOCKET_PATH = "/run/ifroster/org.ifroster"
RUNTIME_DROP_IN = f"/run/systemd/system/{SERVICE}.d"
# What the sandbox leaves to do
ALLOWED = {"unix-socket", "netlink-socket", "write-in-runtime-directory", "write-in-tmp",
           "write-in-var-tmp"}

# Links come and go as fast as one process can make them.
CHURN = """
i=0
while :; do
        i=$((i + 1))
        ip link add "c$i" type veth peer name "d$i"
        ip link set "c$i" up
        ip link set "d$i" up
        ip address add "10.9.$((i % 250)).1/24" dev "c$i"
        ip link set "c$i" mtu 1400
        ip link delete "c$i"
done
"""


# The state that a subtest begins with, and what several of them do ---------------------------------


def running(machine):
    """The service as it is after a boot, whatever the subtest before has done."""
    machine.run("sh", "-c", f"rm -rf {RUNTIME_DROP_IN}")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "start", SOCKET, SERVICE)
    machine.wait_for(machine.has_owner, "the name on the bus")


def kill_and_wait(machine):
    """Kills the daemon and waits until systemd has started another, ready one."""
    before = machine.main_pid()
    machine.run("kill", "-KILL", str(before))
    machine.wait_for(lambda: machine.main_pid() not in (0, before) and machine.is_active(),
                     "another daemon")


class Followers:
    """A D-Bus and a Varlink subscriber that follow the documented protocol, and churn beside them."""

    def __init__(self, machine, churn=True):
        self.programs = {kind: machine.start("/usr/bin/python3", f"{TESTS}/tests/system/follow.py",
                                             kind, user=NOBODY) for kind in ("bus", "varlink")}
        for program in self.programs.values():
            assert program.stdout.readline() == "following\n", program.communicate()
        self.churn = machine.start("sh", "-c", CHURN) if churn else None

    def end(self):
        """Ends the churn and the programs; {kind: what it says at the end}."""
        self.end_churn()
        results = {}
        for kind, program in self.programs.items():
            out, err = program.communicate("", timeout=60)
            assert program.returncode == 0, err
            results[kind] = json.loads(out.splitlines()[-1])
        return results

    def end_churn(self):
        if self.churn:
            self.churn.kill()
            self.churn.communicate(timeout=60)

    def check(self, begun):
        """That both have ended with the kernel's state, begun so often, and understood everything."""
        for kind, result in self.end().items():
            assert result["problems"] == [], (kind, result["problems"])
            assert result["differences"] == [], (kind, result["differences"])
            assert result["begun"] in begun, (kind, result["begun"])


def journal(machine):
    return machine.run("journalctl", "--unit=ifrosterd*", "--no-pager", "--output=cat", check=False)


# Boot ---------------------------------------------------------------------------------------------


def test_boot(machine):
    """The service is up after a boot by being enabled alone, and nothing of it has failed."""
    tap.diagnose(machine.run("systemctl", "--version").splitlines()[0])
    assert machine.is_active(SERVICE) and machine.is_active(SOCKET)
    failed = machine.run("systemctl", "--failed", "--no-legend", "--plain")
    assert "ifroster" not in failed, failed
    # Neither systemd nor the bus has complained about what was installed.
    complaints = [line for line in machine.run("journalctl", "--boot", "--no-pager", "--output=cat",
                                               "--priority=warning").splitlines()
                  if "ifroster" in line]
    assert not complaints, complaints
    machine.wait_for(machine.has_owner, "the name on the bus")


def test_units_as_this_systemd_sees_them(machine):
    for unit in (SERVICE, "ifrosterd@red.service", SOCKET):
        result = machine.result("systemd-analyze", "verify", "--man=no", unit)
        complaints = [line for line in result.stderr.splitlines() if "ifroster" in line]
        assert not complaints, complaints
    for unit in (SERVICE, "ifrosterd@.service"):
        path = machine.show(unit.replace("@.", "@red."), "FragmentPath")
        result = machine.result("systemd-analyze", "security", "--no-pager", "--offline=yes",
                                "--threshold=10", path)
        assert result.returncode == 0, result.stdout
        tap.diagnose(re.search(r"Overall exposure.*?\d\.\d", result.stdout)[0])


def test_varlink_before_the_bus(machine):
    """A unit that runs before sysinit.target has got its answer when there was no bus yet, from the
    daemon that came to the bus later."""
    result = json.loads(machine.read("/run/early-client.json"))
    assert result["state"] == "ready" and not result["bus"], result
    assert [link["Name"] for link in result["links"]] == ["lo"], result
    assert machine.show(SERVICE, "NRestarts") == "0"
    assert machine.bus_call("ListLinks")[0][0][:2] == [1, "lo"]
    started = int(machine.show(SERVICE, "ActiveEnterTimestampMonotonic"))
    bus = int(machine.show("dbus.socket", "ActiveEnterTimestampMonotonic"))
    assert 0 < started < bus, (started, bus)


# Who may do what ----------------------------------------------------------------------------------


def test_identity(machine):
    """It runs as its user, without a capability, behind a filter; files have the documented modes."""
    status = dict(line.split(":\t", 1) for line in
                  machine.read(f"/proc/{machine.main_pid()}/status").splitlines() if ":\t" in line)
    user = int(machine.run("id", "-u", "ifroster"))
    assert user != 0 and set(map(int, status["Uid"].split())) == {user}, status["Uid"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, (name, status[name])
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    modes = machine.run("stat", "--format=%n %a %U", "/run/ifroster", SOCKET_PATH,
                        "/run/ifroster/table").splitlines()
    assert modes[0].split()[1] == "755", modes
    assert modes[1].split()[1] == "666", modes
    assert modes[2].split()[1:] == ["444", "ifroster"], modes


def test_unprivileged_callers(machine):
    """Anyone may ask over D-Bus and Varlink, listen to signals, and map the table."""
    assert machine.bus_call("GetLinkByName", "s", "lo", user=NOBODY) == [1, "/org/ifroster1/link/_31"]
    properties = machine.run("busctl", "introspect", "org.ifroster1", "/org/ifroster1/link/_31",
                             "org.ifroster1.Link", user=NOBODY)
    assert ".OperationalState" in properties
    assert machine.varlink("GetLinkByName", user=NOBODY, Name="lo")["Index"] == 1
    out = machine.run("ifroster", "list", "--json=short", user=NOBODY)
    assert [json.loads(line)["Name"] for line in out.splitlines()] == ["lo"], out
    followers = Followers(machine, churn=False)
    machine.ip("link add s0 type veth peer name s1")
    machine.ip("link delete s0")
    followers.check([1])


def test_nobody_else_may_own_the_name(machine):
    machine.run("systemctl", "stop", SERVICE, SOCKET)
    for user in (NOBODY, None):
        result = machine.result("busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "RequestName", "su", "org.ifroster1", "4",
                                user=user)
        assert result.returncode != 0, f"user {user} could own the name: {result.stdout}"
        assert re.search(r"denied|not allowed|AccessDenied", result.stderr, re.IGNORECASE), \
            result.stderr


def run_probe(machine, unit):
    """Runs the probe with everything that a unit says, but for the program that it starts."""
    text = machine.read(machine.show(unit, "FragmentPath"))
    text = text.replace("%i", unit.partition("@")[2].partition(".")[0])
    directory = re.search(r"^RuntimeDirectory=(.*)$", text, re.MULTILINE)[1]
    text = re.sub(r"^ExecStart=.*", f"ExecStart=/usr/lib/ifroster-probe /run/{directory}", text,
                  flags=re.MULTILINE)
    text = re.sub(r"^(?:Type|ExecReload|BusName|WatchdogSec|Restart\w*|Wants|Also)=.*\n", "", text,
                  flags=re.MULTILINE)
    text = text.replace("[Service]\n", "[Service]\nType=oneshot\n"
                        "StandardOutput=truncate:/run/probe.out\n")
    # A runtime directory that it shares would go with it.
    text = re.sub(r"^(RuntimeDirectoryPreserve)=.*", r"\1=yes", text, flags=re.MULTILINE)
    machine.write("/run/systemd/system/probe.service", text)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "probe.service")
    return parse_probe(machine.read("/run/probe.out"))


def escapes(boxed):
    """What a sandbox should have stopped."""
    assert all(boxed[name] == "ok" for name in ALLOWED), boxed
    return [name for name, outcome in boxed.items() if outcome == "ok" and name not in ALLOWED]


def parse_probe(text):
    return dict(line.split() for line in text.splitlines())


def test_sandbox_bites(machine):
    """What the sandbox leaves to do is netlink, Unix sockets and the runtime directory."""
    free = parse_probe(machine.run("unshare", "--mount", "--uts", "--net", "/usr/lib/ifroster-probe",
                                   "/run"))
    assert len(free) > 15 and all(outcome == "ok" for outcome in free.values()), free
    boxed = run_probe(machine, SERVICE)
    assert not escapes(boxed), (escapes(boxed), boxed)
    tap.diagnose(", ".join(f"{name} {outcome}" for name, outcome in boxed.items()))


# Activation ---------------------------------------------------------------------------------------


def test_bus_activation(machine):
    machine.run("systemctl", "stop", SERVICE)
    machine.wait_for(lambda: not machine.has_owner(), "the name to be free")
    assert not machine.is_active()
    assert machine.bus_call("GetLinkByName", "s", "lo", user=NOBODY)[0] == 1
    assert machine.is_active()
    assert machine.run("ps", "-o", "user=", "-p", str(machine.main_pid())).strip() == "ifroster"


def test_socket_activation(machine):
    machine.run("systemctl", "stop", SERVICE)
    assert not machine.is_active() and machine.exists(SOCKET_PATH)
    assert machine.varlink("GetState", user=NOBODY)["State"] == "ready"
    assert machine.is_active()


def test_without_the_socket_unit(machine):
    """The service alone makes its socket itself, and takes it away."""
    machine.run("systemctl", "stop", SERVICE, SOCKET)
    assert not machine.exists(SOCKET_PATH)
    machine.run("systemctl", "mask", "--runtime", SOCKET)
    try:
        machine.run("systemctl", "start", SERVICE)
        assert machine.varlink("GetState", user=NOBODY)["State"] == "ready"
        machine.run("systemctl", "stop", SERVICE)
        assert not machine.exists(SOCKET_PATH)
    finally:
        machine.run("systemctl", "unmask", "--runtime", SOCKET)


def test_nothing_is_left_after_stop(machine):
    machine.run("systemctl", "stop", SERVICE)
    left = machine.run("ls", "-A", "/run/ifroster").split()
    assert left == ["org.ifroster"], left
    machine.run("systemctl", "stop", SOCKET)
    assert not machine.exists("/run/ifroster")
    # Who has no daemon to ask reads for himself.
    assert machine.run("ifroster", "zone", "lo").strip()


# What systems do to daemons -----------------------------------------------------------------------


def test_kill_under_load(machine):
    """A daemon that is killed comes back each time, and its followers end up with the right table."""
    followers = Followers(machine)
    kills = 4
    try:
        for _round in range(kills):
            kill_and_wait(machine)
    finally:
        followers.end_churn()
    followers.check(range(2, kills + 2))
    assert int(machine.show(SERVICE, "NRestarts")) >= kills


def test_watchdog_restart(machine):
    """A daemon that hangs is killed and comes back."""
    machine.write(f"{RUNTIME_DROP_IN}/watchdog.conf", "[Service]\nWatchdogSec=2s\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    followers = Followers(machine)
    before = machine.main_pid()
    machine.run("kill", "-STOP", str(before))
    machine.wait_for(lambda: machine.main_pid() not in (0, before) and machine.is_active(),
                     "the watchdog")
    assert "watchdog" in machine.run("journalctl", "--unit", SERVICE, "--no-pager").lower()
    followers.check([2])


def test_watchdog_is_answered(machine):
    """A daemon that is well lives longer than its watchdog, also when it has nothing to do."""
    machine.write(f"{RUNTIME_DROP_IN}/watchdog.conf", "[Service]\nWatchdogSec=1s\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    before = machine.show(SERVICE, "MainPID", "WatchdogTimestampMonotonic")

    def answered():
        now = machine.show(SERVICE, "MainPID", "WatchdogTimestampMonotonic")
        assert now["MainPID"] == before["MainPID"]
        return int(now["WatchdogTimestampMonotonic"]) > \
            int(before["WatchdogTimestampMonotonic"]) + 3_000_000

    machine.wait_for(answered, "answers to the watchdog")


def test_stop_and_restart_with_subscribers(machine):
    followers = Followers(machine)
    for _round in range(3):
        machine.run("systemctl", "restart", SERVICE)
    # Both subscribers ask for it again, and it is started for them, perhaps even before it is stopped.
    machine.run("systemctl", "stop", SERVICE, check=False)
    machine.wait_for(machine.is_active, "activation by the subscribers")
    followers.check(range(2, 7))


def test_command_works_over_restarts(machine):
    """Table questions are answered all the while: from the table, or without a daemon."""
    machine.ip("link add r0 type veth peer name r1")
    loop = machine.start("sh", "-c", "n=0; while [ ! -e /run/enough ]; do n=$((n + 1)); "
                         "ifroster zone r0 >/dev/null || { echo failed $n; exit 1; }; done; echo $n",
                         user=NOBODY)
    for _round in range(4):
        machine.run("systemctl", "restart", SERVICE)
        kill_and_wait(machine)
    machine.run("touch", "/run/enough")
    out, err = loop.communicate(timeout=30)
    machine.run("rm", "/run/enough")
    machine.ip("link delete r0")
    assert loop.returncode == 0 and int(out) > 10, (out, err)


def test_bus_restart(machine):
    """The bus goes and comes; the daemon stays, and is back on it."""
    pid = machine.main_pid()
    machine.run("systemctl", "restart", "dbus.service")

    def back():
        result = machine.result("busctl", "call", "org.ifroster1", "/org/ifroster1",
                                "org.ifroster1.Manager", "GetLinkByName", "s", "lo")
        return result.returncode == 0

    machine.wait_for(back, "the daemon on the new bus")
    assert machine.main_pid() == pid and machine.show(SERVICE, "NRestarts") == "0"
    assert machine.varlink("GetState")["State"] == "ready"


def test_without_a_bus(machine):
    """Varlink is served while the bus is stopped, and the daemon comes back to it by itself."""
    pid = machine.main_pid()
    machine.run("systemctl", "stop", "dbus.socket", "dbus.service")
    assert machine.varlink("GetLinkByName", Name="lo")["Index"] == 1
    machine.run("systemctl", "start", "dbus.socket")
    machine.wait_for(machine.has_owner, "the name on the bus")
    assert machine.main_pid() == pid


def test_reload(machine):
    """A reload reads everything again, tells so, and is told to have ended."""
    pid, resyncs = machine.main_pid(), machine.bus_property("Resyncs")
    followers = Followers(machine, churn=False)
    machine.run("systemctl", "reload", SERVICE)
    machine.wait_for(lambda: machine.show(SERVICE, "SubState") == "running", "the end of the reload")
    machine.wait_for(lambda: machine.bus_property("Resyncs") == resyncs + 1, "the resync")
    assert machine.main_pid() == pid and machine.bus_property("State") == "ready"
    followers.check([1])


def test_reload_that_waits(machine):
    """Where systemd knows Type=notify-reload, "systemctl reload" returns when everything is read."""
    version = int(machine.run("systemctl", "--version").split()[1])
    if version < 253:
        raise tap.Skip(f"systemd {version} does not know Type=notify-reload")
    machine.write(f"{RUNTIME_DROP_IN}/reload.conf",
                  "[Service]\nType=notify-reload\nExecReload=\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    pid = machine.main_pid()
    machine.wait_for(machine.has_owner, "the name on the bus")
    for resyncs in range(1, 4):
        machine.run("systemctl", "reload", SERVICE)
        assert machine.bus_property("Resyncs") == resyncs
    assert machine.main_pid() == pid and machine.show(SERVICE, "SubState") == "running"


# A network namespace --------------------------------------------------------------------------------


def test_template_for_a_namespace(machine):
    machine.ip("netns add red")
    try:
        machine.ip("link add here type veth peer name there netns red")
        machine.ip("-n red link set lo up")
        machine.ip("-n red link set there up")
        machine.ip("-n red address add 192.0.2.1/24 dev there")
        machine.run("systemctl", "start", "ifrosterd@red.service")
        path = "/run/ifroster/red/org.ifroster"
        links = machine.varlink("ListLinks", path=path, user=NOBODY)["Links"]
        assert {link["Name"] for link in links} == {"lo", "there"}, links
        assert machine.varlink("LookupAddress", path=path, Address="192.0.2.1")["Type"] == "unicast"
        # The one of this namespace knows nothing of it, and both have their own table.
        assert machine.varlink("LookupAddress", Address="192.0.2.1")["Type"] == "none"
        assert "there" not in machine.run("ifroster", "list")
        assert "there" in machine.run("ifroster", "list", f"--connect={path}", user=NOBODY)
        assert machine.exists("/run/ifroster/red/table")
        machine.ip("-n red link add more type veth peer name moreover")
        links = machine.varlink("ListLinks", path=path)["Links"]
        assert "more" in {link["Name"] for link in links}, links
        identity = machine.varlink("GetState", path=path)["NamespaceId"]
        assert identity == int(machine.run("stat", "-c", "%i", "/run/netns/red"))

        before = machine.main_pid("ifrosterd@red.service")
        machine.run("kill", "-KILL", str(before))
        machine.wait_for(lambda: machine.main_pid("ifrosterd@red.service") not in (0, before)
                         and machine.is_active("ifrosterd@red.service"), "another daemon")
        machine.run("systemctl", "reload", "ifrosterd@red.service")

        boxed = run_probe(machine, "ifrosterd@red.service")
        assert not escapes(boxed), (escapes(boxed), boxed)
        machine.run("systemctl", "restart", SERVICE)
        assert machine.varlink("GetState", path=path)["State"] == "ready"

        machine.run("systemctl", "stop", "ifrosterd@red.service")
        assert not machine.exists("/run/ifroster/red")
        assert machine.varlink("GetState")["State"] == "ready"
    finally:
        machine.run("systemctl", "stop", "ifrosterd@red.service")
        machine.ip("netns delete red")


def test_template_without_its_namespace(machine):
    result = machine.result("systemctl", "start", "ifrosterd@blue.service")
    assert result.returncode != 0 and not machine.exists("/run/ifroster/blue"), result
    assert machine.show("ifrosterd@blue.service", "AssertResult") == "no"


# Others on the same machine -------------------------------------------------------------------------


def make_links(machine):
    """Links in various states; they are deleted with the first of each pair and with the bridge."""
    machine.write("/proc/sys/net/ipv6/conf/default/accept_dad", "0")
    for line in ("link add n1 type veth peer name n2", "link add n3 type veth peer name n4",
                 "link add n5 type veth peer name n6", "link add br0 type bridge",
                 "link set n5 master br0", "link set br0 up", "link set n5 up", "link set n6 up",
                 "link set n1 up", "link set n2 up", "link set n3 up",
                 "address add 192.0.2.1/24 dev n1", "address add 2001:db8::1/64 dev n1",
                 "address add 169.254.1.1/16 dev n2 scope link",
                 "address add 192.0.2.130/26 broadcast + dev br0",
                 "link property add dev n1 altname another-name"):
        machine.ip(line)


def remove_links(machine):
    for name in ("n1", "n3", "n5", "br0"):
        machine.run("ip", "link", "delete", name, check=False)


STATES = ["OperationalState", "CarrierState", "AddressState", "IPv4AddressState", "IPv6AddressState"]


def test_agrees_with_networkd(machine):
    """Names, indexes, states and addresses of every link, and the machine's own states."""
    if not machine.exists("/usr/lib/systemd/systemd-networkd") \
            and not machine.exists("/lib/systemd/systemd-networkd"):
        raise tap.Skip("systemd-networkd is not installed in this root")
    network = {"name": "org.freedesktop.network1", "path": "/org/freedesktop/network1",
               "interface": "org.freedesktop.network1.Manager"}
    make_links(machine)
    try:
        # It watches all of them and manages none.
        machine.write("/etc/systemd/network/10-all.network",
                      "[Match]\nName=*\n[Link]\nUnmanaged=yes\n")
        machine.run("systemctl", "start", "systemd-networkd.service")

        def facts(**service):
            links = {index: name for index, name, _path in machine.bus_call("ListLinks", **service)[0]}
            found = {"links": links}
            for index in links:
                text = machine.bus_call("DescribeLink", "i", str(index), **service)[0]
                record = json.loads(text)
                found[index] = {name: record.get(name) for name in
                                [*STATES, "Name", "Kind", "MTU", "Flags", "KernelOperationalState",
                                 "HardwareAddress"]}
                found[index]["AlternativeNames"] = sorted(record.get("AlternativeNames", []))
                found[index]["Addresses"] = sorted(
                    (a["Family"], tuple(a["Address"]), a["PrefixLength"])
                    for a in record["Addresses"]) if "Addresses" in record else None
            found["machine"] = {name: machine.bus_property(
                name, service.get("name", "org.ifroster1"), service.get("path", "/org/ifroster1"),
                service.get("interface", "org.ifroster1.Manager")) for name in STATES}
            return found

        def differences():
            ours, theirs = facts(), facts(**network)
            found = []
            for key in sorted(ours.keys() | theirs.keys(), key=str):
                mine, other = ours.get(key), theirs.get(key)
                if key in ("links", "machine") or mine is None or other is None:
                    found += [] if mine == other else [f"{key}: {mine}, networkd {other}"]
                    continue
                # Only what this version of networkd says at all
                found += [f"{mine['Name']}: {name}: {mine[name]!r}, networkd {other[name]!r}"
                          for name in mine if other[name] is not None and mine[name] != other[name]]
            return found

        last = []

        def agree():
            last[:] = differences()
            return not last

        try:
            # networkd looks at links after it has started, one by one.
            machine.wait_for(agree, "agreement with networkd", 20)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *last])) from None
        described = json.loads(machine.bus_call("DescribeLink", "i", "1", **network)[0])
        tap.diagnose("networkd describes: " + ", ".join(sorted(described)))
        assert machine.bus_call("GetLinkByName", "s", "another-name")[0] == \
            machine.bus_call("GetLinkByName", "s", "another-name", **network)[0]
    finally:
        machine.run("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd.service",
                    check=False)
        machine.run("rm", "-f", "/etc/systemd/network/10-all.network")
        remove_links(machine)


def test_agrees_with_network_manager(machine):
    """Names, indexes and addresses of every link that NetworkManager shows."""
    if not machine.has("NetworkManager"):
        raise tap.Skip("NetworkManager is not installed in this root")
    make_links(machine)
    try:
        machine.write("/etc/NetworkManager/conf.d/test.conf",
                      "[main]\nplugins=\nno-auto-default=*\ndns=none\nrc-manager=unmanaged\n"
                      "[keyfile]\nunmanaged-devices=*\n")
        machine.run("systemctl", "start", "NetworkManager.service")

        def differences():
            ours = json.loads(machine.bus_call("Describe")[0])["Links"]
            output = machine.run("nmcli", "--terse", "--escape", "no", "--fields",
                                 "GENERAL.DEVICE,GENERAL.MTU,GENERAL.HWADDR,IP4.ADDRESS,IP6.ADDRESS",
                                 "device", "show")
            theirs = {}
            for block in output.strip().split("\n\n"):
                fields = [line.split(":", 1) for line in block.splitlines()]
                values = dict(fields)
                addresses = sorted(value for name, value in fields
                                   if name.startswith(("IP4.ADDRESS", "IP6.ADDRESS")))
                theirs[values["GENERAL.DEVICE"]] = (values["GENERAL.MTU"], addresses)
            mine = {link["Name"]: (str(link["MTU"]), sorted(
                f"{a['AddressString']}/{a['PrefixLength']}" for a in link["Addresses"]))
                    for link in ours}
            return [f"{name}: {mine.get(name)}, NetworkManager {theirs.get(name)}"
                    for name in sorted(mine.keys() | theirs.keys())
                    if mine.get(name) != theirs.get(name)]

        last = []

        def agree():
            last[:] = differences()
            return not last

        try:
            machine.wait_for(agree, "agreement with NetworkManager", 20)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *last])) from None
    finally:
        machine.run("systemctl", "stop", "NetworkManager.service", check=False)
        remove_links(machine)


def test_varlinkctl(machine):
    """systemd's own Varlink client understands us."""
    if not machine.has("varlinkctl"):
        raise tap.Skip("this systemd has no varlinkctl")
    info = machine.run("varlinkctl", "info", SOCKET_PATH, user=NOBODY)
    assert "org.ifroster" in info and "org.varlink.service" in info, info
    text = machine.run("varlinkctl", "introspect", SOCKET_PATH, "org.ifroster", user=NOBODY)
    assert "method Subscribe(" in text and "error NoSuchLink" in text, text
    machine.run("varlinkctl", "introspect", SOCKET_PATH, "org.varlink.service", user=NOBODY)
    text = machine.run("varlinkctl", "--json=short", "call", SOCKET_PATH, "org.ifroster.GetLink",
                       '{"Name":"lo"}', user=NOBODY)
    assert json.loads(text)["Link"]["Index"] == 1, text
    result = machine.result("varlinkctl", "call", SOCKET_PATH, "org.ifroster.GetLink",
                            '{"Name":"none"}')
    assert result.returncode != 0 and "NoSuchLink" in result.stderr + result.stdout, result
    # It never ends by itself: what it prints is looked at until the table is complete.
    program = machine.start("varlinkctl", "--json=short", "--more", "call", SOCKET_PATH,
                            "org.ifroster.Subscribe", "{}")
    try:
        events = []
        for line in program.stdout:
            reply = json.loads(line.lstrip("\x1e"))
            events += reply.get("Events", [])
            if reply.get("Ready"):
                break
        assert any(event["Name"] == "lo" for event in events), events
        machine.ip("link add v0 type veth peer name v1")
        reply = json.loads(program.stdout.readline().lstrip("\x1e"))
        assert {"v0", "v1"} & {event["Name"] for event in reply["Events"]}, reply
    finally:
        program.kill()
        program.communicate(timeout=60)
        machine.run("ip", "link", "delete", "v0", check=False)


def test_python_varlink(machine):
    """The reference implementation in Python understands us."""
    if machine.result("/usr/bin/python3", "-c", "import varlink").returncode != 0:
        raise tap.Skip("python3-varlink is not installed in this root")
    text = machine.python(
        "import json, varlink\n"
        "client = varlink.Client.new_with_address('unix:/run/ifroster/org.ifroster')\n"
        "with client, client.open('org.ifroster') as c:\n"
        "    link = c.GetLink(Name='lo')['Link']\n"
        "    try:\n"
        "        c.GetLinkByName('none')\n"
        "        error = None\n"
        "    except varlink.VarlinkError as e:\n"
        "        error = e.error()\n"
        "    first = next(iter(c.Subscribe(_more=True)))\n"
        "print(json.dumps([link['Name'], error, first['Generation']]))\n", user=NOBODY)
    name, error, generation = json.loads(text)
    assert name == "lo" and error == "org.ifroster.NoSuchLink" and generation >= 1, text


# The end ------------------------------------------------------------------------------------------


def test_uninstalling_leaves_nothing(machine):
    """What a package does before it is removed, and then its files: nothing of us is left but the user."""
    machine.run("systemctl", "disable", "--now", SERVICE, SOCKET)
    for path in installed_files(machine.tree):
        machine.run("rm", "-f", path)
        machine.run("rmdir", "--parents", "--ignore-fail-on-non-empty", os.path.dirname(path),
                    check=False)
    machine.run("rm", "-rf", TESTS, "/usr/lib/ifroster-probe", "/run/systemd/system/probe.service")
    machine.run("systemctl", "disable", "early-client.service")
    machine.run("rm", "-f", "/etc/systemd/system/early-client.service")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "reset-failed")
    left = machine.run("find", "/", "-xdev", "-name", "*ifroster*", "-newer", "/etc/machine-id",
                       "-not", "-path", "/proc/*", "-not", "-path", "/sys/*").split()
    assert not left, left
    for place in ("/run", "/tmp", "/dev/shm", "/var/tmp"):
        left = machine.run("find", place, "-name", "*ifroster*", "-not", "-path",
                           "/run/systemd/*").split()
        # The roots of the tests themselves, when this is booted from where they are kept
        left = [path for path in left if not path.startswith(str(roots.directory()))]
        assert not left, left
    units = machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend",
                        "--type=service,socket", "*ifroster*")
    assert not units.strip(), units
    assert not machine.run("ps", "-u", "ifroster", "-o", "pid=", check=False).strip()
    result = machine.result("busctl", "call", "org.ifroster1", "/org/ifroster1",
                            "org.ifroster1.Manager", "ListLinks")
    assert result.returncode != 0


# The world ----------------------------------------------------------------------------------------


def installed_files(tree):
    """What "meson install" has put there, as absolute paths."""
    base = pathlib.Path(tree)
    return ["/" + str(path.relative_to(base)) for path in base.rglob("*")
            if (path.is_symlink() or path.is_file())
            and not str(path.relative_to(base)).startswith(("opt/", "usr/lib/ifroster-probe"))]


def make_tree(build, directory):
    """What is put over the root: the installation, and the programs that run inside."""
    result = subprocess.run(["meson", "install", "--no-rebuild", "--destdir", directory], cwd=build,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    base = pathlib.Path(directory)
    tests = base / TESTS.lstrip("/") / "tests"
    for part in ("integration", "system"):
        shutil.copytree(SOURCE / "tests" / part, tests / part)
    (tests.parent / "daemon").mkdir()
    shutil.copy(SOURCE / "daemon" / "org.ifroster.varlink", tests.parent / "daemon")
    shutil.copy(HERE / "early-client.service", tests.parent)
    (base / "usr/lib").mkdir(parents=True, exist_ok=True)
    shutil.copy(os.environ["IFROSTER_PROBE"], base / "usr/lib/ifroster-probe")
    os.chmod(base, 0o755)


def main():
    functions = tap.subtests(sys.modules[__name__])
    if "--list" in sys.argv:
        print("\n".join(function.__name__ for function in functions))
        return
    build, root, bus, *names = sys.argv[1:]
    if names:
        functions = [function for function in functions if function.__name__ in names]
    try:
        check_can_boot()
        place = {"host": roots.host, "trixie": roots.trixie}[root]()
        if not shutil.which(f"{bus}-launch" if bus == "dbus-broker" else bus,
                            path="/usr/bin:/bin" if root == "host" else f"{place}/usr/bin"):
            raise CannotBoot(f"{bus} is not installed")
    except CannotBoot as reason:
        tap.skip_all(str(reason))
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    tree = tempfile.mkdtemp(prefix="tree.")
    try:
        make_tree(build, tree)
        begun = time.monotonic()
        with Machine(place, bus, tree) as machine:
            tap.diagnose(f"booted {root} with {bus} in {time.monotonic() - begun:.1f} s")

            def prepared(function):
                def subtest(machine):
                    if function not in (test_boot, test_varlink_before_the_bus):
                        running(machine)
                    function(machine)
                subtest.__name__ = function.__name__
                return subtest

            tap.run([prepared(function) for function in functions], (machine,),
                    lambda: tap.diagnose("\n".join(journal(machine).splitlines()[-40:])))
    finally:
        shutil.rmtree(tree, ignore_errors=True)


if __name__ == "__main__":
    main()

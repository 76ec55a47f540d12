#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of Varlink that others wrote: varlinkctl of systemd 257 and python3-varlink, both from a
Debian 13 root, and the generator of varlink-go where it is installed. The daemon runs outside of that
root, in a network namespace; the clients see its socket.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

# pylint: disable=wrong-import-position
import fixture  # noqa: E402
import namespace  # noqa: E402
import root  # noqa: E402
from machine import CannotBoot  # noqa: E402
from varlinkclient import INTERFACE_FILE, ROSTER, Interface, check_event  # noqa: E402

ADDRESS = "/run/ifroster/org.ifroster"
TRIXIE = None

PYTHON = r"""
import json, sys, varlink

with varlink.Client("unix:/run/ifroster/org.ifroster") as client:
    info = client.get_interfaces()
    with client.open("org.ifroster") as roster:
        links = roster.ListLinks()["Links"]
        link = roster.GetLink(Name="v0")["Link"]
        try:
            roster.GetLinkByName("nosuch")
            error = None
        except varlink.VarlinkError as e:
            error = [e.error(), e.parameters()["Subject"]]
        everything = roster.Describe()
    with client.open("org.ifroster") as roster:
        told = []
        for reply in roster.Subscribe(["v0"], ["link", "address"], _more=True):
            told.append(reply)
            if reply.get("Ready"):
                print(json.dumps([sorted(info), links, link, error, everything, told]), flush=True)
            elif reply["Events"][0]["Event"] == "changed":
                print(json.dumps(reply), flush=True)
                break
"""


@contextlib.contextmanager
def clients():
    """The root with the daemon's socket in it. Yields what a command must begin with."""
    mounted = []
    try:
        for options, place in ((["--rbind", "/run"], "run"), (["-t", "proc", "proc"], "proc")):
            subprocess.run(["mount", *options, f"{TRIXIE}/{place}"], check=True)
            mounted.append(place)
        yield ["chroot", TRIXIE]
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", "--lazy", f"{TRIXIE}/{place}"], check=True)


def run(command, status=0):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, timeout=60)
    assert (result.returncode == 0) == (status == 0), \
        f"{command}: {result.returncode}: {result.stdout}{result.stderr}"
    return result.stdout + (result.stderr if status else "")


def world(t):
    t.ip("link set lo up")
    t.ip("link add v0 type veth peer name v1")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("route add default via 192.0.2.254")
    t.start_daemon()


CALLS = {
    "Describe": {},
    "DescribeLink": {"Index": 1},
    "FindLink": {"Text": "192.0.2.1"},
    "FormatAddress": {"Family": 2, "Address": [192, 0, 2, 1]},
    "GetCounters": {},
    "GetLink": {"Name": "v0"},
    "GetLinkByIndex": {"Index": 1},
    "GetLinkByName": {"Name": "v0"},
    "GetLinkForAddress": {"Address": "203.0.113.1"},
    "GetPrimaryAddress": {"Family": 2},
    "GetState": {},
    "GetStatistics": {"Index": 1},
    "ListAddresses": {},
    "ListDefaultRoutes": {},
    "ListGroups": {"Family": 2},
    "ListLinks": {},
    "ListLocal": {"View": "derived"},
    "ListProxies": {},
    "LookupAddress": {"Address": "192.0.2.255"},
    "ParseAddress": {"Text": "fe80::1%v0"},
    "ResolveZone": {"Zone": "v0"},
    "SelectSource": {"Destination": "192.0.2.9", "Mode": "model"},
    "Sync": {},
}


def test_varlinkctl_describes(t):
    world(t)
    with clients() as inside:
        info = run([*inside, "varlinkctl", "info", ADDRESS])
        for word in ("ifrosterd", "org.ifroster", "org.varlink.service"):
            assert word in info, info
        assert run([*inside, "varlinkctl", "list-interfaces", ADDRESS]).split() == \
            ["org.ifroster", "org.varlink.service"]
        told = Interface(run([*inside, "varlinkctl", "introspect", ADDRESS, "org.ifroster"]))
        assert (told.methods, told.types, told.errors) == (ROSTER.methods, ROSTER.types, ROSTER.errors)
        service = Interface(run([*inside, "varlinkctl", "introspect", ADDRESS, "org.varlink.service"]))
        assert set(service.methods) == {"GetInfo", "GetInterfaceDescription"}, service.methods
        shutil.copy(INTERFACE_FILE, "/run/text.varlink")
        run([*inside, "varlinkctl", "validate-idl", "/run/text.varlink"])


def test_varlinkctl_calls(t):
    world(t)
    assert CALLS.keys() | {"Subscribe"} == ROSTER.methods.keys()
    with clients() as inside:
        call = [*inside, "varlinkctl", "-j", "call", ADDRESS]
        for method, parameters in CALLS.items():
            text = run([*call, f"org.ifroster.{method}", json.dumps(parameters)])
            found = ROSTER.check(ROSTER.methods[method][1], json.loads(text))
            assert not found, (method, found)
        text = run([*call, "org.ifroster.GetLinkByName", '{"Name":"nosuch"}'], status=1)
        assert "org.ifroster.NoSuchLink" in text, text
        text = run([*call, "org.ifroster.Subscribe", "{}"], status=1)
        assert "ExpectedMore" in text, text
        run([*inside, "varlinkctl", "--oneway", "call", ADDRESS, "org.ifroster.Sync", "{}"])


def test_varlinkctl_subscribes(t):
    world(t)
    with clients() as inside:
        follower = subprocess.Popen(
            [*inside, "varlinkctl", "-j", "--more", "--timeout=infinity", "call", ADDRESS,
             "org.ifroster.Subscribe", '{"Objects":["link"]}'],
            stdout=subprocess.PIPE, preexec_fn=namespace.die_with_parent)
        try:
            def reply():
                line = follower.stdout.readline()
                assert line, "the end"
                told = json.loads(line.lstrip(b"\x1e"))
                found = [one for event in told.get("Events", []) for one in check_event(event)]
                assert not found, found
                return told

            while not (told := reply()).get("Ready"):
                assert {event["Event"] for event in told["Events"]} == {"existing"}, told
            t.ip("link set v0 alias hello")
            while (event := reply()["Events"][0]).get("Alias") != "hello":
                pass
            assert event["Event"] == "changed" and event["Name"] == "v0", event
        finally:
            follower.kill()
            follower.wait()
            follower.stdout.close()


def test_python_varlink(t):
    world(t)
    with clients() as inside:
        client = subprocess.Popen([*inside, "python3", "-c", PYTHON], stdout=subprocess.PIPE,
                                  preexec_fn=namespace.die_with_parent)
        try:
            text = client.stdout.readline()
            assert text, "it ended without a word"
            info, links, link, error, everything, told = json.loads(text)
            assert info == ["org.ifroster", "org.varlink.service"], info
            assert [one["Name"] for one in links] == [one["Name"] for one in everything["Links"]]
            assert not ROSTER.check(("name", "Link"), link) and link["Name"] == "v0"
            assert error == ["org.ifroster.NoSuchLink", "nosuch"], error
            assert told[-1]["Ready"] and told[0]["Events"][0]["Name"] == "v0", told
            t.ip("link set v0 alias hello")
            event = json.loads(client.stdout.readline())["Events"][0]
            assert event["Name"] == "v0", event
            assert client.wait(20) == 0
        finally:
            client.kill()
            client.wait()
            client.stdout.close()


def test_varlink_go_reads_the_text(_t):
    program = shutil.which("varlink-go-interface-generator")
    if not program:
        raise fixture.Skip("varlink-go-interface-generator (Debian: varlink-go) is not installed")
    with tempfile.TemporaryDirectory() as directory:
        # Version 0.4.0 knows no parameters whose names begin with a capital, which others have too.
        with open(os.path.join(directory, "capital.varlink"), "w", encoding="ascii") as file:
            file.write("interface a.b\n\nmethod A(X: int) -> ()\n")
        if subprocess.run([program, "capital.varlink"], cwd=directory, stderr=subprocess.DEVNULL,
                          timeout=60).returncode != 0:
            raise fixture.Skip("this varlink-go does not read names that begin with a capital")
        shutil.copy(INTERFACE_FILE, directory)
        subprocess.run([program, "org.ifroster.varlink"], cwd=directory, check=True, timeout=60)
        made = [name for name in os.listdir(directory) if name.endswith(".go")]
        assert made, "nothing was generated"
        with open(os.path.join(directory, made[0]), encoding="utf-8") as file:
            text = file.read()
        missing = [method for method in ROSTER.methods if f"{method}_methods" not in text]
        assert not missing, missing


# Before the namespaces: making the root needs the network.
try:
    TRIXIE = root.trixie()
except CannotBoot as error:
    fixture.skip_all(str(error))
fixture.main(__name__)

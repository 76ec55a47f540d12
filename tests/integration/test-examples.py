#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of the documentation do what they say: without a daemon, and beside one."""

import json
import os
import subprocess

import fixture
import oracle

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "examples")


def run(*command, status=0):
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == status, (command, result)
    return result.stdout


def look(t):
    t.ip("link add v0 type veth peer name v1")
    t.ip("link property add dev v0 altname uplink")
    t.ip("link set v0 up")
    t.ip("address add 192.0.2.1/24 dev v0")
    index = oracle.ip_json("link", "show", "v0")[0]["ifindex"]
    t.wait_for(lambda: f"{index}: v0\n    192.0.2.1/24\n" in run(os.environ["EXAMPLE"]),
               what="the address in the example's list")
    assert run(os.environ["EXAMPLE"], "uplink", "30") == f"uplink is link {index}\n"
    assert run(os.environ["EXAMPLE"], "nothing", "0.1", status=1) == ""


def look_from_python(t):
    if os.environ.get("SANITIZED"):
        return  # Python itself would have to be instrumented
    python = os.path.join(EXAMPLES, "example.py")
    index = oracle.ip_json("link", "show", "v0")[0]["ifindex"]
    assert run("/usr/bin/python3", python, "uplink") == f"{index}\n"
    assert "192.0.2.1/24" in json.loads(run("/usr/bin/python3", python))["v0"]
    run("/usr/bin/python3", python, "nothing", status=1)


def test_without_a_daemon(t):
    look(t)
    look_from_python(t)


def test_beside_a_daemon(t):
    t.start()
    look(t)
    look_from_python(t)


fixture.main(__name__)

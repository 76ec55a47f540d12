#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-units.py UNITS SYSUSERS POLICY ACTIVATION: what systemd and XML tools say of the installed
files, without installing them. UNITS is the directory in the build that has all of them but the
socket, which is in the source; IFROSTERD is the daemon just built, for systemd looks whether what a
unit starts is there.
"""

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import tap

# What "systemd-analyze security" calls exposure, times ten.
EXPOSURE_MAX = 10
SERVICES = ["ifrosterd.service", "ifrosterd@.service"]


class Units:
    """The units in a directory of their own, made to start the program in the build tree."""

    def __init__(self, sources, daemon):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="units."))
        for source in sources:
            text = re.sub(r"^(ExecStart=)\S+/ifrosterd", rf"\1{daemon}",
                          source.read_text(), flags=re.MULTILINE)
            (self.directory / source.name).write_text(text)

    def text(self, name):
        return (self.directory / name).read_text()

    def write(self, name, text):
        (self.directory / name).write_text(text)

    def analyze(self, *arguments):
        environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{self.directory}:", "NO_COLOR": "1",
                       "SYSTEMD_PAGER": ""}
        return subprocess.run(["systemd-analyze", *arguments], text=True, env=environment,
                              cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def verify(self):
        names = [str(path) for path in sorted(self.directory.iterdir())]
        # A template is checked as an instance of it.
        names = [name.replace("@.", "@red.") for name in names]
        # Only what concerns ours: this machine's own units may have mistakes.
        result = self.analyze("verify", "--man=no", "--recursive-errors=no", *names)
        ours = [line for line in result.stdout.splitlines() if "ifroster" in line]
        return result.returncode, ours

    def exposure(self, name):
        result = self.analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}",
                              str(self.directory / name))
        return result.returncode, result.stdout

    def close(self):
        shutil.rmtree(self.directory)


def test_units_have_no_mistake(units, _files):
    status, lines = units.verify()
    assert status == 0 and not lines, lines


def test_a_mistake_would_be_seen(units, _files):
    good = units.text("ifrosterd.service")
    units.write("ifrosterd.service", good.replace("WatchdogSec=3min", "WatchdogSek=3min"))
    try:
        _status, lines = units.verify()
    finally:
        units.write("ifrosterd.service", good)
    assert any("WatchdogSek" in line for line in lines), lines


def test_exposure_is_at_most_one(units, _files):
    for name in SERVICES:
        status, text = units.exposure(name)
        assert status == 0, text
        assert re.search(r"Overall exposure level for ifrosterd\S*: [01]\.\d ", text), text


def test_a_capability_would_be_seen(units, _files):
    good = units.text("ifrosterd.service")
    units.write("ifrosterd.service",
                good.replace("CapabilityBoundingSet=\n", "CapabilityBoundingSet=CAP_NET_ADMIN\n")
                    .replace("PrivateDevices=yes\n", ""))
    try:
        status, _text = units.exposure("ifrosterd.service")
    finally:
        units.write("ifrosterd.service", good)
    assert status != 0


def test_both_services_have_the_same_sandbox(units, _files):
    def sandbox(name):
        return units.text(name).partition("# No capability")[2].partition("[Install]")[0]

    assert sandbox(SERVICES[0]) and sandbox(SERVICES[0]) == sandbox(SERVICES[1])
    assert "@" not in sandbox(SERVICES[0]).replace("@system-service", "") \
        .replace("@privileged", "").replace("@resources", "")


def test_paths_are_those_that_clients_know(units, _files):
    socket = units.text("ifrosterd-varlink.socket")
    assert "ListenStream=/run/ifroster/org.ifroster\n" in socket
    assert "SocketMode=0666\n" in socket and "DirectoryMode=0755\n" in socket
    template = units.text("ifrosterd@.service")
    for option in ("--bus=none", "--varlink=/run/ifroster/%i/org.ifroster",
                   "--table=/run/ifroster/%i/table"):
        assert f" {option}" in template, option


def test_sysusers_makes_the_user(_units, files):
    with tempfile.TemporaryDirectory(prefix="root.") as root:
        (pathlib.Path(root) / "etc").mkdir()
        directory = pathlib.Path(root) / "usr/lib/sysusers.d"
        directory.mkdir(parents=True)
        shutil.copy(files["sysusers"], directory / "ifroster.conf")
        subprocess.run(["systemd-sysusers", f"--root={root}", "ifroster.conf"], check=True)
        lines = (pathlib.Path(root) / "etc" / "passwd").read_text().splitlines()
    users = [line.split(":") for line in lines]
    ours = [user for user in users if user[0] == "ifroster"]
    assert len(ours) == 1, lines
    assert 0 < int(ours[0][2]) < 1000 and ours[0][6].endswith("nologin"), ours


def test_policy_is_well_formed_and_narrow(_units, files):
    root = xml.etree.ElementTree.parse(files["policy"]).getroot()
    assert root.tag == "busconfig"
    owners = [(policy.attrib, rule.attrib) for policy in root for rule in policy
              if rule.tag == "allow" and "own" in rule.attrib]
    assert owners == [({"user": "ifroster"}, {"own": "org.ifroster1"})], owners


def test_policy_is_taken_by_dbus_daemon(_units, files):
    """dbus-daemon reads it without a complaint when the user is known."""
    if not shutil.which("dbus-daemon"):
        raise tap.Skip("dbus-daemon is not installed")
    with tempfile.TemporaryDirectory(prefix="bus.") as directory:
        text = pathlib.Path(files["policy"]).read_text()
        policy = pathlib.Path(directory) / "policy.conf"
        policy.write_text(text.replace('user="ifroster"', 'user="root"'))
        configuration = pathlib.Path(directory) / "bus.conf"
        configuration.write_text(
            '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
            '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">'
            f"<busconfig><listen>unix:path={directory}/bus</listen>"
            f"<include>{policy}</include></busconfig>")
        readable, writable = os.pipe()
        with subprocess.Popen(["dbus-daemon", f"--config-file={configuration}", "--nofork",
                               "--nopidfile", "--nosyslog", f"--print-address={writable}"],
                              pass_fds=(writable,), stderr=subprocess.PIPE, text=True) as bus:
            os.close(writable)
            with open(readable, encoding="ascii") as pipe:
                address = pipe.readline()
            bus.terminate()
            _out, errors = bus.communicate()
    # Who may not raise limits is told so, which is no fault of the policy.
    errors = [line for line in errors.splitlines() if "fd limit" not in line]
    assert address and not errors, errors


def test_activation_names_the_unit(units, files):
    parser = configparser.ConfigParser()
    parser.optionxform = str
    parser.read(files["activation"])
    section = parser["D-BUS Service"]
    assert section["Name"] == "org.ifroster1"
    assert section["SystemdService"] in SERVICES
    assert f"BusName={section['Name']}\n" in units.text(section["SystemdService"])


def main():
    for program in ("systemd-analyze", "systemd-sysusers"):
        if not shutil.which(program):
            tap.skip_all(f"{program} is not installed")
    services, files = sys.argv[1], dict(zip(("socket", "sysusers", "policy", "activation"),
                                            sys.argv[2:]))
    sources = [pathlib.Path(services) / name for name in SERVICES] + [pathlib.Path(files["socket"])]
    units = Units(sources, os.environ["IFROSTERD"])
    try:
        tap.run(tap.subtests(sys.modules[__name__]), (units, files))
    finally:
        units.close()


if __name__ == "__main__":
    main()

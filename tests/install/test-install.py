#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-install.py BUILD EXPECTED NAME=DIRECTORY...: that "meson install" puts each file in its place
and no other, and that uninstalling leaves nothing.

EXPECTED is a list of paths, one a line, in which {NAME} stands for a directory of the configuration.
It is written by hand: a new file is installed when somebody says here that it should be.
"""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import tap

# Meson notes there what it has installed; what somebody has really installed from this build must
# still be known afterwards.
LOG = "meson-logs/install-log.txt"


class Install:
    def __init__(self, build, expected, directories):
        self.build = pathlib.Path(build)
        self.expected = expected
        self.directories = directories
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="install."))
        self.meson = shutil.which("meson")
        self.kept_log = self.read_log()

    def read_log(self):
        try:
            return (self.build / LOG).read_bytes()
        except FileNotFoundError:
            return None

    def run(self, *arguments, environment=None):
        result = subprocess.run([self.meson, *arguments], cwd=self.build, text=True,
                                env={**os.environ, **(environment or {})},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def found(self):
        """Everything below the root that is not a directory, as absolute paths."""
        return {"/" + str(path.relative_to(self.root)) for path in self.root.rglob("*")
                if path.is_symlink() or not path.is_dir()}

    def wanted(self):
        lines = pathlib.Path(self.expected).read_text().splitlines()
        lines = [line for line in lines if line and not line.startswith("#")]
        paths = set()
        for line in lines:
            condition, _space, path = line.rpartition(" ")
            if condition and not self.directories[condition]:
                continue
            paths.add(path.format(**self.directories))
        return paths

    def close(self):
        log = self.build / LOG
        if self.kept_log is not None:
            log.write_bytes(self.kept_log)
        else:
            log.unlink(missing_ok=True)
        shutil.rmtree(self.root)


def test_install_puts_exactly_the_list(install):
    install.run("install", "--no-rebuild", "--destdir", str(install.root))
    found, wanted = install.found(), install.wanted()
    assert found == wanted, f"missing: {sorted(wanted - found)}; unexpected: {sorted(found - wanted)}"


def test_modes_do_not_depend_on_the_umask(install):
    for path in install.root.rglob("*"):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o444 == 0o444 and mode & 0o022 == 0, f"{path}: {mode:o}"


def test_units_start_what_was_installed(install):
    unit = install.root / install.directories["units"].lstrip("/") / "ifrosterd.service"
    commands = [line.partition("=")[2].split()[0] for line in unit.read_text().splitlines()
                if line.startswith("ExecStart=")]
    assert len(commands) == 1
    assert os.access(install.root / commands[0].lstrip("/"), os.X_OK), commands


def test_uninstall_leaves_nothing(install):
    # What the target "uninstall" does, without a second ninja in the same directory
    install.run("--internal", "uninstall")
    left = sorted(str(path) for path in install.root.rglob("*"))
    assert not left, left


def main():
    if not shutil.which("meson"):
        tap.skip_all("meson is not in the path")
    directories = dict(argument.split("=", 1) for argument in sys.argv[3:])
    # A umask that lets nobody read: installed files must be readable all the same.
    os.umask(0o077)
    install = Install(sys.argv[1], sys.argv[2], directories)
    try:
        tap.run(tap.subtests(sys.modules[__name__]), (install,))
    finally:
        install.close()


if __name__ == "__main__":
    main()

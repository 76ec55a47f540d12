# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file systems that machines are booted from: the one of this machine, and a Debian 13.

The latter is made once, by mmdebstrap, and kept in IFROSTER_ROOTS (/var/tmp/ifroster-roots unless
said otherwise). IFROSTER_NO_DOWNLOAD=1: only when it is there already.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess

from machine import CannotBoot

RELEASE = "trixie"
PACKAGES = ["dbus", "dbus-broker", "iproute2", "libjansson4", "libmnl0", "libnss-systemd",
            "network-manager", "procps", "python3", "python3-jeepney", "python3-varlink", "systemd",
            "systemd-sysv", "util-linux"]
MAKE_SECONDS = 480


def directory():
    return pathlib.Path(os.environ.get("IFROSTER_ROOTS", "/var/tmp/ifroster-roots"))


def host():
    if not os.access("/usr/lib/systemd/systemd", os.X_OK) \
            and not os.access("/lib/systemd/systemd", os.X_OK):
        raise CannotBoot("systemd is not installed")
    return "/"


def trixie():
    """The path of the root; CannotBoot when it cannot be had."""
    place = directory() / RELEASE
    packages = " ".join(PACKAGES)
    stamp = place / "packages.ifroster"
    directory().mkdir(mode=0o755, parents=True, exist_ok=True)
    with open(directory() / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != packages:
            make(place)
            stamp.write_text(packages)
    return str(place)


def make(place):
    if not shutil.which("mmdebstrap"):
        raise CannotBoot("mmdebstrap is not installed, and there is no Debian 13 root yet")
    if os.environ.get("IFROSTER_NO_DOWNLOAD"):
        raise CannotBoot(f"there is no Debian 13 root in {place}, and IFROSTER_NO_DOWNLOAD is set")
    if place.exists():
        shutil.rmtree(place)
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
               RELEASE, str(place)]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=MAKE_SECONDS)
    except subprocess.TimeoutExpired:
        shutil.rmtree(place, ignore_errors=True)
        raise CannotBoot(f"mmdebstrap took longer than {MAKE_SECONDS} s") from None
    if result.returncode != 0:
        shutil.rmtree(place, ignore_errors=True)
        lines = [line for line in result.stdout.splitlines() if line.strip()]
        raise CannotBoot(f"mmdebstrap failed: {lines[-1] if lines else 'without a word'}")

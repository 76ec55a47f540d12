# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts a test into namespaces of its own, so that it can change links at will and needs no root.

The whole program is run again inside new mount and network namespaces (and a user namespace where the
user is not root); each subtest then takes a further, empty network namespace and an empty /run. The
interfaces, the buses and the files of the machine are out of reach from there.
"""

import ctypes
import os
import subprocess
import sys

# Set in the environment of the copy that runs inside
MARK = "IFROSTER_TEST_NAMESPACE"

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


class NotPermitted(Exception):
    """Namespaces cannot be made here; the text says why."""


def enter():
    """Replaces this process by one inside namespaces, unless it is there already."""
    if os.environ.get(MARK) == "1":
        return
    why = []
    for options in (["--mount", "--net"], ["--user", "--map-root-user", "--mount", "--net"]):
        command = ["unshare", *options]
        try:
            # What the tests need there: a /run of their own and links.
            probe = subprocess.run([*command, "sh", "-c", "mount -t tmpfs tmpfs /run && ip link"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError as error:
            raise NotPermitted(f"{error.filename} is not installed") from error
        if probe.returncode == 0:
            os.environ[MARK] = "1"
            sys.stdout.flush()
            os.execvp("unshare", [*command, sys.executable, *sys.argv])
        why.append(" ".join(probe.stderr.split()) or f"exit status {probe.returncode}")
    raise NotPermitted(f"no network namespace: {'; '.join(why)}")


def fresh():
    """Moves to an empty network namespace and an empty /run. Undone by leave()."""
    if _libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)


def leave():
    """Gives the /run of fresh() back, with the namespaces that `ip netns` has bound there."""
    subprocess.run(["umount", "--lazy", "/run"], check=True)


def die_with_parent():
    """For preexec_fn: no child outlives a test that was killed."""
    _libc.prctl(PR_SET_PDEATHSIG, SIGKILL)

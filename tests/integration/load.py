# SPDX-License-Identifier: LGPL-2.1-or-later
"""Work for the kernel: many changes in a row by one process, which iproute2 does from a file."""

import os
import subprocess

import namespace


class Batch:
    """A file of ip commands. run() does them, start() while something else goes on."""

    _number = 0

    def __init__(self, t, lines, *arguments):
        Batch._number += 1
        self._test = t
        self.command = ["ip", *arguments, "-force", "-batch",
                        os.path.join(t.directory, f"batch{Batch._number}")]
        with open(self.command[-1], "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def run(self):
        subprocess.run(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._test.load_ended()

    def start(self):
        """Whoever waits for its end says load_ended()."""
        return subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                preexec_fn=namespace.die_with_parent)


def toggles(device, n, family=4, distinct=50):
    """Adds and deletes addresses in turn; leaves about half of them."""
    lines = []
    for number in range(n):
        place = number * 7 % distinct
        address = f"10.9.{place}.1/24" if family == 4 else f"2001:db8:{place:x}::1/64 nodad"
        action = "add" if number // distinct % 2 == 0 else "del"
        lines.append(f"address {action} {address.split()[0] if action == 'del' else address} "
                     f"dev {device}")
    return lines

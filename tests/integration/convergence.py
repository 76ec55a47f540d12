# SPDX-License-Identifier: LGPL-2.1-or-later
"""How soon after a load the published table is right: measured in this one place for every test.

A load ends when the last command that changed something has returned, when the kernel was seen to have
done what it does by itself, or when a program that stood still may run again. The table is right from
the last publication before it was found to be the kernel's. Finding that out takes long, but does not
count: publications carry the time, or are stamped when they arrive. What the kernel does by itself later
than the end of the load (carrier, duplicate address detection) does count.
"""

import statistics
import time


class Convergence:
    def __init__(self):
        self.seconds = []
        self._end = None
        self._found = None

    def load_ended(self):
        self._keep()
        self._end = time.monotonic()

    def right(self, published):
        """Everything was asked for and is there; until the next load ends, more may follow."""
        if self._end is not None:
            self._found = max(0.0, published - self._end)

    def equal(self, published):
        """What is published was compared, and is what the kernel has."""
        self.right(published)
        self._keep()

    def last(self):
        return self.seconds[-1]

    def _keep(self):
        if self._found is not None:
            self.seconds.append(self._found)
        self._end = self._found = None

    def lines(self, name):
        self._keep()
        if not self.seconds:
            return []
        return [f"converged: {name} median {1000 * statistics.median(self.seconds):.1f} ms, "
                f"worst {1000 * max(self.seconds):.1f} ms of {len(self.seconds)}"]

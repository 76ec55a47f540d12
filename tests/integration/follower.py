# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the program `follow`: the library's source without a daemon around it."""

import fcntl
import json
import os
import select
import signal
import subprocess
import time

import namespace
import oracle
import processes
import replay

DEADLINE = 60.0
# What it writes while nobody reads: it must not have to wait. (More needs a privilege.)
PIPE_SIZE = 1 << 20

# Whoever ends it closes both its ends; it may be writing just then.
CLEAN_ENDS = (0, -signal.SIGPIPE)


class Follower:
    """Reads what it publishes and keeps a copy from that; sync() makes both current."""

    def __init__(self, t, *arguments, command=()):
        self.errors = open(os.path.join(t.directory, "follow.err"), "ab")
        self._popen = subprocess.Popen([*command, os.environ["IFROSTER_FOLLOW"], *arguments],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=self.errors, preexec_fn=namespace.die_with_parent)
        fcntl.fcntl(self._popen.stdout, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self._buffer = b""
        self.events = []
        self.counters = {}
        self.resyncs = []
        self.ended = False
        self._test = t
        self._published = 0.0
        t.processes.append(self)
        self.replay = replay.Replay.from_describe(self._wait("Describe", first=True))

    @property
    def pid(self):
        return self._popen.pid

    def _line(self, deadline):
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._popen.stdout], [], [], left)[0]:
                raise AssertionError(f"follow says nothing for {DEADLINE} s")
            data = os.read(self._popen.stdout.fileno(), 1 << 20)
            if not data:
                raise AssertionError(f"follow ended with status {self._popen.wait()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _take(self, line):
        batch = line["Batch"]
        if batch["Events"]:
            self._published = line["At"] / 1e6
            self.replay.apply(batch["Generation"], batch["Events"])
            self.events += batch["Events"]
        if batch.get("Resynced"):
            self.resyncs.append(batch["Resynced"])

    def _wait(self, name, first=False):
        """Takes batches until the line of this name; returns its value. The first one publishes."""
        deadline = time.monotonic() + DEADLINE
        while True:
            line = self._line(deadline)
            if name in line:
                if first:
                    self._published = line["At"] / 1e6
                return line[name]
            self._take(line)

    def listen(self, condition, seconds):
        """Takes what is published, asking nothing, until the condition is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            self._take(self._line(deadline))
        self._test.convergence.right(self._published)

    def pump(self, seconds):
        """Takes what is published, asking nothing, until nothing has come for so long."""
        while b"\n" in self._buffer or select.select([self._popen.stdout], [], [], seconds)[0]:
            self._take(self._line(time.monotonic() + DEADLINE))

    def _ask(self, word, name):
        self._popen.stdin.write(f"{word}\n".encode())
        self._popen.stdin.flush()
        return self._wait(name)

    def sync(self):
        """Afterwards everything that the kernel did before is in the copy and in self.events."""
        self.counters = self._ask("sync", "Sync")
        self._test.convergence.right(self._published)
        return self.counters

    def audit(self):
        self._ask("audit", "Audit")

    def take_events(self):
        self.sync()
        events, self.events = self.events, []
        return events

    def differences(self):
        """How the table, the copy and the kernel differ now."""
        table = replay.Replay.from_describe(self._ask("describe", "Describe"))
        truth = oracle.kernel()
        return (table.state().difference(truth, ("table", "kernel"))
                + self.replay.state().difference(truth, ("batches", "kernel")))

    def settle(self, deadline=10.0):
        """Waits until all three agree: the kernel goes on by itself after a change (duplicate address
        detection, carrier)."""
        end = time.monotonic() + deadline
        while differences := self.differences():
            if time.monotonic() > end:
                raise AssertionError("the table does not become the kernel's:\n"
                                     + "\n".join(differences))
        self._test.convergence.equal(self._published)

    def expect_equal(self):
        """All three agree at once; for changes after which the kernel does nothing by itself for long.
        (It joins the groups of an IPv6 address a moment after it was acknowledged: when what it says
        before and after the question differs, the question is asked again.)"""
        while True:
            before = oracle.kernel()
            differences = self.differences()
            if not differences:
                break
            if not before.difference(oracle.kernel(), ("before", "after")):
                raise AssertionError("the table is not the kernel's:\n" + "\n".join(differences))
        self._test.convergence.equal(self._published)

    def stop_for(self, action):
        """Does something while the program stands still."""
        self._popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            action()
        finally:
            self._popen.send_signal(signal.SIGCONT)
            self._test.load_ended()

    def cpu(self):
        """Seconds that it has computed so far."""
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def end(self):
        if not self.ended:
            self.ended = True
            self._popen.stdin.close()
            self._popen.stdout.close()
            self.errors.close()
            return self._popen.wait(DEADLINE)
        return 0

    def complaints(self):
        status = self.end()
        with open(self.errors.name, encoding="utf-8", errors="replace") as file:
            text = file.read()
        found = [f"follow: {line}" for line in text.splitlines()]
        if status not in CLEAN_ENDS:
            found.append(f"follow ended with status {status}")
        if processes.SANITIZER.search(text):
            found.append("follow: a sanitizer complains")
        return found

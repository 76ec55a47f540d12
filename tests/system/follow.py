#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""follow.py bus|varlink: runs in the machine and keeps a copy of the daemon's table by the documented
protocol, whatever becomes of the daemon meanwhile.

Says "following" when it has begun, and each time that it had to begin anew "again". At the end of
standard input it prints one JSON object: how its copy differs from the kernel's state (a list of
sentences, empty when all is well), how often it began, and what it could not make sense of.
"""

import collections
import json
import select
import sys
import time

import busclient
import oracle
import replay
import varlinkclient

SETTLE_SECONDS = 15.0
RETRY_SECONDS = 0.02


class Begin(Exception):
    """The daemon has gone; there will be another one."""


class OverVarlink:
    def __init__(self):
        self.client = None
        self.replay = None

    def begin(self):
        # The socket belongs to systemd: never is there nobody to connect to.
        self.client = varlinkclient.Client()
        self.client.send("Subscribe", {}, more=True)
        self.replay = replay.Replay()
        try:
            while not self._take():
                pass
        except varlinkclient.Closed:
            raise Begin() from None

    def _take(self):
        reply = self.client.receive()
        if reply.get("Events"):
            self.replay.apply(reply["Generation"], reply["Events"])
        return reply.get("Ready", False)

    def pump(self):
        try:
            while self.client.buffered() or select.select([self.client], [], [], 0)[0]:
                self._take()
        except varlinkclient.Closed:
            raise Begin() from None

class OverBus:
    DBUS = {"path": "/org/freedesktop/DBus", "interface": "org.freedesktop.DBus",
            "name": "org.freedesktop.DBus"}

    def __init__(self):
        self.client = BusClient("unix:path=/run/dbus/system_bus_socket")
        self.client.add_match("type='signal',sender='org.freedesktop.DBus',"
                              "member='NameOwnerChanged',arg0='org.ifroster1'")
        self.replay = None

    def begin(self):
        self.client.messages.clear()
        while True:
            try:
                # This starts the service when it does not run.
                description = json.loads(self.client.call("Describe"))
                break
            except busclient.CallError:
                time.sleep(RETRY_SECONDS)
        # What came before the answer is in it, or was said by somebody who has gone. Who came after
        # the one that answered is announced behind the answer.
        self.client.messages.clear()
        self.replay = replay.Replay.from_describe(description)

    def pump(self):
        self.client.pump()
        while self.client.messages:
            member, body = self.client.messages.popleft()
            if member == "NameOwnerChanged":
                raise Begin()
            if member == "Changed":
                self.replay.apply(*body)


class BusClient(busclient.Client):
    """Keeps what the bus says of the owner of the name, in its place among the owner's signals."""

    def __init__(self, address):
        self.messages = collections.deque()
        super().__init__(address)

    def _take_signals(self):
        while self._messages:
            message = self._messages.popleft()
            member = message.header.fields[busclient.jeepney.HeaderFields.member]
            self.messages.append((member, busclient.plain_body(message)))


def differences(follower):
    if isinstance(follower, OverBus):
        follower.client.call("Sync")
    else:
        varlinkclient.Client().call("Sync")
    follower.pump()
    return follower.replay.state().difference(oracle.kernel(), ("copy", "kernel"))


def main():
    follower = {"bus": OverBus, "varlink": OverVarlink}[sys.argv[1]]()
    begun, problems, found = 0, [], None
    end, begin_again = None, True
    while end is None or time.monotonic() < end:
        try:
            if begin_again:
                follower.begin()
                begun += 1
                begin_again = False
                print("following" if begun == 1 else "again", flush=True)
            follower.pump()
            if end is None and select.select([sys.stdin], [], [], RETRY_SECONDS)[0]:
                end = time.monotonic() + SETTLE_SECONDS
            if end is not None:
                found = differences(follower)
                if not found:
                    break
        except Begin:
            begin_again = True
            time.sleep(RETRY_SECONDS)
        except AssertionError as error:
            problems.append(str(error))
            begin_again = True
            if len(problems) > 10:
                break
    print(json.dumps({"differences": found, "begun": begun, "problems": problems}), flush=True)


if __name__ == "__main__":
    main()

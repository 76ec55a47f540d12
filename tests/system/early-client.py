#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""early-client.py FILE: runs in the machine, before D-Bus is there. Writes what the daemon answered,
and whether there was a bus then."""

import json
import os
import sys

import varlinkclient

client = varlinkclient.Client()
result = {"links": client.call("ListLinks")["Links"], "state": client.call("GetState")["State"],
          "bus": os.path.exists("/run/dbus/system_bus_socket")}
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(result, file)

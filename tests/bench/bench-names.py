#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lookup costs in Python: socket.if_nametoindex(), and the library through ctypes.

    bench-names.py LIBRARY TABLE PREFIX N-NAMES ROUNDS

Links PREFIX1, PREFIX2, ... are asked for. Prints one JSON object, nanoseconds of CPU time a call, of
which some tens are the loop: the medians of rounds of which the two take turns.
"""

import ctypes
import json
import random
import socket
import statistics
import sys
import time

CALLS = 2000
SHARED_ONLY = 1


def library(path, table):
    """A function from a name to an index, like that of the socket module."""
    lib = ctypes.CDLL(path)
    lib.ifroster_new.argtypes = [ctypes.c_char_p, ctypes.c_uint64, ctypes.POINTER(ctypes.c_void_p)]
    lib.ifroster_index.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    handle = ctypes.c_void_p()
    if lib.ifroster_new(table.encode(), SHARED_ONLY, ctypes.byref(handle)) < 0:
        sys.exit("no table")
    return lambda name: lib.ifroster_index(handle, name)


def measure(call, names):
    start = time.process_time_ns()
    for name in names:
        call(name)
    return (time.process_time_ns() - start) / len(names)


def main():
    path, table, prefix, n, rounds = sys.argv[1:]
    draw = random.Random(1)
    names = [f"{prefix}{draw.randint(1, int(n))}" for _ in range(CALLS)]
    raw = [name.encode() for name in names]
    ask = library(path, table)
    if any(ask(name.encode()) != socket.if_nametoindex(name) for name in names[:100]):
        sys.exit("the two disagree")
    figures = {"socket": [], "ctypes": []}
    for _ in range(int(rounds)):
        figures["socket"].append(measure(socket.if_nametoindex, names))
        figures["ctypes"].append(measure(ask, raw))
    print(json.dumps({name: statistics.median(times) for name, times in figures.items()}))


main()

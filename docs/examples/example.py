#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library from Python with nothing but ctypes: every link with its addresses, as one JSON object.

    example.py              all links
    example.py LINK         the index of a link, by name, alternative name or index
"""

import ctypes
import json
import os
import sys

lib = ctypes.CDLL("libifroster.so.0")
libc = ctypes.CDLL(None)
lib.ifroster_new.argtypes = [ctypes.c_char_p, ctypes.c_uint64, ctypes.POINTER(ctypes.c_void_p)]
lib.ifroster_free.argtypes = [ctypes.c_void_p]
lib.ifroster_free.restype = ctypes.c_void_p
lib.ifroster_zone.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
lib.ifroster_describe_json.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
lib.ifroster_error_text.restype = ctypes.c_char_p
libc.free.argtypes = [ctypes.c_void_p]


class Roster:
    """A handle; errors of the library become exceptions."""

    def __init__(self):
        self._handle = ctypes.c_void_p()
        self._check(lib.ifroster_new(None, 0, ctypes.byref(self._handle)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lib.ifroster_free(self._handle)

    @staticmethod
    def _check(result):
        if result < 0:
            raise OSError(-result, lib.ifroster_error_text(result).decode())
        return result

    def index(self, text):
        return self._check(lib.ifroster_zone(self._handle, os.fsencode(text), None))

    def describe(self):
        text = ctypes.c_void_p()
        self._check(lib.ifroster_describe_json(self._handle, ctypes.byref(text)))
        try:
            return json.loads(ctypes.string_at(text))
        finally:
            libc.free(text)


def main():
    with Roster() as roster:
        if len(sys.argv) > 1:
            print(roster.index(sys.argv[1]))
            return
        print(json.dumps({link["Name"]: [f"{a['AddressString']}/{a['PrefixLength']}"
                                         for a in link["Addresses"]]
                          for link in roster.describe()["Links"]}))


if __name__ == "__main__":
    main()

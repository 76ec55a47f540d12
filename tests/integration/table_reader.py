#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A reader of the shared table that knows docs/table-format.md and nothing else of this project.

    table_reader.py [TABLE]          prints links, names and addresses as JSON
"""

import fcntl
import ipaddress
import json
import mmap
import os
import stat
import struct
import sys
import time

MAGIC = 0x656C626174726669
MASK = (1 << 64) - 1
LINKS, ADDRESSES, GROUPS, ROUTES, LOCAL, NAMES = range(6)
RECORD_SIZES = [216, 112, 24, 56, 24, 136]
ROW_SIZES = [232, 144, 48, 72, 48, 152]
FREE = 0xFFFFFFFF
F_OFD_GETLK = 36
DEADLINE = 2.0


class NotATable(Exception):
    pass


class Torn(Exception):
    """What was read was not of one batch."""


def _address(record, offset):
    family = record[offset]
    size = {2: 4, 10: 16, 0: 0}[family]
    return str(ipaddress.ip_address(record[offset + 1:offset + 1 + size])) if size else None


class Table:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o022:
            raise NotATable("not a file that only its owner can write")
        if not self.is_alive():
            raise NotATable("its writer is dead")
        self.memory = mmap.mmap(self.fd, status.st_size, prot=mmap.PROT_READ)
        if self._get("Q", 0) != MAGIC or self._get("I", 8) != 1 or self._get("I", 12) != 2048:
            raise NotATable("not a table of this layout")
        self.size = self._get("Q", 16)
        if self.size > status.st_size:
            raise NotATable("shorter than it says")
        for section in range(6):
            self._section(section)

    def close(self):
        self.memory.close()
        os.close(self.fd)

    def is_alive(self):
        lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        return struct.unpack("hhqqi4x", fcntl.fcntl(self.fd, F_OFD_GETLK, lock))[0] == fcntl.F_WRLCK

    @property
    def writer_died(self):
        return self._get("I", 56) & 0x40000000 != 0

    @property
    def superseded(self):
        return self._get("I", 52) != 0

    # Inside the sequence counter's brackets ---------------------------------------------------

    def _get(self, form, offset):
        size = struct.calcsize(form)
        if offset < 0 or offset + size > len(self.memory):
            raise Torn
        return struct.unpack_from(form, self.memory, offset)[0]

    def _section(self, section):
        """Capacity, high water and offset of the rows."""
        at = 1424 + 104 * section
        capacity, high_water = self._get("I", at + 8), self._get("I", at + 12)
        offset = self._get("Q", at + 32)
        if (self._get("I", at) != RECORD_SIZES[section] or capacity > 1 << 20
                or self._get("I", at + 4) != ROW_SIZES[section]
                or offset + capacity * ROW_SIZES[section] > self.size):
            raise NotATable(f"section {section} makes no sense")
        return capacity, min(high_water, capacity), offset

    def _row(self, section, number):
        """The record, None for a row that is not in use."""
        _, _, offset = self._section(section)
        at = offset + number * ROW_SIZES[section]
        if self._get("I", at + RECORD_SIZES[section] + 4) == FREE:
            return None
        return self.memory[at:at + RECORD_SIZES[section]]

    def _rows(self, section):
        _, high_water, _ = self._section(section)
        for number in range(high_water):
            record = self._row(section, number)
            if record is not None:
                yield record

    def _find(self, section, index, words):
        """All rows in the bucket of a key, of which some may have other keys."""
        capacity, _, offset = self._section(section)
        at = 1424 + 104 * section + 40 + 16 * index
        buckets, count = self._get("Q", at), self._get("I", at + 8)
        hashed = self._get("Q", 24)
        for word in words:
            hashed = (hashed ^ word) * 0x9E3779B97F4A7C15 & MASK
            hashed ^= hashed >> 32
        hashed = hashed * 0xBF58476D1CE4E5B9 & MASK
        row = self._get("I", buckets + 4 * ((hashed >> 32) * count >> 32))
        for _ in range(capacity):
            if row == 0:
                return
            if row > capacity:
                raise Torn
            record = self._row(section, row - 1)
            if record is None:
                raise Torn
            chain = offset + (row - 1) * ROW_SIZES[section] + RECORD_SIZES[section] + 8 * index
            yield record
            row = self._get("I", chain)

    # The brackets -------------------------------------------------------------------------------

    def read(self, function):
        """Calls function until what it read was of one batch."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            before = self._get("Q", 32)
            if before % 2 == 0:
                try:
                    result = function()
                except (Torn, KeyError, ValueError):
                    pass
                else:
                    if self._get("Q", 32) == before:
                        return result
            if self.superseded:
                raise NotATable("superseded")
        raise NotATable("it never holds still")

    # Questions ------------------------------------------------------------------------------------

    def generation(self):
        return self.read(lambda: self._get("Q", 40))

    def links(self):
        """Index to name, flags, mtu."""
        def look():
            return {struct.unpack_from("i", record, 192)[0]: {
                "Name": record[200:216].rstrip(b"\0").decode(errors="backslashreplace"),
                "Flags": struct.unpack_from("I", record, 196)[0],
                "MTU": struct.unpack_from("I", record, 0)[0],
                "Incarnation": struct.unpack_from("Q", record, 184)[0],
            } for record in self._rows(LINKS)}
        return self.read(look)

    def addresses(self):
        """A sorted list of (index, address, prefix length)."""
        def look():
            return sorted((struct.unpack_from("i", record, 24)[0], _address(record, 36), record[87])
                          for record in self._rows(ADDRESSES))
        return self.read(look)

    def groups(self):
        def look():
            return sorted((struct.unpack_from("i", record, 0)[0], _address(record, 4))
                          for record in self._rows(GROUPS))
        return self.read(look)

    def index(self, name):
        """The index of the link with this name or alternative name, by the indexes; None."""
        raw = name.encode()

        def look():
            if len(raw) <= 15:
                padded = raw.ljust(16, b"\0")
                for record in self._find(LINKS, 1, struct.unpack("QQ", padded)):
                    if record[200:216] == padded:
                        return struct.unpack_from("i", record, 192)[0]
            words = [len(raw) << 8]
            padded = raw + b"\0" * (-len(raw) % 8)
            words += struct.unpack(f"{len(padded) // 8}Q", padded)
            for record in self._find(NAMES, 1, words):
                if record[6] == 0 and record[8:8 + record[7]] == raw:
                    return struct.unpack_from("i", record, 0)[0]
            return None
        return self.read(look)

    def links_with(self, address):
        """The indexes of the links with this own address."""
        address = ipaddress.ip_address(address)
        family = {4: 2, 6: 10}[address.version]
        words = (family, *struct.unpack("QQ", address.packed.ljust(16, b"\0")))

        def look():
            return sorted(struct.unpack_from("i", record, 24)[0]
                          for record in self._find(ADDRESSES, 2, words)
                          if _address(record, 36) == str(address))
        return self.read(look)


def main():
    table = Table(sys.argv[1] if len(sys.argv) > 1 else "/run/ifroster/table")
    print(json.dumps({"Generation": table.generation(), "Links": table.links(),
                      "Addresses": table.addresses()}))


if __name__ == "__main__":
    main()

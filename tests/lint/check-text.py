#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every source says its licence, no file is a promise, and none refers outside the project."""

import re
import sys

import tree

SPDX = "SPDX-License-Identifier: LGPL-2.1-or-later"
SPDX_LINES = 5

# Data, prose and files whose format has no comments carry no licence line, nor does a .varlink file:
# clients get it as it is, and its first comment is what they are told about the interface.
SOURCE_SUFFIXES = {".c", ".h", ".py", ".sh", ".go", ".build", ".sym", ".in", ".service",
                   ".socket", ".conf", ".xml", ".scd"}
SOURCE_NAMES = {"meson_options.txt"}
SCRIPT_FOLDERS = {"scripts", ".ci"}

# Written in two halves, or this file would complain about itself.
FORBIDDEN = {
    re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b"): "finish it or leave it out",
    re.compile(r"\.\./sha" r"red\b|/wo" r"rk/"): "the project stands alone",
}


def is_source(path, text):
    return (path.suffix in SOURCE_SUFFIXES or path.name in SOURCE_NAMES
            or path.parts[0] in SCRIPT_FOLDERS or text.startswith("#!"))


def check(path, text):
    lines = text.splitlines()
    if is_source(path, text) and not any(SPDX in line for line in lines[:SPDX_LINES]):
        yield f"{path}:1: no line '{SPDX}'"
    for number, line in enumerate(lines, start=1):
        for pattern, why in FORBIDDEN.items():
            if match := pattern.search(line):
                yield f"{path}:{number}: '{match[0]}': {why}"
    if path.suffix in (".c", ".h") and lines and not lines[0].startswith("/* SPDX"):
        yield f"{path}:1: the licence line comes first"


def main():
    root = tree.source_root(sys.argv)
    complaints = []
    for path in tree.files(root):
        text = (root / path).read_text(errors="replace")
        complaints += check(path, text)
    tree.report(complaints)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds every C file against .clang-format.

Only with version 14: each version of clang-format lays some lines out in its own way, and a rule that
depends on who runs it is none.
"""

import re
import shutil
import subprocess
import sys

import tree

VERSION = "14"


def find_program():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if shutil.which(name):
            version = subprocess.run([name, "--version"], check=True, stdout=subprocess.PIPE,
                                     text=True).stdout
            if re.search(rf"version {VERSION}\.", version):
                return name
    tree.skip(f"clang-format {VERSION} is not installed")


def main():
    root = tree.source_root(sys.argv)
    program = find_program()
    sources = [str(path) for path in tree.files(root) if path.suffix in (".c", ".h")]
    if not sources:
        tree.report([])
    result = subprocess.run([program, "--dry-run", "--Werror", "--style=file", *sources],
                            cwd=root, stderr=subprocess.PIPE, text=True)
    complaints = result.stderr.splitlines()
    if result.returncode != 0:
        complaints.append(f"to mend: {program} -i FILE")
    tree.report(complaints)


if __name__ == "__main__":
    main()

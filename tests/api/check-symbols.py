#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-symbols.py HEADER SYMBOL-FILE LIBRARY TEST.C

The functions that the header declares, those that the version script lets out, those that the library
has, and those that the test calls have to be the same; and nothing else gets out.
"""

import re
import subprocess
import sys

VERSION_NODE = "LIBIFROSTER_0"


def without_comments(path):
    with open(path, encoding="utf-8") as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)


def main():
    header, script, library, test = sys.argv[1:]
    declared = set(re.findall(r"\b(ifroster_\w+)\s*\(", without_comments(header)))
    listed = set(re.findall(r"^\s+(\w+);", without_comments(script), re.MULTILINE))
    called = set(re.findall(r"\b(ifroster_\w+)\s*\(", without_comments(test)))
    output = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    symbols = [line.split()[-1] for line in output.splitlines()]
    exported = {symbol.partition("@@")[0] for symbol in symbols if symbol != VERSION_NODE}
    complaints = [f"{symbol} is not in version {VERSION_NODE}" for symbol in symbols
                  if symbol != VERSION_NODE and symbol.partition("@@")[2] != VERSION_NODE
                  and "@" in symbol]
    for name, found in (("version script", listed), ("library", exported), ("test", called)):
        complaints += [f"{symbol} is declared, but not in the {name}"
                       for symbol in sorted(declared - found)]
        complaints += [f"{symbol} is in the {name}, but not declared"
                       for symbol in sorted(found - declared)]
    if not declared:
        complaints.append("no function is declared")
    print("\n".join(complaints), end="\n" if complaints else "")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()

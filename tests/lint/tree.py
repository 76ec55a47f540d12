# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files that the lint tests look at, and how they report.

In a git checkout these are the tracked files, so that build directories and somebody's notes do not
count; elsewhere (a release archive, the small trees of test-lint.py) all but build directories.
"""

import os
import pathlib
import subprocess
import sys

SKIPPED = 77


def files(root):
    """Yields every text file below root as a pathlib.Path relative to it, sorted."""
    root = pathlib.Path(root)
    for name in sorted(_tracked(root) if (root / ".git").exists() else _walk(root)):
        path = root / name
        if path.is_file() and b"\0" not in path.read_bytes()[:8192]:
            yield pathlib.Path(name)


def _tracked(root):
    command = ["git", "-c", f"safe.directory={root.resolve()}", "-C", str(root), "ls-files", "-z"]
    try:
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    except FileNotFoundError:
        return _walk(root)
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _walk(root):
    names = []
    for directory, subdirectories, entries in os.walk(root):
        subdirectories[:] = [s for s in subdirectories
                             if not s.startswith("build") and s not in (".git", "__pycache__")]
        names += [os.path.relpath(os.path.join(directory, e), root) for e in entries]
    return names


def source_root(arguments):
    """The directory named on the command line, or the one that holds tests/lint."""
    if len(arguments) > 1:
        return pathlib.Path(arguments[1])
    return pathlib.Path(__file__).resolve().parents[2]


def report(complaints):
    """Prints the complaints and exits: 1 when there are any."""
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIPPED)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs shellcheck over every shell script, and the Python compiler over every Python file."""

import re
import shutil
import subprocess
import sys

import tree

SHELL = re.compile(r"^#!\s*(?:/usr)?/bin/(?:env\s+)?(?:ba)?sh\b")


def check_python(root, path):
    try:
        compile((root / path).read_text(), str(path), "exec")
    except SyntaxError as error:
        yield f"{path}:{error.lineno}: {error.msg}"


def main():
    root = tree.source_root(sys.argv)
    complaints, scripts = [], []
    for path in tree.files(root):
        text = (root / path).read_text(errors="replace")
        if path.suffix == ".sh" or SHELL.match(text):
            scripts.append(str(path))
        elif path.suffix == ".py" or text.startswith("#!/usr/bin/python3"):
            complaints += check_python(root, path)
    if complaints:
        tree.report(complaints)
    if not shutil.which("shellcheck"):
        tree.skip("shellcheck is not installed")
    if scripts:
        result = subprocess.run(["shellcheck", "--format=gcc", *scripts], cwd=root,
                                stdout=subprocess.PIPE, text=True)
        complaints += result.stdout.splitlines()
        if result.returncode != 0 and not complaints:
            complaints.append(f"shellcheck failed with {result.returncode}")
    tree.report(complaints)


if __name__ == "__main__":
    main()

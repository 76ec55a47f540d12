#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the #include lines against the architecture: who may know whom.

lib/ is a stack of modules and a file may include its own module and those below it, never those
above; a file foo-bar.c belongs to module foo. The daemon stands on lib, the command on the public
header alone, and each third-party library is known in a few files only, so that it can be replaced
there. This reads text, not the preprocessor's output: what one header includes is judged there.
"""

import fnmatch
import re
import sys

import tree

# From the bottom up. util and error are below everything and know nothing.
LAYERS = [
    {"util", "error"},
    {"address"},
    {"record"},
    {"table"},
    {"lookup"},
    {"json"},
    {"rtnl"},
    {"model"},
    {"source"},
    # The public header belongs to what stands behind it.
    {"client", "ifroster"},
]
LEVEL = {module: level for level, modules in enumerate(LAYERS) for module in modules}

PUBLIC_HEADER = "ifroster.h"

# Third-party header -> the only files that may include it; tests may include anything.
CONFINED = {
    "libmnl/*": ["lib/rtnl*", "lib/source*"],
    "systemd/sd-bus*.h": ["daemon/bus*"],
    "systemd/*": ["daemon/*"],
    "jansson.h": ["daemon/varlink*", "cli/*"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def module_of(name):
    return re.split(r"[-.]", name, maxsplit=1)[0]


def check_confined(path, header):
    for pattern, allowed in CONFINED.items():
        if fnmatch.fnmatch(header, pattern):
            if not any(fnmatch.fnmatch(str(path), glob) for glob in allowed):
                yield f"<{header}> is for {', '.join(allowed)} only"


def check_lib(path, header):
    own, other = module_of(path.name), module_of(header)
    if own not in LEVEL:
        yield f"module {own} is not in the layers of {sys.argv[0]}: say where it stands"
    elif other not in LEVEL:
        yield f'"{header}" is of no module of lib'
    elif LEVEL[other] > LEVEL[own]:
        yield f'{own} may not know {other}, which is above it ("{header}")'


def check_daemon(header, headers):
    if header not in headers["daemon"] | headers["lib"]:
        yield f'"{header}" is neither of the daemon nor of lib'


def check_cli(header, headers):
    if header != PUBLIC_HEADER and header not in headers["cli"]:
        yield f'"{header}": the command includes "{PUBLIC_HEADER}" and its own headers only'


def check(path, brackets, header, headers):
    yield from check_confined(path, header)
    if brackets == "<":
        if header in headers["lib"] | headers["daemon"] | headers["cli"]:
            if not (header == PUBLIC_HEADER and path.parts[0] != "lib"):
                yield f'<{header}> is ours: write "{header}"'
        return
    if "/" in header:
        yield f'"{header}": no folders in an include; the build says where to look'
    elif path.parts[0] == "lib":
        yield from check_lib(path, header)
    elif path.parts[0] == "daemon":
        yield from check_daemon(header, headers)
    else:
        yield from check_cli(header, headers)


def main():
    root = tree.source_root(sys.argv)
    sources = [path for path in tree.files(root)
               if path.suffix in (".c", ".h") and path.parts[0] in ("lib", "daemon", "cli")]
    headers = {folder: {path.name for path in sources
                        if path.parts[0] == folder and path.suffix == ".h"}
               for folder in ("lib", "daemon", "cli")}
    complaints = []
    for path in sources:
        text = (root / path).read_text()
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(2)) + 1
            complaints += [f"{path}:{line}: {complaint}"
                           for complaint in check(path, match[1], match[2], headers)]
    tree.report(complaints)


if __name__ == "__main__":
    main()

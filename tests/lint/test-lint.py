#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that each lint check can fail: every case is a small tree with one thing wrong.

A check that never complains looks just like a clean tree. One subtest a case, as TAP.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SPDX_C = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
SPDX_SH = "#!/bin/sh\n# SPDX-License-Identifier: LGPL-2.1-or-later\n"

# Put together here, because the text check reads this file too.
PROMISE = "TO" + "DO"
OUTSIDE = "../sha" + "red/notes.md"

# check, file, its content, what the complaint must match (None: there must be none)
CASES = [
    ("includes", "lib/table.c", '#include "record.h"\n#include "table-index.h"\n', None),
    ("includes", "lib/table.c", '#include "model.h"\n', "may not know model"),
    ("includes", "lib/util.h", '#include "address.h"\n', "may not know address"),
    ("includes", "lib/rtnl-link.c", '#include "source.h"\n', "may not know source"),
    ("includes", "lib/table.c", '#include "bus.h"\n', "no module of lib"),
    ("includes", "lib/novel.c", '#include "util.h"\n', "not in the layers"),
    ("includes", "lib/table.c", '#include "../daemon/bus.h"\n', "no folders"),
    ("includes", "lib/table.c", "#include <libmnl/libmnl.h>\n", "lib/rtnl"),
    ("includes", "lib/rtnl-link.c", "#include <libmnl/libmnl.h>\n", None),
    ("includes", "lib/source.c", "#include <systemd/sd-event.h>\n", "for daemon/"),
    ("includes", "daemon/manager.c", "#include <systemd/sd-bus.h>\n", "daemon/bus"),
    ("includes", "daemon/manager.c", "#include <systemd/sd-event.h>\n", None),
    ("includes", "daemon/bus-link.c", "#include <systemd/sd-bus.h>\n", None),
    ("includes", "daemon/bus-link.c", "#include <jansson.h>\n", "daemon/varlink"),
    ("includes", "lib/json.c", "#include <jansson.h>\n", "daemon/varlink"),
    ("includes", "daemon/varlink-call.c", "#include <jansson.h>\n", None),
    ("includes", "daemon/manager.c", '#include "cli.h"\n', "neither of the daemon nor of lib"),
    ("includes", "cli/main.c", '#include "table.h"\n', "its own headers only"),
    ("includes", "cli/main.c", "#include <ifroster.h>\n", None),
    ("text", "lib/a.c", SPDX_C + "int a;\n", None),
    ("text", "lib/a.c", "int a;\n", "no line 'SPDX"),
    ("text", "lib/a.c", "\n" + SPDX_C, "comes first"),
    ("text", "scripts/a", "#!/bin/sh\n", "no line 'SPDX"),
    ("text", "lib/a.c", f"{SPDX_C}/* {PROMISE} */\n", PROMISE),
    ("text", "docs/a.md", f"see {OUTSIDE}\n", "stands alone"),
    ("text", "docs/a.md", "mktemp /tmp/a.XXXXXX\n", None),
    ("format", "lib/a.c", "int main(void) {\n        return 0;\n}\n", None),
    ("format", "lib/a.c", "int main(void) { return 0 ; }\n", "clang-format"),
    ("scripts", "scripts/a", SPDX_SH + 'echo "$1"\n', None),
    ("scripts", "scripts/a", SPDX_SH + "echo $1\n", "SC2086"),
    ("scripts", "tests/a.py", "def a(:\n", "a.py:1"),
]


# Headers that the trees have in common, so that a name is known as one of ours.
COMMON = ["lib/table.h", "lib/model.h", "lib/ifroster.h", "daemon/bus.h", "cli/cli.h"]


def run(check, name, content):
    with tempfile.TemporaryDirectory(prefix="lint.") as directory:
        root = pathlib.Path(directory)
        shutil.copy(HERE.parents[1] / ".clang-format", root)
        for common in COMMON:
            (root / common).parent.mkdir(parents=True, exist_ok=True)
            (root / common).write_text(SPDX_C)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
        return subprocess.run([sys.executable, HERE / f"check-{check}.py", root], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (check, name, content, wanted) in enumerate(CASES, start=1):
        result = run(check, name, content)
        what = f"{check}: {name} {'passes' if wanted is None else 'fails: ' + wanted}"
        if result.returncode == 77:
            reason = result.stdout.strip().splitlines()[-1].replace("SKIP: ", "")
            print(f"ok {number} - {what} # SKIP {reason}")
            continue
        good = (result.returncode == 0 if wanted is None
                else result.returncode == 1 and re.search(re.escape(wanted), result.stdout))
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print(f"# exit status {result.returncode}")
            print("".join(f"# {line}\n" for line in result.stdout.splitlines()), end="")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

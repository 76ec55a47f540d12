# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the functions test_*() of a test file, one TAP subtest each, in the order of the file."""

import inspect
import sys
import traceback


class Skip(Exception):
    """Raised by a subtest that cannot run here; the text says why."""


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def subtests(module):
    functions = [value for name, value in vars(module).items()
                 if name.startswith("test_") and inspect.isfunction(value)]
    return sorted(functions, key=lambda f: f.__code__.co_firstlineno)


def diagnose(text):
    for line in str(text).splitlines():
        print(f"# {line}".encode(errors="backslashreplace").decode())


def run(functions, arguments=(), on_failure=None):
    """Calls each and exits with 1 when one has failed; on_failure() may say more about it."""
    failed = 0
    print(f"1..{len(functions)}", flush=True)
    for number, function in enumerate(functions, start=1):
        name, skipped, failure = function.__name__, None, None
        try:
            function(*arguments)
        except Skip as skip:
            skipped = " ".join(str(skip).split())
        except Exception:  # pylint: disable=broad-except
            failure = traceback.format_exc()
        print(f"{'not ok' if failure else 'ok'} {number} - {name}"
              + (f" # SKIP {skipped}" if skipped else ""))
        if failure:
            failed += 1
            diagnose(failure)
            if on_failure:
                on_failure()
        sys.stdout.flush()
    sys.exit(1 if failed else 0)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-summary.py [LABEL=STATUS=TESTLOG.JSON]...: says what several `meson test` runs came to.

Counts the subtests of programs that speak TAP one by one, and every other test once. Prints the reason
of every skip and the whole log of every failure, then one last line: N passed, N failed, N skipped.
A run that ended with a bad STATUS or without a log, and shows no test that failed, counts as one
failure: a build that broke must not look like no tests.
"""

import json
import re
import sys

RESULT = re.compile(r"^(ok|not ok) \d+\s*(?:-\s*)?(.*?)(?:\s#\s*(skip\S*)\s*(.*))?$", re.IGNORECASE)
PLAN_SKIPPED = re.compile(r"^1\.\.0\s*#\s*skip\S*\s*(.*)$", re.IGNORECASE)
FAILURES = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}


class Summary:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = []
        self.failures = []

    def skip(self, name, reason):
        self.skipped.append((name, reason or "no reason given"))

    def add(self, label, test):
        name = f"{label}: {test['name']}"
        failed_before = self.failed
        subtests = [match for line in (test.get("stdout") or "").splitlines()
                    if (match := RESULT.match(line))]
        for match in subtests:
            if match[1] == "not ok":
                self.failed += 1
            elif match[3]:
                self.skip(f"{name}: {match[2]}", match[4])
            else:
                self.passed += 1
        if test["result"] in FAILURES:
            # A crash or a time limit, perhaps after subtests that passed, is a failure of its own.
            if self.failed == failed_before:
                self.failed += 1
            self.failures.append((name, test))
        elif not subtests and test["result"] == "SKIP":
            self.skip(name, reason_of(test))
        elif not subtests:
            self.passed += 1

    def add_run(self, label, status, path):
        failed_before = self.failed
        try:
            with open(path, encoding="utf-8", errors="replace") as log:
                tests = [json.loads(line) for line in log if line.strip()]
        except (OSError, ValueError) as error:
            self.failed += 1
            print(f"\n== FAILED: {label}: no tests ran: {error}")
            return
        for test in tests:
            self.add(label, test)
        if status != "0" and self.failed == failed_before:
            self.failed += 1
            print(f"\n== FAILED: {label}: ended with exit status {status}")


def reason_of(test):
    """What a skipped program said: in its TAP plan, or in its last line."""
    lines = [line for line in (test.get("stdout") or "").splitlines() if line.strip()]
    lines += [line for line in (test.get("stderr") or "").splitlines() if line.strip()]
    for line in lines:
        if match := PLAN_SKIPPED.match(line):
            return match[1]
    return re.sub(r"^SKIP:\s*", "", lines[-1]) if lines else ""


def main():
    summary = Summary()
    for argument in sys.argv[1:]:
        summary.add_run(*argument.split("=", maxsplit=2))
    for name, test in summary.failures:
        print(f"\n== FAILED: {name} ({test['result']}, {test.get('duration', 0):.1f} s)")
        for stream in ("stdout", "stderr"):
            if test.get(stream):
                print(test[stream].rstrip())
    if summary.skipped:
        print("\n== Skipped")
        for name, reason in summary.skipped:
            print(f"{name}: {reason}")
    print(f"\n{summary.passed} passed, {summary.failed} failed, {len(summary.skipped)} skipped")
    sys.exit(1 if summary.failed else 0)


if __name__ == "__main__":
    main()

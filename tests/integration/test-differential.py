# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library's answers against the kernel's, over random configurations; see differential.c.

IFROSTER_TEST_ROUNDS is the number of configurations, IFROSTER_TEST_SEED the first seed. Every run of
RUN_MAX configurations has a network namespace and a seed of its own; the first part of each is without
policy rules, which the kernel does not forget.
"""

import os
import subprocess

import fixture

ROUNDS = 120
RUN_MAX = 150


def run(rounds, seed):
    result = subprocess.run([os.environ["DIFFERENTIAL"], str(rounds), str(seed)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=fixture.SUBTEST_SECONDS)
    if result.returncode == 77:
        raise fixture.Skip(result.stdout.strip())
    assert result.returncode == 0, f"exit status {result.returncode}\n{result.stdout}"
    print(f"# seed {seed}: {result.stdout.strip()}", flush=True)


def runs():
    """One subtest for every RUN_MAX configurations."""
    rounds = int(os.environ.get("IFROSTER_TEST_ROUNDS", ROUNDS))
    seed = int(os.environ.get("IFROSTER_TEST_SEED", 1))
    while rounds > 0:
        here = min(rounds, RUN_MAX)
        yield here, seed
        rounds -= here
        seed += 1


def subtest(rounds, seed):
    def test(_t):
        run(rounds, seed)
    test.__name__ = f"test_seed_{seed}"
    return test


for arguments in runs():
    function = subtest(*arguments)
    globals()[function.__name__] = function

fixture.main(__name__)

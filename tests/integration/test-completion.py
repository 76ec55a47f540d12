#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bash, zsh and fish offer for a line that is being typed, as told by the shells themselves."""

import fcntl
import os
import pathlib
import pty
import re
import shutil
import subprocess
import termios

import fixture

COMPLETION = pathlib.Path(__file__).resolve().parent.parent.parent / "cli/completion"
LINKS = ["lo", "v0", "v1"]
CONDITIONS = ["address", "carrier", "present", "routable"]

# A line, and what is offered for its last word, in the order of the alphabet.
EXPECTED = [
    ("ifroster s", ["selftab", "show", "sort", "source", "status"]),
    ("ifroster --no-legend ad", ["addresses"]),
    ("ifroster show v", ["v0", "v1"]),
    ("ifroster watch v0 v", ["v0", "v1"]),
    ("ifroster zone ", LINKS),
    ("ifroster wait --for=present ", LINKS),
    ("ifroster --json=short watch ", LINKS),
    ("ifroster show --json=short v", ["v0", "v1"]),
    ("ifroster addresses --no-legend ", LINKS),
    ("ifroster --json=", ["pretty", "short"]),
    ("ifroster --json=p", ["pretty"]),
    ("ifroster list --json=", ["pretty", "short"]),
    ("ifroster list --j", ["--json"]),
    ("ifroster parse --no", ["--no-legend"]),
    ("ifroster wait v0 --for=", CONDITIONS),
    ("ifroster wait v0 --for=r", ["routable"]),
    ("ifroster source --mode=", ["kernel", "model"]),
    ("ifroster show --d", ["--daemon"]),
    ("ifroster local --p", ["--plan9"]),
    ("ifroster list --p", []),
    ("ifroster list --f", []),
    ("ifroster parse ", []),
    ("ifroster default ", []),
]

BASH = """
    source "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
    _ifroster
    printf '%s\\n' "${COMPREPLY[@]}"
"""

# A key that completes and inserts nothing, but writes what there is to choose from to a file. Calls of
# compadd with -O, -A or -D are the completion's own way to look for something.
ZSH = """
    fpath=("$COMPLETION" $fpath)
    autoload -Uz compinit
    compinit -D -u
    compadd() {
            local -a hits
            if [[ " ${(j: :)@[1,(i)(-|--)]} " == *' -'[a-zA-Z]#[OAD]' '* ]]; then
                    builtin compadd "$@"
                    return
            fi
            builtin compadd -A hits "$@"
            (( $#hits )) && print -rl -- $hits >> "$TOLD"
            builtin compadd "$@"
    }
    _tell() {
            _main_complete
            compstate[insert]= compstate[list]=
            print -r -- END >> "$TOLD"
    }
    zle -C tell complete-word _tell
    bindkey '^X' tell
    print -r -- END >> "$TOLD"
"""


def environment(t):
    path = f"{os.path.dirname(os.environ['IFROSTER'])}:{os.environ['PATH']}"
    return {**t.environment, "PATH": path, "HOME": t.directory, "TERM": "dumb"}


def need(shell):
    if not shutil.which(shell):
        raise fixture.Skip(f"{shell} is not installed")


def check(t, complete):
    """complete: what a shell says for a line, in any order."""
    t.ip("link set lo up")
    t.ip("link add v0 type veth peer name v1")
    for line, expected in EXPECTED:
        offered = complete(line)
        word = line.rpartition(" ")[2]
        if not word:
            # zsh offers options where nothing else can come.
            offered = [word for word in offered if not word.startswith("-")]
        elif "=" not in word:
            # With the "=" or without, with the values or without
            offered = {word.partition("=")[0] if word.startswith("--") else word for word in offered}
        assert sorted(offered) == expected, (line, offered)
    verbs = re.findall(r"^  ([a-z]+)", t.cli("--help"), re.M)
    assert len(verbs) >= 16 and sorted(complete("ifroster ")) == sorted(set(verbs)), verbs


def test_bash(t):
    def complete(line):
        # As bash does, "=" is a word of its own.
        words = [word for part in line.split(" ")
                 for word in (re.findall(r"=|[^=]+", part) or [""])]
        result = subprocess.run(["bash", "-c", BASH, "bash", COMPLETION / "ifroster.bash", *words],
                                env=environment(t), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)
        assert result.returncode == 0 and result.stderr == "", result
        return result.stdout.split()

    check(t, complete)


def test_fish(t):
    need("fish")

    def complete(line):
        result = subprocess.run(
            ["fish", "--no-config", "-c", "source $argv[1]; complete -C$argv[2]",
             COMPLETION / "ifroster.fish", line], env=environment(t), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert result.returncode == 0 and result.stderr == "", result
        words = [line.partition("\t")[0] for line in result.stdout.splitlines()]
        option = re.search(r"--[a-z]+=", line.rpartition(" ")[2])
        return [word.removeprefix(option[0]) if option else word for word in words]

    check(t, complete)


class Zsh:
    """An interactive zsh on a terminal of its own, because it completes nowhere else."""

    def __init__(self, t):
        self.t = t
        self.told = f"{t.directory}/told"
        self.n_answers = 0
        with open(f"{t.directory}/setup", "w", encoding="ascii") as file:
            file.write(ZSH)
        with open(self.told, "w", encoding="ascii"):
            pass
        self.terminal, side = pty.openpty()
        os.set_blocking(self.terminal, False)
        self.process = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=side, stdout=side, stderr=side, start_new_session=True,
            env={**environment(t), "COMPLETION": str(COMPLETION), "TOLD": self.told},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(side)
        self.shown = b""
        self.type(f"unsetopt beep; setopt extendedglob; source {t.directory}/setup\n")

    def type(self, keys):
        """Returns what was told since, when all of it was."""
        os.write(self.terminal, keys.encode())

        def answers():
            try:
                self.shown += os.read(self.terminal, 65536)
            except BlockingIOError:
                pass
            with open(self.told, encoding="ascii") as file:
                return file.read().split("END\n")[:-1]

        self.t.wait_for(lambda: len(answers()) > self.n_answers, what=f"an answer to {keys!r}")
        self.n_answers += 1
        return answers()[self.n_answers - 1].splitlines()

    def complete(self, line):
        # ^U: away with the line before.
        return self.type(f"\x15{line}\x18")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


def test_zsh(t):
    need("zsh")
    zsh = Zsh(t)
    try:
        check(t, zsh.complete)
        assert b"command not found" not in zsh.shown, zsh.shown
    finally:
        zsh.close()


fixture.main(__name__)

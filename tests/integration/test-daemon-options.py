#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line of ifrosterd, what it tells the service manager, and how it ends."""

import os
import resource
import signal
import socket
import subprocess

import fixture
import processes

USAGE = 2


def run(t, *arguments, **options):
    """Runs the daemon where it must end by itself."""
    return subprocess.run([os.environ["IFROSTERD"], *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20,
                          errors="surrogateescape",
                          **{"env": t.environment, **options})


def refused(t, status, words, *arguments, **options):
    """It ends with this status and one line that has all these words."""
    result = run(t, *arguments, **options)
    assert result.returncode == status, (arguments, result)
    assert result.stdout == "", (arguments, result)
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("ifrosterd: "), (arguments, result.stderr)
    for word in words:
        assert word in lines[0], (arguments, word, lines[0])


def test_help_and_version(t):
    for option in ("--help", "-h"):
        result = run(t, option)
        assert result.returncode == 0 and result.stderr == ""
        for name in ("--bus", "--varlink", "--table", "--netns", "--log-level", "--version"):
            assert name in result.stdout, name
        assert all(len(line) <= 80 for line in result.stdout.splitlines())
    result = run(t, "--version")
    assert result.returncode == 0 and result.stdout.startswith("ifrosterd ")
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([os.environ["IFROSTERD"], "--help"], stdout=full, check=False,
                                stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1 and "cannot write" in result.stderr, result
    # What comes first counts, and nothing is started.
    assert run(t, "--netns=nosuch", "--help", "--nonsense").returncode == 0


def test_mistakes_are_named(t):
    for words, *arguments in (
            (["--nonsense", "--help"], "--nonsense"),
            (["-x"], "-x"),
            (["\"something\""], "something"),
            (["\"\""], ""),
            (["--bus", "needs a value"], "--bus"),
            (["--help", "takes no value"], "--help=yes"),
            (["--version", "takes no value"], "--version=1"),
            (["--bus=user", "session"], "--bus=user"),
            (["--bus=", "system"], "--bus="),
            (["--bus=:x"], "--bus=:x"),
            (["--bus=nonsense:x=y", "unix:path"], "--bus=nonsense:x=y"),
            (["--varlink=relative", "absolute"], "--varlink=relative"),
            (["--varlink="], "--varlink="),
            (["--varlink", "too long", "107"], "--varlink=/" + "x" * 107),
            (["--table=relative/path", "absolute"], "--table=relative/path"),
            (["--table=/run/", "directory"], "--table=/run/"),
            (["--table", "too long"], "--table=/" + "x" * 5000),
            (["--netns="], "--netns="),
            (["--netns=..", "ip netns"], "--netns=.."),
            (["--netns=a/b", "absolute"], "--netns=a/b"),
            (["--log-level=loud", "debug"], "--log-level=loud"),
            (["--log-level=8"], "--log-level=8"),
            (["--log-level="], "--log-level="),
            # Long or odd, what is wrong with it is said all the same, in one line.
            (["--bus=xx", "...: want system"], "--bus=" + "x" * 2000),
            (["--varlink=xx", "...: want an absolute"], "--varlink=" + "x" * 2000),
            (["--netns=x/x/", "...: want the name"], "--netns=" + "x/" * 2000),
            (["--log-level=xx", "...: want emerg"], "--log-level=" + "x" * 2000),
            (["...; see ifrosterd --help"], "--" + "x" * 2000),
            (["...\"; see ifrosterd --help"], "x" * 2000),
            (["--bus=a?[31m?b: want"], "--bus=a\x1b[31m\nb")):
        refused(t, USAGE, words, *arguments)
    refused(t, USAGE, ["--bus=unix:path=/xx", "...: not a D-Bus address"],
            "--bus=unix:path=/" + "x" * 2000, "--varlink=none", "--table=none")
    refused(t, USAGE, ["--bus=unix:nonsense=1", "not a D-Bus address"], "--bus=unix:nonsense=1",
            "--varlink=none", "--table=none")


def test_namespaces_that_cannot_be_entered(t):
    none = ("--bus=none", "--varlink=none", "--table=none")
    refused(t, 1, ["/run/netns/nosuch", "No such file"], "--netns=nosuch", *none)
    refused(t, 1, ["/nosuch/file", "No such file"], "--netns=/nosuch/file", *none)
    refused(t, 1, ["/dev/null", "not a network namespace"], "--netns=/dev/null", *none)
    refused(t, 1, ["/run/netns/xx", "...: "], "--netns=" + "x" * 300, *none)
    refused(t, 1, ["/proc/self/ns/mnt", "not a network namespace"],
            "--netns=/proc/self/ns/mnt", *none)


def test_places_that_cannot_be_written(t):
    """Also as root: a file system that is read-only, something else in the way, no directory."""
    os.mkdir("/run/readonly")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/run/readonly"], check=True)
    with open("/run/file", "w", encoding="ascii") as file:
        file.write("of somebody else")
    os.symlink("/run/nowhere", "/run/link")
    others = {"--varlink": "--table=none", "--table": "--varlink=none"}
    for option, other in others.items():
        for path in ("/run/readonly/x", "/run/file/x", "/run", "/proc/nosuch"):
            refused(t, 1, [path], "--bus=none", other, f"{option}={path}")
    for path in ("/run/file", "/run/link", "/dev/null", "/run"):
        refused(t, 1, [path, "not a socket"], "--bus=none", "--table=none", f"--varlink={path}")
        refused(t, 1, [path, "not a table", "remove it"], "--bus=none", "--varlink=none",
                f"--table={path}")
    with open("/run/file", encoding="ascii") as file:
        assert file.read() == "of somebody else"
    assert not os.path.lexists("/run/nowhere")


def test_files_of_somebody_else(t):
    """None is taken for what a daemon left, nor for its lock, and none is lost."""
    os.mkdir("/run/files")
    files = {
        "empty": (b"", 0o644, 0), "zeros": (bytes(8192), 0o600, 0), "executable": (b"", 0o555, 0),
        "other": (b"", 0o444, 1), "text": (b"fi", 0o444, 0), "later": (bytes(64) + b"x", 0o444, 0),
        "linked": (b"", 0o444, 0), "wanted.lock": (b"of somebody else", 0o644, 0),
    }
    for name, (content, mode, owner) in files.items():
        with open(f"/run/files/{name}", "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            os.fchown(file.fileno(), owner, owner)
    os.link("/run/files/linked", "/run/files/link")
    for name in files:
        path = f"/run/files/{name.removesuffix('.lock')}"
        refused(t, 1, [path, "not a table", "remove it"], "--bus=none", "--varlink=none",
                f"--table={path}")
    for name, (content, mode, owner) in files.items():
        st = os.stat(f"/run/files/{name}")
        assert (st.st_mode & 0o7777, st.st_uid) == (mode, owner), name
        with open(f"/run/files/{name}", "rb") as file:
            assert file.read() == content, name


def test_a_second_daemon_at_the_same_place(t):
    """It says so and ends, and the first one does not notice."""
    t.start()
    path = f"{fixture.RUNTIME_DIRECTORY}/org.ifroster"
    refused(t, 1, [path, "another daemon"], "--bus=none", f"--varlink={path}", "--table=none")
    path = f"{fixture.RUNTIME_DIRECTORY}/table"
    refused(t, 1, [path, "another daemon"], "--bus=none", "--varlink=none", f"--table={path}")
    connect = f"--connect={fixture.RUNTIME_DIRECTORY}/org.ifroster"
    assert t.cli_json("list", connect)[0]["Name"] == "lo"
    # A dead one's places are taken over.
    t.daemon.kill()
    t.start_daemon(name="second")
    t.connect()
    assert t.cli_json("list", connect)[0]["Name"] == "lo"


def test_another_namespace(t):
    t.ip("netns add other")
    t.ip("-n other link add inside type veth peer name peer")
    inode = os.stat("/run/netns/other").st_ino
    t.start("--netns=other")
    assert t.bus.get("NamespaceId") == inode
    assert "inside" in [name for _, name, _ in t.bus.call("ListLinks")]
    assert t.daemon.stop() == 0
    daemon = t.start_daemon("--netns=/run/netns/other", name="second")
    t.connect()
    assert t.bus.get("NamespaceId") == inode
    # It stays while the daemon is in it, whatever becomes of the name.
    t.ip("netns delete other")
    assert "inside" in [name for _, name, _ in t.bus.call("ListLinks")]
    assert daemon.stop() == 0


def test_closed_descriptors(t):
    """No socket becomes standard error, where it would get what is logged."""
    command = f'exec "$0" "$@" 0<&- 1>&- 2>&-'
    process = t._keep(processes.Process("closed", [
        "bash", "-c", command, os.environ["IFROSTERD"], "--bus=none", "--log-level=debug",
        f"--varlink={fixture.RUNTIME_DIRECTORY}/org.ifroster", "--table=none"], t.directory,
        t.environment))
    connect = f"--connect={fixture.RUNTIME_DIRECTORY}/org.ifroster"
    t.wait_for(lambda: t.cli_result("list", connect, status=None).returncode == 0, what="an answer")
    for fd in range(3):
        assert os.readlink(f"/proc/{process.pid}/fd/{fd}") == "/dev/null", fd
    assert process.stop() == 0


def test_service_manager_is_told(t):
    daemon = t.start("--log-level=debug")
    told = daemon.poll_notifications()
    assert told.index("READY=1") > 0 and told[0].startswith("STATUS="), told
    daemon.signal(signal.SIGHUP)
    daemon.wait_notification("RELOADING=1")
    t.wait_for(lambda: daemon.poll_notifications().count("READY=1") == 2, what="the end of a reload")
    told = daemon.poll_notifications()
    assert any(line.startswith("MONOTONIC_USEC=") for line in told), told
    t.sync()
    resynced = [item.body for item in t.signals if item.member == "Resynced"]
    assert [reason for _, reason in resynced] == ["audit"], resynced
    assert t.bus.get("Resyncs") == 1
    daemon.signal(signal.SIGINT)
    assert daemon.wait() == 0
    assert "STOPPING=1" in daemon.poll_notifications()


def test_watchdog(t):
    daemon = t.start_daemon("--bus=none", environment={"WATCHDOG_USEC": "500000"})
    daemon.wait_notification("WATCHDOG=1")
    assert daemon.stop() == 0


def test_watchdog_without_descriptors(t):
    """Clients that take all descriptors do not have the daemon killed."""
    daemon = t.start_daemon("--bus=none", environment={"WATCHDOG_USEC": "200000"})
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (40, 40))
    clients = []
    for _ in range(60):
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{fixture.RUNTIME_DIRECTORY}/org.ifroster")
        clients.append(client)
    t.wait_for(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) == 40, what="no descriptor left")
    seen = daemon.poll_notifications().count("WATCHDOG=1")
    t.wait_for(lambda: daemon.poll_notifications().count("WATCHDOG=1") > seen + 1,
               what="the answer to the watchdog")
    for client in clients:
        client.close()


def test_service_manager_that_does_not_read(t):
    """Its queue holds ten datagrams, or some more. The daemon reloads, answers and ends all the same;
    what it says when there is room again is how it stands."""
    connect = f"--connect={fixture.RUNTIME_DIRECTORY}/org.ifroster"

    def start_and_fill(name):
        daemon = t.start_daemon("--bus=none", name=name, environment={"WATCHDOG_USEC": "200000"})
        for i in range(5):
            daemon.signal(signal.SIGHUP)
            t.wait_for(lambda: t.cli_json("show", "--daemon", connect)[0]["Resyncs"] > i,
                       what=f"reload {i}")
        return daemon

    assert start_and_fill("unread").stop() == 0
    daemon = start_and_fill("late")

    def all_told():
        told = daemon.poll_notifications()
        last = {line: i for i, line in enumerate(told)}
        return last["READY=1"] > last["RELOADING=1"] and last["WATCHDOG=1"] > last["READY=1"] and \
            [line for line in told if line.startswith("STATUS=")][-1] == "STATUS=The table is current"

    t.wait_for(all_told, what="the end of the last reload")
    # A status is told only where it differs from the one before.
    status = [line for line in daemon.poll_notifications() if line.startswith("STATUS=")]
    assert all(a != b for a, b in zip(status, status[1:])), status
    assert daemon.stop() == 0
    assert "STOPPING=1" in daemon.poll_notifications()


def test_log_levels(t):
    quiet = t.start_daemon("--bus=none", "--log-level=err", name="quiet")
    assert quiet.stop() == 0 and quiet.err() == "", quiet.err()
    loud = t.start_daemon("--bus=none", "--log-level=7", name="loud")
    assert loud.stop() == 0 and "ready" in loud.err(), loud.err()
    assert all(line.startswith("ifrosterd: ") for line in loud.err().splitlines())


def test_journal_gets_levels(t):
    with open(os.path.join(t.directory, "journal"), "w+", encoding="utf-8") as journal:
        status = os.fstat(journal.fileno())
        for stream, prefix in ((f"{status.st_dev}:{status.st_ino}", "<3>"),
                               (f"{status.st_dev}:{status.st_ino + 1}", "ifrosterd: "),
                               ("nonsense", "ifrosterd: ")):
            journal.seek(0)
            journal.truncate()
            subprocess.run([os.environ["IFROSTERD"], "--netns=nosuch", "--bus=none",
                            "--varlink=none", "--table=none"], check=False, stderr=journal,
                           stdin=subprocess.DEVNULL,
                           env={**t.environment, "JOURNAL_STREAM": stream})
            journal.seek(0)
            assert journal.read().startswith(prefix), stream


def test_places_of_an_ordinary_user(t):
    """Without a directory of its own and without one of the user, it says what to do."""
    # Runs as somebody who cannot write below /run. In a user namespace nobody else is mapped.
    command = ["setpriv", "--reuid=65534", "--clear-groups", os.environ["IFROSTERD"]]
    if subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "true"], check=False,
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise fixture.Skip("there is no second user here")
    if subprocess.run([*command, "--version"], check=False, stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise fixture.Skip("another user cannot reach the program")
    for variable in ({}, {"XDG_RUNTIME_DIR": ""}, {"XDG_RUNTIME_DIR": "relative"}):
        result = subprocess.run([*command, "--bus=none"], check=False, stderr=subprocess.PIPE,
                                text=True, timeout=20, env={**t.environment, **variable})
        assert result.returncode == 1, result
        assert "XDG_RUNTIME_DIR" in result.stderr and "--varlink" in result.stderr, result


fixture.main(__name__)

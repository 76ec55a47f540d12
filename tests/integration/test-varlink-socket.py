#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The socket of the Varlink interface: whose it is, who may connect, and sockets that were passed."""

import os
import shutil
import socket
import stat
import subprocess

import fixture
import namespace
import processes
from varlinkclient import Client, Closed, Subscriber

PATH = "/run/ifroster/org.ifroster"


def answers(path=PATH):
    with Client(path) as client:
        return client.call("GetLinkByIndex", Index=1)["Name"] == "lo"


def refuses_to_start(t, name, *arguments):
    daemon = t.start_daemon(*arguments, name=name, ready=False)
    assert daemon.wait() == 1, daemon.err()
    return daemon.err()


def test_permissions(t):
    """Everyone may connect, whatever the umask; nobody else may put files there."""
    old = os.umask(0o077)
    try:
        t.start_daemon("--varlink=/run/other/socket")
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat("/run/other/socket").st_mode) == 0o666
    assert stat.S_IMODE(os.stat("/run/other").st_mode) == 0o755
    assert answers("/run/other/socket")


def test_the_socket_goes_with_the_daemon(t):
    daemon = t.start_daemon()
    assert stat.S_ISSOCK(os.stat(PATH).st_mode)
    assert daemon.stop() == 0
    assert not os.path.exists(PATH)


def test_a_stale_socket_is_replaced(t):
    t.start_daemon().kill()
    assert os.path.exists(PATH), "a killed daemon cannot have removed its socket"
    inode = os.stat(PATH).st_ino
    daemon = t.start_daemon(name="second")
    assert os.stat(PATH).st_ino != inode and answers()
    daemon.stop()
    # Bound by something else, and not listened on.
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(PATH)
        t.start_daemon(name="third")
        assert answers()


def test_a_living_daemon_is_left_alone(t):
    t.start_daemon()
    with Subscriber() as subscriber:
        subscriber.until_ready()
        error = refuses_to_start(t, "second", "--table=none")
        assert "another daemon" in error and PATH in error, error
        assert answers()
        t.ip("link add v0 type veth peer name v1")
        subscriber.step()
    # Nor anybody else who listens there.
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("/run/other")
        other.listen()
        assert "another daemon" in refuses_to_start(t, "third", "--varlink=/run/other", "--table=none")
        assert os.path.exists("/run/other")


def test_what_is_no_socket_stays(t):
    for number, make in enumerate((lambda path: open(path, "wb").close(), os.mkdir,
                                   lambda path: os.symlink("/nowhere/at/all", path))):
        path = f"/run/thing{number}"
        make(path)
        error = refuses_to_start(t, f"d{number}", f"--varlink={path}", "--table=none")
        assert path in error, error
        assert os.path.lexists(path)


class Passed:
    """Starts the daemon with descriptors from 3 on, as a service manager does."""

    def __init__(self, t, descriptors, *arguments, pid=None):
        self.read, write = os.pipe()
        command = [os.environ["IFROSTERD"], "--bus=none", "--table=none", *arguments]
        self.pid = os.fork()
        if self.pid == 0:
            namespace.die_with_parent()
            # Out of the way first: the numbers may overlap.
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(descriptors)]
            os.dup2(write, 2)
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
                os.close(fd)
            environment = {**t.environment, "LISTEN_FDS": str(len(descriptors)),
                           "LISTEN_PID": str(pid or os.getpid())}
            os.execve(command[0], command, environment)
        os.close(write)

    def stop(self):
        os.kill(self.pid, 15)
        _, status = os.waitpid(self.pid, 0)
        with os.fdopen(self.read, errors="replace") as file:
            text = file.read()
        assert not processes.SANITIZER.search(text), text
        assert status == 0, (status, text)
        return text


def listening(path, kind=socket.SOCK_STREAM):
    passed = socket.socket(socket.AF_UNIX, kind)
    passed.bind(path)
    if kind == socket.SOCK_STREAM:
        passed.listen(16)
    return passed


def test_a_passed_socket(t):
    """It takes the place of the default path, a path that is asked for is served beside it, and its file
    stays when the daemon ends: the next one is started with the same socket."""
    with listening("/run/passed") as passed:
        for arguments, others in (([], []), (["--varlink=/run/own"], ["/run/own"]),
                                  (["--varlink=none"], [])):
            daemon = Passed(t, [passed.fileno()], *arguments)
            for path in ("/run/passed", *others):
                # Asked before it listens, answered when it is ready.
                t.wait_for(lambda path=path: os.path.exists(path))
                with Client(path) as client:
                    def served():
                        state = client.call("GetState")["State"]
                        return state == "ready"
                    t.wait_for(served)
                assert answers(path)
            if not others:
                assert not os.path.exists(PATH)
            daemon.stop()
            assert os.path.exists("/run/passed") and not os.path.exists("/run/own")


def test_passed_sockets_that_are_of_no_use(t):
    """They are complained about, and the others are served."""
    with listening("/run/good") as good, listening("/run/datagram", socket.SOCK_DGRAM) as datagram, \
            socket.socket(socket.AF_INET) as inet, open("/dev/null", "rb") as null:
        inet.listen()
        daemon = Passed(t, [null.fileno(), datagram.fileno(), good.fileno(), inet.fileno()])
        with Client("/run/good") as client:
            t.wait_for(lambda: client.call("GetState")["State"] == "ready")
        text = daemon.stop()
        assert [f"socket {fd} " in text for fd in (3, 4, 5, 6)] == [True, True, False, True], text


def test_sockets_of_another_process_are_not_taken(t):
    with listening("/run/passed") as passed:
        daemon = Passed(t, [passed.fileno()], f"--varlink={PATH}", pid=1)
        t.wait_for(lambda: os.path.exists(PATH))
        with Client(PATH) as client:
            t.wait_for(lambda: client.call("GetState")["State"] == "ready")
        daemon.stop()


def test_systemd_socket_activate(t):
    program = shutil.which("systemd-socket-activate")
    if not program:
        raise fixture.Skip("systemd-socket-activate is not installed")
    activator = subprocess.Popen([program, "--listen=/run/activated", os.environ["IFROSTERD"],
                                  "--bus=none", "--table=none"], stderr=subprocess.DEVNULL,
                                 env=t.environment, preexec_fn=namespace.die_with_parent)
    try:
        t.wait_for(lambda: os.path.exists("/run/activated"))
        with Client("/run/activated") as client:
            t.wait_for(lambda: client.call("GetState")["State"] == "ready")
        assert answers("/run/activated")
    finally:
        activator.terminate()
        assert activator.wait(20) == 0


def test_a_restart_on_a_passed_socket(t):
    """Who calls between two daemons waits, and is not turned away."""
    with listening("/run/passed") as passed:
        first = Passed(t, [passed.fileno()])
        client = Client("/run/passed")
        t.wait_for(lambda: client.call("GetState")["State"] == "ready")
        first.stop()
        try:
            client.receive_message()
            raise AssertionError("a message instead of the end")
        except Closed:
            client.close()
        waiting = Client("/run/passed")
        waiting.send("GetState")
        second = Passed(t, [passed.fileno()])
        assert waiting.receive(deadline=20)["Version"]
        waiting.close()
        second.stop()


fixture.main(__name__)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs that a test starts: a private message bus, the daemon, a following command.

Each writes its output to files; a program that crashed, did not stop or drew a sanitizer's report
fails the test that started it, whatever the test itself saw.
"""

import os
import re
import socket
import subprocess
import time

import namespace

DEADLINE = 20.0
SANITIZER = re.compile(r"(?:Address|Leak|Thread|Memory)Sanitizer|runtime error:")

BUS_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true"/>
    <allow receive_type="method_call"/>
    <allow receive_type="signal"/>
    <allow receive_requested_reply="true"/>
  </policy>
</busconfig>
"""


class Process:
    """A child whose output goes to NAME.out and NAME.err in a directory."""

    def __init__(self, name, command, directory, environment=None, pass_fds=()):
        self.name = name
        self.command = [os.fspath(part) for part in command]
        self.out_path = os.path.join(directory, f"{name}.out")
        self.err_path = os.path.join(directory, f"{name}.err")
        # Appended to, so that a second program of the same name does not erase what the first said.
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self._popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=err, env=environment, pass_fds=pass_fds,
                                           preexec_fn=namespace.die_with_parent)
        self.stopped = False

    @property
    def pid(self):
        return self._popen.pid

    def status(self):
        """The exit status (negative: the signal), None while it runs."""
        return self._popen.poll()

    def out(self):
        return _read(self.out_path)

    def err(self):
        return _read(self.err_path)

    def signal(self, number):
        self._popen.send_signal(number)

    def wait(self, deadline=DEADLINE):
        """Waits for the program to end by itself and returns its status."""
        status = self._popen.wait(deadline)
        self.stopped = True
        return status

    def stop(self, deadline=DEADLINE):
        """Ends it with SIGTERM and returns its status; AssertionError when it does not end."""
        if not self.stopped:
            self._popen.terminate()
        try:
            return self.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {deadline} s of SIGTERM") from None

    def kill(self):
        """Ends it at once. Not a failure: the test wants to know what others do then."""
        self._popen.kill()
        self._popen.wait()
        self.stopped = True

    def complaints(self):
        """What is wrong with it now that the test is over: a list of sentences."""
        found = []
        if SANITIZER.search(self.err()):
            found.append(f"{self.name}: a sanitizer complains")
        if not self.stopped:
            if self.status() is not None:
                found.append(f"{self.name} ended by itself with status {self.status()}")
            else:
                try:
                    status = self.stop()
                    if status not in self.good_statuses():
                        found.append(f"{self.name} ended with status {status} on SIGTERM")
                except AssertionError as error:
                    found.append(str(error))
                # Leaks are only told at the end.
                if not found and SANITIZER.search(self.err()):
                    found.append(f"{self.name}: a sanitizer complains at the end")
        return found

    def good_statuses(self):
        return (0,)


def _read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


class Command(Process):
    """A program that follows something until it is stopped, such as `ifroster watch`."""

    def good_statuses(self):
        return (0, -15)

    def lines(self):
        """The complete lines so far."""
        return self.out().split("\n")[:-1]


class Bus(Process):
    """A dbus-daemon that lets everybody do everything. The address stays over a restart."""

    def __init__(self, directory, name="bus"):
        self.directory = directory
        self.socket = os.path.join(directory, f"{name}.socket")
        self.address = f"unix:path={self.socket}"
        configuration = os.path.join(directory, f"{name}.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(BUS_CONFIGURATION.format(address=self.address))
        readable, writable = os.pipe()
        super().__init__(name, ["dbus-daemon", f"--config-file={configuration}", "--nofork",
                                "--nopidfile", "--nosyslog", f"--print-address={writable}"],
                         directory, pass_fds=(writable,))
        os.close(writable)
        with open(readable, encoding="ascii") as pipe:
            # It prints the address when it listens; the end of the file: it could not.
            if not pipe.readline():
                raise AssertionError(f"dbus-daemon did not start: {self.err()}")

    def good_statuses(self):
        return (0, -15)


class Daemon(Process):
    """ifrosterd, with an own notification socket in the place of a service manager."""

    def __init__(self, directory, arguments, name="ifrosterd", environment=None):
        self.notifications = []
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        path = os.path.join(directory, f"{name}.notify")
        if os.path.exists(path):
            os.unlink(path)
        self._notify.bind(path)
        environment = dict(os.environ if environment is None else environment, NOTIFY_SOCKET=path)
        super().__init__(name, [os.environ["IFROSTERD"], *arguments], directory, environment)

    def poll_notifications(self, timeout=0.0):
        """Takes what the daemon has told since; returns all lines so far, oldest first."""
        self._notify.settimeout(timeout if timeout > 0 else None)
        flags = 0 if timeout > 0 else socket.MSG_DONTWAIT
        try:
            while True:
                text = self._notify.recv(65536, flags).decode()
                self.notifications += text.strip().split("\n")
                flags = socket.MSG_DONTWAIT
        except (BlockingIOError, TimeoutError):
            return self.notifications

    def wait_notification(self, line, deadline=DEADLINE):
        end = time.monotonic() + deadline
        while line not in self.poll_notifications(0.05):
            if self.status() is not None:
                raise AssertionError(f"{self.name} ended with status {self.status()} "
                                     f"before {line}: {self.err()}")
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} did not say {line} within {deadline} s; "
                                     f"it said {self.notifications}")

    def wait_ready(self, deadline=DEADLINE):
        self.wait_notification("READY=1", deadline)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with a real systemd, made of namespaces and util-linux alone; see boot.sh.

    with Machine(root, bus, tree) as machine:
        machine.run("systemctl", "start", "ifrosterd")

It has a network of its own with nothing but loopback in it, and cannot reach the one below. Everything
in it ends with the object: PID 1 is killed and takes all others with it, and the overlay is in memory.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BOOT_SECONDS = 90.0
COMMAND_SECONDS = 60.0
DEADLINE = 30.0
TESTS = "/opt/ifroster"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb",
               "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "PYTHONDONTWRITEBYTECODE": "1",
               "PYTHONPATH": f"{TESTS}/tests/integration"}
NAMESPACES = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
NOBODY = 65534


class CannotBoot(Exception):
    """No machine can be made here; the text says why."""


def cgroup2_mount():
    """Where the unified hierarchy is mounted, alone or beside the old ones."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields, _separator, filesystem = line.partition(" - ")
            if filesystem.split()[0] == "cgroup2":
                return fields.split()[4]
    return None


def check_can_boot():
    if os.geteuid() != 0:
        raise CannotBoot("booting a systemd needs root")
    if not cgroup2_mount():
        raise CannotBoot("there is no cgroup2 hierarchy")
    for program in ("unshare", "nsenter", "setpriv", "pivot_root", "systemd-sysusers", "ip", "ldconfig"):
        if not shutil.which(program, path=ENVIRONMENT["PATH"]):
            raise CannotBoot(f"{program} is not installed")


class Machine:
    def __init__(self, root, bus, tree):
        self.root = root
        self.bus = bus
        self.tree = tree
        self.pid = None
        self._unshare = None
        self._directory = tempfile.mkdtemp(prefix="machine.")
        self._log = self._directory + ".log"
        self._cgroup = os.path.join(cgroup2_mount(), os.path.basename(self._directory))

    def __enter__(self):
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _boot(self):
        os.mkdir(self._cgroup)

        def enter_cgroup():
            with open(os.path.join(self._cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write("0")
            os.setsid()

        with open(self._log, "wb") as log:
            # Who ends this program ends the machine, whatever the way.
            self._unshare = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", "unshare", "--fork", "--kill-child", *NAMESPACES, HERE / "boot.sh", self.root,
                 self.tree, self._directory, self.bus],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=enter_cgroup)
        self.wait_for(self._find_init, "the first process", BOOT_SECONDS)
        # nsenter follows the root directory of PID 1, which is the new one once systemd runs.
        self.wait_for(lambda: self._status("test", "-S", "/run/dbus/system_bus_socket") == 0,
                      "the machine to boot", BOOT_SECONDS)
        self.wait_for(lambda: self.run("systemctl", "is-system-running", check=False).strip()
                      in ("running", "degraded"), "the end of the boot", BOOT_SECONDS)

    def _find_init(self):
        if self._unshare.poll() is not None:
            raise CannotBoot(f"unshare ended: {self.console()}")
        path = f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children"
        with open(path, encoding="ascii") as file:
            children = file.read().split()
        if children and pathlib.Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
            self.pid = int(children[0])
        return self.pid

    def __exit__(self, *_exception):
        if self._unshare:
            self._unshare.kill()  # --kill-child: PID 1 goes with it, and with that everybody
            self._unshare.wait()
        self._remove_cgroup()
        shutil.rmtree(self._directory, ignore_errors=True)
        if os.path.exists(self._log):
            os.unlink(self._log)

    def _remove_cgroup(self):
        if not os.path.isdir(self._cgroup):
            return
        kill = os.path.join(self._cgroup, "cgroup.kill")
        if os.path.exists(kill):
            with open(kill, "w", encoding="ascii") as file:
                file.write("1")

        def gone():
            for directory, _names, _files in os.walk(self._cgroup, topdown=False):
                try:
                    os.rmdir(directory)
                except OSError:
                    return False
            return True

        self.wait_for(gone, "the processes of the machine to end")

    def console(self):
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read().strip()

    # Running things in it --------------------------------------------------------------------

    def command(self, *arguments, user=None):
        """The command line that runs a command in the machine, as root or as the user with an id."""
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        return ["nsenter", f"--target={self.pid}", *NAMESPACES, "--root", "--wd", "env", "-i",
                *environment, *as_user, *map(str, arguments)]

    def _status(self, *arguments):
        return subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=COMMAND_SECONDS).returncode

    def result(self, *arguments, user=None, timeout=COMMAND_SECONDS, stdin=None):
        return subprocess.run(self.command(*arguments, user=user), text=True, timeout=timeout,
                              input=stdin if stdin is not None else "",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, user=None, check=True, timeout=COMMAND_SECONDS, stdin=None):
        """What it prints; a bad exit status is an AssertionError unless check is False."""
        result = self.result(*arguments, user=user, timeout=timeout, stdin=stdin)
        if check and result.returncode != 0:
            raise AssertionError(f"{arguments}: exit status {result.returncode}: "
                                 f"{result.stdout}{result.stderr}")
        return result.stdout

    def python(self, code, *arguments, user=None, check=True):
        """Runs a few lines of Python in it, with the modules of the integration tests at hand."""
        return self.run("/usr/bin/python3", "-c", code, *arguments, user=user, check=check)

    def start(self, *arguments, user=None):
        """A program that goes on, with pipes. It ends with the process that is returned: nsenter stays
        between, because nobody enters a PID namespace himself."""
        command = self.command("setpriv", "--pdeathsig=KILL", *arguments, user=user)
        return subprocess.Popen(command, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def ip(self, line):
        return self.run("ip", *line.split())

    def has(self, program):
        return self._status("sh", "-c", f"command -v {program}") == 0

    def write(self, path, text):
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", path, stdin=text)

    def exists(self, path):
        return self._status("test", "-e", path) == 0

    def read(self, path):
        return self.run("cat", path)

    # Units -----------------------------------------------------------------------------------

    def show(self, unit, *properties):
        """Properties of a unit: one value, or a dictionary of several."""
        text = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties))
        values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        return values[properties[0]] if len(properties) == 1 else values

    def main_pid(self, unit="ifrosterd.service"):
        return int(self.show(unit, "MainPID"))

    def is_active(self, unit="ifrosterd.service"):
        return self._status("systemctl", "is-active", "--quiet", unit) == 0

    def varlink(self, method, path="/run/ifroster/org.ifroster", user=None, **parameters):
        """One call over Varlink, made in the machine; the reply's parameters."""
        code = ("import json, sys, varlinkclient\n"
                "client = varlinkclient.Client(sys.argv[1])\n"
                "print(json.dumps(client.call(sys.argv[2], **json.loads(sys.argv[3]))))\n")
        return json.loads(self.python(code, path, method, json.dumps(parameters), user=user))

    def bus_call(self, method, *arguments, user=None, name="org.ifroster1", path="/org/ifroster1",
                 interface="org.ifroster1.Manager"):
        """One call by busctl; the list of values that came back."""
        text = self.run("busctl", "--json=short", "call", name, path, interface, method, *arguments,
                        user=user)
        return json.loads(text)["data"] if text.strip() else []

    def bus_property(self, name, service="org.ifroster1", path="/org/ifroster1",
                     interface="org.ifroster1.Manager"):
        return json.loads(self.run("busctl", "--json=short", "get-property", service, path, interface,
                                   name))["data"]

    def has_owner(self, name="org.ifroster1"):
        return self.bus_call("NameHasOwner", "s", name, name="org.freedesktop.DBus",
                             path="/org/freedesktop/DBus", interface="org.freedesktop.DBus")[0]

    # Waiting ---------------------------------------------------------------------------------

    def wait_for(self, condition, what, deadline=DEADLINE):
        """Calls condition until it is true, and returns what it returned."""
        end = time.monotonic() + deadline
        while not (value := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"waited {deadline} s in vain for {what}")
            time.sleep(0.05)
        return value

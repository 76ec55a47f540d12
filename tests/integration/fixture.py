# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the integration tests stand on. A test file looks like this:

    import fixture

    def test_rename(t):
        t.ip("link add v0 type veth peer name v1")
        t.start()
        t.ip("link set v0 name w0")
        t.expect_event(Event="changed", Object="link", Name="w0")
        t.settle()

    fixture.main(__name__)

Every function test_*(t) is one TAP subtest, and says how soon after each change the table was right
again (see convergence.py). It runs in an empty network namespace (lo is there, and
down) with an empty /run, and t starts what it wants there. `fixture.main` takes names of subtests as
arguments, and lists them with --list. IFROSTERD and IFROSTER say where the programs are.

The rules: nobody sleeps to let something happen; t.wait_for(), t.expect_event() and t.settle() wait
for the thing itself and fail with what they saw instead. After t.bus.call("Sync") everything that the
kernel acknowledged before is in the table, and its signals have arrived.
"""

import inspect
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import traceback

import namespace

try:
    import busclient
    from busclient import CallError, link_path  # for the tests
    JEEPNEY = True
except ImportError:
    JEEPNEY = False

import convergence
import oracle
import processes
import replay

DEADLINE = 15.0
SUBTEST_SECONDS = int(os.environ.get("IFROSTER_TEST_SECONDS", "120"))
RUNTIME_DIRECTORY = "/run/ifroster"
LOG_LINES = 60


class Skip(Exception):
    """Raised by a subtest that cannot run here; the text says why."""


class Test:
    """One subtest's world. Ended by close(), which returns what was wrong with the programs in it."""

    def __init__(self):
        namespace.fresh()
        self.directory = "/run/test"
        os.mkdir(self.directory)
        os.mkdir(RUNTIME_DIRECTORY)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("DBUS_", "XDG_RUNTIME"))}
        self.processes = []
        self.private_bus = None
        self.daemon = None
        self.bus = None
        self.replay = None
        self.convergence = convergence.Convergence()
        # Lines to be printed when the subtest has passed
        self.measured = []
        # When the last Changed signal was read
        self._published = 0.0
        # Every event of every Changed signal so far; expect_event() takes them in order.
        self.events = []
        self._next_event = 0
        # Every other signal, for next_signal()
        self.signals = []

    # Programs ---------------------------------------------------------------------------------

    def start(self, *arguments):
        """Starts a bus and the daemon, waits until it is ready, and begins to follow its signals."""
        self.start_bus()
        self.daemon = self.start_daemon(*arguments)
        self.connect()
        return self.daemon

    def start_bus(self):
        self.private_bus = self._keep(processes.Bus(self.directory))
        return self.private_bus

    def start_daemon(self, *arguments, name="ifrosterd", ready=True, environment=None):
        """The usual sockets unless arguments say otherwise; a later option replaces an earlier one.
        The name tells several daemons of a test apart."""
        given = {argument.partition("=")[0] for argument in arguments}
        usual = {"--bus": self.private_bus.address if self.private_bus else "none",
                 "--varlink": f"{RUNTIME_DIRECTORY}/org.ifroster",
                 "--table": f"{RUNTIME_DIRECTORY}/table"}
        options = [f"{option}={value}" for option, value in usual.items() if option not in given]
        daemon = self._keep(processes.Daemon(self.directory, [*options, *arguments], name,
                                             {**self.environment, **(environment or {})}))
        if ready:
            daemon.wait_ready()
        return daemon

    def connect(self):
        """(Re)connects to the bus and takes the table as the daemon has it now as the beginning of
        the replay. The daemon may come to the bus only after it is ready."""
        if not JEEPNEY:
            raise Skip("python3-jeepney is not installed")
        if self.bus:
            self.bus.close()
        self.bus = busclient.Client(self.private_bus.address)
        self.wait_for(self.bus.has_owner, what="the daemon's name on the bus")
        self.replay = replay.Replay.from_describe(json.loads(self.bus.call("Describe")))
        return self.bus

    def _keep(self, process):
        self.processes.append(process)
        return process

    def ip(self, command, check=True):
        """Runs ip with a line of arguments or, for odd names, a list of them (also bytes)."""
        arguments = shlex.split(command) if isinstance(command, str) else command
        result = subprocess.run(["ip", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        error = result.stderr.decode(errors="replace").strip()
        if check and result.returncode != 0:
            raise AssertionError(f"ip {command}: {error}")
        if "show" not in arguments:
            self.load_ended()
        return result

    def need_kind(self, command):
        """Like ip(), for a link of a kind that this kernel may lack: then the subtest is skipped."""
        result = self.ip(command, check=False)
        error = result.stderr.decode(errors="replace").strip()
        if "Unknown device type" in error or "not supported" in error:
            raise Skip(f"this kernel cannot do: ip {command}: {error}")
        if result.returncode != 0:
            raise AssertionError(f"ip {command}: {error}")

    def sysctl(self, path, value):
        with open(f"/proc/sys/{path}", "w", encoding="ascii") as file:
            file.write(str(value))
        self.load_ended()

    def load_ended(self):
        """What a test did otherwise than by ip(), sysctl() or load.Batch.run() is done now."""
        self.convergence.load_ended()

    def index(self, name):
        return [link["ifindex"] for link in oracle.ip_json("link", "show") if link["ifname"] == name][0]

    def cli(self, *arguments, status=0, environment=None):
        """Runs ifroster and returns what it printed; another exit status than status is a failure.
        The result's err attribute of cli_result() has its complaints."""
        return self.cli_result(*arguments, status=status, environment=environment).stdout

    def cli_result(self, *arguments, status=0, environment=None):
        result = subprocess.run([os.environ["IFROSTER"], *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                                env={**self.environment, **(environment or {})}, text=True,
                                errors="surrogateescape")
        assert not processes.SANITIZER.search(result.stderr), result.stderr
        assert status is None or result.returncode == status, \
            f"ifroster {arguments}: exit status {result.returncode}, not {status}: " \
            f"{result.stdout}{result.stderr}"
        return result

    def cli_json(self, *arguments, status=0):
        """The records that `ifroster ... --json=short` prints, one a line."""
        return [json.loads(line)
                for line in self.cli(*arguments, "--json=short", status=status).splitlines()]

    def follow(self, *arguments, name="ifroster"):
        """Starts ifroster and lets it run, as for watch; see processes.Command.lines()."""
        return self._keep(processes.Command(name, [os.environ["IFROSTER"], *arguments],
                                            self.directory, self.environment))

    # Waiting ----------------------------------------------------------------------------------

    def pump(self, timeout=0.0):
        """Takes the signals that are there (waiting so long for the first one) to the replay."""
        if not self.bus:
            time.sleep(timeout)
            return
        self.bus.pump(timeout)
        while self.bus.signals:
            item = self.bus.signals.popleft()
            if item.interface == busclient.MANAGER and item.member == "Changed":
                self._published = time.monotonic()
                generation, events = item.body
                self.events += events
                if self.replay:
                    self.replay.apply(generation, events)
            self.signals.append(item)

    def wait_for(self, condition, deadline=DEADLINE, what="the condition"):
        """Calls condition until it is true and returns what it returned."""
        end = time.monotonic() + deadline
        while not (value := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"waited {deadline} s in vain for {what}")
            self.pump(0.02)
        return value

    def wait_for_kernel(self, condition, what):
        """The same for what the kernel does by itself after a change, which is a load too."""
        end = time.monotonic() + DEADLINE
        while not (value := condition()):
            assert time.monotonic() < end, f"waited {DEADLINE} s in vain for {what}"
            self.pump(0.002)
        self.load_ended()
        return value

    def expect_event(self, deadline=DEADLINE, **fields):
        """The next event, after those that were expected before, whose fields are these."""
        start = self._next_event

        def find():
            self.pump()
            for position in range(start, len(self.events)):
                event = self.events[position]
                if all(event.get(name) == value for name, value in fields.items()):
                    self._next_event = position + 1
                    return event
            return None

        try:
            return self.wait_for(find, deadline)
        except AssertionError:
            raise AssertionError(f"no event {fields} among {self.events[start:]}") from None

    def expect_no_event(self, **fields):
        """No such event among those not expected yet, after a Sync: whatever was caused so far has
        arrived by then."""
        self.sync()
        for event in self.events[self._next_event:]:
            assert not all(event.get(name) == value for name, value in fields.items()), event

    def take_events(self):
        """All events not expected yet, after a Sync."""
        self.sync()
        events = self.events[self._next_event:]
        self._next_event = len(self.events)
        return events

    def sync(self):
        """Returns the generation that holds everything that the kernel did before."""
        generation = self.bus.call("Sync")
        self.pump()
        self.convergence.right(self._published)
        return generation

    def describe(self):
        """The daemon's table by question, as a Replay."""
        return replay.Replay.from_describe(json.loads(self.bus.call("Describe")))

    def differences(self):
        """How the table by signal, the table by question and the kernel differ now."""
        self.sync()
        truth = oracle.kernel()
        return (self.describe().state().difference(truth, ("question", "kernel"))
                + self.replay.state().difference(truth, ("signals", "kernel")))

    def settle(self, deadline=DEADLINE):
        """Waits until the daemon's table, the replay of its signals and the kernel agree. What the
        kernel does by itself (duplicate address detection, carrier) takes its time; what the test did
        is there at the first look."""
        end = time.monotonic() + deadline
        while differences := self.differences():
            if time.monotonic() > end:
                raise AssertionError("the table does not become the kernel's:\n"
                                     + "\n".join(differences))
            self.pump(0.005)
        self.convergence.equal(self._published)

    # The end ----------------------------------------------------------------------------------

    def close(self):
        complaints = []
        if self.bus:
            self.bus.close()
        # Backwards: nobody should see its bus go away.
        for process in reversed(self.processes):
            complaints += process.complaints()
        return complaints

    def logs(self):
        """The last lines of what every program said, also of those that were killed."""
        lines = []
        for name in sorted(os.listdir(self.directory)):
            if name.endswith((".out", ".err")):
                with open(os.path.join(self.directory, name), encoding="utf-8",
                          errors="backslashreplace") as file:
                    lines += [f"{name}: {line}" for line in file.read().splitlines()[-LOG_LINES:]]
        return lines


# The runner -----------------------------------------------------------------------------------

def _on_alarm(_number, _frame):
    raise AssertionError(f"still running after {SUBTEST_SECONDS} s")


def _on_terminate(_number, _frame):
    sys.exit(143)


def _diagnose(lines):
    for line in lines:
        for part in str(line).splitlines():
            print(f"# {part}".encode(errors="backslashreplace").decode())


def _run(function):
    """Returns the reason of a skip, or None, the lines that say what failed, and those that say what
    was measured."""
    failure, reason = [], None
    test = Test()
    try:
        signal.alarm(SUBTEST_SECONDS)
        function(test)
    except Skip as skip:
        reason = str(skip)
    except Exception:  # pylint: disable=broad-except
        failure += traceback.format_exc().splitlines()
    finally:
        signal.alarm(0)
        failure += test.close()
        if failure:
            failure += test.logs()
        namespace.leave()
    return reason, failure, test.convergence.lines(function.__name__) + test.measured


def _subtests(module):
    functions = [value for name, value in vars(module).items()
                 if name.startswith("test_") and inspect.isfunction(value)]
    return {function.__name__: function
            for function in sorted(functions, key=lambda f: f.__code__.co_firstlineno)}


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def main(module_name):
    """Runs the subtests of a test file; does nothing where the file is only imported."""
    if module_name != "__main__":
        return
    subtests = _subtests(sys.modules[module_name])
    if sys.argv[1:] == ["--list"]:
        print("\n".join(subtests))
        return
    if unknown := [name for name in sys.argv[1:] if name not in subtests]:
        sys.exit(f"no subtest {', '.join(unknown)}; --list names them")
    for variable in ("IFROSTERD", "IFROSTER"):
        if not os.access(os.environ.get(variable, ""), os.X_OK):
            sys.exit(f"{variable} must be the path of a built program")
    try:
        namespace.enter()
    except namespace.NotPermitted as error:
        skip_all(str(error))
    signal.signal(signal.SIGALRM, _on_alarm)
    signal.signal(signal.SIGTERM, _on_terminate)

    chosen = sys.argv[1:] or list(subtests)
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, name in enumerate(chosen, start=1):
        reason, failure, measured = _run(subtests[name])
        failed += bool(failure)
        line = f"{'not ok' if failure else 'ok'} {number} - {name}"
        print(line + (f" # SKIP {' '.join(reason.split())}" if reason and not failure else ""))
        _diagnose(failure)
        _diagnose(measured)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Varlink client for the tests, and a reader of interface texts that checks what it receives.

Shares nothing with the daemon: the wire is cut here, the types are read here. Every message that
arrives is held against the interface text: known members only, declared types, replies with
"continues" only to calls that asked for them.
"""

import collections
import json
import os
import re
import select
import socket
import time

import replay

DEADLINE = 20.0
INTERFACE_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                              "../../daemon/org.ifroster.varlink")
TOKEN = re.compile(r"\s*(?:#[^\n]*\n\s*)*(->|\[\]|\[string\]|[?():,]|[A-Za-z0-9_.-]+)")


class VarlinkError(Exception):
    """An error reply. short without the interface."""

    def __init__(self, name, parameters):
        super().__init__(f"{name}: {parameters}")
        self.name = name
        self.short = name.rpartition(".")[2]
        self.parameters = parameters


class Closed(Exception):
    """The daemon hung up."""


class Interface:
    """The types, methods and errors of one interface text.

    A type is a tuple: ("bool"...), ("?", type), ("[]", type), ("{}", type), ("name", N),
    ("struct", {field: type}), ("enum", [name])."""

    def __init__(self, text):
        self.text = text
        self._tokens = self._split(text)
        self._position = 0
        self.types, self.methods, self.errors = {}, {}, {}
        self._expect("interface")
        self.name = self._take()
        while self._position < len(self._tokens):
            kind, name = self._take(), self._take()
            if kind == "type":
                self.types[name] = self._composite()
            elif kind == "error":
                self.errors[name] = self._composite()
            elif kind == "method":
                given = self._composite()
                self._expect("->")
                self.methods[name] = (given, self._composite())
            else:
                raise ValueError(f"{kind} {name}")

    @staticmethod
    def _split(text):
        tokens, position = [], 0
        text = re.sub(r"#[^\n]*", "", text).strip() + "\n"
        while position < len(text.rstrip()):
            match = TOKEN.match(text, position)
            if not match:
                raise ValueError(f"not Varlink: {text[position:position + 40]!r}")
            tokens.append(match.group(1))
            position = match.end()
        return tokens

    def _peek(self):
        return self._tokens[self._position]

    def _take(self):
        self._position += 1
        return self._tokens[self._position - 1]

    def _expect(self, token):
        taken = self._take()
        if taken != token:
            raise ValueError(f"{taken} instead of {token}")

    def _composite(self):
        self._expect("(")
        fields, names = {}, []
        while self._peek() != ")":
            name = self._take()
            names.append(name)
            if self._peek() == ":":
                self._take()
                fields[name] = self._type()
            if self._peek() == ",":
                self._take()
        self._expect(")")
        if fields or not names:
            assert len(fields) == len(names), "a struct and an enum in one"
            return ("struct", fields)
        return ("enum", names)

    def _type(self):
        token = self._peek()
        if token == "(":
            return self._composite()
        self._take()
        if token in ("?", "[]"):
            return (token, self._type())
        if token == "[string]":
            return ("{}", self._type())
        if token in ("bool", "int", "float", "string", "object"):
            return (token,)
        return ("name", token)

    def resolve(self, kind):
        return self.types[kind[1]] if kind[0] == "name" else kind

    def check(self, kind, value, where="parameters"):
        """Sentences about what of a value is not of a type."""
        kind = self.resolve(kind)
        word = kind[0]
        if word == "?":
            return [] if value is None else self.check(kind[1], value, where)
        python = {"bool": bool, "int": int, "string": str, "object": dict, "[]": list, "{}": dict,
                  "struct": dict, "enum": str}
        good = isinstance(value, (int, float) if word == "float" else python[word])
        if not good or (word in ("int", "float") and isinstance(value, bool)):
            return [f"{where} is {value!r}, not of type {word}"]
        if word == "int" and not -2**63 <= value < 2**63:
            return [f"{where} is {value}"]
        if word == "enum" and value not in kind[1]:
            return [f"{where} is {value!r}, none of {kind[1]}"]
        found = []
        if word == "[]":
            for number, item in enumerate(value):
                found += self.check(kind[1], item, f"{where}[{number}]")
        if word == "{}":
            for key, item in value.items():
                found += self.check(kind[1], item, f"{where}.{key}")
        if word == "struct":
            found += [f"{where}.{name} is not declared" for name in value if name not in kind[1]]
            for name, field in kind[1].items():
                if name in value:
                    found += self.check(field, value[name], f"{where}.{name}")
                elif field[0] != "?":
                    found.append(f"{where}.{name} is missing")
        return found


def load_interface():
    with open(INTERFACE_FILE, encoding="utf-8") as file:
        return Interface(file.read())


ROSTER = load_interface()
EVENT_OBJECTS = {"link": "Link", "address": "Address", "group": "Group", "route": "Route"}


def check_event(event):
    """Sentences about what of an event is not as the text of the interface says."""
    rest = dict(event)
    what, obj = rest.pop("Event", None), rest.pop("Object", None)
    if what == "resynced":
        names = sorted(rest)
        return [] if obj is None and names == ["Generation", "Reason"] else [f"resynced: {event}"]
    if what not in ("existing", "added", "changed", "removed") or obj not in EVENT_OBJECTS:
        return [f"neither event nor object: {event}"]
    fields = dict(ROSTER.types[EVENT_OBJECTS[obj]][1])
    whole = what in ("existing", "added")
    found = []
    for name, kind in (("Index", ("int",)), ("Incarnation", ("int",)), ("Name", ("string",))):
        if name not in rest:
            found.append(f"{name} is missing: {event}")
        elif obj != "link":
            found += ROSTER.check(kind, rest.pop(name), name)
    if obj != "link":
        rest.pop("NameBytes", None)
    else:
        del fields["Addresses"], fields["Groups"]
    for name, value in rest.items():
        if name not in fields:
            found.append(f"{name} is not declared: {event}")
        elif value is None and (whole or fields[name][0] != "?"):
            found.append(f"{name} is null: {event}")
        elif value is not None:
            found += ROSTER.check(fields[name], value, name)
    if whole:
        found += [f"{name} is missing: {event}" for name, kind in fields.items()
                  if name not in rest and kind[0] != "?"]
    return found


class Client:
    """A connection. Calls may be sent ahead; replies are taken in their order."""

    def __init__(self, path="/run/ifroster/org.ifroster", interface=ROSTER):
        self.interface = interface
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.connect(path)
        self.text = None # of the last message
        self._buffer = bytearray()
        self._pending = collections.deque()

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, method, parameters=None, **flags):
        """flags: more, oneway"""
        name = method if "." in method else f"{self.interface.name}.{method}"
        message = {"method": name, **flags}
        if parameters is not None:
            message["parameters"] = parameters
        if not flags.get("oneway"):
            self._pending.append((name, flags.get("more", False)))
        self.send_raw(json.dumps(message).encode() + b"\0")

    def send_raw(self, data):
        self.socket.sendall(data)

    def buffered(self):
        return b"\0" in self._buffer

    def receive_message(self, deadline=DEADLINE):
        """The next message. Closed, or AssertionError when none comes in time."""
        self.text = self.receive_text(deadline)
        return json.loads(self.text.decode("utf-8", errors="strict"))

    def receive_text(self, deadline=DEADLINE):
        """Likewise, as it came."""
        end = time.monotonic() + deadline
        start = 0
        while (nul := self._buffer.find(b"\0", start)) < 0:
            start = len(self._buffer)
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"nothing came in {deadline} s")
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self._buffer, f"half a message: {bytes(self._buffer[:200])}"
                raise Closed()
            self._buffer += data
        text = bytes(self._buffer[:nul])
        del self._buffer[:nul + 1]
        return text

    def receive(self, deadline=DEADLINE):
        """The parameters of the next reply, checked; VarlinkError for an error."""
        message = self.receive_message(deadline)
        assert self._pending, f"a reply to nothing: {message}"
        method, more = self._pending[0]
        unknown = message.keys() - {"parameters", "continues", "error"}
        assert not unknown, f"{method}: unknown members {unknown}"
        if not message.get("continues"):
            self._pending.popleft()
        else:
            assert more, f"{method}: continues without being asked to"
        parameters = message.get("parameters", {})
        if "error" in message:
            assert not message.get("continues"), message
            self._check_error(message["error"], parameters)
            raise VarlinkError(message["error"], parameters)
        interface, _, short = method.rpartition(".")
        if interface == self.interface.name:
            found = self.interface.check(self.interface.methods[short][1], parameters)
            for event in parameters.get("Events", []) if short == "Subscribe" else []:
                found += check_event(event)
            assert not found, f"{method}: {found}"
        return parameters

    def _check_error(self, name, parameters):
        interface, _, short = name.rpartition(".")
        if interface == self.interface.name:
            assert short in self.interface.errors, f"{name} is not declared"
            found = self.interface.check(self.interface.errors[short], parameters)
            assert not found, f"{name}: {found}"
            assert parameters["Message"], f"{name}: an error without a text"
        else:
            assert interface == "org.varlink.service", name

    def call(self, method, deadline=DEADLINE, **parameters):
        self.send(method, parameters)
        return self.receive(deadline)


class Subscriber(Client):
    """Follows Subscribe, and checks the order of what comes: existing events of one generation, ready
    with the same one, then batches; without a filter none may be left out."""

    def __init__(self, links=None, objects=None, path="/run/ifroster/org.ifroster"):
        super().__init__(path)
        self.whole = links is None and objects is None
        # Rows of something that was filtered out cannot be replayed.
        self.replay = replay.Replay() if objects is None or "link" in objects else None
        self.generation = None
        self.ready = False
        self.events = []
        self.replies = 0
        self.ask(links, objects)

    def ask(self, links=None, objects=None):
        parameters = {"Links": links, "Objects": objects}
        self.send("Subscribe", {name: value for name, value in parameters.items()
                                if value is not None}, more=True)

    def step(self, deadline=DEADLINE):
        """Takes one reply and returns its events."""
        reply = self.receive(deadline)
        events = reply.get("Events", [])
        before, self.generation = self.generation, reply["Generation"]
        self.replies += 1
        if not self.ready:
            assert before in (None, self.generation), f"generation {self.generation} after {before}"
            assert all(event["Event"] == "existing" for event in events), events
            assert len(events) <= 64, f"{len(events)} existing events in one reply"
            assert bool(events) != bool(reply.get("Ready")), reply
            self.ready = reply.get("Ready", False)
        else:
            assert "Ready" not in reply and events, reply
            assert all(event["Event"] != "existing" for event in events), events
            if self.whole:
                assert self.generation == before + 1, f"{self.generation} after {before}"
            assert self.generation > before, f"{self.generation} after {before}"
        if self.replay is not None and events:
            # A filter leaves batches out.
            self.replay.generation = None
            self.replay.apply(self.generation, events)
        self.events += events
        return events

    def until_ready(self):
        while not self.ready:
            self.step()
        return self

    def until(self, generation):
        """Takes replies up to that generation; for those without a filter."""
        while not self.ready or self.generation < generation:
            self.step()

    def take(self):
        """The events so far, once."""
        events, self.events = self.events, []
        return events

    def expect(self, **fields):
        """The next reply begins with an event that has these fields."""
        events = self.step()
        assert all(events[0].get(name) == value for name, value in fields.items()), \
            f"{events} instead of {fields}"
        return events

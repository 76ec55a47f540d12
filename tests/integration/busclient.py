# SPDX-License-Identifier: LGPL-2.1-or-later
"""A D-Bus client for the tests: plain Python values in and out, signals in the order of arrival.

It has no thread: signals are read while a reply is waited for, or by pump(). A signal that the daemon
sent before a reply is therefore always there when call() returns.
"""

import collections
import time

import jeepney
from jeepney.io.blocking import open_dbus_connection

NAME = "org.ifroster1"
ROOT = "/org/ifroster1"
MANAGER = "org.ifroster1.Manager"
LINK = "org.ifroster1.Link"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
CALL_DEADLINE = 20.0

Signal = collections.namedtuple("Signal", "path interface member body")


class CallError(Exception):
    """An error reply. name without the common prefix of this daemon's own errors."""

    def __init__(self, full_name, message):
        super().__init__(f"{full_name}: {message}")
        self.full_name = full_name
        self.name = full_name.removeprefix("org.ifroster1.Error.")
        self.message = message


def link_path(index):
    """The object path of a link. Each digit that begins a label is escaped, as object paths of
    systemd are: the first one here."""
    text = str(index)
    return f"{ROOT}/link/_{ord(text[0]):x}{text[1:]}"


def split_signature(signature):
    """The complete types of a signature: "sa{sv}(ii)" -> ["s", "a{sv}", "(ii)"]."""
    types, start, position = [], 0, 0
    while position < len(signature):
        position = _end_of_type(signature, position)
        types.append(signature[start:position])
        start = position
    return types


def _end_of_type(signature, position):
    while signature[position] == "a":
        position += 1
    if signature[position] in "({":
        depth = 0
        for offset, letter in enumerate(signature[position:]):
            depth += (letter in "({") - (letter in ")}")
            if depth == 0:
                return position + offset + 1
    return position + 1


def plain(signature, value):
    """A value as the wire library has it, without the (signature, value) pairs of variants."""
    if signature == "v":
        return plain(*value)
    if signature.startswith("a{"):
        key, item = split_signature(signature[2:-1])
        return {plain(key, k): plain(item, v) for k, v in dict(value).items()}
    if signature == "ay":
        return bytes(value)
    if signature.startswith("a"):
        return [plain(signature[1:], item) for item in value]
    if signature.startswith("("):
        return tuple(plain(s, v) for s, v in zip(split_signature(signature[1:-1]), value))
    return value


def plain_body(message):
    signature = message.header.fields.get(jeepney.HeaderFields.signature, "")
    return tuple(plain(s, v) for s, v in zip(split_signature(signature), message.body))


class Client:
    """A connection to a bus. signals holds what was received and not taken yet."""

    def __init__(self, address, name=NAME):
        self.name = name
        self.signals = collections.deque()
        self._messages = collections.deque()
        self._replies = {}
        self._connection = open_dbus_connection(bus=address, auth_timeout=CALL_DEADLINE)
        self._connection.filter(jeepney.MatchRule(type="signal"), queue=self._messages)
        self.add_match(f"type='signal',sender='{name}'")

    @property
    def unique_name(self):
        return self._connection.unique_name

    def close(self):
        self._connection.close()

    def add_match(self, rule):
        self.call("AddMatch", "s", rule, path="/org/freedesktop/DBus",
                  interface="org.freedesktop.DBus", name="org.freedesktop.DBus")

    def call(self, method, signature="", *arguments, path=ROOT, interface=MANAGER, name=None,
             deadline=CALL_DEADLINE):
        """Returns None, the one value, or a tuple of several. CallError for an error reply."""
        serial = self.send(method, signature, *arguments, path=path, interface=interface, name=name)
        return self.receive_reply(serial, deadline)

    def send(self, method, signature="", *arguments, path=ROOT, interface=MANAGER, name=None):
        """Only asks; returns what receive_reply() needs for the answer."""
        address = jeepney.DBusAddress(path, bus_name=name or self.name, interface=interface)
        request = jeepney.new_method_call(address, method, signature or None, arguments)
        serial = next(self._connection.outgoing_serial)
        self._connection.send(request, serial=serial)
        return serial

    def receive_reply(self, serial, deadline=CALL_DEADLINE):
        """The answer, as from call(). Replies are received in any order."""
        end = time.monotonic() + deadline
        while serial not in self._replies:
            message = self._connection.receive(timeout=max(end - time.monotonic(), 0))
            fields = message.header.fields
            if message.header.message_type == jeepney.MessageType.signal:
                self._messages.append(message)
            elif jeepney.HeaderFields.reply_serial in fields:
                self._replies[fields[jeepney.HeaderFields.reply_serial]] = message
        self._take_signals()
        reply = self._replies.pop(serial)
        body = plain_body(reply)
        if reply.header.message_type == jeepney.MessageType.error:
            error = reply.header.fields[jeepney.HeaderFields.error_name]
            raise CallError(error, body[0] if body else "")
        if not body:
            return None
        return body[0] if len(body) == 1 else body

    def get(self, name, path=ROOT, interface=MANAGER):
        return self.call("Get", "ss", interface, name, path=path, interface=PROPERTIES)

    def get_all(self, path=ROOT, interface=MANAGER):
        return self.call("GetAll", "s", interface, path=path, interface=PROPERTIES)

    def get_link(self, index, name):
        return self.get(name, path=link_path(index), interface=LINK)

    def get_link_all(self, index):
        return self.get_all(path=link_path(index), interface=LINK)

    def managed_objects(self):
        return self.call("GetManagedObjects", path=ROOT, interface=OBJECT_MANAGER)

    def introspect(self, path=ROOT):
        return self.call("Introspect", path=path, interface="org.freedesktop.DBus.Introspectable")

    def has_owner(self):
        return self.call("NameHasOwner", "s", self.name, path="/org/freedesktop/DBus",
                         interface="org.freedesktop.DBus", name="org.freedesktop.DBus")

    def pump(self, timeout=0.0):
        """Receives what is there, or waits so long for the first message."""
        try:
            while True:
                self._connection.recv_messages(timeout=timeout)
                timeout = 0.0
        except TimeoutError:
            pass
        self._take_signals()

    def _take_signals(self):
        while self._messages:
            message = self._messages.popleft()
            fields = message.header.fields
            # The bus's own signals reach everybody without a match rule.
            if fields.get(jeepney.HeaderFields.interface) == "org.freedesktop.DBus":
                continue
            self.signals.append(Signal(fields[jeepney.HeaderFields.path],
                                       fields[jeepney.HeaderFields.interface],
                                       fields[jeepney.HeaderFields.member],
                                       plain_body(message)))

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interface description in dbus/ is the one that the daemon gives of itself, and explains it."""

import os
import xml.etree.ElementTree as ElementTree

import fixture

DESCRIPTION = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                           "../../dbus/org.ifroster1.xml")
DOC = "org.gtk.GDBus.DocString"
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
OURS = ("org.ifroster1.Manager", "org.ifroster1.Link")
STANDARD = {"org.freedesktop.DBus.Peer", "org.freedesktop.DBus.Introspectable",
            "org.freedesktop.DBus.Properties"}


def annotation(element, name, default=None):
    for child in element.findall("annotation"):
        if child.get("name") == name:
            return child.get("value")
    return default


def member(element):
    """What of a member a client depends on."""
    if element.tag == "property":
        return element.get("type"), element.get("access"), annotation(element, EMITS, "true")
    default = "in" if element.tag == "method" else "out"
    return [(argument.get("name"), argument.get("type"), argument.get("direction", default))
            for argument in element.findall("arg")]


def members(interface):
    return {(element.tag, element.get("name")): member(element)
            for element in interface if element.tag in ("method", "signal", "property")}


def interfaces(text):
    return {interface.get("name"): interface
            for interface in ElementTree.fromstring(text).findall("interface")}


def described():
    with open(DESCRIPTION, encoding="utf-8") as file:
        return interfaces(file.read())


def test_description_is_the_live_interface(t):
    t.start()
    live = {**interfaces(t.bus.introspect()), **interfaces(t.bus.introspect(fixture.link_path(1)))}
    written = described()
    assert tuple(written) == OURS, tuple(written)
    for name in OURS:
        here, there = members(live[name]), members(written[name])
        assert here.keys() == there.keys(), (name, here.keys() ^ there.keys())
        for key, value in here.items():
            assert value == there[key], f"{name} {key}: daemon {value}, description {there[key]}"


def test_everything_is_explained(_t):
    for name, interface in described().items():
        for element in [interface, *interface.iter("method"), *interface.iter("signal"),
                        *interface.iter("property"), *interface.iter("arg")]:
            text = annotation(element, DOC)
            assert text, f"{name} {element.get('name')} has no text"


def test_tree_has_the_links(t):
    t.ip("link add v0 type veth peer name v1")
    t.start()
    root = ElementTree.fromstring(t.bus.introspect("/org/ifroster1/link"))
    nodes = {node.get("name") for node in root.findall("node")}
    assert nodes == {fixture.link_path(index).rpartition("/")[2]
                     for index in (1, t.index("v0"), t.index("v1"))}, nodes


def test_managed_objects_have_the_described_properties(t):
    t.start()
    names = {name for tag, name in members(described()[OURS[1]]) if tag == "property"}
    objects = t.bus.managed_objects()
    assert list(objects) == [fixture.link_path(1)], list(objects)
    told = objects[fixture.link_path(1)]
    assert set(told) == STANDARD | {OURS[1]}, set(told)
    assert set(told[OURS[1]]) == names, set(told[OURS[1]]) ^ names
    assert told[OURS[1]] == t.bus.get_link_all(1)


fixture.main(__name__)

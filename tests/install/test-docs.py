#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-docs.py PAGES FIELDS XML VARLINK SOURCE: that the manual pages, as they are about to be
formatted in the directory PAGES, say something of every member of the public interfaces and of every
option of the daemon.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import tap


class Docs:
    def __init__(self, pages, fields, xml_path, varlink, source):
        self.pages = pathlib.Path(pages)
        self.fields = fields
        self.xml = xml_path
        self.varlink = varlink
        self.source = pathlib.Path(source)

    def page(self, name):
        return (self.pages / f"{name}.scd").read_text()

    def make(self, page, **replaced):
        """Runs make-page.py with another file in the place of one: {attribute: text}."""
        with tempfile.TemporaryDirectory(prefix="docs.") as directory:
            inputs = {}
            for name in ("fields", "xml", "varlink"):
                inputs[name] = getattr(self, name)
                if name in replaced:
                    inputs[name] = os.path.join(directory, name)
                    pathlib.Path(inputs[name]).write_text(replaced[name])
            result = subprocess.run([sys.executable, self.source / "docs/make-page.py",
                                     self.source / f"docs/{page}.scd", inputs["fields"],
                                     inputs["xml"], inputs["varlink"], "1"], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return result


def escaped(name):
    return name.replace("_", "\\_")


def has_entry(text, name):
    """Whether a member has a line of its own, and says something below it, indented."""
    return re.search(rf"^(?:[\w.]+\.)?\*{re.escape(escaped(name))}\*.*\n\t\S", text, re.MULTILINE)


def has_row(text, name):
    return re.search(rf"^\|\[ \*{re.escape(escaped(name))}\*\n:\[ \S.*\n:< \S", text, re.MULTILINE)


def section(text, begin, end=None):
    return text.partition(f"\n# {begin}\n")[2].partition(f"\n# {end}\n" if end else "\0")[0]


def members_of(xml_text):
    root = xml.etree.ElementTree.fromstring(xml_text)
    for interface in root.findall("interface"):
        for element in interface:
            if element.tag in ("method", "property", "signal"):
                yield interface.get("name"), element


def undocumented_dbus(xml_text, page):
    parts = {"org.ifroster1.Manager": section(page, "THE MANAGER INTERFACE", "THE LINK INTERFACE"),
             "org.ifroster1.Link": section(page, "THE LINK INTERFACE", "RECORDS")}
    missing = []
    for interface, element in members_of(xml_text):
        if not has_entry(parts[interface], element.get("name")):
            missing.append(f"{interface}.{element.get('name')}")
        for argument in element.findall("arg"):
            if f"\t- _{escaped(argument.get('name'))}_: " not in parts[interface]:
                missing.append(f"{interface}.{element.get('name')}: {argument.get('name')}")
    return missing


VARLINK_MEMBER = re.compile(r"^(method|type|error) (\w+)", re.MULTILINE)


def undocumented_varlink(text, page):
    parts = {"method": section(page, "METHODS", "TYPES"), "error": section(page, "ERRORS"),
             "type": section(page, "TYPES", "FOLLOWING THE TABLE")}
    return [f"{kind} {name}" for kind, name in VARLINK_MEMBER.findall(text)
            if not has_entry(parts[kind], name) and f"\n## {name}\n" not in parts[kind]]


def undocumented_fields(text, page, objects):
    rows = [line.split("\t")[:2] for line in text.splitlines()]
    return [f"{kind}.{name}" for kind, name in rows if kind in objects and not has_row(page, name)]


def test_every_dbus_member_is_documented(docs):
    xml_text = pathlib.Path(docs.xml).read_text()
    assert sum(1 for _member in members_of(xml_text)) > 50
    missing = undocumented_dbus(xml_text, docs.page("org.ifroster1.5"))
    assert not missing, missing


def test_every_varlink_member_is_documented(docs):
    text = pathlib.Path(docs.varlink).read_text()
    assert len(VARLINK_MEMBER.findall(text)) > 35
    missing = undocumented_varlink(text, docs.page("org.ifroster.7"))
    assert not missing, missing


def test_every_error_is_documented_for_dbus(docs):
    names = [name for kind, name in VARLINK_MEMBER.findall(pathlib.Path(docs.varlink).read_text())
             if kind == "error"]
    page = section(docs.page("org.ifroster1.5"), "ERRORS", "EXAMPLES")
    missing = [name for name in names if not has_entry(page, name)]
    assert names and not missing, missing


def test_every_field_is_in_the_tables(docs):
    text = pathlib.Path(docs.fields).read_text()
    assert len(text.splitlines()) > 60
    records = {"link", "address", "group", "route"}
    missing = undocumented_fields(text, docs.page("org.ifroster1.5"), records | {"local"})
    missing += undocumented_fields(text, docs.page("org.ifroster.7"), records)
    assert not missing, missing


def test_every_option_is_documented(docs):
    text = subprocess.run([os.environ["IFROSTERD"], "--help"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    options = re.findall(r"--[a-z-]+", text)
    assert len(options) >= 7, text
    page = section(docs.page("ifrosterd.8"), "OPTIONS", "UNITS")
    missing = [option for option in options if not re.search(rf"\*{option}=?\*.*\n\t\S", page)]
    assert not missing, missing


def test_a_member_without_text_stops_the_build(docs):
    xml_text = pathlib.Path(docs.xml).read_text()
    good = docs.make("org.ifroster1.5")
    assert good.returncode == 0, good.stderr
    bad = docs.make("org.ifroster1.5", xml=xml_text.replace(
        'value="All links, by index."', 'value=""'))
    assert bad.returncode != 0 and "ListLinks" in bad.stderr, bad.stderr
    varlink = pathlib.Path(docs.varlink).read_text()
    bad = docs.make("org.ifroster.7", varlink=varlink.replace("# All links by index.\n", ""))
    assert bad.returncode != 0 and "ListLinks" in bad.stderr, bad.stderr


def test_a_member_that_no_page_has_would_be_seen(docs):
    xml_text = pathlib.Path(docs.xml).read_text()
    page = docs.page("org.ifroster1.5")
    without = page.replace("*GetLinkByName*(", "GetLinkByName(")
    assert undocumented_dbus(xml_text, without) == ["org.ifroster1.Manager.GetLinkByName"]
    text = pathlib.Path(docs.varlink).read_text()
    page = docs.page("org.ifroster.7").replace("*NoRoute*\n", "NoRoute\n")
    assert undocumented_varlink(text, page) == ["error NoRoute"]
    rows = pathlib.Path(docs.fields).read_text()
    page = docs.page("org.ifroster1.5").replace("|[ *MTU*\n", "|[ MTU\n")
    assert undocumented_fields(rows, page, {"link"}) == ["link.MTU"]


def main():
    tap.run(tap.subtests(sys.modules[__name__]), (Docs(*sys.argv[1:]),))


if __name__ == "__main__":
    main()

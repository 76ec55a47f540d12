#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make-page.py PAGE FIELDS XML VARLINK VERSION: a manual page for scdoc, on standard output.

Fills in what other files of the project say already, so that no page can say anything else. In PAGE a
line of its own that begins with '@' is a directive:

    @fields OBJECT [Varlink]    the field table of link, address, group, route or local, with the
                                types of D-Bus or of Varlink
    @dbus methods INTERFACE     members of the D-Bus interface, with their documentation
    @dbus properties INTERFACE
    @dbus signals INTERFACE
    @varlink methods            members of the Varlink interface, likewise
    @varlink types NAME...
    @varlink errors

and @VERSION@ is the version, anywhere. FIELDS is what field-docs prints. A member that is not
documented where it is declared is an error.
"""

import re
import sys
import xml.etree.ElementTree

DOC = "org.gtk.GDBus.DocString"


class Undocumented(Exception):
    pass


def escape(text):
    """Text as scdoc prints it unchanged."""
    text = re.sub(r"([\\*_`])", r"\\\1", text)
    return re.sub(r"\+\+", r"\\+\\+", text)


def sentence(text):
    text = " ".join(text.split())
    return text if not text or text[-1] in ".:" else text + "."


def read_fields(path):
    """{object: [(name, signature, flags, source, text)]}"""
    fields = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            kind, *row = line.rstrip("\n").split("\t")
            fields.setdefault(kind, []).append(row)
    return fields


def fields(rows, column="D-Bus"):
    """A table without lines around its cells; the meaning takes the room that is left."""
    yield ""
    for cells in [("*Field*", f"*{column}*", "*Meaning*", "*From*"),
                  *(field(*row, column) for row in rows)]:
        yield f"|[ {cells[0]}"
        yield f":[ {cells[1]}"
        yield f":< {cells[2]}"
        yield f":[ {cells[3]}"
    yield ""


# What the types of D-Bus are in JSON, in the words of the Varlink interface
VARLINK_TYPES = {"b": "bool", "i": "int", "u": "int", "t": "int", "s": "string", "ay": "[]int",
                 "as": "[]string", "aay": "[][]int", "aa{sv}": "[]object"}


def field(name, type_name, flags, source, text, column):
    text = escape(sentence(text))
    if "k" in flags:
        text += " Identifying."
    if "r" in flags:
        text += " Only beside an escaped text."
    elif "o" in flags:
        text += " Optional."
    if column == "Varlink":
        type_name = ("?" if "o" in flags or "r" in flags else "") + VARLINK_TYPES[type_name]
    return f"*{escape(name)}*", escape(type_name), text, escape(source)


# D-Bus ----------------------------------------------------------------------------------------


def doc_of(element, where):
    for annotation in element.findall("annotation"):
        if annotation.get("name") == DOC and annotation.get("value").strip():
            return sentence(annotation.get("value"))
    raise Undocumented(where)


def arguments(element, direction):
    return [arg for arg in element.findall("arg") if arg.get("direction", "out") == direction]


def signature(args):
    return ", ".join(f"{escape(arg.get('type'))} _{escape(arg.get('name'))}_" for arg in args)


def argument_list(element, where):
    for arg in element.findall("arg"):
        yield f"\t- _{escape(arg.get('name'))}_: {escape(doc_of(arg, where + '.' + arg.get('name')))}"


def member(head, text, items=()):
    yield ""
    yield head
    yield f"\t{text}"
    items = list(items)
    if items:
        yield ""
        yield from items


def dbus(interfaces, kind, name):
    interface = interfaces[name]
    for element in interface.findall({"methods": "method", "properties": "property",
                                      "signals": "signal"}[kind]):
        where = f"{name}.{element.get('name')}"
        head, text = f"*{escape(element.get('name'))}*", escape(doc_of(element, where))
        if kind == "properties":
            yield from member(f"{head} ({escape(element.get('type'))})", text)
            continue
        if kind == "methods":
            head += f"({signature(arguments(element, 'in'))})"
            if results := arguments(element, "out"):
                head += f" -> ({signature(results)})"
        else:
            head += f"({signature(element.findall('arg'))})"
        yield from member(head, text, argument_list(element, where))
    yield ""


# Varlink --------------------------------------------------------------------------------------

DECLARATION = re.compile(r"^(method|type|error) (\w+)\s*")


def read_varlink(path):
    """[(kind, name, declaration without the comments in it, comment before it, its members)], where
    the members are [(name, type, comment)] of a type that is declared on several lines."""
    with open(path, encoding="utf-8") as file:
        lines = iter(file.read().split("\n"))
    found, comment = [], []
    for line in lines:
        if line.startswith("#"):
            comment.append(line[1:].removeprefix(" "))
            continue
        if match := DECLARATION.match(line):
            declaration = [line]
            while sum(part.count("(") - part.count(")") for part in declaration
                      if not part.lstrip().startswith("#")) > 0:
                declaration.append(next(lines))
            code = [part for part in declaration if not part.lstrip().startswith("#")]
            found.append((match[1], match[2], " ".join(" ".join(code).split()), comment,
                          read_members(declaration[1:])))
        comment = []
    return found


def read_members(lines):
    members, comment = [], []
    for line in (line.strip() for line in lines):
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
        elif match := re.match(r"(\w+): ([^,]+),?$", line):
            members.append((match[1], match[2], " ".join(comment)))
            comment = []
    return members


def declared(declaration, name):
    """A declaration with the name in bold."""
    code = escape(re.sub(r"^\w+ ", "", declaration)).replace("( ", "(").replace(" )", ")")
    return code.replace(escape(name), f"*{escape(name)}*", 1)


def wrapped(comment):
    """Joins the lines of a comment; an indented line begins an item or goes on with one."""
    items, text = [], []
    for line in comment:
        if line.startswith("  "):
            items.append(line.strip())
        elif items and line.strip():
            yield from flush(text, items)
            text, items = [line.strip()], []
        elif not line.strip():
            yield from flush(text, items)
            text, items = [], []
        else:
            text.append(line.strip())
    yield from flush(text, items)


def flush(text, items):
    if text:
        yield ""
        yield f"\t{escape(sentence(' '.join(text)))}"
    joined = []
    for item in items:
        if joined and not re.match(r"[A-Z]\w*(?:, \w+)*: |and ", item):
            joined[-1] += " " + item
        else:
            joined.append(item)
    if joined:
        yield ""
        yield from (f"\t- {escape(item)}" for item in joined)


def varlink(members, kind, names):
    wanted = {"methods": "method", "types": "type", "errors": "error"}[kind]
    for found, name, declaration, comment, inside in members:
        if found != wanted or names and name not in names:
            continue
        if not any(line.strip() for line in comment):
            raise Undocumented(name)
        yield ""
        yield declared(declaration, name) if wanted == "method" else f"*{name}*"
        lines = list(wrapped(comment))
        yield from lines[1:] if lines[0] == "" else lines
        if wanted == "type":
            yield ""
            yield from (f"\t- *{name}* ({escape(type_name)})" + (f": {escape(sentence(text))}" if text else "")
                        for name, type_name, text in inside)
    yield ""


def main():
    page, field_path, xml_path, varlink_path, version = sys.argv[1:]
    rows = read_fields(field_path)
    root = xml.etree.ElementTree.parse(xml_path).getroot()
    interfaces = {interface.get("name"): interface for interface in root.findall("interface")}
    members = read_varlink(varlink_path)
    with open(page, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            directive, *words = line.split() or [""]
            if directive == "@fields":
                output = fields(rows[words[0]], *words[1:])
            elif directive == "@dbus":
                output = dbus(interfaces, *words)
            elif directive == "@varlink":
                output = varlink(members, words[0], words[1:])
            else:
                output = [line.replace("@VERSION@", version)]
            print("\n".join(output))


if __name__ == "__main__":
    try:
        main()
    except Undocumented as where:
        sys.exit(f"make-page.py: not documented where it is declared: {where}")

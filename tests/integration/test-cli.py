#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command: every verb with and without a daemon, exit statuses, odd names, and what it prints."""

import fcntl
import json
import os
import pathlib
import pty
import re
import socket
import struct
import subprocess
import termios

import fixture

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
SOCKET = "/run/ifroster/org.ifroster"
CONNECT = f"--connect={SOCKET}"
NO_LINK, USAGE, UNREACHABLE = 1, 2, 3

# Exit status of each named error
STATUS = {"InvalidAddress": USAGE, "InvalidZone": USAGE, "ZoneNotAllowed": USAGE,
          "ZoneRequired": USAGE, "NoSuchLink": NO_LINK, "Ambiguous": NO_LINK, "NoRoute": NO_LINK}


def joins(link, group):
    """How often a link has joined an IPv6 group, as the kernel says."""
    packed = socket.inet_pton(socket.AF_INET6, group).hex()
    with open("/proc/net/igmp6", encoding="ascii") as file:
        for line in file:
            _, name, address, users, *_ = line.split()
            if (name, address) == (link, packed):
                return int(users)
    return 0


def network(t):
    """Links, addresses and routes that are the same every time: no address makes itself."""
    t.sysctl("net/ipv6/conf/default/addr_gen_mode", 1)
    t.sysctl("net/ipv6/conf/default/accept_dad", 0)
    t.ip("link set lo up")
    t.ip("link add v0 index 10 address 02:00:00:00:00:10 type veth "
         "peer name v1 index 11 address 02:00:00:00:00:11")
    t.ip("link set v0 up")
    t.ip("link set v1 up")
    t.ip("link property add dev v0 altname wan0")
    t.ip("address add 192.0.2.1/24 dev v0")
    t.ip("address add 192.0.2.7/24 dev v0")
    t.ip("address add 2001:db8::1/64 dev v0 nodad")
    t.ip("address add fe80::1/64 dev v0 nodad")
    t.ip("address add 10.0.0.1 peer 10.0.0.2/32 dev v1")
    t.ip("address add fe80::2/64 dev v1 nodad")
    t.ip("route add default via 192.0.2.254 metric 100")
    t.ip("-6 route add default via 2001:db8::fe metric 10")
    t.wait_for(lambda: b"LOWER_UP" in t.ip("link show v0").stdout, what="carrier of v0")
    # The kernel joins the groups of an IPv6 address in its own time.
    t.wait_for(lambda: joins("v0", "ff02::1:ff00:1") == 2 and joins("v1", "ff02::1:ff00:2") == 1,
               what="the solicited-node groups")


# What is printed ------------------------------------------------------------------------------

# Verb and arguments, exit status, output with "|" for TAB
GOLDEN = [
    ("list", 0, """
INDEX|LINK|KIND|STATE|MTU|ADDRESSES
1|lo|loopback|carrier|65536|127.0.0.1/8 ::1/128
10|v0|veth|routable|1500|192.0.2.1/24 192.0.2.7/24 2001:db8::1/64 fe80::1/64
11|v1|veth|routable|1500|10.0.0.1/32 fe80::2/64
"""),
    ("addresses v1", 0, """
LINK|ADDRESS|PEER|SCOPE|STATE|PREFERRED|VALID|FLAGS
v1|10.0.0.1/32|10.0.0.2|global|usable|forever|forever|permanent
v1|fe80::2%v1/64|-|link|usable|forever|forever|nodad, permanent
"""),
    ("default", 0, """
FAMILY|GATEWAY|LINK|METRIC|TABLE|SOURCE
ipv4|192.0.2.254|v0|100|254|-
ipv6|2001:db8::fe|v0|10|254|-
"""),
    ("zone wan0", 0, "\nINDEX|LINK|MATCHED\n10|v0|alternative-name\n"),
    ("zone 11", 0, "\nINDEX|LINK|MATCHED\n11|v1|index\n"),
    ("parse FE80:0::1%wan0", 0, """
ADDRESS|FAMILY|CLASS|SCOPE|LINK
fe80::1%v0|ipv6|link-local|link-local|v0
"""),
    ("lookup 192.0.2.255", 0, "\nTYPE|LINKS\nbroadcast|v0\n"),
    ("lookup ::ffff:192.0.2.1", 0, "\nTYPE|LINKS\nunicast|v0\n"),
    ("lookup 224.0.0.1", 0, "\nTYPE|LINKS\nmulticast|lo v0 v1\n"),
    ("lookup 198.51.100.1", 1, "\nTYPE|LINKS\nnone|-\n"),
    ("which 192.0.2.1", 0, "\nINDEX|LINK|REASON\n10|v0|own\n"),
    ("which 10.0.0.2", 0, "\nINDEX|LINK|REASON\n11|v1|peer\n"),
    ("which 192.0.2.99", 0, "\nINDEX|LINK|REASON\n10|v0|on-link\n"),
    ("which 198.51.100.1", 0, "\nINDEX|LINK|REASON\n10|v0|route\n"),
    ("source 2001:db8:9::9", 0, """
ADDRESS|LINK|STATE|RESULT|RULE
2001:db8::1/64|v0|usable|chosen|scope
fe80::1/64|v0|usable|dropped|scope
fe80::2/64|v1|usable|dropped|scope
::1/128|lo|usable|dropped|scope
"""),
    ("source 198.51.100.1 --mode=kernel", 0, """
ADDRESS|LINK|STATE|RESULT|RULE
192.0.2.1|v0|-|chosen|kernel
"""),
    ("local v1", 0, """
ADDRESS|TYPE|LINK|USERS|REASONS
10.0.0.1|unicast|v1|-|unicast
224.0.0.1|multicast|v1|1|all-nodes
fe80::2|unicast|v1|-|unicast
ff01::1|multicast|v1|1|all-nodes
ff02::1|multicast|v1|1|all-nodes
ff02::1:ff00:2|multicast|v1|1|solicited-node
"""),
    ("local --derived v1", 0, """
ADDRESS|TYPE|LINK|COUNT|OWNER|REASONS
10.0.0.1|unicast|v1|1|10.0.0.1/32|unicast
fe80::2|unicast|v1|1|fe80::2/64|unicast
ff02::1|multicast|v1|1|fe80::2/64|all-nodes
ff02::1:ff00:2|multicast|v1|1|fe80::2/64|solicited-node
"""),
]

# Those that no daemon answers
GOLDEN_LIBRARY = [
    ("sort 198.51.100.1 2001:db8:9::1 fe80::9", 0, """
DESTINATION|SOURCE|BEFORE THE NEXT BY
2001:db8:9::1|2001:db8::1|precedence
198.51.100.1|192.0.2.1|usable
fe80::9|unreachable|-
"""),
    ("local --plan9 v1", 0, "\n"
     + "%-40s -> %-40s\n" % ("10.0.0.1", "10.0.0.1")
     + "%-40s -> %-40s %-40s %-40s\n" % ("fe80::2", "ff02::1:ff00:2", "ff02::1", "fe80::2")),
    ("selftab", 0, "\n" + "".join(
        "%-44s %02d %4s\n" % row for row in (
            ("10.0.0.1", 1, "4u"), ("127.0.0.0", 1, "4b"), ("127.0.0.1", 1, "4u"),
            ("127.255.255.255", 1, "4b"), ("192.0.2.0", 2, "4b"), ("192.0.2.1", 1, "4u"),
            ("192.0.2.7", 1, "4u"), ("192.0.2.255", 2, "4b"), ("255.255.255.255", 3, "4b"),
            ("::1", 1, "6u"), ("2001:db8::1", 1, "6u"), ("fe80::1", 1, "6u"), ("fe80::2", 1, "6u"),
            ("ff01::1", 1, "6m"), ("ff02::1", 4, "6m"), ("ff02::1:ff00:1", 3, "6m"),
            ("ff02::1:ff00:2", 1, "6m")))),
]


def check_golden(t, cases, *options):
    for arguments, status, wanted in cases:
        got = t.cli(*arguments.split(), *options, status=status)
        assert got == wanted[1:].replace("|", "\t"), f"ifroster {arguments} {options}:\n{got}"


def test_output_without_daemon(t):
    network(t)
    check_golden(t, GOLDEN + GOLDEN_LIBRARY)
    assert t.cli("default", "--no-legend").count("\n") == 2
    assert t.cli("zone", "v0", "--no-legend") == "10\tv0\tname\n"


def test_output_with_daemon(t):
    network(t)
    t.start_daemon()
    check_golden(t, GOLDEN + GOLDEN_LIBRARY)
    check_golden(t, GOLDEN, CONNECT)


def test_status_text(t):
    network(t)
    for setting, value in (("conf/v1/accept_ra", 2), ("conf/v1/hop_limit", 61),
                           ("neigh/v1/base_reachable_time_ms", 31000),
                           ("neigh/v1/retrans_time_ms", 1100)):
        t.sysctl(f"net/ipv6/{setting}", value)
    t.ip("link set v0 mtu 1400")
    t.ip("link set v1 mtu 1400")
    device, *addresses = t.cli("status", "v1").splitlines()
    wanted = re.fullmatch("device v1 maxtu 1400 sendra 0 recvra 2 mflag 0 oflag 0 maxraint 0 "
                          "minraint 0 linkmtu 0 reachtime 31000 rxmitra 1100 ttl 61 routerlt 0 "
                          r"pktin (\d+) pktout (\d+) errin 0 errout 0 speed 0 delay 0", device)
    assert wanted, device
    # What v0 sent came in here. Nobody sends any more; but what was sent may have been late.
    sent = re.search(r"pktin (\d+) pktout (\d+)", t.cli("status", "v0"))
    assert int(sent[2]) >= int(wanted[1]) > 0 and int(wanted[2]) > 0, (device, sent[0])
    assert addresses == ["\t%-40s %-10s %-40s %-12u %-12u" % row for row in (
        ("10.0.0.1", "/128", "10.0.0.2", 2**32 - 1, 2**32 - 1),
        ("fe80::2", "/64", "fe80::", 2**32 - 1, 2**32 - 1))], addresses
    assert t.cli("status").count("device ") == 3


def test_show_tells_every_field(t):
    network(t)
    t.start_daemon()
    for options in ([], [CONNECT]):
        record = json.loads(t.cli("show", "v0", "--json=pretty", *options))[0]
        text = t.cli("show", "v0", *options)
        shown = {line.split("\t")[0].strip() for line in text.splitlines()}
        for name in record:
            if name.endswith("String") and name[:-len("String")] in record:
                continue
            assert name in shown, f"{name} is not in:\n{text}"
        assert "    Flags\tup, broadcast, running, multicast, lower-up (0x11043)\n" in text, text
        assert "        ff02::1%v0\t1 user\n" in text, text
        # Two addresses have the same solicited-node group.
        assert "        ff02::1:ff00:1%v0\t2 users\n" in text, text
        assert {group["AddressString"]: group["Users"] for group in record["Groups"]} == {
            "224.0.0.1": 1, "ff01::1": 1, "ff02::1": 1, "ff02::1:ff00:1": 2}, record["Groups"]
        assert len(t.cli_json("show", *options)) == 3
        assert t.cli("show", "v1", "v0", *options).startswith("11: v1 routable\n")


def test_records_are_the_same_everywhere(t):
    network(t)
    # Numbers that each table gives by itself
    def comparable(records):
        return json.loads(json.dumps(records), object_hook=lambda o: {
            k: v for k, v in o.items() if k != "Incarnation"})

    questions = [("list",), ("show",), ("show", "v0"), ("addresses",), ("groups",), ("default",),
                 ("local",), ("local", "--derived"), ("zone", "v0"), ("parse", "fe80::1%v0"),
                 ("lookup", "fe80::1"), ("which", "8.8.8.8"), ("source", "2001:db8::9")]
    own = [comparable(t.cli_json(*question)) for question in questions]
    t.start_daemon()
    for question, wanted in zip(questions, own):
        for options in ([], [CONNECT]):
            got = comparable(t.cli_json(*question, *options))
            assert got == wanted, f"{question} {options}:\n{got}\n{wanted}"


def test_what_was_done_before_is_seen(t):
    """A command that is typed after another one sees what that one did, also in the shared table."""
    t.start_daemon()
    for number in range(20):
        t.ip(f"link add v{number} type veth peer name w{number}")
        for options in ([], [CONNECT]):
            t.cli("zone", f"v{number}", *options)
            assert f"\tw{number}\t" in t.cli("list", *options)
        t.ip(f"link delete w{number}")
        for options in ([], [CONNECT]):
            t.cli("zone", f"v{number}", *options, status=NO_LINK)


def test_daemon_itself(t):
    t.cli("show", "--daemon", status=UNREACHABLE)
    t.start_daemon()
    record = t.cli_json("show", "--daemon")[0]
    assert record["State"] == "ready" and record["Counters"]["Dumps"] > 0, record
    assert "State\tready\n" in t.cli("show", "--daemon", CONNECT)


# Texts ----------------------------------------------------------------------------------------

def unescape(text):
    """Fields of tests/data as bytes."""
    def one(match):
        code = match[1]
        return {"n": b"\n", "\\": b"\\"}.get(code.decode(), None) or bytes([int(code[1:], 16)])
    return re.sub(rb"\\(n|\\|x[0-9a-f]{2})", one, text.encode())


def table(name):
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield [unescape(field) for field in line.split("\t")]


def add_altnames(ifindex, names):
    """By netlink: ip refuses names that the kernel takes."""
    RTM_NEWLINKPROP, IFLA_PROP_LIST, IFLA_ALT_IFNAME, NESTED = 108, 52, 53, 0x8000
    REQUEST, ACK, EXCL, CREATE, APPEND = 0x1, 0x4, 0x200, 0x400, 0x800

    def attribute(kind, payload):
        size = 4 + len(payload)
        return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)

    nested = b"".join(attribute(IFLA_ALT_IFNAME, name + b"\0") for name in names)
    body = (struct.pack("=BxHiII", socket.AF_UNSPEC, 0, ifindex, 0, 0)
            + attribute(IFLA_PROP_LIST | NESTED, nested))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(body), RTM_NEWLINKPROP,
                                 REQUEST | ACK | EXCL | CREATE | APPEND, 1, 0) + body)
        error = struct.unpack_from("=i", netlink.recv(8192), 16)[0]
    assert error == 0, os.strerror(-error)


def make_links(t):
    """The links of zone-links.tsv, two and two as veth, and what is left over with a spare one."""
    links = [row for row in table("zone-links.tsv") if row[1] != b"lo"]
    for a, b in zip(links[::2], links[1::2] + [[b"9999", b"spare"]] * (len(links) % 2)):
        t.ip([b"link", b"add", b"name", a[1], b"index", a[0], b"type", b"veth", b"peer", b"name",
              b[1], b"index", b[0]])
    for link in links:
        if altnames := link[3:]:
            add_altnames(int(link[0]), altnames)


def ask(*arguments, status=None):
    """Runs ifroster with bytes as arguments."""
    result = subprocess.run([os.environ["IFROSTER"].encode(), *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert status is None or result.returncode == status, \
        f"{arguments}: {result.returncode} {result.stdout} {result.stderr}"
    return result


def check_error(result, error, arguments):
    assert result.returncode == STATUS[error], f"{arguments}: {result}"
    assert f"({error})".encode() in result.stderr, f"{arguments}: {result}"
    assert result.stderr.count(b"\n") == 1 and result.stdout == b"", f"{arguments}: {result}"


def check_texts(options):
    n = 0
    for text, result, _, index, canonical, class_ in table("zone-texts.tsv"):
        if b"\0" in text:  # no argument can have one
            continue
        n += 1
        got = ask(b"parse", b"--json=short", *options, b"--", text)
        if result != b"ok":
            check_error(got, result.decode(), text)
        else:
            record = json.loads(got.stdout)
            assert (record["Index"], record["Canonical"], record["Class"]) == \
                (int(index), canonical.decode(), class_.decode()), f"{text}: {record}"
        # What stands after "fe80::1%" is a zone by itself, but for "0", which is no link.
        address, percent, zone = text.partition(b"%")
        if address == b"fe80::1" and percent and result in (b"ok", b"NoSuchLink", b"InvalidZone"):
            got = ask(b"zone", b"--json=short", *options, b"--", zone)
            if result == b"ok" and index != b"0":
                assert json.loads(got.stdout)["Index"] == int(index), f"{zone}: {got}"
            else:
                check_error(got, result.decode() if result != b"ok" else "InvalidZone", zone)
    assert n > 90, n


def test_zone_texts(t):
    make_links(t)
    check_texts([])


def test_zone_texts_by_varlink(t):
    make_links(t)
    t.start_daemon()
    check_texts([CONNECT.encode()])


def test_odd_names_break_nothing(t):
    make_links(t)
    names = {row[1] for row in table("zone-links.tsv")} | {b"spare"}
    for options in ([], [CONNECT]):
        if options:
            t.start_daemon()
        for verb in ("list", "show", "groups", "local"):
            for record in t.cli_json(verb, *options):  # each line is JSON
                assert "\n" not in json.dumps(record)
        text = t.cli("list", *options)
        assert len(text.splitlines()) == len(names) + 1, text
        assert all(line.count("\t") == 5 for line in text.splitlines()), text
        assert text.isprintable() or not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), repr(text)
        records = {bytes(record.get("NameBytes", record["Name"].encode()))
                   for record in t.cli_json("list", *options)}
        assert records == names, records ^ names
        pretty = json.loads(t.cli("list", "--json=pretty", *options))
        assert len(pretty) == len(names)


def test_questions_without_an_answer(t):
    network(t)
    t.start_daemon("--varlink=none", "--table=none")
    for question, error in (("which fe80::9", "Ambiguous"), ("which nonsense", "InvalidAddress"),
                            ("source fe80::9", "Ambiguous"), ("lookup 1.2.3", "InvalidAddress"),
                            ("source 0.0.0.0", "InvalidAddress"), ("show nosuch", "NoSuchLink"),
                            ("show 0", "NoSuchLink"), ("addresses 007", "NoSuchLink"),
                            ("addresses nosuch", "NoSuchLink"), ("groups 4711", "NoSuchLink"),
                            ("local nosuch", "NoSuchLink"), ("status nosuch", "NoSuchLink"),
                            ("sort 192.0.2.1 1.2.3", "InvalidAddress")):
        check_error(ask(*question.encode().split()), error, question)
    t.ip("route delete default")
    check_error(ask(b"which", b"198.51.100.1"), "NoRoute", "which")
    check_error(ask(b"source", b"198.51.100.1"), "NoRoute", "source")
    t.ip("-6 route delete default")
    assert t.cli("default", status=NO_LINK) == "FAMILY\tGATEWAY\tLINK\tMETRIC\tTABLE\tSOURCE\n"


# Usage ----------------------------------------------------------------------------------------

def test_bad_usage(t):
    for arguments in (["frob"], ["--no-such"], ["-x"], ["--json=bad"], ["--json"], ["--json="],
                      ["zone"], ["zone", "a", "b"], ["list", "x"], ["list", "--derived"],
                      ["list", "--timeout=3"], ["wait"], ["wait", "lo"], ["wait", "lo", "--for=x"],
                      ["wait", "lo", "--for=present", "--timeout=x"],
                      ["wait", "lo", "--for=present", "--timeout=-1"],
                      ["wait", "lo", "--for=present", "--timeout=nan"],
                      ["wait", "", "--for=present"], ["wait", "x" * 600, "--for=present"],
                      ["source", "::1", "--mode=x"], ["local", "--derived", "--plan9"],
                      ["local", "--plan9", "--json=short"], ["status", CONNECT],
                      ["sort", "::1", CONNECT], ["sort"] + ["::1"] * 257,
                      ["show", "--daemon", "lo"], ["--help=x"], ["zone\n\x1b[31m"], ["--\n"],
                      ["--version=1"], ["lookup"], ["parse", ""], [""]):
        result = t.cli_result(*arguments, status=USAGE)
        assert result.stdout == "", arguments
        assert re.fullmatch(r"ifroster: [^\n\x1b]+\n", result.stderr), (arguments, result.stderr)


def test_long_and_odd_arguments(t):
    """They are told shortened and escaped, so that what is wrong with them can be read."""
    long = "é" * 2000
    for arguments, status in ((["zone", long], USAGE), (["show", long], NO_LINK),
                              (["addresses", long], NO_LINK), (["parse", long], USAGE),
                              (["lookup", f"fe80::1%{long}"], USAGE), (["sort", "::1", long], USAGE),
                              ([long], USAGE), ([f"--{long}"], USAGE), ([f"--json={long}"], USAGE),
                              (["source", "::1", f"--mode={long}"], USAGE),
                              (["wait", "lo", f"--for={long}"], USAGE),
                              (["wait", "lo", "--for=present", f"--timeout={long}"], USAGE),
                              (["wait", "é" * 100, "--for=present", "--timeout=0"], NO_LINK),
                              (["list", f"--connect={long}"], UNREACHABLE)):
        result = t.cli_result(*arguments, status=status)
        assert re.fullmatch(r"ifroster: [^\n]*é\.\.\.[^\n]*\n", result.stderr), result.stderr
        assert len(result.stderr.encode()) < 300, result.stderr
    for arguments in ([b"\xff"], [b"--\xff"], [b"zone", b"\xff"], [b"--json=\xff"],
                      [b"list", b"--connect=\xff"]):
        result = ask(*arguments)
        assert result.returncode != 0 and result.stdout == b"" and b"\\xff" in result.stderr, result


def test_what_to_do_is_said(t):
    for arguments, status, words in (
            (["lookup", "192.0.2.1/24"], USAGE, "with a prefix length"),
            (["which", "fe80::1%lo/64"], USAGE, "with a prefix length"),
            (["source", "::"], USAGE, "stands for no host"),
            (["which", "0.0.0.0"], USAGE, "stands for no host"),
            (["parse", "x/24"], USAGE, "not an IPv4 or IPv6 address"),
            (["list", "x"], USAGE, "the usage is: ifroster list\n"),
            (["zone"], USAGE, "an argument is missing; the usage is: ifroster zone TEXT\n"),
            (["--frob"], USAGE, "--frob: there is no such option"),
            (["--help=x"], USAGE, "--help=x: this option takes no value"),
            (["list", "--json"], USAGE, "--json needs a value"),
            (["show", "--daemon"], UNREACHABLE, "start ifrosterd"),
            (["list", "--connect=/run/nobody"], UNREACHABLE, "is ifrosterd running?")):
        assert words in t.cli_result(*arguments, status=status).stderr, arguments


def test_help(t):
    text = t.cli("--help")
    verbs = re.findall(r"^  ([a-z0-9]+) .*", text.split("Verbs\n")[1].split("\nOptions")[0],
                       re.MULTILINE)
    assert len(verbs) == 16 and "selftab" in verbs, verbs
    for verb in verbs:
        for arguments in ([verb, "--help"], ["-h", verb]):
            about = t.cli(*arguments)
            assert about.startswith(f"ifroster {verb}"), about
            assert "--json=short|pretty" in about and "\x1b" not in about, about
            assert all(len(line) <= 80 for line in about.splitlines()), about
    assert t.cli("--version").startswith("ifroster 0.")
    t.cli("frob", "--help", status=USAGE)


def test_every_verb_and_option_is_documented(t):
    root = DATA.parent.parent
    verbs = re.findall(r"^  ([a-z0-9]+) .*", t.cli("--help").split("Verbs\n")[1].split("\n\n")[0],
                       re.MULTILINE)
    options = {option for verb in verbs for option in re.findall(r"--[a-z0-9-]+",
                                                                 t.cli(verb, "--help"))}
    assert len(verbs) == 16 and len(options) == 11, (verbs, options)
    for path in ("docs/ifroster.1.scd", "cli/completion/ifroster.bash", "cli/completion/_ifroster",
                 "cli/completion/ifroster.fish"):
        text = (root / path).read_text(encoding="utf-8")
        for word in verbs:
            assert re.search(rf"\b{word}\b", text), f"{path} does not know {word}"
        for option in options:
            # fish writes "-l name".
            assert option in text or f"-l {option[2:]} " in text, f"{path} does not know {option}"


def test_unreachable(t):
    for arguments in (["list"], ["show", "lo"], ["zone", "lo"], ["parse", "::1"], ["watch"],
                      ["wait", "lo", "--for=present"], ["which", "::1"], ["show", "--daemon"]):
        result = t.cli_result(*arguments, "--connect=/run/ifroster/nobody", status=UNREACHABLE)
        assert result.stdout == "" and "/run/ifroster/nobody" in result.stderr, result
    t.cli("list", "--connect=" + "x" * 200, status=UNREACHABLE)
    t.cli("list", "--connect=", status=UNREACHABLE)


def serve(t, answer):
    """A server that says answer and hangs up; returns the path."""
    path = f"{t.directory}/liar"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        process = subprocess.Popen([os.environ["IFROSTER"], "list", f"--connect={path}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(answer)
        out, err = process.communicate(timeout=30)
    os.unlink(path)
    return process.returncode, out, err


def test_liars(t):
    for answer in (b"", b"nonsense\0", b"[]\0", b'{"parameters":{}}\0', b'{"parameters":[]}\0',
                   b'{"error":"org.ifroster.KernelError"}\0', b'{"error":"x.Y"}\0', b'{"error":',
                   b'{"error":"org.varlink.service.MethodNotFound",'
                   b'"parameters":{"method":"\\u001b[31m\\n"}}\0', b"\0"):
        status, out, err = serve(t, answer)
        assert status == UNREACHABLE and out == "", (answer, status, out, err)
        assert re.fullmatch(r"ifroster: [^\n\x1b]+\n", err), (answer, err)


def test_reader_that_has_seen_enough(t):
    network(t)
    for verb in ("list", "show", "--help"):
        process = subprocess.Popen([os.environ["IFROSTER"], verb], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.close()
        assert process.wait(20) == 0, verb
        assert process.stderr.read() == b"", verb
        process.stderr.close()
    # More than a buffer, so that it is in the middle of printing when it is told.
    process = subprocess.Popen([os.environ["IFROSTER"], "show", *["v0"] * 99, "--json=pretty"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.read(1) == b"["
    process.stdout.close()
    assert process.wait(20) == 0 and process.stderr.read() == b""
    process.stderr.close()
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([os.environ["IFROSTER"], "list"], stdout=full,
                                stderr=subprocess.PIPE, text=True)
    assert result.returncode == UNREACHABLE and "cannot write" in result.stderr, result


def test_closed_output(t):
    """No socket takes the place of an output that is closed, to get what is printed."""
    network(t)
    t.start_daemon()
    for arguments in (["show"], ["show", CONNECT], ["watch"], ["watch", "--json=short", CONNECT],
                      ["which", "192.0.2.1"], ["--help"]):
        result = subprocess.run(["bash", "-c", 'exec "$0" "$@" 0<&- 1>&-', os.environ["IFROSTER"],
                                 *arguments], stderr=subprocess.PIPE, text=True, timeout=30,
                                env=t.environment)
        assert result.returncode == UNREACHABLE, (arguments, result)
        assert re.fullmatch("ifroster: cannot write: Bad file descriptor\n", result.stderr), result
    assert int(t.cli_json("show", "--daemon")[0]["Counters"]["VarlinkViolations"]) == 0


def test_terminal(t):
    """Alignment and colour are for terminals, and what is printed is the same."""
    network(t)
    def on_terminal(command, term="xterm"):
        result = subprocess.run(["script", "-qec", command, "/dev/null"], stdout=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True, timeout=30,
                                env={**t.environment, "TERM": term, "LC_ALL": "C.UTF-8"})
        return result.stdout.replace("\r\n", "\n")

    program = os.environ["IFROSTER"]
    colored = on_terminal(f"{program} list")
    assert "\x1b[32mroutable\x1b[0m" in colored and "\t" not in colored, colored
    plain = on_terminal(f"{program} list", term="dumb")
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain
    columns = [line.index(word) for line, word in zip(plain.splitlines()[2:], ("veth", "veth"))]
    assert len(set(columns)) == 1, plain
    assert [line.split() for line in plain.splitlines()] == \
        [line.split() for line in t.cli("list").splitlines()]


def on_pty(t, columns, *arguments):
    """What a terminal of this width gets, without colours."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen([os.environ["IFROSTER"], *arguments], stdin=subprocess.DEVNULL,
                               stdout=side, env={**t.environment, "TERM": "dumb"})
    os.close(side)
    text = b""
    try:
        while data := os.read(main, 65536):
            text += data
    except OSError:
        pass
    os.close(main)
    assert process.wait(20) in (0, NO_LINK)
    return text.decode().replace("\r\n", "\n")


def essence(text):
    """All texts in their order, without what only separates them and without empty cells."""
    return "".join(word for word in text.split() if word != "-")


def test_narrow_terminal(t):
    """Lines end before the terminal does, and nothing is lost by that."""
    network(t)
    t.ip("link add averylongname00 type veth peer name v9")
    t.ip("link set averylongname00 up")
    t.ip("link set v9 up")
    for number in range(3):
        t.ip(f"address add 2001:db8:1234:5678:9abc:def0:1234:567{number}/64 dev averylongname00 nodad")
    t.ip("address add fd00:1234:5678:9abc:def0:1234:5678:9ab0/128 dev v9 "
         "peer fd00:1234:5678:9abc:def0:1234:5678:9ab1")
    t.ip("address add 2001:db8:1234:5678:9abc:def0:1234:5680/64 dev v0 noprefixroute home "
         "valid_lft 86000 preferred_lft 3700")
    # A time that is left, and the groups of the new addresses, may change while we look.
    lists = [["list"], ["addresses", "averylongname00"], ["addresses", "v9"], ["local"],
             ["local", "--derived"], ["groups", "v0"], ["default"],
             ["lookup", "ff02::1"], ["zone", "averylongname00"], ["parse", "2001:db8:0:1:2:3:4:5"]]
    t.wait_for(lambda: all(joins("averylongname00", f"ff02::1:ff34:567{i}") for i in range(3)) and
               joins("v9", "ff02::1:ff78:9ab0") and joins("v0", "ff02::1:ff34:5680"),
               what="the solicited-node groups")
    for arguments in lists:
        plain = t.cli(*arguments, "--no-legend")
        for width in (60, 80, 132, 1000, 0):
            shown = on_pty(t, width, *arguments, "--no-legend")
            assert essence(shown) == essence(plain), (arguments, width, shown, plain)
            for line in (shown + on_pty(t, width, *arguments)).splitlines():
                assert not width or len(line) <= width, (arguments, width, line)
                assert line and line == line.rstrip(), (arguments, width, line)
            if width in (0, 1000):
                assert len(shown.splitlines()) == len(plain.splitlines()), (arguments, shown)
    # Short rows take one line, and what comes behind a long text stands below its heading.
    legend, *lines = on_pty(t, 80, "addresses", "v0").splitlines()
    assert len(lines) == 5 + 2, lines
    places = [line.index(f" {scope} ") + 1 for line in lines for scope in ("global", "link")
              if f" {scope} " in line]
    assert places == [legend.index("SCOPE")] * 5, lines
    assert "PEER" not in legend and "PEER" in on_pty(t, 132, "addresses", "v0")


fixture.main(__name__)

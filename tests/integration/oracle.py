# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel says, by way of iproute2, in a form to compare with what the daemon says.

Shares nothing with the daemon: not the netlink code, not the names of fields. State has four parts,
dictionaries from a key to the facts that both sides know; difference() says in words what differs.
"""

import dataclasses
import ipaddress
import json
import socket
import subprocess

FOREVER = 0xFFFFFFFF

# As ip prints them; NO-CARRIER and RUNNING are derived by one of the two and left out.
LINK_FLAGS = {
    "UP": 0x1, "BROADCAST": 0x2, "LOOPBACK": 0x8, "POINTOPOINT": 0x10, "NOARP": 0x80,
    "PROMISC": 0x100, "ALLMULTI": 0x200, "MASTER": 0x400, "SLAVE": 0x800, "MULTICAST": 0x1000,
    "LOWER_UP": 0x10000,
}
LINK_FLAGS_MASK = sum(LINK_FLAGS.values())
OPERATIONAL_STATES = ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"]


@dataclasses.dataclass
class State:
    links: dict = dataclasses.field(default_factory=dict)
    addresses: dict = dataclasses.field(default_factory=dict)
    groups: dict = dataclasses.field(default_factory=dict)
    routes: dict = dataclasses.field(default_factory=dict)

    def difference(self, other, names=("left", "right")):
        """One sentence for each thing in which two states differ."""
        found = []
        for part in ("links", "addresses", "groups", "routes"):
            mine, theirs = getattr(self, part), getattr(other, part)
            for key in sorted(mine.keys() | theirs.keys(), key=repr):
                if key not in theirs:
                    found.append(f"{part}: only {names[0]} has {key}: {mine[key]}")
                elif key not in mine:
                    found.append(f"{part}: only {names[1]} has {key}: {theirs[key]}")
                elif mine[key] != theirs[key]:
                    found.append(f"{part}: {key}: " + ", ".join(
                        f"{fact}: {names[0]} {mine[key].get(fact)!r}, "
                        f"{names[1]} {theirs[key].get(fact)!r}"
                        for fact in sorted(mine[key].keys() | theirs[key].keys())
                        if mine[key].get(fact) != theirs[key].get(fact)))
        return found


def address_key(index, address, prefix_length, peer=None):
    """What identifies an address to the kernel: of IPv4 the network of the peer too."""
    address = ipaddress.ip_address(address)
    if address.version == 6:
        return (index, str(address))
    network = ipaddress.ip_network((peer or address, prefix_length), strict=False)
    return (index, str(address), prefix_length, str(network))


def ip_json(*arguments):
    output = subprocess.run(["ip", "-json", *arguments], check=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE).stdout
    # iproute2 escapes an apostrophe, which JSON does not know.
    text = output.decode(errors="surrogateescape").replace("\\'", "'")
    return json.loads(text, strict=False) if text.strip() else []


def kernel():
    """The kernel's state in this network namespace. Several questions, so not one moment in time."""
    state = State()
    links = ip_json("-details", "address", "show")
    indexes = {link["ifname"]: link["ifindex"] for link in links}
    for link in links:
        state.links[link["ifindex"]] = _link(link, indexes)
        for address in link["addr_info"]:
            # ip lists a link without its addresses as one empty address.
            if "local" in address or "address" in address:
                key, facts = _address(link["ifindex"], address)
                state.addresses[key] = facts
    for link in ip_json("maddress", "show"):
        for group in link["maddr"]:
            if "address" in group:
                state.groups[link["ifindex"], str(ipaddress.ip_address(group["address"]))] = {}
    for family, option in ((socket.AF_INET, "-4"), (socket.AF_INET6, "-6")):
        for route in ip_json(option, "-Numeric", "-details", "route", "show", "table", "all",
                             "default"):
            state.routes.update(_routes(family, route, indexes))
    return state


def _link(link, indexes):
    return {
        "name": link["ifname"].encode(errors="surrogateescape"),
        "altnames": [name.encode(errors="surrogateescape") for name in link.get("altnames", [])],
        "alias": link.get("ifalias", "").encode(errors="surrogateescape"),
        "kind": link.get("linkinfo", {}).get("info_kind", ""),
        "flags": sum(LINK_FLAGS.get(flag, 0) for flag in link["flags"]),
        "operstate": OPERATIONAL_STATES.index(link["operstate"]),
        "mtu": link["mtu"],
        "txqlen": link.get("txqlen", 0),
        "hardware": link.get("address", "") if link["link_type"] != "none" else "",
        "master": indexes[link["master"]] if "master" in link else 0,
    }


def _routes(family, route, indexes):
    """One row a next hop of a default route."""
    for hop in route.get("nexthops", [route]):
        gateway = hop.get("gateway") or hop.get("via", {}).get("host", "")
        key = (indexes.get(hop.get("dev"), 0), int(family), gateway, int(route.get("table", 254)),
               route.get("metric", 0), int(route["protocol"]), int(route.get("tos", "0"), 16))
        yield key, {"source": route.get("prefsrc")}


def _address(index, address):
    local = address.get("local", address.get("address"))
    peer = address["address"] if "local" in address and "address" in address else None
    facts = {
        "prefix_length": address["prefixlen"],
        "peer": str(ipaddress.ip_address(peer)) if peer else None,
        "scope": address["scope"],
        "label": address.get("label", "").encode(errors="surrogateescape"),
        "broadcast": address.get("broadcast"),
        "state": _address_state(address),
        "expires": address["valid_life_time"] != FOREVER,
    }
    return address_key(index, local, address["prefixlen"], peer), facts


def _address_state(address):
    if address.get("dadfailed"):
        return "duplicate"
    if address.get("tentative") and not address.get("optimistic"):
        return "tentative"
    return "deprecated" if address.get("deprecated") else "usable"

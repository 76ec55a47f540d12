# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client's copy of the daemon's table, kept from the `Changed` signals alone.

It trusts nothing: an event that does not fit what was there before (a change of something unknown, a
second arrival, a link that goes before its addresses, a generation left out, an incarnation used
twice) is a failure at once. state() gives the copy in the form of oracle.State.
"""

import oracle

# What an event says of itself and of its link, beside the record's fields.
EVENT_FIELDS = {"Event", "Object", "Index", "Incarnation", "Name", "NameBytes"}
# A text that needs no escape has no raw twin: a new text without one takes the old twin away.
RAW_TWINS = {"Name": "NameBytes", "Alias": "AliasBytes", "AlternativeNames": "AlternativeNamesBytes",
             "Label": "LabelBytes"}


def raw(record, name):
    """The bytes of a text field, from its raw twin where there is one."""
    if RAW_TWINS[name] in record:
        return bytes(record[RAW_TWINS[name]])
    return record.get(name, "").encode()


def raw_list(record, name):
    if RAW_TWINS[name] in record:
        # D-Bus has bytes, JSON an object with numbers.
        return [bytes(item["Bytes"] if isinstance(item, dict) else item)
                for item in record[RAW_TWINS[name]]]
    return [item.encode() for item in record.get(name, [])]


def address_record_key(record):
    return oracle.address_key(record["InterfaceIndex"], record["AddressString"],
                              record["PrefixLength"], record.get("PeerString"))


def group_record_key(record):
    return (record["InterfaceIndex"], record["AddressString"])


def route_record_key(record):
    # A route that leads nowhere has no link.
    return (record.get("InterfaceIndex", 0), record["Family"], record.get("GatewayString", ""),
            record["Table"], record["Metric"], record["Protocol"], record.get("TOS", 0))


def link_facts(record):
    return {
        "name": raw(record, "Name"),
        "altnames": raw_list(record, "AlternativeNames"),
        "alias": raw(record, "Alias"),
        "kind": record.get("Kind", ""),
        "flags": record["Flags"] & oracle.LINK_FLAGS_MASK,
        "operstate": record["KernelOperationalState"],
        "mtu": record["MTU"],
        "txqlen": record["TransmitQueueLength"],
        "hardware": record.get("HardwareAddressString", ""),
        "master": record.get("MasterInterfaceIndex", 0),
    }


def address_facts(record):
    return {
        "prefix_length": record["PrefixLength"],
        "peer": record.get("PeerString") or None,
        "scope": record["ScopeString"],
        "label": raw(record, "Label"),
        "broadcast": record.get("BroadcastString") or None,
        "state": record["State"],
        "expires": record.get("ValidLifetimeUSec", 0) not in (0, 2**64 - 1),
    }


class Replay:
    """The table as a client knows it: records by key, each a dictionary of public fields."""

    def __init__(self):
        self.generation = None
        self._known = None
        self.links = {}
        self.addresses = {}
        self.groups = {}
        self.routes = {}
        self._incarnations = set()

    @classmethod
    def from_describe(cls, description):
        """Begins with what Manager.Describe said (parsed JSON)."""
        self = cls()
        self.generation = self._known = description["Generation"]
        for link in description["Links"]:
            self._see_incarnation(link["Incarnation"])
            self.links[link["Index"]] = {name: value for name, value in link.items()
                                         if name not in ("Addresses", "Groups")}
            for address in link["Addresses"]:
                self._insert(self.addresses, address_record_key(address), address)
            for group in link["Groups"]:
                self._insert(self.groups, group_record_key(group), group)
        for route in description.get("DefaultRoutes", []):
            self._insert(self.routes, route_record_key(route), route)
        return self

    def apply(self, generation, events):
        """Applies one Changed signal. One that from_describe() knew already is passed over. A large
        batch comes as several signals with one generation."""
        if self.generation is not None:
            if self._known is not None and generation <= self._known:
                return
            assert generation in (self.generation, self.generation + 1), \
                f"generation {generation} follows {self.generation}"
        self.generation = generation
        for event in events:
            assert event["Event"] in ("existing", "added", "changed", "removed", "resynced"), event
            if event["Event"] != "resynced":
                self._apply_event(event)

    def _apply_event(self, event):
        record = {name: value for name, value in event.items() if name not in EVENT_FIELDS}
        if event["Object"] == "link":
            record.update({name: event[name] for name in EVENT_FIELDS - {"Event", "Object"}
                           if name in event})
            self._apply_link(event, record)
            return
        if event["Object"] != "route":
            assert event["Index"] == record["InterfaceIndex"], event
            link = self.links.get(event["Index"])
            assert link is not None, f"of a link that is not there: {event}"
            assert link["Incarnation"] == event["Incarnation"], f"of an earlier link: {event}"
        rows, key = {
            "address": (self.addresses, address_record_key),
            "group": (self.groups, group_record_key),
            "route": (self.routes, route_record_key),
        }[event["Object"]]
        self._apply_record(rows, key(record), event, record)

    def _apply_link(self, event, record):
        index = event["Index"]
        if event["Event"] in ("added", "existing"):
            self._see_incarnation(event["Incarnation"])
        else:
            assert index in self.links, f"unknown link: {event}"
            assert self.links[index]["Incarnation"] == event["Incarnation"], \
                f"another incarnation than {self.links[index]['Incarnation']}: {event}"
        if event["Event"] == "removed":
            for rows in (self.addresses, self.groups, self.routes):
                left = [key for key in rows if key[0] == index]
                assert not left, f"a link goes before what it has, {left}: {event}"
        self._apply_record(self.links, index, event, record)

    def _apply_record(self, rows, key, event, record):
        if event["Event"] in ("added", "existing"):
            self._insert(rows, key, record)
        elif event["Event"] == "removed":
            assert key in rows, f"removal of what was not there: {event}"
            del rows[key]
        else:
            assert key in rows, f"change of what was not there: {event}"
            for text, twin in RAW_TWINS.items():
                if text in record and twin not in record:
                    rows[key].pop(twin, None)
            rows[key].update(record)
            # null: no longer applies
            for name in [name for name, value in rows[key].items() if value is None]:
                del rows[key][name]

    def _see_incarnation(self, incarnation):
        assert incarnation not in self._incarnations, f"incarnation {incarnation} again"
        self._incarnations.add(incarnation)

    @staticmethod
    def _insert(rows, key, record):
        assert key not in rows, f"arrival of what is there: {key}: {record}"
        rows[key] = dict(record)

    def state(self):
        return oracle.State(
            links={index: link_facts(link) for index, link in self.links.items()},
            addresses={key: address_facts(row) for key, row in self.addresses.items()},
            groups={key: {} for key in self.groups},
            routes={key: {"source": row.get("PreferredSourceString") or None}
                    for key, row in self.routes.items()})

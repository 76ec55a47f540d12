#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows that the replay refuses what a daemon must never publish. Needs no daemon and no namespace.

Each case is a story: batches of events, the last of which is wrong, or none is.
"""

import sys

import oracle
import replay


def link(event, index=2, incarnation=7, name="v0", **fields):
    if event in ("added", "existing"):
        fields = {"Flags": 0x1003, "KernelOperationalState": 6, "MTU": 1500,
                  "TransmitQueueLength": 1000, **fields}
    return {"Event": event, "Object": "link", "Index": index, "Incarnation": incarnation,
            "Name": name, **fields}


def address(event, text="192.0.2.1", prefix_length=24, index=2, incarnation=7, **fields):
    if event == "added":
        fields = {"ScopeString": "global", "State": "usable", **fields}
    return {"Event": event, "Object": "address", "Index": index, "Incarnation": incarnation,
            "Name": "v0", "InterfaceIndex": index, "Family": 2, "AddressString": text,
            "PrefixLength": prefix_length, **fields}


# name, batches, whether the last one must be refused
STORIES = [
    ("a link comes, changes and goes",
     [[link("added")], [link("changed", MTU=1400)], [link("removed")]], False),
    ("a link comes with an address and goes with it",
     [[link("added"), address("added")], [address("removed"), link("removed")]], False),
    ("an index is used again by a new incarnation",
     [[link("added")], [link("removed"), link("added", incarnation=8)]], False),
    ("two addresses differ in the peer's network",
     [[link("added"), address("added"), address("added", PeerString="198.51.100.1")]], False),
    ("a link comes twice", [[link("added")], [link("added", incarnation=8)]], True),
    ("an incarnation is used again", [[link("added")], [link("removed"), link("added")]], True),
    ("an unknown link changes", [[link("changed", MTU=1400)]], True),
    ("an unknown link goes", [[link("removed")]], True),
    ("another incarnation of a link changes",
     [[link("added")], [link("changed", incarnation=8, MTU=1400)]], True),
    ("a link goes before its address",
     [[link("added"), address("added")], [link("removed"), address("removed")]], True),
    ("an address comes before its link", [[address("added"), link("added")]], True),
    ("an address of an earlier link comes",
     [[link("added")], [address("added", incarnation=6)]], True),
    ("an address comes twice", [[link("added"), address("added")], [address("added")]], True),
    ("an unknown address goes", [[link("added")], [address("removed")]], True),
    ("an event has an unknown name", [[link("appeared")]], True),
]


def refused(story):
    """Whether the last batch is refused; the ones before must not be."""
    copy = replay.Replay()
    for generation, batch in enumerate(story[:-1], start=1):
        copy.apply(generation, batch)
    try:
        copy.apply(len(story), story[-1])
    except AssertionError:
        return True
    copy.state()
    return False


def skips_a_generation():
    copy = replay.Replay()
    copy.apply(1, [link("added")])
    try:
        copy.apply(3, [link("changed", MTU=1400)])
    except AssertionError:
        return True
    return False


def sees_each_difference():
    """Whether a difference in any one fact, and a missing row of each part, is seen."""
    copy = replay.Replay()
    copy.apply(1, [link("added"), address("added")])
    state = copy.state()
    if state.difference(copy.state()) or len(state.difference(oracle.State())) != 2:
        return False
    for rows in (state.links, state.addresses):
        for facts in rows.values():
            for name, value in list(facts.items()):
                facts[name] = "something else"
                if len(copy.state().difference(state)) != 1:
                    return False
                facts[name] = value
    return True


def name_loses_its_raw_twin():
    copy = replay.Replay()
    copy.apply(1, [link("added", name="\\xff", NameBytes=b"\xff")])
    odd = copy.state().links[2]["name"]
    copy.apply(2, [link("changed", name="v1")])
    return (odd, copy.state().links[2]["name"]) == (b"\xff", b"v1")


def main():
    results = [(name, refused(story) == wanted) for name, story, wanted in STORIES]
    results += [("a generation is left out", skips_a_generation()),
                ("every difference is seen", sees_each_difference()),
                ("a plain name replaces an odd one", name_loses_its_raw_twin())]
    print(f"1..{len(results)}")
    for number, (name, good) in enumerate(results, start=1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    sys.exit(0 if all(good for _, good in results) else 1)


main()

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of verbs. The command line is checked against it, and the help texts are made from it.
 */

#include "cli.h"

const Verb cli_verbs[] = {
        {
                        .name = "list",
                        .arguments = "",
                        .summary = "Every link, one line each",
                        .help = "Addresses that can be used from elsewhere come first.",
                        .run = verb_list,
        },
        {
                        .name = "show",
                        .arguments = "[LINK...]",
                        .summary = "All that is known of a link",
                        .help = "Without LINK: of all links. With --daemon: of the daemon itself.",
                        .max_arguments = -1,
                        .options = OPTION_DAEMON,
                        .run = verb_show,
        },
        {
                        .name = "addresses",
                        .arguments = "[LINK]",
                        .summary = "Addresses with flags and lifetimes",
                        .max_arguments = 1,
                        .run = verb_addresses,
        },
        {
                        .name = "groups",
                        .arguments = "[LINK]",
                        .summary = "Multicast memberships with users",
                        .help = "USERS is how often a group is joined, by the kernel and by sockets.",
                        .max_arguments = 1,
                        .run = verb_groups,
        },
        {
                        .name = "local",
                        .arguments = "[LINK]",
                        .summary = "The addresses that are this machine's",
                        .help = "What the kernel accepts packets for, by prefix, with memberships. With\n"
                                "--derived: what Plan 9's rules make of the addresses. With --plan9: the text\n"
                                "of Plan 9's \"local\" file.",
                        .max_arguments = 1,
                        .options = OPTION_DERIVED | OPTION_PLAN9,
                        .run = verb_local,
        },
        {
                        .name = "default",
                        .arguments = "",
                        .summary = "The default routes, best first",
                        .help = "Exit status 1 when there is none.",
                        .run = verb_default,
        },
        {
                        .name = "status",
                        .arguments = "[LINK]",
                        .summary = "Plan 9's \"status\" file",
                        .max_arguments = 1,
                        .run = verb_status,
        },
        {
                        .name = "selftab",
                        .arguments = "",
                        .summary = "Plan 9's \"selftab\" file",
                        .run = verb_selftab,
        },
        {
                        .name = "zone",
                        .arguments = "TEXT",
                        .summary = "The link that a zone means",
                        .help = "TEXT is what stands after the '%' of an address: a name, an alternative name or\n"
                                "a plain decimal index, tried in this order.",
                        .min_arguments = 1,
                        .max_arguments = 1,
                        .run = verb_zone,
        },
        {
                        .name = "parse",
                        .arguments = "ADDRESS",
                        .summary = "Check, classify and normalise an address",
                        .min_arguments = 1,
                        .max_arguments = 1,
                        .run = verb_parse,
        },
        {
                        .name = "lookup",
                        .arguments = "ADDRESS",
                        .summary = "Is it mine, of what type, on which links",
                        .help = "Exit status 1 when it is not.",
                        .min_arguments = 1,
                        .max_arguments = 1,
                        .run = verb_lookup,
        },
        {
                        .name = "which",
                        .arguments = "ADDRESS",
                        .summary = "The link that reaches it, and why",
                        .help = "own: the address is this machine's; peer: the other end of a point-to-point\n"
                                "address; on-link: in the network of one of the link's addresses; route: the\n"
                                "kernel's routing tables say so.",
                        .min_arguments = 1,
                        .max_arguments = 1,
                        .run = verb_which,
        },
        {
                        .name = "source",
                        .arguments = "ADDRESS",
                        .summary = "The source address, every candidate, the rules",
                        .help = "Every address that could be the source for packets to ADDRESS, best first, with\n"
                                "the rule that chose it or by which it lost. With --mode=kernel: only what the\n"
                                "kernel answers.",
                        .min_arguments = 1,
                        .max_arguments = 1,
                        .options = OPTION_MODE,
                        .run = verb_source,
        },
        {
                        .name = "sort",
                        .arguments = "ADDRESS...",
                        .summary = "Destinations in the order of RFC 6724",
                        .help = "What a program should try first, and by which rule each one stands before the\n"
                                "next. The source is the one that the kernel would use.",
                        .min_arguments = 1,
                        .max_arguments = -1,
                        .run = verb_sort,
        },
        {
                        .name = "watch",
                        .arguments = "[LINK...]",
                        .summary = "Changes as they happen",
                        .help = "+ something came, ~ it changed, - it went. A link is followed when it is\n"
                                "renamed; one that is not there yet is waited for. With --json: every event,\n"
                                "beginning with what exists.",
                        .max_arguments = -1,
                        .run = verb_watch,
        },
        {
                        .name = "wait",
                        .arguments = "LINK --for=CONDITION",
                        .summary = "Wait until a link is as it should be",
                        .help = "present: there is a link of this name; carrier: it has one; address: it has an\n"
                                "address that can be used; routable: one that reaches further than the link.\n"
                                "Exit status 1 when the time is up.",
                        .min_arguments = 1,
                        .max_arguments = 1,
                        .options = OPTION_FOR | OPTION_TIMEOUT,
                        .run = verb_wait,
        },
        {},
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the model share: the model itself and what it keeps beside each link. Nobody else
 * includes this.
 */

#include "model-overlay.h"
#include "model.h"
#include "table.h"
#include "util.h"

/* Kept for each link that is published, spoken of, or the master of one that is. There is one for each
 * of thousands of links: its members are in the order of their sizes, without a gap. */
typedef struct LinkAux {
        /* Children heard before this serial belonged to a link that is gone. */
        uint64_t died;
        /* The dump epoch in which that was; 0: none. Rows of that dump may be of the dead link. */
        uint32_t died_epoch;
        /* The round of model_trigger_resolve() in which it died. */
        uint32_t died_round;

        int32_t ifindex;
        uint32_t next; /* AuxNumber of the next one in the bucket, or of the next free one */

        /* Usable and deprecated addresses by what they reach, without those that reach nothing; [0]
         * IPv4, [1] IPv6: derived states cost the same however many addresses a link has. */
        uint32_t n_addresses[2][_ADDRESS_STATE_MAX - ADDRESS_STATE_DEGRADED];
        uint32_t n_link_local; /* fe80::/10, usable or not */

        /* As a master: its ports, and those of them without carrier. */
        uint32_t n_ports;
        uint32_t n_ports_down;
        /* As a port: where and how (counted_down) it is counted now. */
        int32_t counted_master;

        /* Low 24 bits of the IPv6 address that was heard last, to know its solicited-node group. */
        uint32_t solicited;
        uint32_t touched; /* place in the commit's list plus one; 0: not in it */

        /* The states with which the link is counted for the whole machine. */
        States counted_states;
        bool counted : 1;
        bool counted_as_down : 1; /* without IFF_UP */
        bool counted_down : 1;
        bool link_local_leaves : 1; /* the removal of one was heard and is not counted yet */
        bool ipv4_left : 1; /* the removal of an IPv4 address was heard since the last commit */
} LinkAux;

_Static_assert(sizeof(LinkAux) == 72, "no gap");

/* Where a LinkAux is, counted from 1; 0: none. */
typedef uint32_t AuxNumber;

typedef struct AuxTable {
        LinkAux **chunks; /* of AUX_CHUNK each: they never move */
        uint32_t n_chunks;
        AuxNumber *buckets;
        uint32_t n_buckets; /* a power of two, or 0 */
        uint32_t n; /* in use */
        AuxNumber free; /* the first one that is not */
} AuxTable;

#define AUX_CHUNK 64

/* What to look for on a link: RECHECK_... */
typedef struct Recheck {
        int32_t ifindex; /* 0: on all links */
        unsigned what;
} Recheck;

enum {
        RECHECK_ROUTES4 = 1 << 0, /* may be gone */
        RECHECK_ROUTES6 = 1 << 1,
        RECHECK_BROADCASTS = 1 << 2, /* likewise, in the local table */
        RECHECK_NEXTHOPS = 1 << 3, /* IPv4 routes that use nexthop objects may be gone */
        RECHECK_LINK_GONE = 1 << 4, /* routes over several links may have another shape */
        RECHECK_SOURCES4 = 1 << 5, /* routes that prefer a source address may be gone */
        RECHECK_SOURCES6 = 1 << 6,
};

struct Model {
        Table *table;
        Overlay overlay;
        AuxTable aux;
        uint32_t n_dead_aux; /* entries that may have become useless */

        uint64_t incarnation; /* the last one given */
        uint64_t generation;
        uint64_t serial;
        uint64_t order; /* the last place given to an address */
        uint64_t skipped;
        uint32_t n_orphans;
        uint32_t n_pending[_OBJECT_TYPE_MAX]; /* entries in the overlay */
        uint32_t n_pending_ipv6[_OBJECT_TYPE_MAX]; /* of these, by record_family() */

        bool doubt; /* see model_doubt() */
        /* The last dump of all links did not list them all: rows of one that is not known may have
         * been read, and what it does before it is heard of for the first time leaves no trace. */
        bool links_incomplete;
        bool dumping;
        uint32_t epoch; /* of the running or the last dump, from 1 */
        Scope scope;
        uint64_t dump_order; /* above the order of every address row of the dump */
        uint64_t n_dump_addresses;
        bool dump_begins_empty; /* nothing was known that the dump could leave out */
        bool dump_overtaken; /* anything was heard while it ran */
        bool dump_dubious; /* something happened while it ran */

        /* IPv4 holds routes that differ only in what is no part of a key. Once that was seen, a removal
         * may leave another one of the same key. */
        bool routes_double;

        Scope wanted[SCOPES_MAX];
        size_t n_wanted;
        Recheck rechecks[MODEL_RECHECKS_MAX];
        size_t n_rechecks;
        uint32_t round; /* of model_trigger_resolve(), from 1 */

        uint32_t n_links_down;
        uint32_t machine_operational[_OPERATIONAL_STATE_MAX];
        uint32_t machine_carrier[_CARRIER_STATE_MAX];
        uint32_t machine_address[3][_ADDRESS_STATE_MAX]; /* both, IPv4, IPv6 */
};

/* model-aux.c */
LinkAux *model_aux_find(const Model *m, int32_t ifindex);
/* Finds or makes it; NULL: no memory. */
LinkAux *model_aux_get(Model *m, int32_t ifindex);
/* Goes over all of them: *number is 0 at the start; NULL at the end. */
LinkAux *model_aux_next(const Model *m, AuxNumber *number);
/* Frees all that belong to no link and are nobody's master. */
void model_aux_prune(Model *m);
void model_aux_done(Model *m);

/* model.c: entries */
Pending *model_pending(Model *m, ObjectType type, const void *record);
void model_pending_remove(Model *m, Pending *p);
/* The newest that is known of a row: pending or published. */
bool model_current(const Model *m, ObjectType type, const void *key, Record *ret);
/* Marks the entry as changed by the news that is being taken now. */
void model_pending_update(Model *m, Pending *p, bool present, const void *record, bool from_dump);
int model_hear_link_row(Model *m, const RtnlMessage *message, bool from_dump);
int model_hear_link_gone(Model *m, const LinkRecord *link, bool from_dump);

/* model-trigger.c: what else may have changed, given the last state of a link or row */
void model_trigger_link(Model *m, const LinkRecord *before, const LinkRecord *after);
/* last: what the message of its going says of it, at least the index; before: what was known of it, NULL:
 * nothing. */
void model_trigger_link_gone(Model *m, const LinkRecord *last, const LinkRecord *before);
void model_trigger_address_gone(Model *m, const AddressRecord *address);
void model_trigger_group(Model *m, const GroupRecord *group);
void model_trigger_nexthop(Model *m);
/* Turns what is to be looked at again into wanted re-reads. */
void model_trigger_resolve(Model *m);

/* model-derive.c */
/* What an address contributes to its link; ADDRESS_STATE_OFF: nothing. */
AddressState address_reach(const AddressRecord *address);
/* Counts an address that comes into (+1) or leaves (-1) the table. */
void model_count_address(LinkAux *aux, const AddressRecord *address, int step);
/* Derives the states of a link from the row and the counts. */
States model_link_states(const LinkAux *aux, const LinkRecord *link);
/* Counts the link as a port of its master. Returns the masters whose counts changed in ret (up to 2)
 * and how many they are. master 0: not a port any more. */
size_t model_count_port(Model *m, LinkAux *aux, int32_t master, bool down, int32_t ret[static 2]);
/* Counts the link for the machine; NULL: not any more. */
void model_count_machine(Model *m, LinkAux *aux, const LinkRecord *link);

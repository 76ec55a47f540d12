/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Replays batches and recomputes what is derived, from nothing but rows. Shares no code with the model;
 * the rules for states are those of systemd-networkd, written down once more as walks.
 */

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "model-replay.h"

static char complaint[256];

#define COMPLAIN(...) (snprintf(complaint, sizeof(complaint), __VA_ARGS__), complaint)

void absences_note(Absences *a, const World *w) {
        a->now++;
        for (size_t key = 0; key < WORLD_KEYS; key++)
                if (!world_has_key(w, key))
                        a->last[key] = a->now;
}

/* What is not public may differ: the order of addresses has no event of its own. */
static void normalise(ObjectType type, const void *record, Record *ret) {
        memset(ret, 0, sizeof(*ret));
        memcpy(ret, record, record_size(type));
        if (type == OBJECT_ADDRESS)
                ret->address.order = 0;
}

static ReplayRow *find(Replay *r, ObjectType type, const void *record) {
        Record key;

        memset(&key, 0, sizeof(key));
        record_key(type, record, &key);
        for (size_t i = 0; i < r->n; i++)
                if (r->rows[i].type == type &&
                    memcmp(&r->rows[i].key, &key, record_size(type)) == 0)
                        return &r->rows[i];
        return NULL;
}

static const ReplayRow *find_link(const Replay *r, int32_t ifindex) {
        for (size_t i = 0; i < r->n; i++)
                if (r->rows[i].type == OBJECT_LINK && r->rows[i].row.link.ifindex == ifindex)
                        return &r->rows[i];
        return NULL;
}

static bool has_incarnation(const Replay *r, uint64_t incarnation) {
        /* The last one is the one that is being put in. */
        for (size_t i = 0; i + 1 < r->n; i++)
                if (r->rows[i].type == OBJECT_LINK && r->rows[i].incarnation == incarnation)
                        return true;
        return false;
}

static const char *insert(Replay *r, ObjectType type, const void *record, uint64_t incarnation,
                          unsigned since) {
        ReplayRow *row;

        if (find(r, type, record))
                return COMPLAIN("a %s arrives that is there", object_type_to_string(type));
        if (r->n == REPLAY_ROWS)
                return COMPLAIN("more than %d rows", REPLAY_ROWS);
        row = &r->rows[r->n++];
        memset(row, 0, sizeof(*row));
        row->type = type;
        record_key(type, record, &row->key);
        normalise(type, record, &row->row);
        row->incarnation = incarnation;
        row->since = since;
        if (type == OBJECT_LINK) {
                if (incarnation <= r->floor || has_incarnation(r, incarnation))
                        return COMPLAIN("incarnation %lu again", (unsigned long) incarnation);
                if (incarnation > r->incarnation)
                        r->incarnation = incarnation;
        }
        return NULL;
}

static const char *take_away(Replay *r, ReplayRow *row, bool with_link, const World *w,
                             const Absences *absences) {
        size_t key = world_key(row->type, &row->row);

        if (row->type == OBJECT_LINK)
                for (size_t i = 0; i < r->n; i++)
                        if (r->rows[i].type != OBJECT_LINK &&
                            record_ifindex(r->rows[i].type, &r->rows[i].row) ==
                                            row->row.link.ifindex)
                                return COMPLAIN("link %d goes before a %s of it",
                                                row->row.link.ifindex,
                                                object_type_to_string(r->rows[i].type));
        /* What goes with its link is the link's affair. */
        if (w && !with_link && absences->last[key] < row->since)
                return COMPLAIN("a %s of link %d goes that was there all the time",
                                object_type_to_string(row->type),
                                record_ifindex(row->type, &row->row));
        *row = r->rows[--r->n];
        return NULL;
}

static bool link_goes(const Batch *batch, uint64_t incarnation) {
        for (size_t i = 0; i < batch->n_changes; i++)
                if (batch->changes[i].object == OBJECT_LINK &&
                    batch->changes[i].type == CHANGE_REMOVED &&
                    batch->changes[i].incarnation == incarnation)
                        return true;
        return false;
}

/* In this world a link keeps its hardware address for life. One that took the index, kind and name of
 * another while nobody heard of either looks like one that got another address. */
static void note_other_hardware(Replay *r, const Change *c, const ReplayRow *row) {
        if (c->object == OBJECT_LINK &&
            memcmp(&row->row.link.hardware_address, &c->record.link.hardware_address,
                   sizeof(HardwareAddress)) != 0)
                r->lives[c->record.link.ifindex - 1].other_hardware = true;
}

static const char *apply_change(Replay *r, const Batch *batch, const Change *c, const World *w,
                                const Absences *absences, unsigned as_of) {
        const char *type = object_type_to_string(c->object);
        int32_t ifindex = record_ifindex(c->object, &c->record);
        ReplayRow *row = find(r, c->object, &c->record);
        const ReplayRow *link;

        if (c->object == OBJECT_LOCAL)
                return COMPLAIN("a local entry has no events");
        if (c->object != OBJECT_LINK && ifindex > 0) {
                link = find_link(r, ifindex);
                if (!link)
                        return COMPLAIN("a %s of an unknown link %d", type, ifindex);
                if (link->incarnation != c->incarnation)
                        return COMPLAIN("a %s of another link %d", type, ifindex);
        }
        switch (c->type) {
        case CHANGE_ADDED:
                return insert(r, c->object, &c->record, c->incarnation, as_of);
        case CHANGE_CHANGED:
                if (!row)
                        return COMPLAIN("a %s changes that is not there", type);
                if (row->incarnation != c->incarnation)
                        return COMPLAIN("another %s changes", type);
                if (c->fields == 0)
                        return COMPLAIN("a %s changes in nothing", type);
                note_other_hardware(r, c, row);
                normalise(c->object, &c->record, &row->row);
                return NULL;
        case CHANGE_REMOVED:
                if (!row)
                        return COMPLAIN("a %s goes that is not there", type);
                if (row->incarnation != c->incarnation)
                        return COMPLAIN("another %s goes", type);
                return take_away(r, row,
                                 c->object != OBJECT_LINK && link_goes(batch, c->incarnation), w,
                                 absences);
        case CHANGE_EXISTING:
        case _CHANGE_TYPE_MAX:
                break;
        }
        return COMPLAIN("a change of no type");
}

/* The same thing must not go and come in one batch. */
static const char *check_net(const Batch *batch) {
        for (size_t i = 0; i < batch->n_changes; i++)
                for (size_t k = i + 1; k < batch->n_changes; k++) {
                        const Change *a = &batch->changes[i], *b = &batch->changes[k];
                        Record x, y;

                        if (a->object != b->object || a->incarnation != b->incarnation)
                                continue;
                        memset(&x, 0, sizeof(x));
                        memset(&y, 0, sizeof(y));
                        record_key(a->object, &a->record, &x);
                        record_key(b->object, &b->record, &y);
                        if (memcmp(&x, &y, sizeof(x)) == 0)
                                return COMPLAIN("two changes of one %s in one batch",
                                                object_type_to_string(a->object));
                }
        return NULL;
}

const char *replay_apply(Replay *r, const Batch *batch, const World *w, const Absences *absences,
                         unsigned as_of) {
        const char *wrong = check_net(batch);

        if (batch->n_changes > 0 && batch->generation != r->generation + 1)
                return COMPLAIN("generation %lu follows %lu", (unsigned long) batch->generation,
                                (unsigned long) r->generation);
        if (batch->n_changes > 0)
                r->generation = batch->generation;
        r->floor = r->incarnation;
        for (size_t i = 0; i < batch->n_changes && !wrong; i++)
                wrong = apply_change(r, batch, &batch->changes[i], w, absences, as_of);
        return wrong;
}

void replay_begin(Replay *r, const TableView *v) {
        Record record;
        LinkRecord link;

        r->n = 0;
        r->incarnation = r->floor = 0;
        r->generation = table_generation(v);
        for (ObjectType type = 0; type < OBJECT_LOCAL; type++) {
                TableWalk walk = table_walk_all(v, type);

                while (table_next(v, &walk, &record)) {
                        link.incarnation = 0;
                        (void) table_get_link(v, record_ifindex(type, &record), &link);
                        (void) insert(r, type, &record, link.incarnation, 0);
                }
        }
}

/* Derived states ------------------------------------------------------------------------------- */

static bool naive_carrier(const LinkRecord *l) {
        if (l->kernel_operstate == IF_OPER_UP)
                return true;
        return l->kernel_operstate == IF_OPER_UNKNOWN && (l->flags & IFF_LOWER_UP) &&
               (l->flags & IFF_RUNNING) && !(l->flags & IFF_DORMANT);
}

/* Without what ports say about it. */
static CarrierState naive_own_carrier(const LinkRecord *l) {
        if (l->kernel_operstate == IF_OPER_DORMANT)
                return CARRIER_STATE_DORMANT;
        if (naive_carrier(l))
                return l->master_ifindex > 0 ? CARRIER_STATE_ENSLAVED : CARRIER_STATE_CARRIER;
        return l->flags & IFF_UP ? CARRIER_STATE_NO_CARRIER : CARRIER_STATE_OFF;
}

static CarrierState naive_carrier_state(const TableView *v, const LinkRecord *l) {
        CarrierState state = naive_own_carrier(l);
        TableWalk walk = table_walk_all(v, OBJECT_LINK);
        LinkRecord port;

        if (state < CARRIER_STATE_CARRIER)
                return state;
        while (table_next(v, &walk, &port))
                if (port.master_ifindex == l->ifindex &&
                    naive_carrier_state(v, &port) < CARRIER_STATE_CARRIER)
                        return CARRIER_STATE_DEGRADED_CARRIER;
        return state;
}

static AddressState naive_address_state(const TableView *v, int32_t ifindex, int family) {
        TableWalk walk = table_walk_all(v, OBJECT_ADDRESS);
        AddressState best = ADDRESS_STATE_OFF;
        AddressRecord a;

        while (table_next(v, &walk, &a)) {
                bool narrow = a.address.family == AF_INET6
                                              ? a.address.bytes[0] == 0xfe &&
                                                                a.address.bytes[1] == 0x80
                                              : a.address.bytes[0] == 169 &&
                                                                a.address.bytes[1] == 254;
                AddressState reach = ADDRESS_STATE_ROUTABLE;

                if (a.ifindex != ifindex || a.address.family != family ||
                    a.usability == USABILITY_TENTATIVE || a.usability == USABILITY_DUPLICATE)
                        continue;
                if (a.scope >= RT_SCOPE_HOST)
                        reach = ADDRESS_STATE_OFF;
                else if (narrow || a.scope >= RT_SCOPE_SITE)
                        reach = ADDRESS_STATE_DEGRADED;
                if (reach > best)
                        best = reach;
        }
        return best;
}

static OperationalState naive_operational(CarrierState carrier, AddressState address) {
        static const OperationalState states[3][_CARRIER_STATE_MAX] = {
                { OPERATIONAL_STATE_OFF, OPERATIONAL_STATE_NO_CARRIER, OPERATIONAL_STATE_DORMANT,
                  OPERATIONAL_STATE_DEGRADED_CARRIER, OPERATIONAL_STATE_CARRIER,
                  OPERATIONAL_STATE_ENSLAVED },
                { OPERATIONAL_STATE_OFF, OPERATIONAL_STATE_NO_CARRIER, OPERATIONAL_STATE_DORMANT,
                  OPERATIONAL_STATE_DEGRADED, OPERATIONAL_STATE_DEGRADED,
                  OPERATIONAL_STATE_ENSLAVED },
                { OPERATIONAL_STATE_OFF, OPERATIONAL_STATE_NO_CARRIER, OPERATIONAL_STATE_DORMANT,
                  OPERATIONAL_STATE_ROUTABLE, OPERATIONAL_STATE_ROUTABLE,
                  OPERATIONAL_STATE_ROUTABLE },
        };

        return states[address][carrier];
}

static IpAddress naive_link_local(const TableView *v, int32_t ifindex) {
        TableWalk walk = table_walk_all(v, OBJECT_ADDRESS);
        uint64_t order = UINT64_MAX;
        IpAddress first = {};
        AddressRecord a;

        while (table_next(v, &walk, &a))
                if (a.ifindex == ifindex && a.address.family == AF_INET6 &&
                    a.address.bytes[0] == 0xfe && a.address.bytes[1] == 0x80 &&
                    a.usability != USABILITY_TENTATIVE && a.usability != USABILITY_DUPLICATE &&
                    a.order < order) {
                        order = a.order;
                        first = a.address;
                }
        return first;
}

static const char *check_states(const TableView *v, const LinkRecord *l) {
        AddressState v4 = naive_address_state(v, l->ifindex, AF_INET);
        AddressState v6 = naive_address_state(v, l->ifindex, AF_INET6);
        AddressState both = v4 > v6 ? v4 : v6;
        CarrierState carrier = naive_carrier_state(v, l);
        IpAddress local = naive_link_local(v, l->ifindex);

        if (l->states.carrier != carrier)
                return COMPLAIN("link %d: carrier state %s, not %s", l->ifindex,
                                carrier_state_to_string(l->states.carrier),
                                carrier_state_to_string(carrier));
        if (l->states.ipv4 != v4 || l->states.ipv6 != v6 || l->states.address != both)
                return COMPLAIN("link %d: address states %d %d %d, not %d %d %d", l->ifindex,
                                l->states.ipv4, l->states.ipv6, l->states.address, v4, v6, both);
        if (l->states.operational != naive_operational(carrier, both))
                return COMPLAIN("link %d: operational state %s, not %s", l->ifindex,
                                operational_state_to_string(l->states.operational),
                                operational_state_to_string(naive_operational(carrier, both)));
        if (memcmp(&l->ipv6_link_local, &local, sizeof(local)) != 0)
                return COMPLAIN("link %d: another link-local address", l->ifindex);
        return NULL;
}

static const char *check_row(const TableView *v, ObjectType type, const Record *record) {
        int32_t ifindex = record_ifindex(type, record);
        LinkRecord link;

        if (type == OBJECT_LINK)
                return check_states(v, &record->link);
        if (ifindex > 0 && !table_get_link(v, ifindex, &link))
                return COMPLAIN("a %s without its link", object_type_to_string(type));
        return NULL;
}

const char *replay_compare(Replay *r, const TableView *v) {
        const char *wrong = NULL;
        size_t n = 0;
        Record record;

        for (ObjectType type = 0; type < _OBJECT_TYPE_MAX && !wrong; type++) {
                TableWalk walk = table_walk_all(v, type);

                while (!wrong && table_next(v, &walk, &record)) {
                        Record normal;
                        const ReplayRow *row;

                        wrong = check_row(v, type, &record);
                        if (type == OBJECT_LOCAL || wrong)
                                continue;
                        n++;
                        normalise(type, &record, &normal);
                        row = find(r, type, &record);
                        if (!row)
                                wrong = COMPLAIN("a %s was not told of",
                                                 object_type_to_string(type));
                        else if (memcmp(&normal, &row->row, record_size(type)) != 0)
                                wrong = COMPLAIN("a change of a %s of link %d was not told",
                                                 object_type_to_string(type),
                                                 record_ifindex(type, &record));
                }
        }
        if (!wrong && n != r->n)
                wrong = COMPLAIN("%zu rows were told of, %zu are there", r->n, n);
        return wrong;
}

const char *replay_compare_lives(Replay *r, const World *w, const TableView *v) {
        for (int32_t i = 1; i <= WORLD_LINKS; i++) {
                unsigned life = world_life(w, i);
                uint64_t before = r->lives[i - 1].incarnation;
                LinkRecord link;

                if (life == 0 || !table_get_link(v, i, &link))
                        continue;
                if ((link.incarnation == before) != (life == r->lives[i - 1].life) &&
                    !(link.incarnation == before && r->lives[i - 1].other_hardware))
                        return COMPLAIN("link %d: incarnation %lu for life %u, %lu for life %u", i,
                                        (unsigned long) before, r->lives[i - 1].life,
                                        (unsigned long) link.incarnation, life);
                r->lives[i - 1].incarnation = link.incarnation;
                r->lives[i - 1].life = life;
                r->lives[i - 1].other_hardware = false;
        }
        return NULL;
}

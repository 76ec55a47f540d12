/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls every reading function of a table on a block that may hold anything. It says nothing about
 * the answers, which are as good as the block, but touches every byte that a caller would: texts are
 * read up to their NUL, lengths are believed. For the corruption tests and the fuzz target.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "record.h"
#include "table-internal.h"
#include "table.h"

static inline unsigned exercise_record(ObjectType type, const Record *r) {
        unsigned sum = 0;

        switch (type) {
        case OBJECT_LINK:
                sum += (unsigned) strlen(r->link.name) + (unsigned) strlen(r->link.kind);
                for (unsigned i = 0; i < r->link.hardware_address.len; i++)
                        sum += r->link.hardware_address.bytes[i];
                for (unsigned i = 0; i < r->link.permanent_hardware_address.len; i++)
                        sum += r->link.permanent_hardware_address.bytes[i];
                for (unsigned i = 0; i < r->link.broadcast_address.len; i++)
                        sum += r->link.broadcast_address.bytes[i];
                sum += (unsigned) strlen(operational_state_to_string(r->link.states.operational));
                sum += (unsigned) strlen(carrier_state_to_string(r->link.states.carrier));
                sum += (unsigned) strlen(address_state_to_string(r->link.states.address));
                break;
        case OBJECT_ADDRESS:
                sum += (unsigned) strlen(r->address.label);
                sum += (unsigned) strlen(usability_to_string(r->address.usability));
                sum += ip_network(&r->address.address, r->address.prefix_length).bytes[0];
                break;
        case OBJECT_GROUP:
                sum += r->group.group.bytes[0];
                break;
        case OBJECT_ROUTE:
                sum += r->route.gateway.bytes[0];
                break;
        case OBJECT_LOCAL:
                sum += ip_network(&r->local.address, r->local.prefix_length).bytes[0];
                break;
        case _OBJECT_TYPE_MAX:
                break;
        }
        return sum;
}

static inline unsigned exercise_walk(const TableView *v, ObjectType type, TableWalk w) {
        unsigned sum = 0, n = 0;
        Record r;

        while (table_next(v, &w, &r)) {
                sum += exercise_record(type, &r);
                /* More steps than the mapping has room for rows: the walk does not end. */
                if (++n > v->size / record_size(type))
                        abort();
        }
        return sum;
}

static inline void exercise_links(const TableView *v, int32_t ifindex) {
        LinkTexts *texts;
        LinkRecord link;
        NameMatch match;

        if (table_get_link(v, ifindex, &link))
                (void) table_get_link_by_name(v, link.name, strlen(link.name), &link, &match);
        if (table_get_texts(v, ifindex, &texts) == 0) {
                TextSpan name;

                for (size_t pos = 0; link_texts_next(texts, &pos, &name);)
                        (void) table_get_link_by_name(v, name.text, name.len, &link, &match);
                (void) link_texts_free(texts);
        }
}

/* All readers with keys that the block is likely to have, and with those that its rows have. */
static inline unsigned exercise_view(const TableView *v, int32_t max_ifindex) {
        static const ObjectType by_ip[] = { OBJECT_ADDRESS, OBJECT_GROUP };
        static const ObjectType by_prefix[] = { OBJECT_ADDRESS, OBJECT_LOCAL };
        IpAddress ips[] = { ip_make(AF_INET, "\x0a\x00\x00\x01"),
                            ip_make(AF_INET6, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1") };
        uint64_t sequence = 0;
        unsigned sum = 0;

        if (table_read_begin(v, &sequence))
                sum += table_read_retry(v, sequence);
        sum += table_superseded(v) + (unsigned) table_generation(v);
        for (ObjectType type = 0; type < _OBJECT_TYPE_MAX; type++) {
                TableWalk w = table_walk_all(v, type);
                Record r, same;

                sum += table_count(v, type);
                sum += exercise_walk(v, type, w);
                for (unsigned i = 0; i < 8 && table_next(v, &w, &r); i++)
                        sum += table_get(v, type, &r, &same);
                for (int32_t i = 0; i <= max_ifindex; i++)
                        sum += exercise_walk(v, type, table_walk_link(v, type, i));
        }
        for (int32_t i = 0; i <= max_ifindex; i++)
                exercise_links(v, i);
        for (unsigned t = 0; t < 2; t++)
                for (unsigned i = 0; i < 2; i++) {
                        unsigned bits = ip_family_bits(ips[i].family);

                        sum += exercise_walk(v, by_ip[t], table_walk_ip(v, by_ip[t], &ips[i]));
                        for (unsigned n = 0; n <= bits; n += 8)
                                sum += exercise_walk(
                                                v, by_prefix[t],
                                                table_walk_prefix(v, by_prefix[t], &ips[i], n));
                        for (int n = (int) bits; n >= 0; n--)
                                n = table_prefix_length(v, by_prefix[t], ips[i].family, n);
                }
        return sum;
}

/* As a client does it, and again as if the block had turned bad after it was checked. */
static inline unsigned exercise_block(const void *block, size_t size, int32_t max_ifindex) {
        TableView v;
        unsigned sum = 0;

        if (table_view_init(&v, block, size) == 0)
                sum += exercise_view(&v, max_ifindex);
        v = (TableView){ .block = block, .size = size };
        if (size >= sizeof(TableHeader) && (uintptr_t) block % 8 == 0)
                sum += exercise_view(&v, max_ifindex);
        return sum;
}

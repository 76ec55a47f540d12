/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A row in the caller's hands: a copy of one record with what belongs to it. Getters read the copy
 * and never the table, so they cannot fail for what others do. Texts that have to be made are made
 * when they are asked for and kept until the row is filled again, because filling is what a walk does
 * a thousand times and most texts nobody wants.
 */

#include <errno.h>
#include <stdlib.h>

#include "client-internal.h"
#include "lookup.h"
#include "table-search.h"

int ifroster_row_new(ifroster_row **ret) {
        ifroster_row *row;

        row = calloc(1, sizeof(*row));
        if (!row)
                return -ENOMEM;
        *ret = row;
        return 0;
}

ifroster_row *ifroster_row_free(ifroster_row *row) {
        if (!row)
                return NULL;
        client_row_reset(row);
        free(row);
        return NULL;
}

void client_row_reset(ifroster_row *row) {
        if (row->texts)
                row->texts = link_texts_free(row->texts);
        if (!row->cached)
                return;
        for (size_t i = 0; i < FIELDS_MAX; i++) {
                free(row->field_texts[i]);
                row->field_texts[i] = NULL;
        }
        free(row->altnames);
        row->altnames = NULL;
        row->cached = false;
}

/* Filling ---------------------------------------------------------------------------------- */

int client_row_complete(ifroster_row *row, const TableView *v) {
        uint64_t words[2];

        row->filled = true;
        if (row->type == OBJECT_LINK) {
                row->incarnation = row->record.link.incarnation;
                memcpy(row->link_name, row->record.link.name, sizeof(row->link_name));
                if (row->texts)
                        row->texts = link_texts_free(row->texts);
                return table_get_texts(v, row->record.link.ifindex, &row->texts);
        }
        if (!find_link_name(v, record_ifindex(row->type, &row->record), words, &row->incarnation))
                words[0] = words[1] = row->incarnation = 0;
        memcpy(row->link_name, &words[0], sizeof(words[0]));
        memcpy(row->link_name + sizeof(words[0]), &words[1], sizeof(words[1]));
        return 0;
}

int ifroster_get_link(const ifroster *h, int ifindex, ifroster_row *row) {
        ClientReading g;
        Record record;
        int r;

        if (ifindex < 1)
                return -ERANGE;
        client_row_reset(row);
        row->filled = false;
        r = client_read_begin(h, &g);
        if (r < 0)
                return r;
        do {
                row->type = OBJECT_LINK;
                r = table_get_link(&g.view, ifindex, &record.link) ? 0 : -ENODEV;
                if (r >= 0) {
                        row->record.link = record.link;
                        r = client_row_complete(row, &g.view);
                }
        } while (client_read_again(&g, &r));
        row->filled = r >= 0;
        return r;
}

RecordView client_row_view(const ifroster_row *row) {
        return (RecordView){
                .type = row->type,
                .record = &row->record,
                .context = {
                        .texts = row->texts,
                        .link_name = row->link_name[0] ? row->link_name : NULL,
                        .users = -1,
                },
        };
}

int client_object_type(int kind, ObjectType *ret) {
        switch (kind) {
        case IFROSTER_LINK:
        case IFROSTER_ADDRESS:
        case IFROSTER_GROUP:
        case IFROSTER_ROUTE:
        case IFROSTER_LOCAL:
                *ret = (ObjectType) kind;
                return 0;
        default:
                return -EINVAL;
        }
}

/* Quick getters ---------------------------------------------------------------------------- */

_Static_assert(IFROSTER_LINK == (int) OBJECT_LINK && IFROSTER_ADDRESS == (int) OBJECT_ADDRESS &&
                               IFROSTER_GROUP == (int) OBJECT_GROUP &&
                               IFROSTER_ROUTE == (int) OBJECT_ROUTE &&
                               IFROSTER_LOCAL == (int) OBJECT_LOCAL,
               "public kinds are the table's types");
_Static_assert(IFROSTER_NAME_SIZE == LINK_NAME_MAX + 1 &&
                               IFROSTER_ALTNAME_SIZE == LINK_ALTNAME_MAX + 1,
               "public sizes are the kernel's");

static bool is(const ifroster_row *row, ObjectType type) {
        return row->filled && row->type == type;
}

int ifroster_row_kind(const ifroster_row *row) {
        return row->filled ? (int) row->type : -1;
}

int ifroster_row_ifindex(const ifroster_row *row) {
        return row->filled ? record_ifindex(row->type, &row->record) : 0;
}

uint64_t ifroster_row_incarnation(const ifroster_row *row) {
        return row->filled ? row->incarnation : 0;
}

const char *ifroster_row_name(const ifroster_row *row) {
        return row->filled ? row->link_name : "";
}

uint32_t ifroster_row_flags(const ifroster_row *row) {
        return is(row, OBJECT_LINK)      ? row->record.link.flags
               : is(row, OBJECT_ADDRESS) ? row->record.address.flags
                                         : 0;
}

uint32_t ifroster_row_mtu(const ifroster_row *row) {
        return is(row, OBJECT_LINK) ? row->record.link.mtu : 0;
}

static int return_address(const IpAddress *a, const uint8_t **ret) {
        if (!a || !ip_is_set(a))
                return 0;
        if (ret)
                *ret = a->bytes;
        return a->family;
}

int ifroster_row_address(const ifroster_row *row, const uint8_t **ret_address) {
        const IpAddress *a = is(row, OBJECT_ADDRESS) ? &row->record.address.address
                             : is(row, OBJECT_GROUP) ? &row->record.group.group
                             : is(row, OBJECT_ROUTE) ? &row->record.route.gateway
                             : is(row, OBJECT_LOCAL) ? &row->record.local.address
                                                     : NULL;

        return return_address(a, ret_address);
}

unsigned ifroster_row_prefix_length(const ifroster_row *row) {
        return is(row, OBJECT_ADDRESS) ? row->record.address.prefix_length
               : is(row, OBJECT_LOCAL) ? row->record.local.prefix_length
                                       : 0;
}

int ifroster_row_peer(const ifroster_row *row, const uint8_t **ret_address) {
        return return_address(is(row, OBJECT_ADDRESS) ? &row->record.address.peer : NULL,
                              ret_address);
}

size_t ifroster_row_hardware_address(const ifroster_row *row, const uint8_t **ret_bytes) {
        if (!is(row, OBJECT_LINK) || row->record.link.hardware_address.len == 0)
                return 0;
        if (ret_bytes)
                *ret_bytes = row->record.link.hardware_address.bytes;
        return row->record.link.hardware_address.len;
}

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
        client_row_done(row);
        free(row);
        return NULL;
}

void client_row_forget(ifroster_row *row) {
        for (size_t i = 0; i < FIELDS_MAX; i++) {
                free(row->field_texts[i]);
                row->field_texts[i] = NULL;
        }
        free(row->altnames);
        row->altnames = NULL;
        row->cached = false;
}

void client_ahead_reset(ClientAhead *a) {
        if (a->have_texts)
                for (unsigned i = 0; i < a->n; i++)
                        free(a->texts[i]);
        a->have_texts = false;
        a->n = 0;
}

void client_row_reset(ifroster_row *row) {
        if (row->texts)
                row->texts = link_texts_free(row->texts);
        row->walk = NULL;
        if (row->ahead)
                client_ahead_reset(row->ahead);
        if (row->cached)
                client_row_forget(row);
}

void client_row_done(ifroster_row *row) {
        client_row_reset(row);
        free(row->ahead);
        row->ahead = NULL;
}

void client_row_want_ahead(ifroster_row *row) {
        if (row->ahead)
                return;
        row->ahead = malloc(sizeof(*row->ahead));
        if (!row->ahead)
                return;
        row->ahead->n = 0;
        row->ahead->have_texts = false;
}

/* Filling ---------------------------------------------------------------------------------- */

int client_row_complete(ifroster_row *row, const TableView *v) {
        int32_t ifindex;

        row->filled = true;
        if (row->type == OBJECT_LINK) {
                if (row->texts)
                        row->texts = link_texts_free(row->texts);
                return table_get_texts(v, row->record.link.ifindex, &row->texts);
        }
        ifindex = record_ifindex(row->type, &row->record);
        if (!find_link_name(v, ifindex, row->link.words, &row->link.incarnation))
                row->link = (ClientLinkName){};
        return 0;
}

static int fill_with_link(const ifroster *h, int ifindex, ifroster_row *row) {
        ClientReading g;
        Record record;
        int r;

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

int ifroster_get_link(const ifroster *h, int ifindex, ifroster_row *row) {
        int r;

        if (ifindex < 1)
                return -ERANGE;
        r = fill_with_link(h, ifindex, row);
        if (r == -EAGAIN) {
                r = client_ask_index(h, ifindex);
                if (r >= 0)
                        r = fill_with_link(h, ifindex, row);
        }
        return r;
}

RecordView client_row_view(const ifroster_row *row) {
        const char *name = ifroster_row_name(row);

        return (RecordView){
                .type = row->type,
                .record = client_row_record(row),
                .context = {
                        .texts = client_row_texts(row),
                        .link_name = name[0] ? name : NULL,
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

/* The record when it is of this kind, otherwise NULL. */
static const Record *record_if(const ifroster_row *row, ObjectType type) {
        return row->filled && row->type == type ? client_row_record(row) : NULL;
}

int ifroster_row_kind(const ifroster_row *row) {
        return row->filled ? (int) row->type : -1;
}

int ifroster_row_ifindex(const ifroster_row *row) {
        return row->filled ? record_ifindex(row->type, client_row_record(row)) : 0;
}

/* Of a row of another kind than a link */
static const ClientLinkName *link_of(const ifroster_row *row) {
        return row->walk ? row->ahead->links + row->at : &row->link;
}

uint64_t ifroster_row_incarnation(const ifroster_row *row) {
        const Record *link = record_if(row, OBJECT_LINK);

        if (!row->filled)
                return 0;
        return link ? link->link.incarnation : link_of(row)->incarnation;
}

const char *ifroster_row_name(const ifroster_row *row) {
        const Record *link = record_if(row, OBJECT_LINK);

        if (!row->filled)
                return "";
        return link ? link->link.name : (const char *) link_of(row)->words;
}

uint32_t ifroster_row_flags(const ifroster_row *row) {
        const Record *link = record_if(row, OBJECT_LINK), *a = record_if(row, OBJECT_ADDRESS);

        return link ? link->link.flags : a ? a->address.flags : 0;
}

uint32_t ifroster_row_mtu(const ifroster_row *row) {
        const Record *link = record_if(row, OBJECT_LINK);

        return link ? link->link.mtu : 0;
}

static int return_address(const IpAddress *a, const uint8_t **ret) {
        if (!a || !ip_is_set(a))
                return 0;
        if (ret)
                *ret = a->bytes;
        return a->family;
}

static const IpAddress *address_of(ObjectType type, const Record *record) {
        switch (type) {
        case OBJECT_ADDRESS:
                return &record->address.address;
        case OBJECT_GROUP:
                return &record->group.group;
        case OBJECT_ROUTE:
                return &record->route.gateway;
        case OBJECT_LOCAL:
                return &record->local.address;
        case OBJECT_LINK:
        case _OBJECT_TYPE_MAX:
                return NULL;
        }
        return NULL;
}

int ifroster_row_address(const ifroster_row *row, const uint8_t **ret_address) {
        return return_address(row->filled ? address_of(row->type, client_row_record(row)) : NULL,
                              ret_address);
}

unsigned ifroster_row_prefix_length(const ifroster_row *row) {
        const Record *a = record_if(row, OBJECT_ADDRESS), *local = record_if(row, OBJECT_LOCAL);

        return a ? a->address.prefix_length : local ? local->local.prefix_length : 0;
}

int ifroster_row_peer(const ifroster_row *row, const uint8_t **ret_address) {
        const Record *a = record_if(row, OBJECT_ADDRESS);

        return return_address(a ? &a->address.peer : NULL, ret_address);
}

size_t ifroster_row_hardware_address(const ifroster_row *row, const uint8_t **ret_bytes) {
        const Record *link = record_if(row, OBJECT_LINK);

        if (!link || link->link.hardware_address.len == 0)
                return 0;
        if (ret_bytes)
                *ret_bytes = link->link.hardware_address.bytes;
        return link->link.hardware_address.len;
}

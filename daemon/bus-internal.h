/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the D-Bus publisher share. One file each for the connection (bus.c), the two
 * interfaces (bus-manager.c with bus-answer.c, bus-link.c), values (bus-value.c), signals (bus-publish.c) and errors
 * (bus-error.c).
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "bus.h"
#include "publisher.h"
#include "question.h"
#include "record.h"

#define BUS_NAME "org.ifroster1"
#define BUS_ROOT_PATH "/org/ifroster1"
#define BUS_LINK_PREFIX "/org/ifroster1/link"
#define BUS_MANAGER_INTERFACE "org.ifroster1.Manager"
#define BUS_LINK_INTERFACE "org.ifroster1.Link"

/* Messages that wait for the bus to take them when a batch is to be published. More means that the
 * bus has stopped reading; signals are then not left out but the connection is given up, so that
 * every client sees the name go and knows that it must ask again. */
#define BUS_QUEUED_MESSAGES_MAX 16384
/* One Changed signal holds about this many bytes of events at most; a larger batch goes out as
 * several with the same generation. A message may have 128 MiB and an array 64 MiB. */
#define BUS_CHANGED_BYTES_MAX ((size_t) 8 * 1024 * 1024)

/* "/_3" and an index of at most ten digits */
#define BUS_LINK_PATH_MAX (sizeof(BUS_LINK_PREFIX) + 3 + 11)

/* The link that the bus library is reading properties of. Only one at a time: found by its path,
 * read, forgotten. A property's offset in the vtable leads to its own element of fields[]. */
typedef struct BusLink BusLink;
typedef struct BusLinkField {
        const BusLink *link;
        const Field *field;
} BusLinkField;
struct BusLink {
        Bus *bus;
        LinkRecord record;
        LinkTexts *texts;
        BusLinkField fields[FIELDS_MAX];
};

typedef enum BusState {
        BUS_DISCONNECTED, /* a timer will try again */
        BUS_CONNECTING, /* or waiting for the socket to appear */
        BUS_CONNECTED, /* without the name, so for everybody else as good as absent */
        BUS_OWNER,
        _BUS_STATE_MAX,
} BusState;

typedef struct BusSync BusSync;
typedef struct BusHold BusHold;

struct Bus {
        Publisher publisher; /* first: what the manager calls is this */
        Manager *manager;
        char *address;
        sd_bus *connection;
        BusState state;
        bool waiting_for_name; /* asked for, or in the queue behind another owner */
        sd_event_source *retry_timer;
        uint64_t retry_usec; /* until the next attempt */
        bool refused; /* the bus does not let the daemon have its name */
        bool complained; /* the operator knows that there is no bus */
        BusSync *syncs; /* Sync calls to be answered */
        BusHold *hold; /* calls that wait for the bus */
        sd_bus_vtable *link_vtable;
        BusLink link;
        States states; /* the whole machine's, as last said */
        uint64_t resyncs; /* likewise */
};

/* bus.c: gives the connection up and tries again later. Safe inside callbacks of the connection. */
void bus_drop(Bus *b);
/* Asks for BUS_NAME, on a connection that has not asked yet, once there is a complete table: clients
 * that the bus starts the daemon for then never meet an empty one. */
void bus_request_name(Bus *b);

/* Each puts its part on a new connection. */
int bus_manager_export(Bus *b);
int bus_link_export(Bus *b);
/* Makes the table of the Link interface from the field table; once. */
int bus_link_vtable_new(Bus *b);
void bus_link_done(Bus *b);
/* Forgets the Sync calls of a connection that is gone. */
void bus_manager_forget_syncs(Bus *b);

/* bus-hold.c ------------------------------------------------------------------------------- */

int bus_hold_new(Bus *b, BusHold **ret);
BusHold *bus_hold_free(BusHold *h);
/* For every method call, before it is answered. 0: to be answered now. Otherwise not: it waits, or is
 * refused (negative, with the error), or needs no answer. */
int bus_hold_call(BusHold *h, sd_bus_message *call, sd_bus_error *reterr_error);
/* Forgets the calls of a connection that is gone. */
void bus_hold_forget(BusHold *h);

/* bus-answer.c: methods of the Manager interface about addresses. */
int bus_on_parse_address(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error);
int bus_on_format_address(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error);
int bus_on_lookup_address(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error);
int bus_on_get_link_for_address(sd_bus_message *message, void *userdata,
                                sd_bus_error *reterr_error);
int bus_on_select_source(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error);
int bus_on_get_primary_address(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error);
int bus_on_list_local(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error);
int bus_on_list_proxies(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error);

/* bus-link.c ------------------------------------------------------------------------------- */

/* The object path of a link. */
void bus_link_path(int32_t ifindex, char ret[static BUS_LINK_PATH_MAX]);
/* Appends the properties of a link whose bits are set, as a{sv}; fields that do not apply are said
 * as in a getter. Lists come from the table. */
int bus_append_link_properties(sd_bus_message *m, const TableView *v, const RecordView *link,
                               uint64_t mask);
/* The fields that hold rows of their own: Addresses, Groups. */
uint64_t bus_link_list_fields(ObjectType type);

/* bus-value.c ------------------------------------------------------------------------------ */

/* A value in its own signature; VALUE_RECORDS is for bus_append_rows(). */
int bus_append_value(sd_bus_message *m, const FieldValue *value);
/* The same as a variant. */
int bus_append_variant(sd_bus_message *m, const FieldValue *value);
/* Entries of a dictionary a{sv} that is open. */
int bus_append_entry_text(sd_bus_message *m, const char *key, const char *value);
int bus_append_entry_bytes(sd_bus_message *m, const char *key, const void *bytes, size_t len);
int bus_append_entry_int(sd_bus_message *m, const char *key, int32_t value);
int bus_append_entry_bool(sd_bus_message *m, const char *key, bool value);
int bus_append_entry_uint(sd_bus_message *m, const char *key, uint32_t value);
int bus_append_entry_uint64(sd_bus_message *m, const char *key, uint64_t value);
/* The bytes of an address, and its text without a zone. */
int bus_append_entry_address(sd_bus_message *m, const char *key, const char *text_key,
                             const IpAddress *a);
/* The fields of a row whose bits are set, but not its lists, into a dictionary that is open. Those
 * that do not apply are left out, except the ones in `gone`, which are said as their sentinel. A raw
 * twin needs none: a text without one takes the old one away. */
int bus_append_fields(sd_bus_message *m, const RecordView *view, uint64_t mask, uint64_t gone);
/* A row as a{sv}; rows as aa{sv}. */
int bus_append_record(sd_bus_message *m, const RecordView *view);
int bus_append_rows(sd_bus_message *m, const TableView *v, const Rows *rows);
/* Text from the kernel as s, escaped. */
int bus_append_escaped(sd_bus_message *m, const char *text, size_t len);

/* bus-publish.c ---------------------------------------------------------------------------- */

void bus_on_batch(Publisher *p, const Batch *batch);
void bus_on_state(Publisher *p, SourceState state);

/* bus-error.c ------------------------------------------------------------------------------ */

/* Sets the error for a negative errno of a question. Returns a negative value for the bus library to
 * send it. */
int bus_error(sd_bus_error *reterr_error, int r, const Detail *detail);

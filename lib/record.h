/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The published rows: links, addresses, groups, default routes and local-table entries, as plain
 * values of fixed width without pointers or hidden padding (so that equal rows are equal memory,
 * and a row means the same in a shared mapping), and the field table that says how each row looks
 * to the outside: one table row a public field.
 *
 * D-Bus properties, JSON, events and the documentation all come from the field table. Whether a row
 * has changed for a client is decided by comparing public field values, nothing else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

/* Kernel limits: IFNAMSIZ, ALTIFNAMSIZ, IFALIASZ, MAX_ADDR_LEN; each without the NUL */
#define LINK_NAME_MAX 15
#define LINK_ALTNAME_MAX 127
#define LINK_ALIAS_MAX 255
#define LINK_KIND_MAX 15
#define HARDWARE_ADDRESS_MAX 32
/* The kernel bounds the whole list by one attribute (64 KiB); more than this is not believed. */
#define LINK_ALTNAMES_MAX 512

typedef enum ObjectType {
        OBJECT_LINK,
        OBJECT_ADDRESS,
        OBJECT_GROUP,
        OBJECT_ROUTE,
        OBJECT_LOCAL, /* an entry of the kernel's local table; has no events of its own */
        _OBJECT_TYPE_MAX,
} ObjectType;

/* org.freedesktop.network1's words, worst to best; the order is used for "the best of" */
typedef enum OperationalState {
        OPERATIONAL_STATE_MISSING,
        OPERATIONAL_STATE_OFF,
        OPERATIONAL_STATE_NO_CARRIER,
        OPERATIONAL_STATE_DORMANT,
        OPERATIONAL_STATE_DEGRADED_CARRIER,
        OPERATIONAL_STATE_CARRIER,
        OPERATIONAL_STATE_DEGRADED,
        OPERATIONAL_STATE_ENSLAVED,
        OPERATIONAL_STATE_ROUTABLE,
        _OPERATIONAL_STATE_MAX,
} OperationalState;

typedef enum CarrierState {
        CARRIER_STATE_OFF,
        CARRIER_STATE_NO_CARRIER,
        CARRIER_STATE_DORMANT,
        CARRIER_STATE_DEGRADED_CARRIER,
        CARRIER_STATE_CARRIER,
        CARRIER_STATE_ENSLAVED,
        _CARRIER_STATE_MAX,
} CarrierState;

typedef enum AddressState {
        ADDRESS_STATE_OFF,
        ADDRESS_STATE_DEGRADED,
        ADDRESS_STATE_ROUTABLE,
        _ADDRESS_STATE_MAX,
} AddressState;

/* What an address can be used for, from its IFA_F_* flags. Only usable and deprecated ones answer
 * lookups and count for derived states. */
typedef enum Usability {
        USABILITY_USABLE,
        USABILITY_TENTATIVE,
        USABILITY_DUPLICATE,
        USABILITY_DEPRECATED,
        _USABILITY_MAX,
} Usability;

/* Derived from kernel facts by the model, for a link and for the whole machine. */
typedef struct States {
        uint8_t operational; /* OperationalState */
        uint8_t carrier; /* CarrierState */
        uint8_t address; /* AddressState, of both families */
        uint8_t ipv4; /* AddressState */
        uint8_t ipv6; /* AddressState */
} States;

typedef struct HardwareAddress {
        uint8_t len; /* 0 to HARDWARE_ADDRESS_MAX; 0: none */
        uint8_t bytes[HARDWARE_ADDRESS_MAX];
} HardwareAddress;

/* Key: ifindex. Source: RTM_NEWLINK. What a lookup reads stands at the end, aligned and together with
 * the chains that follow a record in the table. */
typedef struct LinkRecord {
        uint32_t mtu; /* bytes */
        uint32_t minimum_mtu; /* bytes */
        uint32_t maximum_mtu; /* bytes, 0: the driver has no limit */
        uint32_t tx_queue_length; /* packets */
        uint32_t group; /* IFLA_GROUP */
        uint32_t carrier_changes; /* since the link exists */
        int32_t master_ifindex; /* 0: none */
        int32_t parent_ifindex; /* IFLA_LINK, 0: none; an index of parent_nsid's namespace */
        int32_t parent_nsid; /* IFLA_LINK_NETNSID, -1: the same namespace */
        uint16_t type; /* ARPHRD_* */
        uint8_t kernel_operstate; /* IF_OPER_* of RFC 2863 */
        uint8_t carrier; /* IFLA_CARRIER, 0 or 1 */
        States states;
        IpAddress ipv6_link_local; /* the usable link-local address that came first, or unset */
        HardwareAddress hardware_address;
        HardwareAddress permanent_hardware_address;
        HardwareAddress broadcast_address;
        char kind[LINK_KIND_MAX + 1]; /* IFLA_INFO_KIND, zero filled, "" for hardware */
        uint8_t reserved[7];
        uint64_t incarnation; /* never reused while the daemon lives; 0: not published yet */
        int32_t ifindex; /* >= 1 */
        uint32_t flags; /* IFF_*, all 32 bits of ifi_flags */
        char name[LINK_NAME_MAX + 1]; /* bytes, zero filled, no NUL inside */
} LinkRecord;

/* Key: IPv4 (ifindex, address, prefix length, peer masked by it), IPv6 (ifindex, address).
 * Source: RTM_NEWADDR. */
typedef struct AddressRecord {
        uint64_t preferred_usec; /* CLOCK_BOOTTIME deadline, USEC_INFINITY: forever */
        uint64_t valid_usec; /* likewise */
        uint64_t order; /* place in the kernel's list, see model.h; not public */
        int32_t ifindex;
        uint32_t flags; /* IFA_FLAGS, all 32 bits */
        uint32_t metric; /* IFA_RT_PRIORITY, 0: none */
        IpAddress address; /* this machine's own address, never the peer's */
        IpAddress peer; /* unset when there is none */
        IpAddress broadcast;
        uint8_t prefix_length; /* of the peer's network when there is a peer */
        uint8_t scope; /* RT_SCOPE_* */
        uint8_t protocol; /* IFA_PROTO, 0: not told */
        uint8_t usability; /* Usability */
        char label[LINK_NAME_MAX + 1]; /* IPv4 only; need not follow a rename */
        uint8_t reserved[5];
} AddressRecord;

/* Key: (ifindex, group). Source: RTM_NEWMULTICAST or /proc/net/igmp and igmp6. */
typedef struct GroupRecord {
        int32_t ifindex;
        IpAddress group;
        uint8_t reserved[3];
} GroupRecord;

/* A default route, one row a next hop. Key: all but preferred_source and flags.
 * Source: RTM_NEWROUTE with destination length 0. */
typedef struct RouteRecord {
        int32_t ifindex; /* 0: the route has no link (unreachable, blackhole) */
        uint32_t metric;
        uint32_t table;
        uint32_t nexthop_id; /* RTA_NH_ID, 0: none; not public */
        uint8_t family;
        uint8_t tos; /* 0: for packets of any */
        uint8_t protocol; /* RTPROT_* */
        uint8_t type; /* RTN_*; not public */
        IpAddress gateway; /* may be IPv6 on an IPv4 route; unset: on-link */
        IpAddress preferred_source; /* unset: the kernel chooses */
        uint8_t reserved[2];
} RouteRecord;

/* An entry of routing table 255. Key: all of it. */
typedef struct LocalRecord {
        int32_t ifindex;
        IpAddress address; /* host bits zero */
        uint8_t prefix_length;
        uint8_t type; /* RTN_LOCAL, RTN_BROADCAST or RTN_ANYCAST */
        uint8_t reserved[1];
} LocalRecord;

_Static_assert(sizeof(LinkRecord) == 216, "no hidden padding, a multiple of 8");
_Static_assert(sizeof(AddressRecord) == 112, "no hidden padding, a multiple of 8");
_Static_assert(sizeof(GroupRecord) == 24, "no hidden padding, a multiple of 8");
_Static_assert(sizeof(RouteRecord) == 56, "no hidden padding, a multiple of 8");
_Static_assert(sizeof(LocalRecord) == 24, "no hidden padding, a multiple of 8");

/* Any row; the type comes from beside it. */
typedef union Record {
        LinkRecord link;
        AddressRecord address;
        GroupRecord group;
        RouteRecord route;
        LocalRecord local;
} Record;

size_t record_size(ObjectType type);
/* "link", "address", "group", "route", "local"; never NULL */
const char *object_type_to_string(ObjectType type);
int32_t record_ifindex(ObjectType type, const void *record);
/* AF_INET or AF_INET6; AF_UNSPEC for a link. */
int record_family(ObjectType type, const void *record);
/* The order in which lists are published, for qsort(); total, so that a list has one order. By link
 * first; addresses by family and then as the kernel has them (IPv4: oldest first, IPv6: newest
 * first); groups by address. Routes by family and metric, best first, by link only after that. */
int record_compare(ObjectType type, const void *a, const void *b);

/* The key of a row in one form: a row of the same type with every other member zero, and the peer
 * of an IPv4 address reduced to its network. Two rows have the same key when these are equal
 * memory. */
void record_key(ObjectType type, const void *record, Record *ret);

/* The words of an enum; "unknown" for a number outside it, which a damaged table may hold. */
const char *operational_state_to_string(OperationalState s);
const char *carrier_state_to_string(CarrierState s);
const char *address_state_to_string(AddressState s);
const char *usability_to_string(Usability u);

/* The alias and the alternative names of a link: variable in length, so beside the row. One heap
 * block, immutable. NULL stands for "no alias, no alternative names". Names are bytes without NUL,
 * in kernel order; empty ones are left out. */
typedef struct LinkTexts {
        uint16_t alias_len;
        uint16_t n_altnames;
        uint32_t size; /* bytes in data */
        uint8_t data[]; /* the alias; then each name as one length byte and its bytes */
} LinkTexts;

typedef struct TextSpan {
        const char *text;
        size_t len;
} TextSpan;

/* 0 and *ret = NULL when there is nothing to hold; -E2BIG over LINK_ALTNAMES_MAX or for a name or
 * alias over its limit; -ENOMEM. Empty names are skipped. Copies the bytes. */
int link_texts_new(TextSpan alias, const TextSpan *altnames, size_t n_altnames, LinkTexts **ret);
LinkTexts *link_texts_free(LinkTexts *t);
bool link_texts_equal(const LinkTexts *a, const LinkTexts *b);
TextSpan link_texts_alias(const LinkTexts *t);
/* Walks the alternative names: *pos starts at 0; false when there are no more. */
bool link_texts_next(const LinkTexts *t, size_t *pos, TextSpan *ret);

/* Text for the outside: valid UTF-8 without control characters on one line. Every byte that is not
 * part of a well-formed printable character, and every backslash, becomes \xNN. Writes at most size
 * bytes with the NUL (escapes and characters are written whole or not at all); returns the length.
 * TEXT_ESCAPED_MAX(n) is always enough for n bytes. */
#define TEXT_ESCAPED_MAX(n) (4 * (n) + 1)
size_t text_escape(const char *text, size_t len, char *buf, size_t size);
/* True when text_escape() would change it. */
bool text_needs_escape(const char *text, size_t len);
/* Undoes text_escape(); false (and *ret_len untouched) when there is no escape in it or a bad one,
 * or when size bytes are too few. No NUL is added. */
bool text_unescape(const char *text, size_t len, char *buf, size_t size, size_t *ret_len);

/* The field table ---------------------------------------------------------------------------- */

/* What is known beside the row itself when its fields are read. */
typedef struct RecordContext {
        const LinkTexts *texts; /* links */
        const char *link_name; /* addresses and groups: of their link, for Zone; NULL: not known */
        int64_t users; /* groups: number of joins; -1: not asked for */
} RecordContext;

typedef struct RecordView {
        ObjectType type;
        const void *record; /* of record_size(type) */
        RecordContext context;
} RecordView;

typedef enum ValueKind {
        VALUE_NONE, /* the field does not apply to this row */
        VALUE_BOOL, /* D-Bus b */
        VALUE_INT, /* D-Bus i */
        VALUE_UINT, /* D-Bus u */
        VALUE_UINT64, /* D-Bus t */
        VALUE_TEXT, /* D-Bus s; always valid UTF-8, escaped */
        VALUE_BYTES, /* D-Bus ay */
        VALUE_TEXTS, /* D-Bus as; escape each name of .texts when writing it */
        VALUE_BYTES_LIST, /* D-Bus aay; the raw names of .texts */
        VALUE_RECORDS, /* D-Bus aa{sv}; the rows of .records that belong to the link */
        _VALUE_KIND_MAX,
} ValueKind;

#define VALUE_SCRATCH_MAX TEXT_ESCAPED_MAX(LINK_ALIAS_MAX)

typedef struct FieldValue {
        ValueKind kind;
        union {
                bool boolean;
                int64_t integer;
                uint64_t number;
                struct {
                        const void *bytes; /* TEXT (NUL-terminated as well) and BYTES */
                        size_t len;
                };
                const LinkTexts *texts;
                ObjectType records;
        };
        char scratch[VALUE_SCRATCH_MAX];
} FieldValue;

typedef enum FieldFlags {
        FIELD_KEY = 1 << 0, /* identifies the row: also in "changed" and "removed" events */
        FIELD_OPTIONAL = 1 << 1, /* may be VALUE_NONE: left out of JSON and dictionaries */
        /* raw twin of the text that stands before it: in JSON and dictionaries only when escaping
         * changed that */
        FIELD_ODD_ONLY = 1 << 2,
} FieldFlags;

typedef struct Field {
        const char *name; /* public, PascalCase */
        ValueKind kind; /* never VALUE_NONE */
        unsigned flags; /* FieldFlags */
        void (*get)(const RecordView *view, FieldValue *ret);
        const char *source; /* the kernel's name for it, or what it is derived from */
        const char *text; /* one line of documentation: meaning, unit, range */
} Field;

/* The public fields of a type in the order in which they are published, at most FIELDS_MAX. Those
 * of a link include AlternativeNames, Addresses and Groups. OBJECT_LOCAL has its own
 * (ListLocal). */
#define FIELDS_MAX 64
const Field *fields_of(ObjectType type, size_t *ret_n);
const Field *field_find(ObjectType type, const char *name);
/* Reads one field. Bytes and texts point into the view or into ret->scratch. */
void field_get(const Field *field, const RecordView *view, FieldValue *ret);
bool field_value_equal(const FieldValue *a, const FieldValue *b);
/* Whether a field with this value belongs into JSON and dictionaries: not VALUE_NONE, and raw twins
 * (FIELD_ODD_ONLY) only when escaping changed the text beside them. */
bool field_is_published(const Field *field, const FieldValue *value);
/* One bit a field (1 << its place in fields_of()) whose public value differs. VALUE_RECORDS fields
 * never differ here: their rows have events of their own. A raw twin differs only when it belongs
 * into JSON (field_is_published()) before or after: otherwise nobody was told of it. */
uint64_t record_diff(const RecordView *before, const RecordView *after);
/* The same for those who always tell the raw twins: they differ whenever their texts do. */
uint64_t record_diff_with_twins(ObjectType type, uint64_t diff);
/* The D-Bus signature of a kind, for introspection and documentation. */
const char *value_kind_signature(ValueKind kind);
/* What a property getter says instead of VALUE_NONE: 0, "", or an empty list (-1 for
 * ParentNamespaceNSID); the field's own kind. */
void field_sentinel(const Field *field, FieldValue *ret);

/* Changes ------------------------------------------------------------------------------------ */

typedef enum ChangeType {
        CHANGE_EXISTING, /* only ever said to a new subscriber */
        CHANGE_ADDED,
        CHANGE_CHANGED,
        CHANGE_REMOVED,
        _CHANGE_TYPE_MAX,
} ChangeType;

const char *change_type_to_string(ChangeType t);

/* One published change. The batch that holds it owns the texts. */
typedef struct Change {
        ChangeType type;
        ObjectType object;
        uint64_t incarnation; /* of the link; 0 for a route without link */
        uint64_t fields; /* CHANGE_CHANGED: record_diff() */
        Record record; /* the new row; the last one for CHANGE_REMOVED */
        char link_name[LINK_NAME_MAX +
                       1]; /* of the link at the end of the batch, or its last one */
        LinkTexts *texts; /* OBJECT_LINK only */
} Change;

/* All changes published together, children removed before their link, links added before their
 * children. */
typedef struct Batch {
        uint64_t generation;
        Change *changes;
        size_t n_changes;
        size_t n_allocated;
        bool resynced; /* the batch ends a resync; may then be empty */
        const char *reason; /* why, static text; NULL unless resynced */
} Batch;

void batch_done(Batch *b);
/* Appends a zeroed change. NULL on -ENOMEM. */
Change *batch_add(Batch *b);
RecordView change_view(const Change *c);

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes every field of a parsed message in a fixed order. Nothing is left out: a field that is not
 * written here is a field that is not tested. Text is written with the C library, not with lib/address.
 */

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "rtnl-describe.h"
#include "rtnl.h"
#include "util.h"

DEFINE_CLEANUP(LinkTexts *, link_texts_free);

static void put_hex(FILE *f, const void *data, size_t len) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < len; i++)
                fprintf(f, "%02x", bytes[i]);
}

static void put_hex_field(FILE *f, const char *name, const void *data, size_t len) {
        fprintf(f, "\t%s=", name);
        put_hex(f, data, len);
}

static void put_ip(FILE *f, const char *name, const IpAddress *a) {
        char text[INET6_ADDRSTRLEN] = "-";

        if (a->family != AF_UNSPEC && !inet_ntop(a->family, a->bytes, text, sizeof(text)))
                (void) strcpy(text, "bad");
        fprintf(f, "%s%s", name, text);
}

static void put_texts(FILE *f, const RtnlMessage *m) {
        _cleanup_(link_texts_freep) LinkTexts *texts = NULL;
        TextSpan alias, name;
        size_t pos = 0;
        bool first = true;

        if (rtnl_link_texts(m, &texts) < 0) {
                fprintf(f, "\ttexts=error");
                return;
        }

        alias = link_texts_alias(texts);
        put_hex_field(f, "alias", alias.text, alias.len);
        fprintf(f, "\taltnames=");
        while (link_texts_next(texts, &pos, &name)) {
                fprintf(f, "%s", first ? "" : ",");
                put_hex(f, name.text, name.len);
                first = false;
        }
}

static void put_link(FILE *f, const RtnlMessage *m) {
        const LinkRecord *l = &m->record.link;

        fprintf(f,
                "link\tremoved=%d\tnlflags=0x%x\tpartial=%d\tifindex=%" PRIi32 "\tiff=0x%" PRIx32,
                m->removed, m->flags, m->partial, l->ifindex, l->flags);
        if (m->partial)
                return;

        put_hex_field(f, "name", l->name, strlen(l->name));
        fprintf(f, "\tmtu=%" PRIu32 "\tmin=%" PRIu32 "\tmax=%" PRIu32, l->mtu, l->minimum_mtu,
                l->maximum_mtu);
        fprintf(f, "\ttxqlen=%" PRIu32 "\tgroup=%" PRIu32 "\tchanges=%" PRIu32, l->tx_queue_length,
                l->group, l->carrier_changes);
        fprintf(f, "\tmaster=%" PRIi32 "\tparent=%" PRIi32 "\tnsid=%" PRIi32, l->master_ifindex,
                l->parent_ifindex, l->parent_nsid);
        fprintf(f, "\ttype=%u\toperstate=%u\tcarrier=%u", l->type, l->kernel_operstate, l->carrier);
        put_hex_field(f, "hardware", l->hardware_address.bytes, l->hardware_address.len);
        put_hex_field(f, "permanent", l->permanent_hardware_address.bytes,
                      l->permanent_hardware_address.len);
        put_hex_field(f, "broadcast", l->broadcast_address.bytes, l->broadcast_address.len);
        put_hex_field(f, "kind", l->kind, strlen(l->kind));
        fprintf(f, "\thas_kind=%d\thas_permanent=%d", m->has_kind, m->has_permanent);
        put_texts(f, m);
}

static const char *state_text(uint8_t usability) {
        static const char *const texts[] = {
                [USABILITY_USABLE] = "usable",
                [USABILITY_TENTATIVE] = "tentative",
                [USABILITY_DUPLICATE] = "duplicate",
                [USABILITY_DEPRECATED] = "deprecated",
        };

        return usability < ELEMENTSOF(texts) ? texts[usability] : "bad";
}

static void put_address(FILE *f, const RtnlMessage *m) {
        const AddressRecord *a = &m->record.address;

        fprintf(f, "address\tremoved=%d\tnlflags=0x%x\tifindex=%" PRIi32, m->removed, m->flags,
                a->ifindex);
        put_ip(f, "\taddress=", &a->address);
        put_ip(f, "\tpeer=", &a->peer);
        put_ip(f, "\tbroadcast=", &a->broadcast);
        fprintf(f, "\tplen=%u\tscope=%u\tflags=0x%" PRIx32 "\tstate=%s", a->prefix_length, a->scope,
                a->flags, state_text(a->usability));
        fprintf(f, "\tpreferred=%" PRIu64 "\tvalid=%" PRIu64, a->preferred_usec, a->valid_usec);
        put_hex_field(f, "label", a->label, strlen(a->label));
        fprintf(f, "\tmetric=%" PRIu32 "\tprotocol=%u", a->metric, a->protocol);
}

static void put_route(FILE *f, const RtnlMessage *m) {
        const RouteRecord *r = &m->routes[0];

        fprintf(f, "route\tremoved=%d\tnlflags=0x%x\tfamily=%u\ttable=%" PRIu32 "\tmetric=%" PRIu32,
                m->removed, m->flags, r->family, r->table, r->metric);
        fprintf(f, "\ttos=%u\tprotocol=%u\ttype=%u", r->tos, r->protocol, r->type);
        put_ip(f, "\tsource=", &r->preferred_source);
        fprintf(f, "\tnexthop=%" PRIu32 "\thops=", r->nexthop_id);
        for (size_t i = 0; i < m->n_routes; i++) {
                RouteRecord other = m->routes[i];

                fprintf(f, "%s%" PRIi32, i > 0 ? "," : "", other.ifindex);
                put_ip(f, "/", &other.gateway);
                /* All else is the same in every row. */
                other.ifindex = r->ifindex;
                other.gateway = r->gateway;
                if (memcmp(&other, r, sizeof(other)) != 0)
                        fprintf(f, "(differs)");
        }
}

static void put_local(FILE *f, const RtnlMessage *m) {
        const LocalRecord *l = &m->record.local;

        fprintf(f, "local\tremoved=%d\tnlflags=0x%x", m->removed, m->flags);
        put_ip(f, "\taddress=", &l->address);
        fprintf(f, "\tplen=%u\ttype=%u\tifindexes=", l->prefix_length, l->type);
        for (size_t i = 0; i < m->n_routes; i++)
                fprintf(f, "%s%" PRIi32, i > 0 ? "," : "", m->routes[i].ifindex);
        if (l->ifindex != m->routes[0].ifindex)
                fprintf(f, "(first differs)");
}

static void put_value(FILE *f, const RtnlMessage *m) {
        switch (m->object) {
        case RTNL_LINK:
                put_link(f, m);
                return;
        case RTNL_ADDRESS:
                put_address(f, m);
                return;
        case RTNL_GROUP:
                fprintf(f, "group\tremoved=%d\tnlflags=0x%x\tifindex=%" PRIi32, m->removed,
                        m->flags, m->record.group.ifindex);
                put_ip(f, "\tgroup=", &m->record.group.group);
                return;
        case RTNL_ROUTE:
                put_route(f, m);
                return;
        case RTNL_LOCAL:
                put_local(f, m);
                return;
        case RTNL_NEXTHOP:
                fprintf(f, "nexthop\tremoved=%d\tnlflags=0x%x", m->removed, m->flags);
                return;
        case RTNL_PROXY:
                fprintf(f, "proxy\tnlflags=0x%x\tifindex=%" PRIi32, m->flags, m->proxy.ifindex);
                put_ip(f, "\taddress=", &m->proxy.address);
                return;
        case RTNL_LABEL:
                fprintf(f, "label\tnlflags=0x%x", m->flags);
                put_ip(f, "\tprefix=", &m->label.prefix);
                fprintf(f, "\tplen=%u\tlabel=%" PRIu32 "\tifindex=%" PRIi32, m->label.prefix_length,
                        m->label.label, m->label.ifindex);
                return;
        case RTNL_FIB:
        case _RTNL_OBJECT_MAX:
                break;
        }
        fprintf(f, "unexpected object %d", m->object);
}

static void put_statistics(FILE *f, const struct nlmsghdr *message, size_t len) {
        uint64_t values[RTNL_STATISTICS_MAX];

        fprintf(f, "statistics\tvalues=");
        if (rtnl_parse_statistics(message, len, values) < 0) {
                fprintf(f, "-\n");
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                fprintf(f, "%s%" PRIu64, i > 0 ? "," : "", values[i]);
        fprintf(f, "\n");
}

static void put_fib(FILE *f, const struct nlmsghdr *message, size_t len) {
        RtnlFib fib;

        if (rtnl_parse_fib(message, len, &fib) < 0) {
                fprintf(f, "fib\tmalformed\n");
                return;
        }
        fprintf(f, "fib\ttype=%u\tifindex=%" PRIi32 "\ttable=%" PRIu32, fib.type, fib.ifindex,
                fib.table);
        put_ip(f, "\tsource=", &fib.source);
        put_ip(f, "\tgateway=", &fib.gateway);
        fprintf(f, "\n");
}

void rtnl_describe(FILE *f, size_t place, const struct nlmsghdr *message, size_t len) {
        static RtnlMessage parsed;
        int r;

        /* What the parser does not write must not look like a value. */
        memset(&parsed, 0xa5, sizeof(parsed));
        r = rtnl_parse(message, len, DESCRIBE_NOW_USEC, &parsed);
        fprintf(f, "%zu\t", place);
        if (r == 0)
                put_value(f, &parsed);
        else
                fprintf(f, "%s", r == RTNL_IGNORED ? "ignored" : "malformed");
        fprintf(f, "\n");

        if (r == 0 && message->nlmsg_type == RTM_NEWLINK) {
                fprintf(f, "%zu\t", place);
                put_statistics(f, message, len);
        } else if (r == 0 && message->nlmsg_type == RTM_DELLINK)
                fprintf(f, "%zu\tstatistics\tvalues=-\n", place);
        if (message->nlmsg_type == RTM_NEWROUTE) {
                fprintf(f, "%zu\t", place);
                put_fib(f, message, len);
        }
        if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE)
                fprintf(f, "%zu\tresult\terror=%d\n", place, rtnl_parse_result(message, len));
}

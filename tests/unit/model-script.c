/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The model and what is told to it, for tests that are scripts. See the header.
 */

#include <arpa/inet.h>
#include <check.h>
#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model-script.h"

#define NOW_USEC (UINT64_C(1000) * USEC_PER_SEC)

Table *table;
Model *model;
Builder builder;
static RtnlMessage parsed;
uint64_t now;
static uint8_t permanent[6] = { 2, 0, 0, 0, 0, 1 };

void setup(void) {
        now = NOW_USEC;
        ck_assert_int_eq(table_new(NULL, &table), 0);
        ck_assert_int_eq(model_new(table, &model), 0);
}

void teardown(void) {
        model = model_free(model);
        table = table_free(table);
}

static bool parse(const struct nlmsghdr *message) {
        int r = rtnl_parse(message, message->nlmsg_len, now, &parsed);

        ck_assert_int_ge(r, 0);
        return r == 0;
}

void hear(const struct nlmsghdr *message) {
        if (parse(message))
                ck_assert_int_eq(model_hear(model, &parsed), 0);
}

void listed(const struct nlmsghdr *message) {
        if (parse(message))
                ck_assert_int_eq(model_dump_row(model, &parsed), 0);
}

static const char *ip_text(const IpAddress *a) {
        static char text[INET6_ADDRSTRLEN];

        return ip_is_set(a) ? inet_ntop(a->family, a->bytes, text, sizeof(text)) : "-";
}

static void describe(const Change *c, char *buf, size_t size) {
        static const char signs[] = { '=', '+', '~', '-' };
        const Record *r = &c->record;

        switch (c->object) {
        case OBJECT_LINK:
                (void) snprintf(buf, size, "%c%s", signs[c->type], r->link.name);
                break;
        case OBJECT_ADDRESS:
                (void) snprintf(buf, size, "%c%s:%s", signs[c->type], c->link_name,
                                ip_text(&r->address.address));
                break;
        case OBJECT_GROUP:
                (void) snprintf(buf, size, "%c%s:%s", signs[c->type], c->link_name,
                                ip_text(&r->group.group));
                break;
        case OBJECT_ROUTE:
                (void) snprintf(buf, size, "%c%s>%s", signs[c->type], c->link_name,
                                ip_text(&r->route.gateway));
                break;
        case OBJECT_LOCAL:
        case _OBJECT_TYPE_MAX:
                abort();
        }
}

const char *commit(bool settled) {
        static char text[1024];
        Batch batch = {};
        size_t used = 0;

        ck_assert_int_ge(model_commit(model, settled, &batch), 0);
        text[0] = '\0';
        for (size_t i = 0; i < batch.n_changes; i++) {
                char one[128];

                describe(&batch.changes[i], one, sizeof(one));
                used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s",
                                          i > 0 ? " " : "", one);
        }
        batch_done(&batch);
        return text;
}

LinkRecord link_now(int32_t ifindex) {
        TableView view = table_view(table);
        LinkRecord link;

        ck_assert(table_get_link(&view, ifindex, &link));
        return link;
}

void end_dump(DumpResult result, DumpAdvice expected) {
        DumpAdvice advice;

        ck_assert_int_eq(model_dump_end(model, result, &advice), 0);
        ck_assert_int_eq(advice, expected);
}

void new_link(int32_t ifindex, const char *name) {
        hear(LINK(.ifindex = ifindex, .name = name, .flags = IFF_UP, .kind = "veth",
                  .permanent_address = permanent));
        (void) commit(true);
}

bool is_wanted(Scope wish) {
        bool found = false;
        Scope scope;

        while (model_next_wanted(model, &scope))
                found = found || (scope.object == wish.object && scope.family == wish.family &&
                                  scope.ifindex == wish.ifindex);
        return found;
}

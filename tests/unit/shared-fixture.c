/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <check.h>
#include <string.h>
#include <time.h>

#include "shared-fixture.h"

uint64_t shared_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

ifroster *shared_open(const TableFile *f) {
        ifroster *h;

        ck_assert_int_eq(ifroster_new(f->path, IFROSTER_SHARED_ONLY, &h), 0);
        ck_assert_int_eq(ifroster_is_shared(h), 1);
        return h;
}

void shared_set_link(Table *t, int32_t ifindex, const char *name, uint64_t incarnation) {
        LinkRecord l = { .ifindex = ifindex, .parent_nsid = -1, .incarnation = incarnation };

        (void) strncpy(l.name, name, LINK_NAME_MAX);
        ck_assert_int_eq(table_set(t, OBJECT_LINK, &l), 0);
}

void shared_start_with_link(TableFile *f, const char *name) {
        table_file_start(f);
        table_file_begin(f);
        shared_set_link(f->table, 1, name, 1);
        table_file_end(f);
}

void shared_await_index(const ifroster *h, const char *name, int wanted, uint64_t usec) {
        uint64_t end = shared_now() + usec;
        int r;

        while ((r = ifroster_index(h, name)) != wanted)
                ck_assert_msg(shared_now() < end, "%s is still %d, not %d", name, r, wanted);
}

void shared_set_random(Random *x, Table *a, Table *b) {
        ObjectType type = (ObjectType) random_next(x, _OBJECT_TYPE_MAX);
        char name[48];
        TextSpan span;
        LinkTexts *texts;
        Record r;

        random_record(x, type, &r);
        if (type == OBJECT_LINK)
                r.link.incarnation = 7;
        if (random_next(x, 4) == 0) {
                ck_assert_int_eq(table_remove(a, type, &r), table_remove(b, type, &r));
                return;
        }
        ck_assert_int_eq(table_set(a, type, &r), 0);
        ck_assert_int_eq(table_set(b, type, &r), 0);
        if (type != OBJECT_LINK)
                return;
        random_name(x, name, sizeof(name));
        span = (TextSpan){ name, strlen(name) };
        ck_assert_int_eq(link_texts_new(span, &span, random_next(x, 2), &texts), 0);
        ck_assert_int_eq(table_set_texts(a, r.link.ifindex, texts), 0);
        ck_assert_int_eq(table_set_texts(b, r.link.ifindex, texts), 0);
        (void) link_texts_free(texts);
}

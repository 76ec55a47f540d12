/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Any JSON as the parameters of Subscribe, against a small table.
 *
 * Laws: what has not the declared type never comes to the filter; the filter takes the rest or names the
 * parameter that is wrong; it finds each link whose name it was given; without names it finds all; and
 * it follows exactly what it was told to.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "varlink-roster-internal.h"
#include "varlink-texts.h"

/* Not assert(): it must also hold in a build without assertions. */
#define HOLDS(law)               \
        do {                     \
                if (!(law))      \
                        abort(); \
        } while (0)

static const struct {
        int32_t ifindex;
        const char *name;
        const char *altname;
} links[] = {
        { 1, "lo", "1x" },         { 2, "eth0", "wan" }, { 3, "4", "a\xff" },
        { 4, "o\x01\xfe", "eth" }, { 77, "br-0", "78" }, { 78, "a\\x0ab", "%" },
};

static Table *make_table(void) {
        Table *t = NULL;

        HOLDS(table_new(NULL, &t) == 0);
        table_begin(t);
        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                TextSpan altname = { links[i].altname, strlen(links[i].altname) };
                LinkRecord link = {
                        .ifindex = links[i].ifindex,
                        .incarnation = 100 + i,
                        .mtu = 1500,
                        .parent_nsid = -1,
                };
                LinkTexts *texts = NULL;

                memcpy(link.name, links[i].name, strlen(links[i].name));
                HOLDS(table_set(t, OBJECT_LINK, &link) == 0);
                HOLDS(link_texts_new((TextSpan){}, &altname, 1, &texts) == 0);
                HOLDS(table_set_texts(t, link.ifindex, texts) == 0);
                link_texts_free(texts);
        }
        table_end(t, 1);
        return t;
}

static bool is_given(json_t *names, const char *name) {
        json_t *given;
        size_t i;

        json_array_foreach(names, i, given) {
                if (strcmp(json_string_value(given), name) == 0)
                        return true;
        }
        return false;
}

static void check_link(Filter *f, const TableView *v, size_t i, json_t *names) {
        LinkTexts *texts = NULL;
        LinkRecord link;
        bool named;

        HOLDS(table_get_link(v, links[i].ifindex, &link));
        HOLDS(table_get_texts(v, links[i].ifindex, &texts) == 0);
        named = filter_names_link(f, v, &link, texts);
        link_texts_free(texts);

        /* What looks escaped may be meant as such. */
        if (json_array_size(names) == 0 ||
            (!strchr(links[i].name, '\\') && is_given(names, links[i].name)) ||
            is_given(names, links[i].altname))
                HOLDS(named);

        HOLDS(filter_follows(f, link.incarnation) == (json_array_size(names) == 0));
        HOLDS(filter_follow(f, link.incarnation) == 0 && filter_follow(f, link.incarnation) == 0);
        HOLDS(filter_follows(f, link.incarnation));
        if (i % 2 == 0) {
                filter_forget(f, link.incarnation);
                HOLDS(filter_follows(f, link.incarnation) == (json_array_size(names) == 0));
        }
}

static void check_filter(json_t *parameters, const TableView *v) {
        json_t *names = json_object_get(parameters, "Links");
        const char *wrong = NULL;
        Filter f;
        int r;

        r = filter_init(&f, parameters, &wrong);
        HOLDS(r == 0 || r == -EINVAL || r == -E2BIG);
        if (r < 0) {
                HOLDS(wrong && (strcmp(wrong, "Links") == 0 || strcmp(wrong, "Objects") == 0));
                filter_done(&f);
                return;
        }
        HOLDS(f.objects < ROSTER_AUDIENCES);
        HOLDS(!f.names == (json_array_size(names) == 0));
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                check_link(&f, v, i, names);
        filter_done(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static VarlinkIdl *idl;
        static Table *table;
        json_auto_t *parameters = NULL;
        const VarlinkMember *method;
        TableView v;

        if (!table) {
                table = make_table();
                HOLDS(varlink_idl_new(org_ifroster_text, &idl, NULL) == 0);
        }
        parameters = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES, NULL);
        if (!parameters)
                return 0;
        method = varlink_idl_find(idl, VARLINK_MEMBER_METHOD, "Subscribe");
        if (varlink_type_check(method->type, parameters, NULL) < 0)
                return 0;
        v = table_view(table);
        check_filter(parameters, &v);
        return 0;
}

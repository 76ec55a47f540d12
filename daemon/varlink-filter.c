/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a subscriber wants to hear of. A filter by name finds links by name and then follows them by
 * incarnation: through a rename, until they are gone. A name or an index that no link has yet is not
 * an error: the link may come. One that takes an index over is a link of its own, which that index in
 * the filter finds anew, and a name does not.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "varlink-roster-internal.h"

static int read_objects(Filter *f, json_t *objects) {
        static const ObjectType types[] = { OBJECT_LINK, OBJECT_ADDRESS, OBJECT_GROUP,
                                            OBJECT_ROUTE };
        unsigned all = 0;
        json_t *object;
        size_t i;

        json_array_foreach(objects, i, object) {
                size_t t;

                for (t = 0; t < ELEMENTSOF(types); t++)
                        if (strcmp(object_type_to_string(types[t]), json_string_value(object)) == 0)
                                break;
                if (t == ELEMENTSOF(types))
                        return -EINVAL;
                f->objects |= 1U << types[t];
        }
        for (size_t t = 0; t < ELEMENTSOF(types); t++)
                all |= 1U << types[t];
        if (f->objects == all)
                f->objects = 0;
        return 0;
}

/* A name may come as it is, or as it is published when it has bytes that must be escaped. */
static int read_name(Filter *f, const char *text, size_t len) {
        char raw[LINK_ALTNAME_MAX + 1];
        char *name;
        size_t n;

        if (text_unescape(text, len, raw, sizeof(raw), &n)) {
                text = raw;
                len = n;
        }
        if (len == 0 || len > LINK_ALTNAME_MAX || memchr(text, 0, len))
                return -EINVAL;
        name = calloc(1, len + 1);
        if (!name)
                return -ENOMEM;
        memcpy(name, text, len);
        f->names[f->n_names++] = name;
        return 0;
}

static int read_links(Filter *f, json_t *links) {
        json_t *link;
        size_t i;
        int r;

        if (json_array_size(links) > ROSTER_FILTER_LINKS_MAX)
                return -E2BIG;
        f->names = calloc(json_array_size(links) + 1, sizeof(*f->names));
        if (!f->names)
                return -ENOMEM;
        json_array_foreach(links, i, link) {
                r = read_name(f, json_string_value(link), json_string_length(link));
                if (r < 0)
                        return r;
        }
        return 0;
}

int filter_init(Filter *f, json_t *parameters, const char **reterr_parameter) {
        json_t *links = json_object_get(parameters, "Links");
        json_t *objects = json_object_get(parameters, "Objects");
        int r;

        *f = (Filter){};
        if (json_is_array(objects)) {
                *reterr_parameter = "Objects";
                r = read_objects(f, objects);
                if (r < 0)
                        return r;
        }
        if (json_array_size(links) == 0)
                return 0;
        *reterr_parameter = "Links";
        r = read_links(f, links);
        if (r < 0)
                filter_done(f);
        return r;
}

void filter_done(Filter *f) {
        for (size_t i = 0; i < f->n_names; i++)
                free(f->names[i]);
        free(f->names);
        free(f->followed);
        *f = (Filter){};
}

bool filter_wants_object(const Filter *f, ObjectType type) {
        return f->objects == 0 || (f->objects & (1U << type));
}

bool filter_follows(const Filter *f, uint64_t incarnation) {
        if (!f->names)
                return true;
        for (size_t i = 0; i < f->n_followed; i++)
                if (f->followed[i] == incarnation)
                        return true;
        return false;
}

static bool name_is(const char *name, const char *text, size_t len) {
        return strlen(name) == len && memcmp(name, text, len) == 0;
}

static bool name_is_link(const char *name, const TableView *v, const LinkRecord *link,
                         const LinkTexts *texts) {
        char index[16];
        TextSpan altname;
        LinkRecord other;
        size_t pos = 0;
        int len;

        if (name_is(name, link->name, strlen(link->name)))
                return true;
        while (link_texts_next(texts, &pos, &altname))
                if (name_is(name, altname.text, altname.len))
                        return true;
        len = snprintf(index, sizeof(index), "%d", link->ifindex);
        return name_is(name, index, (size_t) len) &&
               !table_get_link_by_name(v, name, strlen(name), &other, NULL);
}

bool filter_names_link(const Filter *f, const TableView *v, const LinkRecord *link,
                       const LinkTexts *texts) {
        if (!f->names)
                return true;
        for (size_t i = 0; i < f->n_names; i++)
                if (name_is_link(f->names[i], v, link, texts))
                        return true;
        return false;
}

int filter_follow(Filter *f, uint64_t incarnation) {
        if (!f->names || filter_follows(f, incarnation))
                return 0;
        if (f->n_followed == f->n_allocated) {
                size_t n = f->n_allocated == 0 ? 4 : 2 * f->n_allocated;
                uint64_t *grown = reallocarray(f->followed, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                f->followed = grown;
                f->n_allocated = n;
        }
        f->followed[f->n_followed++] = incarnation;
        return 0;
}

void filter_forget(Filter *f, uint64_t incarnation) {
        for (size_t i = 0; i < f->n_followed; i++)
                if (f->followed[i] == incarnation) {
                        f->followed[i] = f->followed[--f->n_followed];
                        return;
                }
}

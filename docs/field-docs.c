/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints the field table for the manual pages, one line a field: object, name, D-Bus signature, flags,
 * source, text, with tabs between. It runs while the project is built and is not installed; what it
 * prints is put into the pages by make-page.py, so that no page can say anything else than the code.
 */

#include <stdio.h>
#include <stdlib.h>

#include "record.h"
#include "util.h"

static const char *const object_names[] = {
        [OBJECT_LINK] = "link",   [OBJECT_ADDRESS] = "address", [OBJECT_GROUP] = "group",
        [OBJECT_ROUTE] = "route", [OBJECT_LOCAL] = "local",
};
_Static_assert(ELEMENTSOF(object_names) == _OBJECT_TYPE_MAX, "one name each");

static void print_field(const char *object, const Field *f) {
        printf("%s\t%s\t%s\t%s%s%s\t%s\t%s\n", object, f->name, value_kind_signature(f->kind),
               f->flags & FIELD_KEY ? "k" : "", f->flags & FIELD_OPTIONAL ? "o" : "",
               f->flags & FIELD_ODD_ONLY ? "r" : "", f->source, f->text);
}

int main(void) {
        for (size_t type = 0; type < ELEMENTSOF(object_names); type++) {
                const Field *fields;
                size_t n;

                fields = fields_of((ObjectType) type, &n);
                for (size_t i = 0; i < n; i++)
                        print_field(object_names[type], &fields[i]);
        }
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
